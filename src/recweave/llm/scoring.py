"""The log-likelihoods of some answers, all in one pass. Imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
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
        ids, parent = torch.tensor(self.ids), torch.tensor(self.parent)
        sees = torch.eye(len(ids), dtype=torch.bool)
        for node, above in enumerate(self.parent):
            if above >= 0:
                sees[node] |= sees[above]
        own = torch.log_softmax(after, 0)[ids]  # right for the first tokens
        inner = torch.unique(parent[parent >= 0])
        if len(inner):  # those that something follows; a parent comes before its children
            size = int(inner.max()) + 1
            logits = states.score(
                model, ids[:size], torch.tensor(self.depth[:size]), sees[:size, :size]
            )
            rows = torch.searchsorted(inner, parent.clamp(min=0))
            later = parent >= 0
            own[later] = torch.log_softmax(logits[inner], 1)[rows[later], ids[later]]
        return (sees.float() @ own)[self.ends]


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
