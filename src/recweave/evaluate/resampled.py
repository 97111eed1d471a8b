"""Pooled metrics of binary predictions, with a cluster bootstrap over users.

AUC, log loss or FPR of all held-out events together are not means over users, so their interval
needs the metric itself of each resample. Users are sampled with replacement, all events of a user
together (a cluster bootstrap), from all users of the log. So the same seed samples the same users
for every model, seed and fold, and differences are paired.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.evaluate.classification import BINS, bin_of, log_losses
from recweave.evaluate.metrics import Metric
from recweave.evaluate.statistics import Difference, Interval, percentiles, two_sided

BLOCK = 2**22
"""Weights in memory at a time: 32 MiB."""

Steps = Float[Array, "resamples steps"]


@dataclass(frozen=True, eq=False)
class Pooled:
    """A metric of all held-out events together.

    Attributes:
        value: The metric of all events.
        resampled: The metric of each resample of the users; empty without intervals.
        users: Number of users with held-out events.
    """

    value: float
    resampled: Float[Array, " resamples"]
    users: int

    def interval(self) -> Interval:
        """The value with the middle 95 % of the resamples; NaN without them."""
        low, high = percentiles(self.resampled)
        return Interval(self.value, low, high)

    def minus(self, other: "Pooled") -> Difference:
        """The difference of two metrics with the same resamples, with its interval."""
        difference = self.resampled - other.resampled
        low, high = percentiles(difference)
        return Difference(self.value - other.value, low, high, two_sided(difference, self.users))

    @classmethod
    def mean(cls, parts: "Sequence[Pooled]") -> "Pooled":
        """The mean over seeds or folds, resample by resample."""
        resampled = np.mean([part.resampled for part in parts], axis=0)
        value = float(np.mean([part.value for part in parts]))
        return cls(value, resampled, min(part.users for part in parts))


def resample(
    metrics: Sequence[Metric],
    user: Int[Array, " n"],
    positive: Bool[Array, " n"],
    score: Float[Array, " n"],
    *,
    decide_at: float,
    users: int,
    resamples: int,
    seed: int,
) -> Mapping[str, Float[Array, " resamples"]]:
    """Each metric of each resample of the users.

    O(resamples · (n + users)) time. Measured with 25,000 events of 943 users and 1,000 resamples on
    a busy core: 4 s with metrics of the order, 0.2 s without. NaN where a resample leaves a metric
    undefined.

    Args:
        metrics: Of clicks.
        user: Of each event.
        positive: Its label.
        score: Its probability, or a score for metrics of the order.
        decide_at: The least probability that is predicted positive.
        users: Number of users of the log; all can be sampled.
        resamples, seed: Of the bootstrap.
    """
    if not resamples:
        return {metric.name: np.empty(0) for metric in metrics}
    found: dict[str, list[Array]] = {metric.name: [] for metric in metrics}
    sums = _sums_by_user(user, positive, score, decide_at, users)
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order]) != 0), len(score) - 1)
    ranked = any(metric.measure.kind.startswith("click_order") for metric in metrics)
    for times in resample_counts(
        users, resamples, seed, size=max(1, BLOCK // max(len(user), users))
    ):
        steps = _steps(times[:, user[order]], positive[order], ends) if ranked else None
        totals = times @ sums
        for metric in metrics:
            value = (
                _of_order(metric, *steps)
                if _by_order(metric) and steps
                else _of_sums(metric, totals)
            )
            found[metric.name].append(value)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def resample_counts(
    users: int, resamples: int, seed: int, *, size: int
) -> Iterator[Float[Array, "block users"]]:
    """How often each user is in each resample, `size` resamples at a time."""
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, size):
        times = np.empty((min(size, resamples - first), users))
        for row in times:
            row[:] = np.bincount(rng.integers(users, size=users), minlength=users)
        yield times


def _by_order(metric: Metric) -> bool:
    return metric.measure.kind.startswith("click_order")


def _steps(
    weight: Float[Array, "resamples n"], positive: Bool[Array, " n"], ends: Int[Array, " steps"]
) -> tuple[Steps, Steps]:
    """Numbers of true and false positives at each distinct score as threshold, in falling order."""
    all_pairs = np.cumsum(weight, axis=1)[:, ends]
    true = np.cumsum(weight * positive, axis=1)[:, ends]
    return true, all_pairs - true


def _of_order(metric: Metric, true: Steps, false: Steps) -> Float[Array, " resamples"]:
    ones, zeros = true[:, -1], false[:, -1]
    true_step = np.diff(true, axis=1, prepend=0)
    if metric.name == "auc":
        false_step = np.diff(false, axis=1, prepend=0)
        return _ratio((false_step * (true - true_step / 2)).sum(axis=1), ones * zeros)
    if metric.name == "pr_auc":
        share = true / np.maximum(true + false, 1e-300)
        return _ratio((true_step * share).sum(axis=1), ones)
    if metric.name == "pr_auc_negative":  # from the lowest score up
        false_step = np.diff(false, axis=1, prepend=0)
        below, others = zeros[:, None] - false + false_step, ones[:, None] - true + true_step
        share = below / np.maximum(below + others, 1e-300)
        return _ratio((false_step * share).sum(axis=1), zeros)
    reached = true >= (metric.tpr or 1.0) * ones[:, None] * (1 - 1e-12)
    first = reached.argmax(axis=1)
    found = _ratio(false[np.arange(len(false)), first], zeros)
    return np.where(ones > 0, found, np.nan)


def _sums_by_user(
    user: Array, positive: Array, score: Array, decide_at: float, users: int
) -> Float[Array, "users terms"]:
    """The sums by user that metrics of probabilities and decisions are ratios of."""
    predicted = score >= decide_at
    terms = [
        np.ones(len(user)),
        positive & predicted,
        ~positive & predicted,
        ~positive & ~predicted,
        positive & ~predicted,
        log_losses(positive, score),
        np.square(score.astype(np.float64) - positive),
    ]
    which = bin_of(np.clip(score, 0, 1))
    gap = score.astype(np.float64) - positive
    terms += [np.where(which == one, gap, 0.0) for one in range(BINS)]
    columns = [np.bincount(user, weights=term, minlength=users) for term in terms]
    return np.stack(columns, axis=1)


def _of_sums(metric: Metric, totals: Float[Array, "resamples terms"]) -> Array:
    n, tp, fp, tn, fn, loss, square = totals.T[:7]
    tpr, fpr = _ratio(tp, tp + fn), _ratio(fp, fp + tn)
    formulas: dict[str, Callable[[], Array]] = {
        "log_loss": lambda: _ratio(loss, n),
        "brier": lambda: _ratio(square, n),
        "ece": lambda: _ratio(np.abs(totals[:, 7:]).sum(axis=1), n),
        "accuracy": lambda: _ratio(tp + tn, n),
        "fpr": lambda: fpr,
        "tpr": lambda: tpr,
        "precision": lambda: _ratio(tp, tp + fp),
        "balanced_accuracy": lambda: (tpr + 1 - fpr) / 2,
        "mcc": lambda: _ratio(
            tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        ),
    }
    return np.asarray(formulas[metric.name]())


def _ratio(part: Array, whole: Array) -> Array:
    out = np.full_like(part, np.nan, dtype=np.float64)
    return np.asarray(np.divide(part, whole, out=out, where=whole > 0))
