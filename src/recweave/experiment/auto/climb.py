"""Settings searched step by step: from the best so far to its neighbours, until none is better."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

DIGITS = 3
"""Significant digits of a stepped setting: 33.3 and not 33.333333."""


@dataclass(frozen=True)
class Ladder:
    """A setting with a few values, in order.

    Attributes:
        values: From one end to the other.
        start: The value that is tried first.
    """

    values: Sequence[Any]
    start: Any

    def step(self, value: Any, up: bool) -> Any:
        """The next value; None beyond the ends."""
        at = list(self.values).index(value) + (1 if up else -1)
        return self.values[at] if 0 <= at < len(self.values) else None


@dataclass(frozen=True)
class Steps:
    """A positive number that is multiplied or divided: it has no edge that a search could choose.

    Attributes:
        start: The value that is tried first.
        factor: Of a step.
        low, high: What the setting can be; steps end there.
    """

    start: float
    factor: float
    low: float = 0.0
    high: float = float("inf")

    def step(self, value: float, up: bool) -> float | None:
        """The next value; None where the setting cannot be so small or so large."""
        stepped = value * self.factor if up else value / self.factor
        found = float(f"{stepped:.{DIGITS}g}")
        if isinstance(self.start, int):
            found = round(stepped)
        return found if self.low <= found <= self.high and found != value else None


Knob = Ladder | Steps


@dataclass
class Climb:
    """The state of one search.

    Attributes:
        knobs: The settings that are searched; the first are tried first.
        sign: 1 where higher is better, else -1.
        tried: The value of each setting that was tried.
        best: The best of them, the first of equals; None before the first.
    """

    knobs: Mapping[str, Knob]
    sign: int = 1
    tried: dict[tuple[Any, ...], float] = field(default_factory=dict)
    best: dict[str, Any] | None = None
    _way: tuple[str, bool] | None = None
    _asked: tuple[str, bool] | None = None

    def ask(self) -> dict[str, Any] | None:
        """The settings to try next; None if no neighbour of the best is left.

        The way that led to a gain is gone on first.
        """
        if self.best is None:
            return {name: knob.start for name, knob in self.knobs.items()}
        for name, up in self._ways():
            value = self.knobs[name].step(self.best[name], up)
            settings = self.best | {name: value}
            if value is not None and self._key(settings) not in self.tried:
                self._asked = (name, up)
                return settings
        return None

    def tell(self, settings: Mapping[str, Any], value: float) -> bool:
        """The value that settings have on validation; returns whether they are the best so far."""
        better = not isnan(value) and (
            isnan(self.value) or self.sign * value > self.sign * self.value
        )
        if better or self.best is None:
            self.best, self._way = dict(settings), self._asked
        self.tried[self._key(settings)] = value
        return better

    @property
    def value(self) -> float:
        """Of the best settings; NaN before the first."""
        return float("nan") if self.best is None else self.tried[self._key(self.best)]

    def _ways(self) -> Iterator[tuple[str, bool]]:
        if self._way:
            yield self._way
        for name in self.knobs:
            yield name, True
            yield name, False

    def _key(self, settings: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(settings[name] for name in self.knobs)
