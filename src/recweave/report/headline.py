"""What the best row's number means, in one sentence for somebody who knows no metric."""

import json
from math import isfinite
from typing import Any

from recweave.evaluate import parse_metric
from recweave.evaluate.statistics import Interval
from recweave.report.compare import Table
from recweave.report.numbers import has_ends, number
from recweave.report.ranking import ranked_rows
from recweave.runs.summary import Row, Summary

WORDS = {1: "first", 3: "first three", 5: "first five", 10: "first ten", 20: "first twenty"}
NEXT = {
    "view": "the item that they viewed next",
    "click": "the item that they clicked next",
    "favorite": "the item that they liked next",
    "cart": "the item that they put in the cart next",
    "purchase": "the next purchase",
    "rating": "the item that they rated next",
}
"""What was held out, by its behaviour, where there is one behaviour."""


def headline(run: Summary, table: Table, metric: str) -> str:
    """A sentence on the best row by a metric, and on popularity or the baseline beside it."""
    ranked = ranked_rows(table, metric)
    if not ranked:
        return ""
    best = ranked[0]
    other = next((row for row in ranked if row.model == "popularity"), table.baseline)
    for name in (metric, *table.metrics):
        sentence = _of_lists(run, name, best, other) or _of_others(run, name, best, other)
        if sentence:
            return sentence
    return f"{best.name} has the best {metric}: {number(best.value(metric))}."


def _of_lists(run: Summary, name: str, best: Row, other: Row) -> str:
    """Of hit@k, and of recall@k where each user has one held-out item: both count users."""
    metric = parse_metric(name)
    counts = name.startswith("hit@") or (name.startswith("recall@") and _one_each(best))
    interval, theirs = _mean(best, name), _mean(other, name)
    if not counts or metric.k is None or interval is None:
        return ""
    of = 100 if interval.mean >= 0.02 else 1000
    low_high = ""
    if has_ends(interval):
        low, high = (round(of * end) for end in (interval.low, interval.high))
        low_high = f" (95 % interval: {low} to {high})"
    where = WORDS.get(metric.k, f"first {metric.k}")
    items = "item" if metric.k == 1 else "items"
    said = (
        f"For {round(of * interval.mean)} of {of:,} users, {_what(run)} was among the {where} "
        f"{items} that {best.name} recommends{low_high}."
    )
    if other is not best and theirs is not None:
        said += f" With {other.name} it was {round(of * theirs.mean)} of {of:,}."
    return said


def _mean(row: Row, metric: str) -> Interval | None:
    """A row's mean over users; None without one, or where it is not defined."""
    interval = row.means.get(metric)
    return interval if interval is not None and isfinite(interval.mean) else None


def _one_each(row: Row) -> bool:
    per_user = row.report.per_user
    return "relevant" in per_user.columns and bool((per_user["relevant"] == 1).all())


def _what(run: Summary) -> str:
    try:
        split: dict[str, Any] = json.loads(run.data["split"])
    except (KeyError, ValueError):
        split = {}
    target = split.get("target") or []
    if run.experiment.task == "lists" and _last_ones(split):
        return NEXT[target[0]] if len(target) == 1 and target[0] in NEXT else "the next item"
    return "a held-out item"


def _last_ones(split: dict[str, Any]) -> bool:
    """Whether what is held out comes after what is learned from."""
    return split.get("kind") in ("leave_last_out", "global_time")


def _of_others(run: Summary, name: str, best: Row, other: Row) -> str:
    interval, of_other = _mean(best, name), _mean(other, name)
    if interval is None or name not in ("mae", "rmse", "auc"):
        return ""
    ours = interval.mean
    theirs = of_other.mean if other is not best and of_other is not None else None
    if name == "auc":
        what = "impression" if run.experiment.task == "impressions" else "data"
        said = (
            f"Of 100 pairs of a positive and a negative in the same {what}, {best.name} scores the "
            f"positive higher in {round(100 * ours)}; chance gives 50."
        )
        return said + (f" {other.name}: {round(100 * theirs)}." if theirs is not None else "")
    how = "on average" if name == "mae" else "(root of the mean square)"
    said = f"The ratings that {best.name} predicts are {ours:.2f} off {how}."
    return said + (f" Those of {other.name}: {theirs:.2f}." if theirs is not None else "")
