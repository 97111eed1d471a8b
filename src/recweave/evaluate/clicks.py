"""Click models against held-out events: P(y) of each, over all of them together."""

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
from recweave.evaluate.asking import score_candidates
from recweave.evaluate.classification import Confusion
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
    decide_at: float = 0.5,
    resamples: int = RESAMPLES,
    seed: int = 0,
    protocol: Protocol = "rigorous",
) -> Report:
    """Judge the probability that a model gives to each held-out event.

    The label rule says which events are a yes, the decision threshold which probabilities are
    called one; they have nothing to do with each other. A model without probabilities is judged by
    its order alone (auc, pr_auc, fpr@tpr…): by its predicted ratings if it has some, else by its
    scores, asked as lists are: with the user's history before their first held-out event. The
    report says which (`judged_by`). Its other metrics are left out.

    Args:
        model: Trained on `split.train`, or for a final test on the parts before it.
        split: What was learned from and what was held out.
        metrics: Names such as "auc", "log_loss" or "fpr@tpr0.95".
        on: The part that is judged.
        positive_from: The least value that is a yes; see `data.labels.yes_or_no`.
        decide_at: The least probability that is called positive.
        resamples, seed: Of the bootstrap over users (see `resampled`); 0 gives no intervals.
        protocol: "paper": scores that need a history do not get the validation events.

    Raises:
        BadSetting: if a metric is not of clicks, none can be told of this model, or it is not
            known which events are a yes.
        BadInput: if nothing is held out, or a probability is not in [0, 1].
    """
    asked = [parse_metric(name) for name in metrics]
    for metric in asked:
        if not metric.of_clicks:
            raise BadSetting(f"'{metric.name}' is no metric of clicks; ask for auc, log_loss, …")
    held, known = (split.test, split.known) if on == "test" else (split.valid, split.train)
    if protocol == "paper":
        known = split.train
    if not len(held):
        raise BadInput(f"the split holds out nothing for {on}, so there is nothing to judge by")
    positive = yes_or_no(held.value, positive_from)
    score, judged_by = _scores(model, held, known)
    if judged_by != "probability":
        asked = [m for m in asked if m.measure.kind.startswith("click_order")]
        if not asked:
            raise BadSetting(
                f"a {type(model).__name__} gives no probabilities, so it can only be judged by "
                "its order; ask for auc too"
            )
    drawn = resample(
        asked,
        held.user,
        positive,
        score,
        decide_at=decide_at,
        users=held.shape[0],
        resamples=resamples,
        seed=seed,
    )
    user, count = np.unique(held.user, return_counts=True)
    return Report(
        pl.DataFrame({"user": user, "rated": count}),
        protocol=protocol,
        pooled={
            m.name: Pooled(_value(m, positive, score, decide_at), drawn[m.name]) for m in asked
        },
        judged_by=judged_by,
    )


def _value(
    metric: Metric, positive: Bool[Array, " n"], score: Float[Array, " n"], decide_at: float
) -> float:
    """The metric of the events as they are."""
    function = metric.measure.function
    if metric.measure.kind == "click_decision":
        return float(function(Confusion.of(positive, score >= decide_at)))
    if metric.tpr is not None:
        return float(function(positive, score, metric.tpr))
    return float(function(positive, score))


def _scores(
    model: Model, held: Interactions, known: Interactions
) -> tuple[Float[Array, " n"], Basis]:
    """A score for each held-out event, and what it is."""
    if isinstance(model, ClickModel):
        chance = np.asarray(model.probability(held.user, held.item), np.float64)
        if not ((chance >= 0) & (chance <= 1)).all():
            raise BadInput(f"a {type(model).__name__} gives probabilities outside 0 to 1, or NaN")
        return chance, "probability"
    if isinstance(model, RatingModel):
        rating = np.asarray(model.predict(held.user, held.item), np.float64)
        there = np.isfinite(rating)
        # A pair without a prediction is neither liked nor disliked: it gets the mean.
        usual = rating[there].mean() if there.any() else 0.0
        return np.where(there, rating, usual), "rating"
    query = Query.before(known, held)
    order = np.argsort(held.user, kind="stable")
    start = np.searchsorted(held.user[order], np.append(query.user, held.shape[0]))
    found = np.empty(len(held))
    found[order] = score_candidates(model, query, start, held.item[order])
    return found, "score"
