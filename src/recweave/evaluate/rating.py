"""Errors of predicted ratings, pair by pair, on the rating scale of the log.

The metric is the mean over pairs (for `rmse`, its root), for a user or for all. A prediction of NaN
means that the model cannot predict the pair. Such pairs are left out of the errors, so also read
`prediction_coverage`: a model can get a small error by predicting only few pairs.
"""

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array

Ratings = Float[Array, " n"]


def absolute_error(truth: Ratings, predicted: Ratings) -> Ratings:
    """|r̂ − r|; its mean is MAE, from 0 up, lower is better.

    >>> absolute_error(np.array([1.0, 5.0]), np.array([2.0, np.nan]))
    array([ 1., nan])
    """
    return np.asarray(np.abs(predicted - truth))


def squared_error(truth: Ratings, predicted: Ratings) -> Ratings:
    """(r̂ − r)²; the root of its mean is RMSE, from 0 up, lower is better."""
    return np.asarray(np.square(predicted - truth))


def has_prediction(truth: Ratings, predicted: Ratings) -> Ratings:
    """1 or 0; its mean is the share of pairs with a prediction, in [0, 1], higher is better."""
    return np.asarray(np.isfinite(predicted), truth.dtype)


def mean_by(value: Ratings, group: Int[Array, " n"], groups: int) -> Float[Array, " groups"]:
    """Mean of the numbers of each group without NaN; NaN for a group without numbers."""
    is_number = np.isfinite(value)
    total = np.bincount(group[is_number], weights=value[is_number], minlength=groups)
    size = np.bincount(group[is_number], minlength=groups)
    return np.asarray(total / np.where(size > 0, size, np.nan))
