"""Lists, or predicted ratings, against what was held out: the doors of this folder."""

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
from recweave.evaluate.sampled import draw_candidates
from recweave.evaluate.slices import SLICES, Slice
from recweave.models import Model, Query, RatingModel
from recweave.parallel import Pool, Threads
from recweave.rank import Ranking, Stage, recommend


def evaluate(
    ranking: Ranking,
    held: Interactions,
    metrics: Sequence[str],
    *,
    catalogue: Catalogue | None = None,
    relevant_from: float | None = None,
    slices: Sequence[Slice] = (),
    protocol: Protocol = "rigorous",
) -> Report:
    """Judge lists by the events that were held out.

    An item is relevant to a user if they have a held-out event with it. Held-out items that a list
    could not show (hidden because seen before) stay in the divisors.

    Args:
        ranking: Lists for some users, at least as long as the largest k that is asked for.
        held: The held-out events.
        metrics: Names such as "ndcg@10" (`METRICS` has all).
        catalogue: Needed by metrics beyond accuracy.
        relevant_from: The least value of a held-out event that makes its item relevant; any,
            without it.
        slices: Labels of the held-out events, in their order; accuracy is also told for each.
        protocol: What the report says of the procedure.

    Raises:
        UnknownName, BadSetting: for a metric that is not there, wants longer lists, a catalogue,
            or predicted ratings.
    """
    asked = [parse_metric(name) for name in metrics]
    _check_lists(asked, ranking, catalogue)
    user = ranking.query.user
    relevant = Relevant.of(held, relevant_from)
    places, count = relevant.places(ranking), relevant.counts(user)
    columns = {"user": user, "relevant": count} | _accuracy(places >= 0, count, asked)
    whole = {}
    for metric in asked:
        if metric.measure.kind == "per_list":
            columns[metric.name] = metric.measure.function(ranking.item[:, : metric.k], catalogue)
        elif metric.measure.kind == "all_lists":
            whole[metric.name] = metric.measure.function(ranking.item[:, : metric.k], catalogue)
    return Report(
        pl.DataFrame(columns),
        whole,
        {one.name: _sliced(one, relevant, places, user, asked) for one in slices},
        protocol,
        not_asked=int(np.delete(relevant.count > 0, np.unique(user[user >= 0])).sum()),
        costs=ranking.costs,
    )


