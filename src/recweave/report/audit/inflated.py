"""How much a leak makes a row look better: the row against its honest twin."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from recweave.report.audit.finding import Finding
from recweave.runs.spec import Experiment
from recweave.runs.summary import Comparison, Row, Summary, against

DROPPED, OTHER_KIND = 50, 100
"""How far a twin is that lacks what leaks, and one that reads another kind of feature instead. Each
setting of the feature that differs counts 1."""


def inflated(summary: Summary, findings: Sequence[Finding]) -> list[tuple[str, Comparison]]:
    """Every row that a leak reaches against its nearest honest twin.

    A twin has the same model, the same settings and the same stages; only what leaks is left out,
    or a feature that does not leak stands in its place. The nearest twin differs least: best is
    the same kind of feature with the fewest settings changed, such as the same texts without the
    held-out rows. Rows without a twin are left out.

    Args:
        summary: The run.
        findings: Those that are leaks reach features and stages.
    """
    leaks = [finding for finding in findings if finding.level == "leak"]
    features = {name for finding in leaks for name in finding.features}
    stages = {stage for finding in leaks for stage in finding.stages}
    reached = [row for row in summary.rows if _is_reached(summary, row, features, stages)]
    honest = [row for row in summary.rows if row not in reached]
    found = []
    for row in reached:
        distances = [(_distance(summary, row, one, features, stages), one) for one in honest]
        near = [(distance, one) for distance, one in distances if distance is not None]
        if near:
            twin = min(near, key=lambda pair: pair[0])[1]
            looks = against([row], twin, summary.experiment.metrics)
            found += [(twin.name, comparison) for comparison in looks]
    return found


def _is_reached(
    summary: Summary, row: Row, features: Collection[str], stages: Collection[tuple[str, int]]
) -> bool:
    entry = summary.experiment.entry(row.name)
    names = {row.name, *entry.members}
    return bool(set(summary.drawn_on(row.name)) & set(features)) or any(
        leaking in names for leaking, _ in stages
    )


def _distance(
    summary: Summary,
    row: Row,
    other: Row,
    features: Collection[str],
    stages: Collection[tuple[str, int]],
) -> int | None:
    """How far another row is from being this one without its leak; None if it is not that."""
    experiment = summary.experiment
    if row.model != other.model or row.settings.keys() != other.settings.keys():
        return None
    distance = _stage_distance(experiment, row, other, features, stages)
    if distance is None:
        return None
    mine, theirs = (experiment.entry(one.name).search for one in (row, other))
    if mine != theirs:
        return None
    for key, value in row.settings.items():
        if key in mine:  # validation chose among the same values, and may have chosen differently
            continue
        apart = _setting_distance(value, other.settings[key], experiment, features)
        if apart is None:
            return None
        distance += apart
    return distance


def _stage_distance(
    experiment: Experiment,
    row: Row,
    other: Row,
    features: Collection[str],
    stages: Collection[tuple[str, int]],
) -> int | None:
    own = experiment.entry(row.name).stages
    leaking = [
        (row.name, place) in stages or bool(set(stage.features_used()) & set(features))
        for place, stage in enumerate(own)
    ]
    kept = [stage for stage, leaks in zip(own, leaking, strict=True) if not leaks]
    theirs = list(experiment.entry(other.name).stages)
    if theirs == kept:
        return DROPPED * sum(leaking)
    if len(theirs) != len(own):
        return None
    pairs = zip(own, theirs, leaking, strict=True)
    distance = 0
    for mine, stands_for, leaks in pairs:
        if not leaks and mine != stands_for:
            return None
        if leaks:
            distance += _apart(mine.model_dump(mode="json"), stands_for.model_dump(mode="json"))
    return distance


def _setting_distance(
    mine: Any, other: Any, experiment: Experiment, leaking: Collection[str]
) -> int | None:
    """Settings must be equal, but for the names of features that leak."""
    if mine == other:
        return 0 if not _names(mine) & set(leaking) else None
    if isinstance(mine, str) and isinstance(other, str):
        if mine not in leaking:
            return None
        return _replaced([mine], [other] if other else [], experiment)
    if isinstance(mine, dict) and isinstance(other, dict) and mine.keys() == other.keys():
        inner = [_setting_distance(mine[key], other[key], experiment, leaking) for key in mine]
        return _total(inner)
    if not isinstance(mine, list) or not isinstance(other, list):
        return None
    if not all(isinstance(one, str) for one in (*mine, *other)):
        inner = [
            _setting_distance(one, two, experiment, leaking)
            for one, two in zip(mine, other, strict=False)
        ]
        return _total(inner) if len(mine) == len(other) else None
    gone = list((Counter(mine) - Counter(other)).elements())
    new = list((Counter(other) - Counter(mine)).elements())
    if any(name not in leaking for name in gone):
        return None
    return _replaced(gone, new, experiment)


def _total(distances: Sequence[int | None]) -> int | None:
    known = [distance for distance in distances if distance is not None]
    return sum(known) if len(known) == len(distances) else None


def _names(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    return {one for one in value if isinstance(one, str)} if isinstance(value, list) else set()


def _replaced(gone: Sequence[str], new: Sequence[str], experiment: Experiment) -> int | None:
    """The distance of features from those in whose place they stand; None if there are more."""
    specs = experiment.features
    if len(new) > len(gone) or any(name not in specs for name in new):
        return None
    free = list(new)
    distance = DROPPED * (len(gone) - len(new))
    for name in gone:
        if not free:
            break
        mine = specs[name].model_dump(mode="json")
        found = {one: _apart(mine, specs[one].model_dump(mode="json")) for one in free}
        nearest = min(found, key=lambda one: found[one])
        free.remove(nearest)
        distance += found[nearest]
    return distance


def _apart(mine: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """How many settings differ; of another kind it is far."""
    differing = sum(bool(mine.get(k) != other.get(k)) for k in mine.keys() | other.keys())
    return differing + (OTHER_KIND if mine.get("kind") != other.get("kind") else 0)
