"""Confidence intervals and significance: bootstrap over users, McNemar's test, Holm's correction.

The bootstrap samples users: a user's values of all metrics and all systems stay together, so
differences are paired and metrics share their resamples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import bdtr, stdtr

from recweave.core.arrays import Array

Table = Float[Array, "users columns"]
Resampled = Float[Array, "resamples columns"]

BLOCK = 2**22
"""Numbers in memory at a time: 32 MiB."""

NORMAL = 1.959963984540054
"""Half the width of the middle 95 % of a normal distribution, in standard deviations."""


def weighted_mean(value: Table, weight: Table) -> Float[Array, " columns"]:
    """Σ weight · value / Σ weight for each column; NaN where a column has no weight."""
    return _ratio((weight * np.where(weight > 0, value, 0)).sum(axis=0), weight.sum(axis=0))


def bootstrap(value: Table, weight: Table, *, resamples: int, seed: int) -> Resampled:
    """Weighted means of columns over users sampled with replacement.

    The same seed and number of users with any weight give the same resamples for any columns.
    Takes O(resamples · users · columns) time.

    Args:
        value: Finite where there is weight; ignored elsewhere.
        weight: 1 for a plain mean, 0 for a user the column is not defined for, and the number of
            pairs where it is a mean over pairs. Not negative.
        resamples: Number of resamples.
        seed: Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    counted = (weight > 0).any(axis=1)
    users, columns = int(counted.sum()), value.shape[1]
    if not users:
        return np.full((resamples, columns), np.nan)
    parts = np.hstack([np.where(weight > 0, value, 0) * weight, weight])[counted]
    sums = np.empty((resamples, 2 * columns))
    size = max(1, BLOCK // users)
    for first in range(0, resamples, size):
        rows = min(size, resamples - first)
        times = np.empty((rows, users))
        for row in times:
            row[:] = np.bincount(rng.integers(users, size=users), minlength=users)
        sums[first : first + rows] = times @ parts
    return _ratio(sums[:, :columns], sums[:, columns:])


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % interval; NaN where it is not defined."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """For machines; JSON has no NaN."""
        return {key: value if isfinite(value) else None for key, value in vars(self).items()}


@dataclass(frozen=True)
class Difference(Interval):
    """A difference of means, paired by user, with its two-sided p-value."""

    p: float


def intervals(
    value: Table,
    weight: Table,
    root: Bool[Array, " columns"] | None = None,
    *,
    how: Literal["bootstrap", "normal"] = "bootstrap",
    resamples: int = 2_000,
    seed: int = 0,
) -> list[Interval]:
    """The weighted mean of each column over users, with its 95 % interval.

    Args:
        value, weight: See `bootstrap`.
        root: Columns whose mean is the root of the mean square; their values are not squared yet.
        how: "bootstrap" takes percentiles over resamples. "normal" takes ±1.96 standard errors
            (of a ratio, by linearisation), costs next to nothing, and agrees from some hundred
            users up; it may leave the metric's range.
        resamples, seed: Of the bootstrap.
    """
    value, unsquared = _squared(value, root)
    mean = weighted_mean(value, weight)
    if how == "bootstrap":
        low, high = _middle(bootstrap(value, weight, resamples=resamples, seed=seed))
    else:
        users = (weight > 0).sum(axis=0)
        off = np.square(weight * (np.where(weight > 0, value, 0) - mean)).sum(axis=0)
        correction = _ratio(users * 1.0, np.maximum(users - 1.0, 0))
        error = NORMAL * np.sqrt(off * correction) / np.maximum(weight.sum(axis=0), 1e-300)
        low, high = mean - error, mean + error
    ends = [unsquared(column) for column in (mean, low, high)]
    return [Interval(*(float(end) for end in one)) for one in zip(*ends, strict=True)]


def paired_bootstrap(
    ours: tuple[Table, Table],
    theirs: tuple[Table, Table],
    root: Bool[Array, " columns"] | None = None,
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> list[Difference]:
    """The differences of the means of two systems, ours minus theirs, column by column.

    Both use the same resamples of users. The p-value measures how often resampling moves the
    difference to the other side of 0: 2 · min(#≤0 + 1, #≥0 + 1) / (resamples + 1): below 0.05 about
    when the interval leaves 0 out. (Efron & Tibshirani, 1993, section 15.4) Where no resample does,
    this is 2 / (resamples + 1), which a correction for hundreds of comparisons would raise above
    any limit; there p is that of a t-distribution with the mean and the deviation of the resamples
    and (users - 1) degrees of freedom, if that is less; users are those with weight in the column.

    Args:
        ours, theirs: Values and weights (see `bootstrap`), row for row of the same users.
        root: See `intervals`.
        resamples, seed: Of the bootstrap.
    """
    columns = ours[0].shape[1]
    both_roots = None if root is None else np.concatenate([root, root])
    value, unsquared = _squared(np.hstack([ours[0], theirs[0]]), both_roots)
    weight = np.hstack([ours[1], theirs[1]])
    means = unsquared(weighted_mean(value, weight))
    resampled = unsquared(bootstrap(value, weight, resamples=resamples, seed=seed))
    differences = resampled[:, :columns] - resampled[:, columns:]
    low, high = _middle(differences)
    users = ((ours[1] > 0) | (theirs[1] > 0)).sum(axis=0)
    p = [two_sided(*one) for one in zip(differences.T, users.tolist(), strict=True)]
    ends = [means[:columns] - means[columns:], low, high, p]
    return [Difference(*(float(end) for end in one)) for one in zip(*ends, strict=True)]


@dataclass(frozen=True)
class McNemar:
    """Users for whom only one of two systems has a hit.

    Attributes:
        only_ours, only_theirs: Number of users with a hit of one system alone; the test uses them.
        p: Two-sided, exact at any number of users.
    """

    only_ours: int
    only_theirs: int
    p: float


def mcnemar(ours: Bool[Array, " users"], theirs: Bool[Array, " users"]) -> McNemar:
    """McNemar's test of hit@k, exact binomial.

    The binomial distribution function is fast at any size, so no χ² approximation is needed.

    >>> mcnemar(np.array([True] * 6 + [False]), np.array([False] * 6 + [True]))
    McNemar(only_ours=6, only_theirs=1, p=0.125)
    """
    a, b = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    p = min(1.0, 2 * float(bdtr(min(a, b), a + b, 0.5))) if a + b else 1.0
    return McNemar(only_ours=a, only_theirs=b, p=p)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the p-values, raised to correct for multiple comparisons.

    Comparing them with α keeps the probability of any false positive among them below α. NaN stays
    NaN and is not counted as a test. (Holm, Scand. J. Statist. 1979)

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p, np.float64)
    order = np.argsort(given, kind="stable")[: int(np.isfinite(given).sum())]
    raised = np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1))
    corrected = np.full(len(given), np.nan)
    corrected[order] = np.minimum(1, raised)
    return [float(value) for value in corrected]


def _squared(
    value: Table, root: Bool[Array, " columns"] | None
) -> tuple[Table, Callable[[Array], Array]]:
    """Values to take means of, and the function from such a mean to the metric."""
    if root is None:
        return value, lambda mean: mean
    return np.where(root, np.square(value), value), lambda mean: np.where(
        root, np.sqrt(np.maximum(mean, 0)), mean
    )


def _middle(resampled: Resampled) -> tuple[Float[Array, " columns"], Float[Array, " columns"]]:
    """The ends of the middle 95 %; NaN for a column that is undefined in any resample."""
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return low, high


def percentiles(resampled: Float[Array, " resamples"]) -> tuple[float, float]:
    """The ends of the middle 95 % of one metric's resamples; NaN if one is undefined, or none."""
    if not len(resampled):
        return float("nan"), float("nan")
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def two_sided(differences: Float[Array, " resamples"], users: int) -> float:
    """The p-value of `paired_bootstrap`, of one metric and so many users."""
    if not len(differences) or np.isnan(differences).any():
        return float("nan")
    least = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    p = min(1.0, 2 * (least + 1) / (len(differences) + 1))
    mean, deviation = abs(float(differences.mean())), float(differences.std())
    if least or users < 2 or deviation <= 1e-9 * mean:
        return p
    return min(p, 2 * float(stdtr(users - 1, -mean / deviation)))


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0))
