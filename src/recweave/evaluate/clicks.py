"""Evaluation of click models (CTR): P(y) of the held-out events, all events together."""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from recweave.core.arrays import Array
from recweave.core.errors import BadInput, BadSetting
from recweave.data.interactions import Interactions
from recweave.data.labels import yes_or_no
from recweave.data.split import Split
from recweave.evaluate.candidates import score_candidates
from recweave.evaluate.classification import Confusion, fpr_by_tpr, threshold_at_tpr
from recweave.evaluate.metrics import Metric, parse_metric
from recweave.evaluate.report import Basis, Protocol, Report
from recweave.evaluate.resampled import Pooled, resample
from recweave.models import Model, Query, RatingModel
from recweave.models.base import ClickModel

RESAMPLES = 1_000


def evaluate_clicks(
    model: Model,
    split: Split,
    metrics: Sequence[str],
    *,
    on: Literal["test", "valid"] = "test",
    positive_from: float | None = None,
    decide_at: float | str = 0.5,
    resamples: int = RESAMPLES,
    seed: int = 0,
    protocol: Protocol = "rigorous",
) -> Report:
    """Evaluate the probability that a model gives to each held-out event.

    `positive_from` decides which events are positive, `decide_at` which probabilities are predicted
    positive; the two are independent. "tpr0.95" decides at the highest probability that reaches a
    true-positive rate of .95 on the validation events: thresholds of models whose probabilities
    are on different scales are comparable then.

    A model without probabilities is evaluated by its order alone (auc, pr_auc, fpr@tpr…): by its
    predicted ratings, if it has any, else by its scores, queried as for lists: with the user's
    history before their first held-out event. `judged_by` of the report says which. Other metrics
    are left out.

    Args:
        model: Trained on `split.train`, or for a final test on the parts before it.
        split: The training, validation and test events.
        metrics: Names such as "auc", "log_loss" or "fpr@tpr0.95".
        on: The part that is evaluated.
        positive_from: The least value of a positive event; see `data.labels.yes_or_no`.
        decide_at: The least probability that is predicted positive, or "tpr" and a rate.
        resamples, seed: Of the bootstrap over users (see `resampled`); 0 gives no intervals.
        protocol: "paper": scores that need a history do not get the validation events.

    Raises:
        BadSetting: if a metric is not of clicks, if none can be computed for this model, if it is
            unknown which events are positive, or if there is no validation to decide by.
        BadInput: if nothing is held out, or a probability is not in [0, 1].
    """
    requested = [parse_metric(name) for name in metrics]
    for metric in requested:
        if not metric.of_clicks:
            raise BadSetting(f"'{metric.name}' is not a metric of clicks; choose auc, log_loss, …")
    held_out, known = (split.test, split.known) if on == "test" else (split.valid, split.train)
    if protocol == "paper":
        known = split.train
    if not len(held_out):
        raise BadInput(f"the split holds out nothing for {on}, so there is nothing to evaluate")
    positive = yes_or_no(held_out.value, positive_from)
    score, judged_by = _scores(model, held_out, known)
    threshold = 0.5
    if judged_by == "probability":
        threshold = _threshold(model, split, decide_at, positive_from)
    if judged_by != "probability":
        requested = [m for m in requested if m.measure.kind.startswith("click_order")]
        if not requested:
            raise BadSetting(
                f"a {type(model).__name__} gives no probabilities, so it can only be evaluated "
                "by its order; add auc to the metrics"
            )
    resampled = resample(
        requested,
        held_out.user,
        positive,
        score,
        decide_at=threshold,
        users=held_out.shape[0],
        resamples=resamples,
        seed=seed,
    )
    user, count = np.unique(held_out.user, return_counts=True)
    return Report(
        pl.DataFrame({"user": user, "rated": count}),
        protocol=protocol,
        pooled={
            m.name: Pooled(_value(m, positive, score, threshold), resampled[m.name], len(user))
            for m in requested
        },
        judged_by=judged_by,
        decided_at=threshold if judged_by == "probability" else None,
        roc=tuple(fpr_by_tpr(positive, score).tolist()),
    )


def tpr_of(decide_at: float | str) -> float | None:
    """The true-positive rate of a text such as "tpr0.95"; None for a probability.

    Raises:
        BadSetting: for another text, or a rate that is not above 0 and up to 1.
    """
    if not isinstance(decide_at, str):
        return None
    found = re.fullmatch(r"tpr([01]?\.?\d+)", decide_at)
    if found is None or not 0 < float(found[1]) <= 1:
        raise BadSetting(
            f"'{decide_at}' is no decision: set decide_at to a probability such as 0.5, or to the "
            "true-positive rate to reach on validation, such as tpr0.95"
        )
    return float(found[1])


def _threshold(
    model: Model, split: Split, decide_at: float | str, positive_from: float | None
) -> float:
    """The least probability that is predicted positive."""
    tpr = tpr_of(decide_at)
    if tpr is None:
        return float(decide_at)
    if not len(split.valid):
        raise BadSetting(
            f"decide_at = '{decide_at}' decides by the validation events, and there are none; hold "
            "some out, or give a probability"
        )
    score, _ = _scores(model, split.valid, split.train)
    return threshold_at_tpr(yes_or_no(split.valid.value, positive_from), score, tpr)


def _value(
    metric: Metric, positive: Bool[Array, " n"], score: Float[Array, " n"], decide_at: float
) -> float:
    """The metric of all events, without resampling."""
    function = metric.measure.function
    if metric.measure.kind == "click_decision":
        return float(function(Confusion.of(positive, score >= decide_at)))
    if metric.tpr is not None:
        return float(function(positive, score, metric.tpr))
    return float(function(positive, score))


def _scores(
    model: Model, held_out: Interactions, known: Interactions
) -> tuple[Float[Array, " n"], Basis]:
    """A score for each held-out event, and its kind."""
    if isinstance(model, ClickModel):
        probability = np.asarray(model.probability(held_out.user, held_out.item), np.float64)
        if not ((probability >= 0) & (probability <= 1)).all():
            raise BadInput(f"a {type(model).__name__} gives probabilities outside 0 to 1, or NaN")
        return probability, "probability"
    if isinstance(model, RatingModel):
        rating = np.asarray(model.predict(held_out.user, held_out.item), np.float64)
        is_predicted = np.isfinite(rating)
        # A pair without a prediction gets the mean.
        default = rating[is_predicted].mean() if is_predicted.any() else 0.0
        return np.where(is_predicted, rating, default), "rating"
    query = Query.before(known, held_out)
    order = np.argsort(held_out.user, kind="stable")
    start = np.searchsorted(held_out.user[order], np.append(query.user, held_out.shape[0]))
    scores = np.empty(len(held_out))
    scores[order] = score_candidates(model, query, start, held_out.item[order])
    return scores, "score"
