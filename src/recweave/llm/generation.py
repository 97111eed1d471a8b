"""The most probable continuation of many prompts at a time. Imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from recweave.llm.constraint import Constraint
from recweave.llm.prefix import PromptReader
from recweave.llm.states import States, joined

ROWS = 32
"""Texts that are continued at a time, at most: with more, a CPU is hardly faster."""
POSITIONS = 16_384
"""Rows times the length of the longest, at most: it bounds the memory of their states."""
PERIOD, REPEATS = 24, 64
"""A model repeats itself if its last `REPEATS` tokens are a run of at most `PERIOD` of them, again
and again; it never gets out of it, as the most probable token is taken each time."""


@dataclass(eq=False)
class Continuation:
    """A prompt that is continued.

    Attributes:
        prompt: Tokens; at least one.
        most: Tokens of the continuation at most; at least one.
        constraint: What may be written; anything without one.
        tokens: The continuation so far, the end token included.
        outcome: "" as long as it is under way.
    """

    prompt: list[int]
    most: int
    constraint: Constraint | None = None
    tokens: list[int] = field(default_factory=list)
    outcome: str = ""

    def extend(self, token: int, ends: frozenset[int]) -> None:
        """One more token."""
        self.tokens.append(token)
        if token in ends:
            self.outcome = "ended"
            return
        if self.constraint is not None:
            self.constraint.advance(token)
            if self.constraint.complete:
                self.tokens.append(min(ends))  # nothing else may follow
                self.outcome = "ended"
                return
        if len(self.tokens) >= self.most:
            self.outcome = "cut short"
        elif repeats_itself(self.tokens):
            self.outcome = "repeats itself"


class Generation:
    """Continues prompts; new ones may join those that are under way.

    Args:
        model: The network.
        reader: Of its prompts.
        ends: Tokens that end a text.
    """

    def __init__(self, model: Any, reader: PromptReader, ends: frozenset[int]) -> None:
        self._model, self._reader, self._ends = model, reader, ends
        self.under_way: list[Continuation] = []
        self._states = States.empty(model.device, 0)
        self._logits = torch.zeros((0, 1), device=model.device)

    def room(self, lengths: Sequence[int]) -> int:
        """How many of some more prompts may join, by their number of tokens.

        They join when half of the rows are free, so that they are read together; one at least if
        none is under way.
        """
        rows = len(self.under_way)
        if rows > ROWS // 2:
            return 0
        longest, count = self._states.positions if rows else 0, 0
        for length in lengths[: ROWS - rows]:
            longest = max(longest, length)
            if (rows + count + 1) * longest > POSITIONS:
                break
            count += 1
        return max(count, int(not rows and bool(lengths)))

    def add(self, new: Sequence[Continuation]) -> None:
        """Read prompts, which are then continued with the others."""
        parts = [self._states] if self.under_way else []
        logits = [self._logits] if self.under_way else []
        for rows, states, after in self._reader.read([one.prompt for one in new]):
            self.under_way += [new[row] for row in rows]
            parts.append(states)
            logits.append(after)
        self._states, self._logits = joined(parts), torch.cat(logits)

    def step(self) -> list[Continuation]:
        """One more token for each text under way; those that are complete now are left out."""
        chosen = self._chosen().tolist()
        for one, token in zip(self.under_way, chosen, strict=True):
            one.extend(token, self._ends)
        done = [one for one in self.under_way if one.outcome]
        self.drop([row for row, one in enumerate(self.under_way) if one.outcome])
        if self.under_way:
            last = [[one.tokens[-1]] for one in self.under_way]
            ids = torch.tensor(last, device=self._logits.device)
            self._logits = self._states.read(self._model, ids)
        return done

    def drop(self, rows: Sequence[int]) -> None:
        """Give up some of the texts under way, by their numbers."""
        if rows:
            order = self._states.drop(rows)
            self.under_way = [self.under_way[row] for row in order]
            self._logits = self._logits[order]

    def _chosen(self) -> Int[Tensor, " rows"]:
        logits = self._logits
        masks = [one.constraint and one.constraint.allowed() for one in self.under_way]
        if any(mask is not None for mask in masks):
            every = torch.ones(logits.shape[1], dtype=torch.bool)
            known = [every if mask is None else torch.from_numpy(mask) for mask in masks]
            logits = logits.masked_fill(~torch.stack(known).to(logits.device), -torch.inf)
        return logits.argmax(1)


def repeats_itself(tokens: Sequence[int]) -> bool:
    """Whether the last tokens are the same few again and again.

    >>> repeats_itself([7, *[1, 2, 3] * 30]), repeats_itself(list(range(90)))
    (True, False)
    """
    if len(tokens) < REPEATS:
        return False
    last = list(tokens[-REPEATS:])
    return any(last[period:] == last[:-period] for period in range(1, PERIOD + 1))
