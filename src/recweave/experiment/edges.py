"""Settings that validation chose at the edge of what was searched: a wider search may do better."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log
from typing import Any

from recweave.core.errors import RecweaveError
from recweave.models import Recipe, Tune
from recweave.runs.entry import Entry

NEAR = 0.02
"""Share of a range from its end that counts as the end."""


@dataclass(frozen=True)
class Edge:
    """A setting at the end of what was searched.

    Attributes:
        name: The setting.
        value: What validation chose.
        up: Whether it is the largest value that was searched; else the smallest.
    """

    name: str
    value: float
    up: bool

    def __str__(self) -> str:
        most, more = ("largest", "larger") if self.up else ("smallest", "smaller")
        return (
            f"validation chose the {most} {self.name} that was searched ({self.value:g}); a {more} "
            "one may do better"
        )


def edges_of_grid(entry: Entry, chosen: Recipe) -> Iterator[Edge]:
    """Those of a row's `search`: numbers of which the first or the last in size was chosen.

    A value that the setting cannot go beyond, such as a decay of 1, is no edge.
    """
    for name, values in entry.search.items():
        numbers = sorted({float(value) for value in values if _is_number(value)})
        if len(numbers) == len(values) > 1:
            yield from _edge(name, getattr(chosen, name), numbers[0], numbers[-1], chosen)


def edges_of_ranges(chosen: Recipe, space: Mapping[str, Tune]) -> Iterator[Edge]:
    """The same of ranges, such as those of `recweave tune`."""
    for name, how in space.items():
        value = getattr(chosen, name)
        if how.low is None or how.high is None or not _is_number(value):
            continue
        margin = NEAR * (how.high - how.low)
        low, high = how.low + margin, how.high - margin
        if how.log and how.low > 0:
            ratio = NEAR * log(how.high / how.low)
            low, high = how.low * (1 + ratio), how.high / (1 + ratio)
        yield from _edge(name, value, low, high, chosen)


def _edge(name: str, value: Any, low: float, high: float, chosen: Recipe) -> Iterator[Edge]:
    step = 1 if isinstance(value, int) else abs(value) / 100
    if value >= high and _takes(chosen, name, value + step):
        yield Edge(name, value, up=True)
    elif value <= low and value and _takes(chosen, name, value - step):
        yield Edge(name, value, up=False)


def _takes(recipe: Recipe, name: str, value: float) -> bool:
    """Whether the setting may have a value."""
    try:
        type(recipe).parse(recipe.model_dump(mode="json") | {name: value}, "a wider search")
    except RecweaveError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
