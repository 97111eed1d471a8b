"""A trie of token sequences: the texts of all items that a language model may generate."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array


@dataclass(frozen=True, eq=False)
class Trie:
    """All prefixes of the items' sequences, shortest first. Node 0 is the empty prefix (root).

    Attributes:
        token: Last token of each node; -1 for the root.
        parent: The node without this token; -1 for the root.
        depth: Number of tokens of each node.
        leaf: The node of each item.
    """

    token: Int[Array, " nodes"]
    parent: Int[Array, " nodes"]
    depth: Int[Array, " nodes"]
    leaf: Int[Array, " items"]

    @classmethod
    def of(cls, sequences: Int[Array, "items length"]) -> "Trie":
        """From the items' sequences; shorter ones are padded at the end with -1.

        Raises:
            ValueError: if a sequence is empty, or begins with the whole sequence of another item.
        """
        node = np.zeros(len(sequences), np.int64)
        token, parent, depth, total = [np.array([-1])], [np.array([-1])], [np.array([0])], 1
        for column in range(sequences.shape[1]):
            goes_on = np.flatnonzero(sequences[:, column] >= 0)
            pairs = np.stack([node[goes_on], sequences[goes_on, column]])
            new, of_pair = np.unique(pairs, axis=1, return_inverse=True)
            node[goes_on] = total + of_pair.ravel()
            parent.append(new[0])
            token.append(new[1])
            depth.append(np.full(new.shape[1], column + 1))
            total += new.shape[1]
        trie = cls(np.concatenate(token), np.concatenate(parent), np.concatenate(depth), node)
        if trie.inner[node].any() or len(np.unique(node)) < len(node) or not node.all():
            raise ValueError("no sequence may be empty, or the beginning of another one")
        return trie

    @cached_property
    def inner(self) -> Bool[Array, " nodes"]:
        """The nodes that longer ones begin with."""
        inner = np.zeros(len(self.parent), bool)
        inner[self.parent[1:]] = True
        return inner

    def children(self, symbols: int) -> Int[Array, "nodes symbols"]:
        """The node that each token leads to; -1 where none.

        Args:
            symbols: Tokens are numbers from 0 to this, exclusive.
        """
        table = np.full((len(self.token), symbols), -1)
        table[self.parent[1:], self.token[1:]] = np.arange(1, len(self.token))
        return table

    def path(self, node: Int[Array, "*shape"]) -> Int[Array, "*shape depth"]:
        """The nodes from the first token to each node, padded at the end with -1."""
        steps = int(self.depth.max(initial=0))
        path = np.full((*node.shape, steps), -1)
        rows = np.meshgrid(*map(np.arange, node.shape), indexing="ij")
        while (inside := node > 0).any():
            at = tuple(axis[inside] for axis in rows)
            path[(*at, self.depth[node[inside]] - 1)] = node[inside]
            node = np.where(inside, self.parent[node], 0)
        return path

    def parts(self, size: int) -> Iterator[Int[Array, " part"]]:
        """The inner nodes without the root, in parts; the ancestors of a node are in its part.

        Args:
            size: Nodes of a part, about; ancestors of its first node are added.
        """
        inner = np.flatnonzero(self.inner)[1:]
        path = self.path(inner)
        order = np.lexsort(path.T[::-1]) if path.size else np.arange(0)
        for first in range(0, len(order), size):
            part = np.unique(path[order[first : first + size]])
            yield part[part >= 0]
