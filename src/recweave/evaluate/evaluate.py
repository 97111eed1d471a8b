"""Evaluation of lists and predicted ratings on held-out events: the public functions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput, BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import Split
from recweave.evaluate.catalogue import Catalogue
from recweave.evaluate.classification import Confusion
from recweave.evaluate.hits import Hits, Relevant
from recweave.evaluate.metrics import SAMPLED, Metric, parse_metric
from recweave.evaluate.rating import mean_by
from recweave.evaluate.report import Protocol, Report
from recweave.evaluate.sampled import sample_candidates
from recweave.evaluate.slices import SLICES, Slice
from recweave.models import Model, Query, RatingModel
from recweave.parallel import Pool, Threads
from recweave.rank import Ranking, Stage, recommend


def evaluate(
    ranking: Ranking,
    held_out: Interactions,
    metrics: Sequence[str],
    *,
    catalogue: Catalogue | None = None,
    relevant_from: float | None = None,
    slices: Sequence[Slice] = (),
    protocol: Protocol = "rigorous",
) -> Report:
    """Evaluate lists on the held-out events.

    An item is relevant to a user if they have a held-out event with it. Held-out items that a list
    cannot contain (hidden because they are in the history) stay in the divisors.

    Args:
        ranking: Lists of users, at least as long as the largest k of the metrics.
        held_out: The held-out events.
        metrics: Names such as "ndcg@10" (`METRICS` has all).
        catalogue: Needed by metrics beyond accuracy.
        relevant_from: The least value of a held-out event that makes its item relevant; by default
            any value.
        slices: Labels of the held-out events, in their order; accuracy is also computed for each.
        protocol: Name of the procedure, for the report.

    Raises:
        UnknownName, BadSetting: for a metric that does not exist, or that needs longer lists, a
            catalogue or predicted ratings.
    """
    requested = [parse_metric(name) for name in metrics]
    _check_lists(requested, ranking, catalogue)
    user = ranking.query.user
    relevant = Relevant.of(held_out, relevant_from)
    position, count = relevant.find(ranking), relevant.counts(user)
    columns = {"user": user, "relevant": count} | _accuracy(position >= 0, count, requested)
    whole = {}
    for metric in requested:
        if metric.measure.kind == "per_list":
            columns[metric.name] = metric.measure.function(ranking.item[:, : metric.k], catalogue)
        elif metric.measure.kind == "per_history":
            columns[metric.name] = metric.measure.function(
                ranking.item[:, : metric.k], ranking.query.history, catalogue
            )
        elif metric.measure.kind == "all_lists":
            whole[metric.name] = metric.measure.function(ranking.item[:, : metric.k], catalogue)
    return Report(
        pl.DataFrame(columns),
        whole,
        {one.name: _sliced(one, relevant, position, user, requested) for one in slices},
        protocol,
        not_asked=int(np.delete(relevant.count > 0, np.unique(user[user >= 0])).sum()),
        costs=ranking.costs,
    )


def evaluate_predictions(
    held_out: Interactions,
    predicted: Float[Array, " n"],
    metrics: Sequence[str],
    *,
    protocol: Protocol = "rigorous",
) -> Report:
    """Evaluate predicted ratings on the held-out ratings, event by event.

    Args:
        held_out: Events whose values are ratings.
        predicted: A rating for each, NaN where there is none.
        metrics: Names such as "mae" or "fpr>=4". Those with a threshold use the pairs with a
            prediction.
        protocol: Name of the procedure, for the report.
    """
    requested = [parse_metric(name) for name in metrics]
    for metric in requested:
        if not metric.of_ratings:
            raise BadSetting(f"'{metric.name}' is not of predicted ratings")
    user, row = np.unique(held_out.user, return_inverse=True)
    has_prediction = np.isfinite(predicted)
    truth, prediction = held_out.value[has_prediction], predicted[has_prediction]
    columns = {"user": user, "rated": np.bincount(row)}
    columns["predicted"] = np.bincount(row[has_prediction], minlength=len(user))
    whole = {}
    for metric in requested:
        function, least = metric.measure.function, metric.threshold
        if metric.measure.kind == "rating":
            mean = mean_by(function(held_out.value, predicted), row, len(user))
            columns[metric.name] = np.sqrt(mean) if metric.measure.root else mean
        elif metric.measure.kind == "confusion":
            whole[metric.name] = function(Confusion.of(truth >= least, prediction >= least))
        else:
            whole[metric.name] = function(truth >= least, prediction)
    return Report(pl.DataFrame(columns), whole, protocol=protocol)


def evaluate_model(
    model: Model,
    split: Split,
    metrics: Sequence[str],
    *,
    on: Literal["test", "valid"] = "test",
    stages: Sequence[Stage] = (),
    depth: int = 100,
    catalogue: Catalogue | None = None,
    relevant_from: float | None = None,
    slices: Sequence[str] = (),
    hide_history: bool = True,
    negatives: int = 100,
    seed: int = 0,
    protocol: Protocol = "rigorous",
    pool: Pool = Threads(),  # noqa: B008 - a frozen value without state
) -> Report:
    """Evaluate a model on a part of a split: lists over the whole catalogue, and ratings.

    There is one query for each user with a held-out event, at the time of the first of them, with
    all events of the parts before as history (train for valid; train and valid for test). Data of
    items, for metrics and slices, are counted in train alone (no data leakage).

    Args:
        model: Trained on `split.train`, or for a final test on the parts before it.
        split: The training, validation and test events.
        metrics: Names such as "ndcg@10" (`METRICS` has all). Metrics of ratings are left out if the
            model predicts no ratings.
        on: The part that is evaluated.
        stages, depth, hide_history, pool: See `rank.recommend`.
        catalogue: Needed by metrics that use categories or vectors.
        relevant_from: See `evaluate`.
        slices: Names of `SLICES` that accuracy is computed for.
        negatives: For metrics named sampled_…: number of negatives sampled for each user.
        seed: Of that sampling.
        protocol: "paper": for the test, validation events are neither in the history nor hidden,
            as in much published code.

    Raises:
        UnknownName, BadSetting: for a metric or slice that does not exist or cannot be computed.
        BadInput: if nothing is held out.
    """
    requested = [parse_metric(name) for name in metrics]
    held_out, known = (split.test, split.known) if on == "test" else (split.valid, split.train)
    if protocol == "paper":
        known = split.train
    if not len(held_out):
        raise BadInput(f"the split holds out nothing for {on}, so there is nothing to evaluate")
    query = Query.before(known, held_out)
    rank = partial(
        recommend, model, query, stages=stages, depth=depth, hide_history=hide_history, pool=pool
    )
    evaluate_lists = partial(
        evaluate, held_out=held_out, relevant_from=relevant_from, protocol=protocol
    )
    reports = []
    if lists := [m for m in requested if m.of_lists]:
        reports.append(
            evaluate_lists(
                ranked(rank, max(m.k or 0 for m in lists), split.train.shape[1]),
                metrics=[m.name for m in lists],
                catalogue=catalogue or Catalogue.of(split.train),
                slices=[SLICES[name](split.train, held_out) for name in slices],
            )
        )
    if sampled := [m for m in requested if m.measure.kind == "sampled"]:
        candidates = sample_candidates(known, held_out, query.user, negatives=negatives, seed=seed)
        longest = max(m.k or 0 for m in sampled)
        ranking = ranked(partial(rank, candidates=candidates), longest, split.train.shape[1])
        names = [m.name.removeprefix(SAMPLED) for m in sampled]
        reports.append(evaluate_lists(ranking, metrics=names).renamed(SAMPLED))
    if (rated := [m.name for m in requested if m.of_ratings]) and isinstance(model, RatingModel):
        predicted = model.predict(held_out.user, held_out.item)
        reports.append(evaluate_predictions(held_out, predicted, rated, protocol=protocol))
    if not reports:
        what = f"{rated[0]} needs a model that predicts ratings" if rated else "no metric is given"
        raise BadSetting(f"{what}; add one of lists, such as 'ndcg@10'")
    return reduce(Report.merge, reports)


def ranked(rank: Callable[[int], Ranking], k: int, items: int) -> Ranking:
    """Lists of length k, padded with -1 if the catalogue has fewer items."""
    ranking = rank(min(k, items))
    if k <= items:
        return ranking
    width = ((0, 0), (0, k - items))
    return replace(
        ranking,
        item=np.pad(ranking.item, width, constant_values=-1),
        score=np.pad(ranking.score, width, constant_values=-np.inf),
    )


def _check_lists(
    requested: Sequence[Metric], ranking: Ranking, catalogue: Catalogue | None
) -> None:
    for metric in requested:
        if metric.k is None or not metric.of_lists:
            raise BadSetting(f"'{metric.name}' cannot be computed from lists; use evaluate_model")
        if metric.k > ranking.k:
            raise BadSetting(f"'{metric.name}' needs lists of {metric.k}; these have {ranking.k}")
        if metric.measure.kind != "accuracy" and catalogue is None:
            raise BadSetting(f"'{metric.name}' needs catalogue=Catalogue.of(train)")


def _accuracy(
    hits: Hits, count: Int[Array, " users"], requested: Sequence[Metric]
) -> dict[str, Float[Array, " users"]]:
    return {
        metric.name: metric.measure.function(hits[:, : metric.k], count)
        for metric in requested
        if metric.measure.kind == "accuracy"
    }


def _sliced(
    one: Slice,
    relevant: Relevant,
    position: Int[Array, "users k"],
    user: Int[Array, " users"],
    requested: Sequence[Metric],
) -> pl.DataFrame:
    """The same lists, evaluated on the held-out events of each label alone."""
    label = one.code[relevant.event]
    label_of_hit = np.append(label, -1)[position]  # position -1, no hit, reads the added -1
    owner = relevant.pair // relevant.items
    tables = []
    for code, name in enumerate(one.labels):
        count = np.bincount(owner[label == code], minlength=len(relevant.count))
        count = np.where(user >= 0, count[user], 0)
        has_label = count > 0
        columns = _accuracy(label_of_hit[has_label] == code, count[has_label], requested)
        table = {"user": user[has_label], "relevant": count[has_label]} | columns
        tables.append(pl.DataFrame(table).select(pl.lit(name).alias("label"), pl.all()))
    return pl.concat(tables)
