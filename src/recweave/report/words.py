"""Do text features pay? Rows of a run that read features against the best one without."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from recweave.core.errors import BadSetting
from recweave.evaluate import differences, parse_metric
from recweave.evaluate.statistics import Difference, holm
from recweave.features.controls import Permuted, RandomVectors, TextLength
from recweave.features.profiles import ProfileText
from recweave.llm.store import FILE, Store
from recweave.runs.layout import FEATURES, read_json
from recweave.runs.spec import Experiment
from recweave.runs.summary import Row, Summary, read_run

CONTROLS = (Permuted, RandomVectors, TextLength)
"""Features without meaning: what gains with them does not gain by the text."""
PER = 0.001
"""The gain that seconds and money are given for."""
ALL, WARM, COLD = PARTS = ("all", "warm", "cold")
"""All held-out events; those whose item has an event in train; those whose item has none."""


@dataclass(frozen=True)
class Gain:
    """How much better one row does than another by a metric, whichever way is better.

    Attributes:
        users: Over how many.
        by: Paired by user; positive is better.
        p: Two-sided, corrected by Holm over all gains of the report.
    """

    users: int
    by: Difference
    p: float

    @property
    def sure(self) -> bool:
        """Whether it is a significant gain after the correction, at 5 %."""
        return self.p < 0.05 and self.by.mean > 0

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {"users": self.users, **self.by.to_json(), "p_corrected": self.p, "sure": self.sure}


@dataclass(frozen=True)
class Spent:
    """What language models took, by the ledger of `recweave enrich`.

    Attributes:
        calls, tokens: How many; of a ledger, all that is in it.
        cost: In the currency of the prices; None where calls were made and no prices given.
    """

    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0


@dataclass(frozen=True)
class WordRow:
    """A row of the run that reads features.

    Attributes:
        row: Its name.
        features: What its model and stages read.
        control: Whether these are all controls.
        gains: Against the baseline, by `PARTS`; parts without users are left out.
        best_control: The best of the controls, of the same model where there are any; none for a
            control itself.
        over_control: The gain over that one, on all events.
        making: Seconds to make the features; less if the cache on disk had vectors of their texts.
        fitting: Seconds of the fit beyond the baseline's; 0 where the baseline's took longer.
        spent: On language models; None where it is not known (no ledger next to a folder of texts).
    """

    row: str
    features: tuple[str, ...]
    control: bool
    gains: Mapping[str, Gain]
    best_control: str
    over_control: Gain | None
    making: float
    fitting: float
    spent: Spent | None

    @property
    def seconds(self) -> float:
        """Making and fitting."""
        return self.making + self.fitting

    @property
    def pays(self) -> bool:
        """Whether it gains significantly over the baseline and over the controls if there are."""
        beaten = self.over_control is None or self.over_control.sure
        return not self.control and self.gains[ALL].sure and beaten

    def per_gain(self, amount: float | None) -> float | None:
        """What a gain of `PER` takes of an amount; None without a significant gain."""
        gain = self.gains[ALL]
        return amount * PER / gain.by.mean if amount is not None and gain.sure else None

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        over = self.over_control
        return {
            "name": self.row,
            "features": list(self.features),
            "control": self.control,
            "pays": self.pays,
            "gains": {part: gain.to_json() for part, gain in self.gains.items()},
            "best_control": self.best_control or None,
            "over_control": over.to_json() if over else None,
            "seconds": {"features": self.making, "more_to_fit": self.fitting},
            "seconds_per_gain": self.per_gain(self.seconds),
            "spent": vars(self.spent) if self.spent else None,
            "cost_per_gain": self.per_gain(self.spent.cost if self.spent else None),
        }


@dataclass(frozen=True)
class Words:
    """What text features are worth in a run.

    Attributes:
        data: Its name.
        metric: What rows are compared by.
        baseline: The row without text that others are compared with.
        value: The baseline's mean.
        rows: Those that read features.
        stronger: Rows without text whose mean is better than the baseline's.
    """

    data: str
    metric: str
    baseline: str
    value: float
    rows: Sequence[WordRow]
    stronger: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "data": self.data,
            "metric": self.metric,
            "baseline": {"name": self.baseline, "mean": self.value},
            "stronger_without_words": list(self.stronger),
            "per_gain_of": PER,
            "rows": [row.to_json() for row in self.rows],
        }


def words(folder: Path, metric: str = "") -> Words:
    """What each text feature of a run is worth, compared with its controls.

    The baseline is the run's own, and should be the best tuned model without text. Gains are
    paired by user; those on warm and on cold items are of the users who have such held-out events,
    by these events alone (`evaluate.slices`).

    Args:
        folder: A finished run.
        metric: What to compare by; else what the run chose its settings by.

    Raises:
        BadSetting: if the run did not report the metric, if no row reads features, or if the
            baseline does.
        BadArtifact: if the baseline failed.
    """
    run = read_run(folder)
    metric = parse_metric(metric or run.experiment.choose).name
    rows = {row.name: row for row in run.rows}
    base = run.row(run.experiment.compared_with())
    read = {name: run.drawn_on(name) for name in rows}
    with_words = [row for row in run.rows if read[row.name]]
    _check(run, metric, base, with_words)
    controls = [row for row in with_words if _is_control(read[row.name], run.experiment)]
    controls_of = {
        row.name: _best(_alike(row, controls), metric) for row in with_words if row not in controls
    }
    gains = _gains(with_words, base, controls_of, metric)
    found = []
    for row in with_words:
        control = controls_of.get(row.name)
        making, spent = _costs(read[row.name], run)
        found.append(
            WordRow(
                row=row.name,
                features=read[row.name],
                control=row in controls,
                gains={part: gains[row.name, part] for part in PARTS if (row.name, part) in gains},
                best_control=control.name if control else "",
                over_control=gains.get((row.name, "control")),
                making=making,
                fitting=max(0.0, row.fit_seconds - base.fit_seconds),
                spent=spent,
            )
        )
    without = [row for row in run.rows if row not in with_words and metric in row.means]
    stronger = [row.name for row in without if _ahead(row, base, metric) > 0]
    return Words(run.data["name"], metric, base.name, base.means[metric].mean, found, stronger)


def _check(run: Summary, metric: str, base: Row, with_words: Sequence[Row]) -> None:
    if not with_words:
        raise BadSetting(f"no row of {run.path} reads features; there is no text to evaluate")
    if base in with_words:
        raise BadSetting(
            f"the baseline '{base.name}' of {run.path} reads text itself; name the best row "
            "without text as baseline in the recipe, and run it into a new folder"
        )
    for row in (base, *with_words):
        if metric not in row.means:
            reported = ", ".join(run.experiment.metrics)
            raise BadSetting(
                f"'{row.name}' of {run.path} has no {metric} for each user (reported: {reported}); "
                "choose another with --metric"
            )


def _is_control(features: Sequence[str], experiment: Experiment) -> bool:
    return all(isinstance(experiment.features.get(name), CONTROLS) for name in features)


def _ahead(row: Row, other: Row, metric: str) -> float:
    """By how much a row's mean is better than another's."""
    return parse_metric(metric).sign * (row.means[metric].mean - other.means[metric].mean)


def _alike(row: Row, others: Sequence[Row]) -> Sequence[Row]:
    """Those of the same model; all where there are none."""
    return [other for other in others if other.model == row.model] or others


def _best(rows: Sequence[Row], metric: str) -> Row | None:
    """The best row, the first of equals; None of none."""
    return max(rows, key=lambda row: _ahead(row, rows[0], metric), default=None)


def _gains(
    rows: Sequence[Row], base: Row, controls_of: Mapping[str, Row | None], metric: str
) -> dict[tuple[str, str], Gain]:
    """By row and part, and "control" for the gain over the best control; corrected together."""
    compared: dict[tuple[str, str], tuple[int, Difference]] = {}
    for row in rows:
        pairs = list(_parts(row, base))
        if control := controls_of.get(row.name):
            pairs.append(("control", row.report.per_user, control.report.per_user))
        for part, ours, theirs in pairs:
            if parse_metric(metric).sign < 0:
                ours, theirs = theirs, ours
            compared[row.name, part] = len(ours), differences(ours, theirs, [metric])[metric]
    corrected = holm([by.p for _, by in compared.values()])
    return {key: Gain(*one, p) for (key, one), p in zip(compared.items(), corrected, strict=True)}


def _parts(row: Row, base: Row) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    yield ALL, row.report.per_user, base.report.per_user
    slices = [one.report.slices.get("item") for one in (row, base)]
    for label in (WARM, COLD):
        ours, theirs = (t.filter(label=label) if t is not None else None for t in slices)
        if ours is not None and theirs is not None and len(ours):
            yield label, ours, theirs


def _behind(features: Sequence[str], run: Summary) -> tuple[str, ...]:
    """Features and those that they were made from."""
    specs = run.experiment.features
    more = tuple(base for name in features if name in specs for base in specs[name].made_from())
    return tuple(dict.fromkeys((*features, *(_behind(more, run) if more else ()))))


def _costs(features: Sequence[str], run: Summary) -> tuple[float, Spent | None]:
    """Seconds that features took with all they were made from, and what their texts took."""
    known = run.experiment.features
    costs = read_json(run.path / FEATURES) if known else {}
    behind = [name for name in _behind(features, run) if name in known]
    specs = [known[name] for name in behind]
    base_dir = Path(run.environment.get("base_dir", "."))
    folders = {
        base_dir / spec.folder for spec in specs if isinstance(spec, ProfileText) and spec.folder
    }
    return sum(costs[name]["seconds"] for name in behind), _spent(folders)


def _spent(folders: Collection[Path]) -> Spent | None:
    """What the ledgers next to folders of texts say; None if one of them is missing."""
    calls, tokens, cost = 0, 0, 0.0
    for folder in folders:
        answers = folder.with_name(f"{folder.name}-answers")
        if not (answers / FILE).exists():
            return None
        with Store(answers) as store:
            more, usage = store.spent()
        calls, tokens, cost = calls + more, tokens + usage.tokens, cost + usage.cost
    return Spent(calls, tokens, cost if cost or not calls else None)
