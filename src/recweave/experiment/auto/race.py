"""Candidates raced under a clock: each once, then the better half again and again."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, isnan, nan
from time import monotonic

import numpy as np

from recweave.core.errors import RecweaveError
from recweave.core.memory import available
from recweave.evaluate import parse_metric
from recweave.experiment.auto.climb import Climb
from recweave.experiment.auto.plan import Candidate
from recweave.experiment.choose import Fitted, Trial, attempt
from recweave.experiment.prepare import Prepared
from recweave.models import RECIPES, Model
from recweave.models.artifact import model_bytes
from recweave.runs.entry import Entry
from recweave.runs.folder import RunFolder

log = logging.getLogger(__name__)

FEWEST = 2
"""Candidates that are left in the race, however many rounds it has."""
STEPS = 4
"""Settings that each one tries in a round."""
KEPT = 0.25
"""Share of the free memory that fitted models may take."""


@dataclass(frozen=True)
class Clock:
    """How much of a time budget is left.

    Attributes:
        seconds: The budget.
        start: When it began, by `monotonic`.
    """

    seconds: float
    start: float = field(default_factory=monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return monotonic() - self.start

    def left(self, share: float = 1.0) -> float:
        """Seconds until a share of the budget is spent; negative after that."""
        return share * self.seconds - self.spent


@dataclass(eq=False)
class Racer:
    """A candidate, and what has been found of it.

    Attributes:
        candidate: What is tried.
        climb: The search of its settings.
        fitted: The best model and its cost, if it is kept.
        seconds: Of each trial: fit and evaluation.
        fit_seconds: Of the fit of its best settings.
        ask_seconds: Of its scores and their evaluation, a user.
        reason: Why it was not tried, or not further; empty if all is well.
    """

    candidate: Candidate
    climb: Climb
    fitted: Fitted | None = None
    seconds: list[float] = field(default_factory=list)
    fit_seconds: float = 0.0
    ask_seconds: float = 0.0
    reason: str = ""

    @property
    def value(self) -> float:
        """Of its best settings on validation; NaN if it has none."""
        return self.climb.value

    @property
    def entry(self) -> Entry:
        """The row of the recipe, with the best settings that were found."""
        return self.with_settings({} if self.climb.best is None else self.climb.best)

    def with_settings(self, settings: dict[str, object]) -> Entry:
        """The row with some values of the searched settings."""
        own = {**self.candidate.settings, **settings}
        return Entry(kind=self.candidate.kind, row=self.candidate.row, settings=own)


@dataclass
class Race:
    """Candidates under a clock.

    Attributes:
        prepared: The data; validation may be a sample.
        folder: Where trials are kept, so that none is made twice.
        clock: The budget.
        racers: The candidates, in their order.
        said: The line of the last trial.
    """

    prepared: Prepared
    folder: RunFolder
    clock: Clock
    racers: list[Racer]
    said: str = "looking for the best model"

    @property
    def sign(self) -> int:
        """1 where more of the choosing metric is better, else -1."""
        return parse_metric(self.prepared.experiment.choose).sign

    @classmethod
    def of(
        cls, prepared: Prepared, folder: RunFolder, clock: Clock, candidates: Sequence[Candidate]
    ) -> "Race":
        """Before the start."""
        sign = parse_metric(prepared.experiment.choose).sign
        racers = [Racer(one, Climb(one.knobs, sign)) for one in candidates]
        return cls(prepared, folder, clock, racers)

    def run(self, share: float) -> Iterator[str]:
        """Race until a share of the budget is spent; yields a line after each trial.

        It goes on where an earlier call ended. First each candidate is tried once, if a trial as
        long as its work asks for fits into the time that is left. Then the better half
        tries `STEPS` further settings each, and so on, until two are left, whose searches go on to
        the end.
        """
        speed = flops_per_second()
        for racer in self.racers:
            if not isnan(racer.value):
                racer.reason = ""
            if racer.climb.tried:
                continue
            left = self.clock.left(share)
            expected = racer.candidate.work / speed
            if (left <= 0 or expected > left) and self.ranked():
                racer.reason = "no time was left for it"
                continue
            racer.reason = ""
            yield self.attempt(racer)
        running = self.ranked()
        while any(one.climb.ask() for one in running):
            for racer in running:
                for _ in range(STEPS if len(running) > FEWEST else 1):
                    if racer.climb.ask() is None:
                        break
                    if self.clock.left(share) < np.mean(racer.seconds):
                        racer.reason = "its search was cut short by the budget"
                        break
                    yield self.attempt(racer)
            if self.clock.left(share) <= 0 or all(one.reason for one in running):
                break
            running = self.ranked()[: max(FEWEST, ceil(len(running) / 2))]

    def ranked(self) -> list[Racer]:
        """Those with a value on validation, best first; equals in their order."""
        known = [one for one in self.racers if not isnan(one.value)]
        return sorted(known, key=lambda one: -self.sign * one.value)

    def attempt(self, racer: Racer) -> str:
        """Try a candidate's next settings; returns a line about it."""
        settings = racer.climb.ask() or {}
        entry = racer.with_settings(settings)
        start = monotonic()
        try:
            trial, fitted = self.fit(entry)
        except RecweaveError as error:
            racer.climb.tell(settings, nan)
            racer.reason = str(error)
            racer.seconds.append(monotonic() - start)
            return f"{entry.row}: {error}"
        racer.seconds.append(monotonic() - start)
        if racer.climb.tell(settings, trial.value):
            racer.fitted, racer.fit_seconds = fitted, trial.seconds
            if fitted is not None:
                users = len(np.unique(self.prepared.split.valid.user))
                racer.ask_seconds = max(racer.seconds[-1] - trial.seconds, 0.0) / users
            self._forget()
        named = ", ".join(f"{name} {value}" for name, value in settings.items())
        best = self.ranked()
        leader = f"; best: {best[0].candidate.row} {best[0].value:.4f}" if best else ""
        self.said = f"{entry.row} ({named or 'as it is'}): {trial.value:.4f}{leader}"
        return self.said

    def fit(self, entry: Entry) -> tuple[Trial, Fitted | None]:
        """Fit on train, evaluate on validation; without a model if the trial was made before."""
        recipe = RECIPES[entry.kind].parse(entry.settings, f"row '{entry.row}'")
        return attempt(self.prepared, self.folder, entry, recipe)

    def fitted_again(self, racer: Racer) -> Model:
        """The model of a candidate's best settings, fitted again if it is not in memory."""
        if racer.fitted is None:
            seed = self.prepared.experiment.seeds[0]
            racer.fitted = self.prepared.fit(racer.entry.recipes()[0], seed=seed, final=False)
        return racer.fitted[0]

    def value_of(self, model: Model) -> float:
        """The choosing metric of a model on validation."""
        metric = self.prepared.experiment.choose
        return self.prepared.evaluate(model, (), on="valid", metrics=(metric,)).value(metric)

    def _forget(self) -> None:
        """Drop models of the worst, where all together take too much memory."""
        free = available()
        kept = [one for one in self.ranked() if one.fitted is not None]
        total = sum(model_bytes(one.fitted[0]) for one in kept if one.fitted is not None)
        while free is not None and total > KEPT * (free + total) and len(kept) > 1:
            worst = kept.pop()
            assert worst.fitted is not None
            total -= model_bytes(worst.fitted[0])
            worst.fitted = None


def flops_per_second(n: int = 1024) -> float:
    """Floating-point operations a second of a matrix product here, float32."""
    matrix = np.ones((n, n), np.float32)
    matrix @ matrix  # threads start
    start = monotonic()
    matrix @ matrix
    return float(2.0 * n**3 / max(monotonic() - start, 1e-6))
