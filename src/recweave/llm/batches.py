"""Rows of tokens in batches, and what they begin with alike."""

from collections.abc import Iterator, Sequence
from itertools import takewhile


def alike(texts: Sequence[Sequence[int]]) -> int:
    """The number of tokens that all texts begin with.

    >>> alike([[1, 2, 3], [1, 2, 4, 5], [1, 2]])
    2
    """
    columns = zip(*texts, strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows of similar length, the longest first, with no more tokens than fit, padding included.

    A row that is longer than the budget is a batch by itself.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size
