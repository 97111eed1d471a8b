"""Reading many prompts: what some of them begin with alike is read once. Imports torch."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from recweave.llm.batches import alike, batches
from recweave.llm.states import States

SHARED = 8
"""Tokens that prompts must begin with alike, for their states to be computed once."""
TOGETHER = 512
"""Tokens that are read at a time, padding included: with more, a CPU is no faster."""

Read = tuple[list[int], States, Float[Tensor, "rows vocabulary"]]
"""The numbers of some prompts, their states, and the logits after each."""


class PromptReader:
    """Reads prompts as a tree of common beginnings; the first of these is kept for the next call.

    Args:
        model: The network.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept: tuple[list[int], States] = ([], States.empty(model.device))

    def read(self, prompts: Sequence[list[int]], together: int = TOGETHER) -> Iterator[Read]:
        """The states of all prompts, as soon as they are there, in batches of similar length.

        Args:
            prompts: Tokens; none without any.
            together: Tokens in a batch; 0 for one prompt at a time.
        """
        rows = sorted(range(len(prompts)), key=lambda row: prompts[row])
        if rows:
            kept, states = self._kept
            known = min(_common([kept + kept[-1:], prompts[row]]) for row in (rows[0], rows[-1]))
            known = min(known, *(len(prompt) - 1 for prompt in prompts))
            start = states.cropped(known) if known >= SHARED else States.empty(self._model.device)
            yield from self._read(prompts, rows, start, together, first=True)

    def _read(
        self,
        prompts: Sequence[list[int]],
        rows: Sequence[int],
        states: States,
        together: int,
        first: bool = False,
    ) -> Iterator[Read]:
        """Prompts in sorted order, of whose beginning there are states."""
        start = states.positions
        common = _common([prompts[row] for row in rows])
        if len(rows) > 1 and common - start >= SHARED:
            states = states.repeated(1)
            states.read(self._model, self._ids(prompts[rows[0]][start:common])[None])
            start = common
        if first and start >= SHARED:
            self._kept = (prompts[rows[0]][:start], states)
        groups = [[rows[0]]]
        for row, following in pairwise(rows):
            if _common([prompts[row], prompts[following]]) - start >= SHARED:
                groups[-1].append(following)
            else:
                groups.append([following])
        alone = [group[0] for group in groups if len(group) == 1]
        for batch in batches([len(prompts[row]) - start for row in alone], together):
            yield self._ends(prompts, [alone[position] for position in batch], states)
        for group in groups:
            if len(group) > 1:
                yield from self._read(prompts, group, states, together)

    def _ends(self, prompts: Sequence[list[int]], rows: list[int], states: States) -> Read:
        """The rest of some prompts, which begin alike; padded on the left."""
        start = states.positions
        width = max(len(prompts[row]) for row in rows) - start
        ids = self._ids([0]).repeat(len(rows), width)
        real = torch.zeros_like(ids, dtype=torch.bool)
        for line, row in enumerate(rows):
            rest = prompts[row][start:]
            ids[line, width - len(rest) :] = self._ids(rest)
            real[line, width - len(rest) :] = True
        states = states.repeated(len(rows))
        return rows, states, states.read(self._model, ids, real)

    def _ids(self, tokens: Sequence[int]) -> Int[Tensor, " tokens"]:
        return torch.tensor(tokens, device=self._model.device)


def _common(prompts: Sequence[list[int]]) -> int:
    """Tokens that sorted prompts begin with alike; the last of each is not counted.

    Its output is needed, so it must be read.
    """
    return min(alike([prompts[0], prompts[-1]]), min(len(prompt) for prompt in prompts) - 1)
