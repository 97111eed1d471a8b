"""Metrics of binary classification; positive means "the user likes it".

A ratio with a divisor of 0 is NaN.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array

Truth = Bool[Array, " n"]
Scores = Float[Array, " n"]


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix. The counts may be fractions (means over repeats).

    Attributes:
        tp, fp: Pairs predicted positive: true positives and false positives.
        tn, fn: Pairs predicted negative: true negatives and false negatives.
    """

    tp: float
    fp: float
    tn: float
    fn: float

    @classmethod
    def of(cls, positive: Truth, predicted: Truth) -> "Confusion":
        """From the true and the predicted labels."""
        both = float((positive & predicted).sum())
        return cls(
            tp=both,
            fp=float(predicted.sum()) - both,
            tn=float((~positive & ~predicted).sum()),
            fn=float(positive.sum()) - both,
        )

    def precision(self) -> float:
        """TP / (TP + FP): the share of predicted positives that are right."""
        return _share(self.tp, self.tp + self.fp)

    def tpr(self) -> float:
        """TP / (TP + FN): the recall of the positives."""
        return _share(self.tp, self.tp + self.fn)

    def fpr(self) -> float:
        """FP / (FP + TN): the share of disliked pairs that would be recommended; lower is better.

        On its own it means little: a model that recommends nothing has 0.

        >>> Confusion(tp=8, fp=3, tn=1, fn=2).fpr()
        0.75
        """
        return _share(self.fp, self.fp + self.tn)

    def accuracy(self) -> float:
        """(TP + TN) / all; on unequal classes, compare with the share of the larger one."""
        return _share(self.tp + self.tn, self.tp + self.fp + self.tn + self.fn)

    def balanced_accuracy(self) -> float:
        """Mean of the two classes' recalls; 0.5 for a constant answer."""
        return (self.tpr() + 1 - self.fpr()) / 2

    def mcc(self) -> float:
        """Matthews correlation of true and predicted labels, in [-1, 1]; NaN if one is constant."""
        sides = (self.tp + self.fp, self.tp + self.fn, self.tn + self.fp, self.tn + self.fn)
        return _share(self.tp * self.tn - self.fp * self.fn, float(np.sqrt(np.prod(sides))))


def roc_auc(positive: Truth, score: Scores) -> float:
    """Probability that a positive scores above a negative; a tie counts half; in [0, 1].

    >>> roc_auc(np.array([True, True, False]), np.array([0.9, 0.5, 0.5]))
    0.75
    """
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[group]
    ones, zeros = float(positive.sum()), float((~positive).sum())
    return _share(float(rank[positive].sum()) - ones * (ones + 1) / 2, ones * zeros)


def pr_auc(positive: Truth, score: Scores) -> float:
    """Area under precision over recall as a sum of steps (average precision), in [0, 1].

    Equal scores are one step, so the order of the rows does not matter. A random order has the
    share of positives.
    """
    true, false = _counts_by_threshold(positive, score)
    true_step = np.diff(true, prepend=0)
    return _share(float((true_step * true / (true + false)).sum()), float(positive.sum()))


def pr_auc_negative(positive: Truth, score: Scores) -> float:
    """`pr_auc` of the negatives, lowest score first."""
    return pr_auc(~positive, -score)


def fpr_at_tpr(positive: Truth, score: Scores, tpr: float) -> float:
    """The least false-positive rate at a threshold that reaches the true-positive rate `tpr`.

    Equal scores are on the same side of a threshold; no interpolation. In [0, 1], lower is better.
    Compare models by it, not by their rates at different thresholds.
    """
    true, false = _counts_by_threshold(positive, score)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    first = int(np.searchsorted(true, tpr * ones * (1 - 1e-12)))
    return float(false[first] / zeros)


ROC_POINTS = 101
"""True-positive rates at which a curve is kept: 0, .01, …, 1."""


def fpr_by_tpr(positive: Truth, score: Scores) -> Float[Array, " points"]:
    """The ROC curve: `fpr_at_tpr` at the true-positive rates 0, .01, …, 1; NaN for one class only.

    At fixed rates, so that the curves of several seeds can be averaged.
    """
    true, false = _counts_by_threshold(positive, score)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return np.full(ROC_POINTS, np.nan)
    reached = np.linspace(0, 1, ROC_POINTS) * ones * (1 - 1e-12)
    first = np.searchsorted(np.append(0, true), reached)
    return np.asarray(np.append(0, false)[first] / zeros)


def threshold_at_tpr(positive: Truth, score: Scores, tpr: float) -> float:
    """The highest threshold that reaches the true-positive rate `tpr`; -inf without positives.

    >>> threshold_at_tpr(np.array([True, True, False]), np.array([0.9, 0.5, 0.7]), 0.5)
    0.9
    """
    liked = np.sort(score[positive])[::-1]
    if not len(liked):
        return float("-inf")
    return float(liked[max(0, int(np.ceil(tpr * len(liked) - 1e-9)) - 1)])


def log_loss(positive: Truth, probability: Scores) -> float:
    """Mean of -log of the probability of the true label, in nats; from 0 up, lower is better.

    Probabilities are clipped to 1e-15 from 0 and 1, so one certain mistake costs 34.5 and not ∞.
    """
    return float(log_losses(positive, probability).mean())


def log_losses(positive: Truth, probability: Scores) -> Float[Array, " n"]:
    """The log loss of each pair."""
    clipped = np.clip(probability.astype(np.float64), 1e-15, 1 - 1e-15)
    return np.asarray(-np.log(np.where(positive, clipped, 1 - clipped)))


def brier(positive: Truth, probability: Scores) -> float:
    """Mean squared distance of the probability from the truth, in [0, 1]; lower is better."""
    return float(np.square(probability.astype(np.float64) - positive).mean())


BINS = 10
"""Number of bins of the calibration error."""


def bin_of(probability: Scores) -> Int[Array, " n"]:
    """The bin of each probability, of `BINS` bins of equal width; 1 is in the last."""
    return np.minimum((probability.astype(np.float64) * BINS).astype(np.int64), BINS - 1)


def ece(positive: Truth, probability: Scores) -> float:
    """Expected calibration error, in [0, 1]; lower is better.

    Over 10 bins of equal width: the distance of the mean probability from the share of positives,
    weighted by the number of pairs in the bin (Guo et al., ICML 2017). A value of 0 does not mean
    a good model: predicting the overall share of positives for all pairs gives 0 too.
    """
    which = bin_of(probability)
    gap = np.bincount(which, weights=probability.astype(np.float64) - positive, minlength=BINS)
    return float(np.abs(gap).sum() / len(positive))


def _counts_by_threshold(
    positive: Truth, score: Scores
) -> tuple[Float[Array, " steps"], Float[Array, " steps"]]:
    """Numbers of true and false positives at each distinct score as threshold, in falling order."""
    _, group = np.unique(-score, return_inverse=True)
    true = np.cumsum(np.bincount(group, weights=positive))
    return true, np.cumsum(np.bincount(group)) - true


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
