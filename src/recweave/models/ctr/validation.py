"""Validation of click models during training, and calibration of their probabilities."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.models.ctr.settings import StopBy


def require_both_classes(positive: Bool[Array, " n"], stop_by: StopBy) -> None:
    """Refuse validation events by which a network cannot be chosen.

    Raises:
        BadSetting: for auc and fpr, if all of them have one label.
    """
    if stop_by != "log_loss" and (positive.all() or not positive.any()):
        raise BadSetting(
            f"all {len(positive):,} validation events have the same label, so {stop_by} is not "
            'defined on them; set stop_by = "log_loss", or hold out other events'
        )


def goodness(
    stop_by: StopBy,
    positive: Bool[Array, " n"],
    log_odds: Float[Array, " n"],
    weight: tuple[float, float],
) -> float:
    """How good log-odds are; higher is better.

    Args:
        stop_by: auc; log_loss, negated; or fpr, negated: the share of negatives whose probability
            is ½ or more.
        positive: The labels.
        log_odds: Of the rows.
        weight: Of the positive and the negative class, for the log loss.
    """
    if stop_by == "auc":
        return auc(positive, log_odds)
    if stop_by == "fpr":
        return -float((log_odds[~positive] >= 0).mean())
    loss = np.logaddexp(0, np.where(positive, -log_odds, log_odds).astype(np.float64))
    return -float(np.average(loss, weights=np.where(positive, *weight)))


def auc(positive: Bool[Array, " n"], score: Float[Array, " n"]) -> float:
    """Probability that a positive scores above a negative; a tie counts half.

    The same number as `evaluate.classification.roc_auc`, which is a layer above models.
    """
    ones = int(positive.sum())
    above = float(rankdata(score)[positive].sum()) - ones * (ones + 1) / 2
    return above / (ones * (len(score) - ones))


def platt_scaling(positive: Bool[Array, " n"], log_odds: Float[Array, " n"]) -> tuple[float, float]:
    """The slope a > 0 and the shift b for which a · log-odds + b has the least log loss.

    The labels are smoothed to (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2), as Platt (1999) does, so that a
    finite slope is best even if the classes are separated. As a > 0, the order of the rows stays.
    """
    ones = int(positive.sum())
    target = np.where(positive, (ones + 1) / (ones + 2), 1 / (len(positive) - ones + 2))
    x = log_odds.astype(np.float64)

    def loss(at: Array) -> tuple[float, Array]:
        slope = np.exp(at[0])
        odds = slope * x + at[1]
        residual = expit(odds) - target
        value = float((np.logaddexp(0, odds) - target * odds).mean())
        return value, np.array([slope * (residual @ x), residual.sum()]) / len(x)

    bounds = [(-5.0, 5.0), (None, None)]
    at = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(at[0])), float(at[1])
