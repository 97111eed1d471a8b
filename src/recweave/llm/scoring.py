"""The log-likelihoods of some answers, all in one pass. Imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from recweave.llm.states import States

NODES = 1024
"""Tokens of answers in a pass: their scores over the vocabulary take 4 bytes each per token."""


@dataclass
class Tree:
    """Answers as a tree of tokens: what answers begin with alike is there once.

    Attributes:
        ids, parent, depth: Of each token; the parent of a first token is -1.
        ends: The last token of each answer.
    """

    ids: list[int] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, answers: Sequence[Sequence[int]]) -> "Tree":
        """The tree of some answers, each of one token at least."""
        tree, known = cls(), dict[tuple[int, int], int]()
        for answer in answers:
            node = -1
            for depth, token in enumerate(answer):
                if (node, token) not in known:
                    known[node, token] = len(tree.ids)
                    tree.ids.append(token)
                    tree.parent.append(node)
                    tree.depth.append(depth)
                node = known[node, token]
            tree.ends.append(node)
        return tree

    def log_likelihoods(
        self, model: Any, states: States, after: Float[Tensor, " vocabulary"]
    ) -> Float[Tensor, " answers"]:
        """Of each answer after a prompt.

        Args:
            model: The network.
            states: Of the prompt: one row.
            after: The logits after the prompt.
        """
        device = after.device
        ids, parent, depth = (
            torch.tensor(one, device=device) for one in (self.ids, self.parent, self.depth)
        )
        sees = self._sees().to(device)
        own = torch.log_softmax(after, 0)[ids]  # right for the first tokens
        inner = torch.unique(parent[parent >= 0])
        if len(inner):  # those that something follows
            size = int(inner.max()) + 1
            logits = states.score(model, ids[:size], depth[:size], sees[:size, :size], inner)
            rows = torch.searchsorted(inner, parent.clamp(min=0))
            later = parent >= 0
            own[later] = logits[rows[later], ids[later]] - torch.logsumexp(logits, 1)[rows[later]]
        return (sees.float() @ own)[self.ends]

    def _sees(self) -> Bool[Tensor, "tokens tokens"]:
        """Which tokens each one sees: itself and those above."""
        sees = np.eye(len(self.ids), dtype=bool)
        for node, above in enumerate(self.parent):  # a parent comes before its children
            if above >= 0:
                sees[node] |= sees[above]
        return torch.from_numpy(sees)


def split(answers: Sequence[list[int]], nodes: int = NODES) -> list[list[int]]:
    """The numbers of the answers, sorted, in parts of no more tokens than fit."""
    order = sorted(range(len(answers)), key=lambda row: answers[row])
    parts: list[list[int]] = []
    room = 0
    for row in order:
        if len(answers[row]) > room or not parts:
            parts.append([])
            room = nodes
        parts[-1].append(row)
        room -= len(answers[row])
    return parts
