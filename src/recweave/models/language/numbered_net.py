"""Opening the language model of `Numbered`, and scoring queries with it; imports torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.data.interactions import Histories
from recweave.models.language.arithmetic import QUESTIONS
from recweave.models.language.backbone import EXTRA, TrainedBackbone
from recweave.models.language.number_net import Causal, EncoderDecoder, NumberNet
from recweave.models.language.number_search import score_catalogue, search_beams
from recweave.models.language.number_text import NumberText
from recweave.models.language.number_tokens import NumberTokens, ragged, vocabulary, word_encoder
from recweave.models.language.numbered import DECODER, Numbered, NumberedItems
from recweave.models.language.prompts import (
    SEQUENTIAL,
    SEQUENTIAL_UNSEEN,
    prompts,
    words,
)
from recweave.models.nn.reading import read_events
from recweave.models.nn.sequences import newest
from recweave.models.nn.tensors import seeded, to_array
from recweave.models.nn.weights import Weights
from recweave.models.query import Query

TOKENS = 16_384
"""Tokens in a batch of queries, those of the trie included."""
BATCH = 256
"""Query users in a batch, at most."""
LONGEST_USER = 10
"""Digits of a user's number, at most, for the check of the context."""


class Decoder(nn.Module):
    """A small Llama with random weights."""

    def __init__(self, recipe: Numbered, words: tuple[str, ...], seed: int) -> None:
        super().__init__()
        transformers = require("transformers", extra=EXTRA)
        config = transformers.LlamaConfig(
            vocab_size=len(words),
            hidden_size=recipe.dim,
            intermediate_size=2 * recipe.dim,
            num_hidden_layers=recipe.blocks,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.heads,
            tie_word_embeddings=True,
            initializer_range=recipe.dim**-0.5,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
        with seeded(seed):
            self.network = transformers.LlamaForCausalLM(config)


def vocabulary_of_decoder() -> tuple[str, ...]:
    """Digits, marks, and the words of all prompts and of arithmetic."""
    return vocabulary([*words(), *(text for question in QUESTIONS for text in question)])


def open_net(
    recipe: Numbered,
    number: Int[Array, " items"],
    words: tuple[str, ...],
    *,
    seed: int,
    device: str = "auto",
    trained: TrainedBackbone | None = None,
) -> NumberNet:
    """The network before training.

    Raises:
        BadSetting: if the folder holds no model that can be used, its tokenizer joins digits, or
            the prompts are longer than what it reads.
    """
    if recipe.backbone == DECODER:
        tokens = NumberTokens.of(word_encoder(words), DECODER)
        return Causal(Decoder(recipe, words, seed), NumberText(number, tokens), pad=0)
    backbone: Any = (
        recipe.open(device=device, seed=seed)
        if trained is None
        else trained.open(recipe, device=device)
    )
    tokenizer, config = backbone.tokenizer, backbone.network.config
    encoder = bool(config.is_encoder_decoder)
    end = tokenizer.eos_token_id

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    name = Path(recipe.backbone).name
    tokens = NumberTokens.of(encode, name, pieces=recipe.pieces, end=end if encoder else None)
    text = NumberText(number, tokens)
    pad = end if config.pad_token_id is None else int(config.pad_token_id)
    net = (EncoderDecoder if encoder else Causal)(backbone, text, pad)
    _check_context(recipe, text, name, backbone.context)
    _check_head(net, name)
    return net


def restore(model: NumberedItems) -> "Scorer":
    """The network of a trained model, in evaluation mode."""
    saved = model.weights if isinstance(model.weights, TrainedBackbone) else None
    with torch.random.fork_rng(devices=[]):
        net = open_net(model.recipe, model.number, model.words, seed=0, device="cpu", trained=saved)
    if isinstance(model.weights, Weights):
        model.weights.load_into(net)
    return Scorer(model.recipe, net.eval())


@dataclass(frozen=True, eq=False)
class Scorer:
    """Scores queries with the current weights of a network."""

    recipe: Numbered
    net: NumberNet

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        scores = np.full((len(query), len(self.net.text.number)), -np.inf, np.float32)
        with torch.inference_mode():
            for rows in self._batches(query.history):
                read = self.net.read(self.prompt(query.rows(rows)))
                if self.recipe.beams:
                    item, found = search_beams(self.net, read, self.recipe.beams)
                    line, at = np.nonzero(item >= 0)
                    scores[rows[line], item[line, at]] = found[line, at]
                else:
                    scores[rows] = to_array(score_catalogue(self.net, read))
        return scores

    def prompt(self, query: Query) -> Int[Array, "batch tokens"]:
        """The prompts of query users, as tokens."""
        text = self.net.text
        chosen = (SEQUENTIAL[0] if self.recipe.ask == "seen" else SEQUENTIAL_UNSEEN,)
        zeros = np.zeros(len(query), np.int64)
        user = query.user if self.recipe.users else np.full(len(query), -1)
        head = text.heads(chosen, zeros, user)
        history = read_events(query.history, self.recipe.behaviors.by_code())
        item = newest(history, self.recipe.length).item
        question = None
        if isinstance(self.net, EncoderDecoder):
            question = np.tile(ragged([text.tokens.encode(chosen[0].question)]), (len(query), 1))
        return text.prompt(head, item, question, right=self.net.front)

    def _batches(self, history: Histories) -> Iterator[Int[Array, " rows"]]:
        """Query users with histories of similar length."""
        events = np.minimum(history.lengths, self.recipe.length)
        order = np.argsort(events, kind="stable")
        tree = int(self.net.text.trie.inner.sum())
        each = self.net.text.item.shape[1] + 1
        first = 0
        while first < len(order):
            longest = tree + each * int(events[order[min(first + BATCH, len(order)) - 1]])
            size = max(1, min(BATCH, TOKENS // longest))
            yield order[first : first + size]
            first += size


def _check_context(recipe: Numbered, text: NumberText, name: str, context: int) -> None:
    """A whole prompt must fit into what the model reads.

    Raises:
        BadSetting: with the longest history that fits.
    """
    every = (*prompts("sequential", recipe.wordings), SEQUENTIAL_UNSEEN)
    words = max(sum(len(text.tokens.encode(part)) for part in prompt) for prompt in every)
    answer = text.item.shape[1]
    each = answer + len(text.tokens.end)
    around = words + LONGEST_USER * recipe.users + answer
    if around + recipe.length * each > context:
        raise BadSetting(
            f"length is {recipe.length}: a prompt with so many items has up to "
            f"{around + recipe.length * each:,} tokens, and {name} reads {context:,} at most; set "
            f"length to {max(1, (context - around) // each)} or less"
        )


def _check_head(net: NumberNet, name: str) -> None:
    """The states times the output embeddings must be the model's own logits.

    Raises:
        BadSetting: for models that change their logits in some other way.
    """
    ids = net.symbols[None, :2]
    with torch.inference_mode():
        if isinstance(net, EncoderDecoder):
            mask = torch.ones_like(ids, dtype=torch.bool)
            first = ids.new_full((1, 1), net.network.config.decoder_start_token_id)
            start = torch.cat([first, ids[:, :1]], 1)
            whole = net.network(input_ids=ids, decoder_input_ids=start).logits
            states = net._decode(ids[:, :1], net._encode(ids, mask), mask)
        else:
            whole = net.network(input_ids=ids).logits
            states = net.network.base_model(input_ids=ids).last_hidden_state
        own = net._logits(states)
    if not torch.allclose(own.float(), whole[..., net.symbols].float(), rtol=1e-2, atol=1e-2):
        raise BadSetting(
            f"{name} computes its logits in a way that is not supported; use a model such as "
            "Llama, GPT-2 or T5"
        )
