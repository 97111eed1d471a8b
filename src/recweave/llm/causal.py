"""A causal language model in this process: log-likelihoods of answers, and generated text."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput
from recweave.core.extras import require
from recweave.llm.pretrained import DType, LanguageModel

Precision = Literal["fp32", "bf16"]
DTYPES: dict[str, DType] = {"fp32": "float32", "bf16": "bfloat16"}
TOKENS = 4096
"""Tokens in a batch, padding included."""
SHARED = 8
"""Tokens that all prompts must begin with, for their states to be computed once."""


@dataclass(frozen=True)
class CausalLM:
    """A causal language model in memory. It is loaded when first needed.

    Attributes:
        language: The model on disk.
        precision: bf16 is faster on processors that multiply it, and changes the numbers slightly.
    """

    language: LanguageModel
    precision: Precision = "fp32"

    @property
    def tokenizer(self) -> Any:
        """See `LanguageModel.tokenizer`."""
        return self.language.tokenizer

    @cached_property
    def model(self) -> Any:
        """The network; see `LanguageModel.network`."""
        return self.language.network(trained=False, dtype=DTYPES[self.precision])

    def log_likelihoods(
        self, prompts: Sequence[str], answers: Sequence[Sequence[str]]
    ) -> list[tuple[Float[Array, " answers"], Int[Array, " answers"]]]:
        """How likely each answer is after its prompt.

        The states of a prompt are computed once for all its answers, and those of a beginning that
        all prompts share once for all. An answer is split into tokens by itself, so begin it with a
        space where a word begins.

        Args:
            prompts: Texts, with the marks of the chat template if there are any; none empty.
            answers: For each prompt the answers to compare; none empty.

        Returns:
            For each prompt the natural logarithm of the probability of each answer, and its number
            of tokens: divide by it, or by its root, to compare answers of different lengths.

        Raises:
            BadInput: if a prompt with an answer is longer than the context, or one is empty.
        """
        tokens = [self._tokens(prompt, "prompt") for prompt in prompts]
        shared = self._shared(tokens)
        found = []
        for prompt, own in zip(tokens, answers, strict=True):
            split = [self._tokens(answer, "answer") for answer in own]
            self._check_length(len(prompt) + max((len(answer) for answer in split), default=0))
            found.append(self._after(prompt, split, shared))
        return found

    def generate(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """What follows each prompt, the most probable token each time, without special tokens.

        Prompts of similar length are in a batch, padded on the left; the answers are those of one
        prompt at a time, up to rounding.

        Raises:
            BadInput: if a prompt is longer than the context less `max_tokens`, or empty.
        """
        torch = require("torch", extra="lm")
        tokens = [self._tokens(prompt, "prompt") for prompt in prompts]
        self._check_length(max((len(prompt) for prompt in tokens), default=0) + max_tokens)
        texts = [""] * len(prompts)
        pad = self.tokenizer.pad_token_id
        pad = self.tokenizer.eos_token_id if pad is None else pad
        for rows in batches([len(prompt) + max_tokens for prompt in tokens]):
            longest = max(len(tokens[row]) for row in rows)
            ids = np.full((len(rows), longest), pad)
            mask = np.zeros_like(ids)
            for line, row in enumerate(rows):
                ids[line, longest - len(tokens[row]) :] = tokens[row]
                mask[line, longest - len(tokens[row]) :] = 1
            with torch.inference_mode():
                made = self.model.generate(
                    input_ids=torch.from_numpy(ids),
                    attention_mask=torch.from_numpy(mask),
                    max_new_tokens=max_tokens,
                    do_sample=False,
                    pad_token_id=pad,
                )
            for row, line in zip(rows, made[:, longest:].tolist(), strict=True):
                texts[row] = self.tokenizer.decode(line, skip_special_tokens=True)
        return texts

    def _after(
        self, prompt: list[int], answers: list[list[int]], shared: tuple[int, Any]
    ) -> tuple[Array, Array]:
        torch = require("torch", extra="lm")
        length = np.array([len(answer) for answer in answers], np.int64)
        likelihood = np.zeros(len(answers))
        start, states = shared
        with torch.inference_mode():
            out = self.model(
                torch.tensor([prompt[start:]]), past_key_values=deepcopy(states), use_cache=True
            )
            first = torch.log_softmax(out.logits[0, -1].float(), 0)
            for rows in batches(length.tolist()):
                width = int(length[rows].max())
                ids = torch.zeros((len(rows), width), dtype=torch.int64)
                real = torch.zeros((len(rows), width), dtype=torch.int64)
                for line, row in enumerate(rows):
                    ids[line, : length[row]] = torch.tensor(answers[row])
                    real[line, : length[row]] = 1
                total = first[ids[:, 0]]
                if width > 1:
                    cache = deepcopy(out.past_key_values)
                    cache.batch_repeat_interleave(len(rows))
                    before = torch.ones((len(rows), len(prompt)), dtype=torch.int64)
                    mask = torch.cat([before, real[:, :-1]], 1)
                    logits = self.model(
                        ids[:, :-1], attention_mask=mask, past_key_values=cache
                    ).logits
                    each = torch.log_softmax(logits.float(), 2)
                    each = each.gather(2, ids[:, 1:, None])[:, :, 0]
                    total = total + (each * real[:, 1:]).sum(1)
                likelihood[rows] = total.numpy()
        return likelihood, length

    def _shared(self, tokens: Sequence[list[int]]) -> tuple[int, Any]:
        """How many tokens all prompts begin with, and the states of these."""
        torch = require("torch", extra="lm")
        # At least one token of each prompt is left, as the last one's output is needed.
        start = min(alike(tokens), min(map(len, tokens), default=1) - 1)
        if len(tokens) < 2 or start < SHARED:
            return 0, None
        with torch.inference_mode():
            out = self.model(torch.tensor([tokens[0][:start]]), use_cache=True)
        return start, out.past_key_values

    def _tokens(self, text: str, what: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if not ids:
            raise BadInput(f"a language model cannot read an empty {what}; leave it out")
        return ids

    def _check_length(self, tokens: int) -> None:
        if tokens > self.language.context:
            raise BadInput(
                f"a prompt with its answer has {tokens:,} tokens, and {self.language.folder.name} "
                f"reads {self.language.context:,} at most; shorten the history or the texts"
            )


def alike(texts: Sequence[Sequence[int]]) -> int:
    """The number of tokens that all texts begin with.

    >>> alike([[1, 2, 3], [1, 2, 4, 5], [1, 2]])
    2
    """
    columns = zip(*texts, strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


def batches(lengths: Sequence[int], budget: int = TOKENS) -> Iterator[list[int]]:
    """Rows of similar length, the longest first, with no more tokens than fit, padding included."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size
