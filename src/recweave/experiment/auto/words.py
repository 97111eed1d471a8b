"""What `auto` says: the reasons in the recipe that it writes, and what is to be known of it."""

from collections.abc import Iterator, Mapping
from math import isnan
from pathlib import Path

from recweave.core.program import program
from recweave.evaluate import parse_metric, report_differences
from recweave.experiment.auto.look import Look
from recweave.experiment.auto.mixture import Mixture
from recweave.experiment.auto.race import Race, Racer
from recweave.runs.summary import Summary

SURE = 0.05
"""A p-value below which two rows are called different."""


def remarks(look: Look, race: Race, mixture: Mixture, reasons: Mapping[str, str]) -> dict[str, str]:
    """The comments of the recipe: what was seen, decided and tried.

    Args:
        look: What the data have.
        race: What was tried.
        mixture: What was chosen.
        reasons: Sentences by the keys of the recipe that they are of.
    """
    metric = race.prepared.experiment.choose
    head = [
        f"Written by `{program()} auto` with a budget of {race.clock.seconds:.0f} s. Seen: {look}.",
        f"Validation chose {mixture.name}: {metric} {mixture.value:.4f}. What was tried, best "
        f"first, with the best {metric} on validation:",
        *(_line(one, mixture) for one in _in_order(race)),
    ]
    rows = {one.candidate.row: f"{one.candidate.why}." for one in race.racers}
    rows[mixture.name] = "Chosen. " + (
        "The weights were learned on validation." if mixture.several else rows[mixture.name]
    )
    return {"": "\n".join(head), **reasons, **rows}


def _in_order(race: Race) -> list[Racer]:
    ranked = race.ranked()
    return [*ranked, *(one for one in race.racers if one not in ranked)]


def _line(racer: Racer, mixture: Mixture) -> str:
    parts = [f"- {racer.candidate.row}"]
    if not isnan(racer.value):
        tried = len(racer.climb.tried)
        parts.append(f": {racer.value:.4f}, {tried} setting{'s' * (tried != 1)} tried")
    if mixture.several and racer in mixture.members:
        weight = mixture.weights[mixture.members.index(racer)]
        parts.append(f", weight {weight:.2f} in the blend")
    return "".join(parts) + (f"; {racer.reason}" if racer.reason else "")


def notes(
    summary: Summary, race: Race, mixture: Mixture, recipe: Path, *, whole: bool
) -> tuple[str, ...]:
    """What a reader must know, a sentence each.

    Args:
        summary: The judgement on test.
        race: What was tried.
        mixture: What was chosen.
        recipe: The file of the recipe.
        whole: Whether the bundle was fitted on all events.
    """
    return (*_unlike(summary, mixture), *_short(race), *_of_bundle(mixture, recipe, whole))


def _unlike(summary: Summary, mixture: Mixture) -> Iterator[str]:
    """Whether another row is significantly better on test than the chosen one."""
    metric = summary.experiment.choose
    sign = parse_metric(metric).sign
    chosen = summary.row(mixture.name)
    for row in summary.rows:
        if row.name == chosen.name:
            continue
        found = report_differences(row.report, chosen.report, [metric])[metric]
        if sign * found.mean > 0 and found.p < SURE:
            yield (
                f"on test {row.name} is better than {chosen.name}, which validation chose "
                f"({metric} {found.mean:+.4f}, p = {found.p:.2g}): validation is unlike test; if "
                "the log has times, hold out by time (split global_time) in the recipe"
            )


def _short(race: Race) -> Iterator[str]:
    untried = [one.candidate.row for one in race.racers if isnan(one.value)]
    if untried:
        yield f"not tried: {', '.join(untried)}; the recipe says why. A longer budget may try them"


def _of_bundle(mixture: Mixture, recipe: Path, whole: bool) -> Iterator[str]:
    if not whole:
        yield (
            "the bundle was fitted without the held-out events, as no time was left; to fit it on "
            f"all: {program()} fit {recipe} --row {mixture.name} --run {recipe.parent} --out FOLDER"
        )