def evaluate_predictions(
    held: Interactions,
    predicted: Float[Array, " n"],
    metrics: Sequence[str],
    *,
    protocol: Protocol = "rigorous",
) -> Report:
    """Judge predicted ratings by the held-out ones, event by event.

    Args:
        held: Events whose values are ratings.
        predicted: A rating for each, NaN where there is none.
        metrics: Names such as "mae" or "fpr>=4". Those with a threshold are of the pairs that
            have a prediction.
        protocol: What the report says of the procedure.
    """
    asked = [parse_metric(name) for name in metrics]
    for metric in asked:
        if not metric.of_ratings:
            raise BadSetting(f"'{metric.name}' is not of predicted ratings")
    user, row = np.unique(held.user, return_inverse=True)
    there = np.isfinite(predicted)
    truth, guess = held.value[there], predicted[there]
    columns = {"user": user, "rated": np.bincount(row)}
    columns["predicted"] = np.bincount(row[there], minlength=len(user))
    whole = {}
    for metric in asked:
        judge, least = metric.measure.function, metric.threshold
        if metric.measure.kind == "rating":
            mean = mean_by(judge(held.value, predicted), row, len(user))
            columns[metric.name] = np.sqrt(mean) if metric.measure.root else mean
        elif metric.measure.kind == "confusion":
            whole[metric.name] = judge(Confusion.of(truth >= least, guess >= least))
        else:
            whole[metric.name] = judge(truth >= least, guess)
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
    """Judge a model on a part of a split: lists over the whole catalogue, and ratings.

    Every user with a held-out event asks once, at the time of their first one, with all events of
    the parts before as history (train for valid; train and valid for test). What metrics and
    slices know of items is counted in train alone.

    Args:
        model: Trained on `split.train`, or for a final test on the parts before it.
        split: What was learned from and what was held out.
        metrics: Names such as "ndcg@10" (`METRICS` has all). Those of ratings are left out of the
            report of a model that predicts none.
        on: The part that is judged.
        stages, depth, hide_history, pool: See `rank.recommend`.
        catalogue: Needed by metrics that look at categories or vectors.
        relevant_from: See `evaluate`.
        slices: Names of `SLICES` to tell accuracy for.
        negatives: For metrics named sampled_…: items drawn beside a user's held-out ones.
        seed: Of that draw.
        protocol: "paper" neither shows the validation events to the model nor hides them when the
            test is judged, as much published code does.

    Raises:
        UnknownName, BadSetting: for a metric or slice that is not there or cannot be computed.
        BadInput: if nothing is held out.
    """
    asked = [parse_metric(name) for name in metrics]
    held, known = (split.test, split.known) if on == "test" else (split.valid, split.train)
    if protocol == "paper":
        known = split.train
    if not len(held):
        raise BadInput(f"the split holds out nothing for {on}, so there is nothing to judge by")
    query = Query.before(known, held)
    rank = partial(
        recommend, model, query, stages=stages, depth=depth, hide_history=hide_history, pool=pool
    )
    judge = partial(evaluate, held=held, relevant_from=relevant_from, protocol=protocol)
    reports = []
    if lists := [m for m in asked if m.of_lists]:
        reports.append(
            judge(
                _ranked(rank, max(m.k or 0 for m in lists), split.train.shape[1]),
                metrics=[m.name for m in lists],
                catalogue=catalogue or Catalogue.of(split.train),
                slices=[SLICES[name](split.train, held) for name in slices],
            )
        )
    if drawn := [m for m in asked if m.measure.kind == "sampled"]:
        some = draw_candidates(known, held, query.user, negatives=negatives, seed=seed)
        longest = max(m.k or 0 for m in drawn)
        ranking = _ranked(partial(rank, candidates=some), longest, split.train.shape[1])
        reports.append(
            judge(ranking, metrics=[m.name.removeprefix(SAMPLED) for m in drawn]).renamed(SAMPLED)
        )
    if (rated := [m.name for m in asked if m.of_ratings]) and isinstance(model, RatingModel):
        predicted = model.predict(held.user, held.item)
        reports.append(evaluate_predictions(held, predicted, rated, protocol=protocol))
    if not reports:
        what = f"{rated[0]} needs a model that predicts ratings" if rated else "no metric is asked"
        raise BadSetting(f"{what}; ask for one of lists, such as 'ndcg@10'")
    return reduce(Report.beside, reports)


def _ranked(rank: Callable[[int], Ranking], k: int, items: int) -> Ranking:
    """Lists of k; of a catalogue with fewer items all of them, filled up with -1."""
    ranking = rank(min(k, items))
    if k <= items:
        return ranking
    width = ((0, 0), (0, k - items))
    return replace(
        ranking,
        item=np.pad(ranking.item, width, constant_values=-1),
        score=np.pad(ranking.score, width, constant_values=-np.inf),
    )


def _check_lists(asked: Sequence[Metric], ranking: Ranking, catalogue: Catalogue | None) -> None:
    for metric in asked:
        if metric.k is None or not metric.of_lists:
            raise BadSetting(f"'{metric.name}' cannot be told from lists; use evaluate_model")
        if metric.k > ranking.k:
            raise BadSetting(f"'{metric.name}' wants lists of {metric.k}; these have {ranking.k}")
        if metric.measure.kind != "accuracy" and catalogue is None:
            raise BadSetting(f"'{metric.name}' needs catalogue=Catalogue.of(train)")


def _accuracy(
    hits: Hits, count: Int[Array, " users"], asked: Sequence[Metric]
) -> dict[str, Float[Array, " users"]]:
    return {
        metric.name: metric.measure.function(hits[:, : metric.k], count)
        for metric in asked
        if metric.measure.kind == "accuracy"
    }


def _sliced(
    one: Slice,
    relevant: Relevant,
    places: Int[Array, "users k"],
    user: Int[Array, " users"],
    asked: Sequence[Metric],
) -> pl.DataFrame:
    """The same lists judged by the held-out events of each label alone."""
    label = one.code[relevant.event]
    at_place = np.append(label, -1)[places]  # -1, no hit, reads the last; also with no label
    owner = relevant.pair // relevant.items
    tables = []
    for code, name in enumerate(one.labels):
        count = np.bincount(owner[label == code], minlength=len(relevant.count))
        count = np.where(user >= 0, count[user], 0)
        some = count > 0
        columns = _accuracy(at_place[some] == code, count[some], asked)
        told = {"user": user[some], "relevant": count[some]} | columns
        tables.append(pl.DataFrame(told).select(pl.lit(name).alias("label"), pl.all()))
    return pl.concat(tables)
