"""The network of soft prompts, and its training; imports torch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, layer_norm

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadSetting
from recweave.encode.encoder import fingerprint
from recweave.models.nn.device import choose_device
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.tensors import index_tensor, seeded, to_array
from recweave.models.nn.weights import Weights
from recweave.models.training import Options
from recweave.models.unified.soft_prompt import SoftPrompt, SoftPromptModel, TextTargets

IGNORED = -100
"""Label of positions that are not learned, as in transformers."""


class VirtualTokens(nn.Module):
    """Vectors, and the network that maps each to virtual tokens."""

    vectors: Tensor

    def __init__(self, vectors: Float[Array, "rows dim"], recipe: SoftPrompt, width: int) -> None:
        super().__init__()
        dim = vectors.shape[1]
        self.tokens, self.link = recipe.tokens, recipe.link
        self.register_buffer("vectors", torch.from_numpy(vectors.copy()), persistent=False)
        # Saved models contain the names of these parameters, so they stay. `moved` is the learned
        # change of the vectors, `make` the network.
        self.moved = nn.Parameter(torch.zeros(vectors.shape)) if recipe.link else None
        self.make = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Linear(4 * dim, self.tokens * width),
        )

    def current(self) -> Float[Tensor, "rows dim"]:
        """The vectors with their learned change (if `link` is above 0); zero rows stay zero."""
        if self.moved is None:
            return self.vectors
        return self.vectors + self.link * self.moved * self.vectors.any(1, keepdim=True)

    def forward(self, rows: Int[Tensor, " batch"]) -> Float[Tensor, "batch tokens width"]:
        """The virtual tokens of some rows."""
        tokens: Tensor = self.make(embedding(rows, self.current())).view(len(rows), self.tokens, -1)
        return layer_norm(tokens, tokens.shape[2:])  # all of one length; `scale` makes it a word's


class PromptNet(nn.Module):
    """A language model with virtual tokens before the text.

    A frozen language model is not registered as a submodule, so that it is in no optimizer and no
    checkpoint.
    """

    def __init__(
        self,
        recipe: SoftPrompt,
        device: str,
        item: Float[Array, "items dim"],
        user: Float[Array, "users dim2"],
    ) -> None:
        super().__init__()
        self.recipe = recipe
        language = recipe.language
        self.tokenizer = language.tokenizer
        network = language.network(trained=recipe.tune == "all")
        table = network.get_input_embeddings().weight
        self.item = VirtualTokens(item, recipe, table.shape[1])
        self.user = VirtualTokens(user, recipe, table.shape[1]) if len(user) else None
        self.scale = nn.Parameter(table.detach().float().std().clone())
        self._frozen = () if recipe.tune == "all" else (network.to(choose_device(device)),)
        if recipe.tune == "all":
            self.network = network

    @property
    def language(self) -> Any:
        """The language model, frozen or trained."""
        return self._frozen[0] if self._frozen else self.network

    def prompt(
        self, item: Int[Array, " batch"], user: Int[Array, " batch"] | None
    ) -> Float[Tensor, "batch time width"]:
        """Embeddings before the text: start token, virtual tokens of user and item, real words."""
        device = self.scale.device
        table = self.language.get_input_embeddings()
        rows = index_tensor(item, device)
        parts = [self.item(rows) * self.scale]
        if self.user is not None and user is not None:
            rows = index_tensor(user, device)
            parts.insert(0, self.user(rows) * self.scale)
        start = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        real = self.tokenizer(self.recipe.words, add_special_tokens=False)["input_ids"]
        for position, ids in ((0, start), (len(parts) + 1, real)):
            if ids:
                words = table(torch.tensor(ids, device=device))
                parts.insert(position, words.expand(len(item), -1, -1))
        return torch.cat([part.to(table.weight.dtype) for part in parts], dim=1)

    def loss(self, texts: TextTargets) -> Tensor:
        """Mean negative log-likelihood of the tokens of the texts."""
        prompt = self.prompt(texts.item, texts.user)
        columns = self._ids(texts.text)
        token, mask = (torch.from_numpy(column).to(prompt.device) for column in columns)
        table = self.language.get_input_embeddings()
        attended = torch.ones(prompt.shape[:2], dtype=torch.bool, device=prompt.device)
        ignored = torch.full(prompt.shape[:2], IGNORED, device=prompt.device)
        output = self.language(
            inputs_embeds=torch.cat([prompt, table(token)], 1),
            attention_mask=torch.cat([attended, mask], 1).long(),
            labels=torch.cat([ignored, token.masked_fill(~mask, IGNORED)], 1),
        )
        value: Tensor = output.loss.float()
        return value

    def write(self, item: Int[Array, " n"], user: Int[Array, " n"] | None) -> list[str]:
        """See `SoftPromptModel.write`."""
        from transformers import GenerationConfig

        end = self.tokenizer.eos_token_id
        # The folder's own generation settings may sample at random.
        settings = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=self.recipe.length, do_sample=False, eos_token_id=end, pad_token_id=end
        )
        with torch.inference_mode():
            prompt = self.prompt(item, user)
            mask = torch.ones(prompt.shape[:2], dtype=torch.long, device=prompt.device)
            tokens = self.language.generate(
                inputs_embeds=prompt, attention_mask=mask, generation_config=settings
            )
        texts = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [text.strip() for text in texts]

    def _ids(
        self, texts: Sequence[str]
    ) -> tuple[Int[Array, "texts time"], Bool[Array, "texts time"]]:
        """Token ids of the texts, padded, and a mask; texts not cut end with the end token."""
        tokens = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        end, longest = self.tokenizer.eos_token_id, self.recipe.length
        cut = [[*ids, end][:longest] for ids in tokens]
        time = np.arange(max(map(len, cut)))
        mask = time < np.array([len(ids) for ids in cut])[:, None]
        token = np.full(mask.shape, end, np.int64)
        token[mask] = np.concatenate(cut)
        return token, mask


def train_soft_prompt(
    recipe: SoftPrompt,
    texts: TextTargets,
    item: Float[Array, "items dim"],
    user: Float[Array, "users dim2"] | None,
    valid: TextTargets | None,
    options: Options,
) -> SoftPromptModel:
    """See `SoftPrompt.fit`."""
    users = np.zeros((0, 1), np.float32) if user is None else user
    texts = _with_vectors(texts, item, users)
    if not len(texts):
        raise BadSetting("no text is left to learn: there are none, or all vectors are zero")
    with seeded(options.seed):
        net = PromptNet(recipe, options.device, item, users)
    held_out = None if valid is None else _with_vectors(valid, item, users)

    def batches(rng: np.random.Generator) -> list[TextTargets]:
        return _batches(texts, rng.permutation(len(texts)), recipe.batch)

    def validate() -> float:
        assert held_out is not None
        parts = _batches(held_out, np.arange(len(held_out)), recipe.batch)
        return -float(np.mean([float(net.loss(part)) for part in parts]))

    run_loop(
        net,
        batches,
        net.loss,
        recipe,
        options=options,
        validate=validate if held_out is not None and len(held_out) else None,
        description={
            "texts": [fingerprint(part.text) for part in (texts, held_out) if part is not None],
            "vectors": digest(*((v * 1e6).astype(np.int64) for v in (item, users))),
            "rows": [
                digest(part.item, part.item if part.user is None else part.user)
                for part in (texts, held_out)
                if part is not None
            ],
            "language": recipe.language.sha256,
        },
    )
    with torch.inference_mode():
        vectors = [users if s is None else to_array(s.current()) for s in (net.item, net.user)]
    weights = Weights.of(net, without=("item.moved", "user.moved"))
    return SoftPromptModel(recipe, recipe.language.sha256, weights, *vectors)


def restore_network(model: SoftPromptModel) -> PromptNet:
    """The network of a trained soft prompt, ready to generate texts."""
    recipe = model.recipe.model_copy(update={"link": 0.0})  # the vectors are changed already
    net = model.weights.restore(lambda: PromptNet(recipe, "auto", model.item, model.user))
    return net.to(choose_device("auto"))


def _with_vectors(texts: TextTargets, item: Array, user: Array) -> TextTargets:
    """The texts whose vectors are not zero."""
    if (texts.user is None) == bool(len(user)):
        raise BadSetting("texts about users need user vectors, and user vectors need such texts")
    has_vector = item[texts.item].any(axis=1)
    if texts.user is not None:
        has_vector &= user[texts.user].any(axis=1)
    return _take(texts, np.flatnonzero(has_vector))


def _batches(texts: TextTargets, order: Int[Array, " texts"], size: int) -> list[TextTargets]:
    return [_take(texts, order[first : first + size]) for first in range(0, len(order), size)]


def _take(texts: TextTargets, rows: Int[Array, " rows"]) -> TextTargets:
    user = None if texts.user is None else texts.user[rows]
    return TextTargets([texts.text[row] for row in rows.tolist()], texts.item[rows], user)
