"""Documents of soft and hard tokens: a prompt, then a main text whose tokens are predicted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.models.nn.sequences import by_length


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of different lengths, one after another.

    Attributes:
        value: All values.
        start: Row r has the values `start[r]` to `start[r + 1]`, without the last.
    """

    value: Int[Array, " n"]
    start: Int[Array, " rows_and_one"]

    @classmethod
    def of(cls, value: Int[Array, " n"], lengths: Int[Array, " rows"]) -> "Ragged":
        """From the values and the length of each row."""
        start = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=start[1:])
        return cls(np.asarray(value, np.int64), start)

    @classmethod
    def from_lists(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """From lists."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        value = np.fromiter((v for row in rows for v in row), np.int64, int(lengths.sum()))
        return cls.of(value, lengths)

    @classmethod
    def alike(cls, row: Sequence[int], count: int) -> "Ragged":
        """The same row `count` times."""
        value = np.tile(np.asarray(row, np.int64), count)
        return cls.of(value, np.full(count, len(row), np.int64))

    @classmethod
    def optional(cls, value: Int[Array, " rows"], given: Bool[Array, " rows"]) -> "Ragged":
        """One value in each row for which it is given, none in the others."""
        return cls.of(value[given], given.astype(np.int64))

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def lengths(self) -> Int[Array, " rows"]:
        """Length of each row."""
        return np.diff(self.start)

    @property
    def row(self) -> Int[Array, " n"]:
        """The row of each value."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: Int[Array, " some"]) -> "Ragged":
        """Some of the rows, in the order asked."""
        lengths = self.lengths[rows]
        start = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=start[1:])
        at = np.arange(start[-1]) + np.repeat(self.start[rows] - start[:-1], lengths)
        return Ragged(self.value[at], start)

    def shuffled(self, rng: np.random.Generator) -> "Ragged":
        """Each row in a random order."""
        order = np.lexsort((rng.random(len(self.value)), self.row))
        return Ragged(self.value[order], self.start)

    def ascending(self) -> "Ragged":
        """Each row in ascending order."""
        return Ragged(self.value[np.lexsort((self.value, self.row))], self.start)

    def sampled(
        self, count: Int[Array, " rows"], rng: np.random.Generator
    ) -> tuple["Ragged", "Ragged"]:
        """A random sample of each row without replacement, and the rest; both keep their order."""
        row = self.row
        rank = np.empty(len(row), np.int64)
        rank[np.lexsort((rng.random(len(row)), row))] = np.arange(len(row)) - self.start[row]
        chosen = rank < count[row]
        size = np.minimum(count, self.lengths)
        return Ragged.of(self.value[chosen], size), Ragged.of(
            self.value[~chosen], self.lengths - size
        )

    def split(self, first: Int[Array, " rows"]) -> tuple["Ragged", "Ragged"]:
        """The first values of each row, and the rest."""
        within = np.arange(len(self.value)) - self.start[self.row]
        head = within < first[self.row]
        sizes = np.minimum(first, self.lengths)
        return Ragged.of(self.value[head], sizes), Ragged.of(
            self.value[~head], self.lengths - sizes
        )

    def newest(self, most: int) -> "Ragged":
        """The last values of each row."""
        return self.split(np.maximum(self.lengths - most, 0))[1]

    def chunks(self, most: int) -> tuple["Ragged", Int[Array, " chunks"]]:
        """Rows cut into chunks of nearly equal length, of at most `most`; and the row of each."""
        pieces = np.maximum(-(-self.lengths // most), 1)
        owner = np.repeat(np.arange(len(self)), pieces)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        size, more = np.divmod(self.lengths, pieces)
        return Ragged.of(self.value, size[owner] + (nth < more[owner])), owner


def concatenate(*parts: Ragged) -> Ragged:
    """The rows of all parts side by side: row r of the first, row r of the second, …"""
    lengths = np.stack([part.lengths for part in parts])
    whole = np.zeros(lengths.shape[1] + 1, np.int64)
    np.cumsum(lengths.sum(0), out=whole[1:])
    before = whole[:-1] + np.cumsum(lengths, 0) - lengths
    value = np.empty(whole[-1], np.int64)
    for part, start in zip(parts, before, strict=True):
        row = part.row
        value[start[row] + np.arange(len(part.value)) - part.start[row]] = part.value
    return Ragged(value, whole)


@dataclass(frozen=True, eq=False)
class Documents:
    """Documents to learn, and which of their tokens are predicted from those before.

    Attributes:
        token: The ids of the tokens; see `SoftTokenizer`.
        first: Position of the first token that is predicted; all after it are predicted as well.
        owner: Row of the user whose history it is; -1 for others. Their own events may be left
            out of the relations of items.
    """

    token: Ragged
    first: Int[Array, " documents"]
    owner: Int[Array, " documents"]

    def __len__(self) -> int:
        return len(self.token)

    def take(self, rows: Int[Array, " some"]) -> "Documents":
        """Some of them."""
        return Documents(self.token.take(rows), self.first[rows], self.owner[rows])

    def batches(self, tokens: int, rng: np.random.Generator) -> "list[Documents]":
        """All documents in batches of similar length, in a random order.

        Args:
            tokens: Tokens of a batch at most, padding included; a longer document is alone.
            rng: Of the order.
        """
        return [self.take(rows) for rows in by_length(self.token.lengths, tokens, rng)]

    def padded(self) -> tuple[Int[Array, "documents time"], Bool[Array, "documents time"]]:
        """Ids as a matrix, padded with 0 at the end, and where they are."""
        lengths = self.token.lengths
        present = np.arange(lengths.max(initial=1)) < lengths[:, None]
        ids = np.zeros(present.shape, np.int64)
        ids[present] = self.token.value
        return ids, present

    def is_predicted(self) -> Bool[Array, " tokens"]:
        """Whether each token is predicted."""
        row = self.token.row
        within = np.arange(len(row)) - self.token.start[row]
        return np.asarray(within >= self.first[row])

    def predicted(self) -> Bool[Array, "documents time"]:
        """Where in the matrix a token is predicted."""
        lengths = self.token.lengths
        at = np.arange(lengths.max(initial=1))
        return (at < lengths[:, None]) & (at >= self.first[:, None])
