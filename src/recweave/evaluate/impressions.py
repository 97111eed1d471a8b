"""Evaluation on impressions (shown items with clicks): a value for each, then means over users."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput, BadSetting
from recweave.core.lists import pair_keys
from recweave.core.shown_lists import impression_values
from recweave.data.impressions import Impressions
from recweave.data.interactions import Interactions
from recweave.evaluate.candidates import score_candidates
from recweave.evaluate.catalogue import Catalogue
from recweave.evaluate.evaluate import evaluate, ranked
from recweave.evaluate.fresh import FirstShown
from recweave.evaluate.impression_slices import IMPRESSION_SLICES, Shown
from recweave.evaluate.metrics import POOL, Metric, parse_metric
from recweave.evaluate.report import Protocol, Report
from recweave.evaluate.slices import Slice
from recweave.models import Model, Query
from recweave.rank import Ranking, Stage, recommend
from recweave.rank.ranking import apply_stages

FRESH_HOURS = 48.0
"""How long an item is fresh, where nothing else is said: two days, as POPK's filter has it."""
DEPTH = 100
"""Items of a pool's list that stages are handed, at least."""
AT_ONCE = 2048
"""Impressions whose pools are in memory at a time."""


def evaluate_impressions(
    model: Model,
    impressions: Impressions,
    known: Interactions,
    metrics: Sequence[str],
    *,
    train: Interactions | None = None,
    first_shown: FirstShown | None = None,
    fresh_hours: float = FRESH_HOURS,
    stages: Sequence[Stage] = (),
    catalogue: Catalogue | None = None,
    slices: Sequence[str] = (),
    protocol: Protocol = "rigorous",
) -> Report:
    """Evaluate how a model ranks the items of each impression, and a pool of fresh items.

    The query is at the time of the impression, with its history or, if it has none, with the user's
    known events before that time. Means are over impressions; intervals are over users (all
    impressions of a user stay together). Impressions without a click, with all items clicked, or
    with unknown clicks cannot be evaluated and are left out; `left_out` of the report counts them.

    Args:
        model: Trained on what comes before these impressions.
        impressions: The held-out ones.
        known: Events that histories are taken from.
        metrics: "auc", "mrr", "ndcg@k" (see `impression_values`) of the shown items, which are
            ranked by score; of the k best of them, what `evaluate` knows of diversity, novelty
            and coverage ("category_entropy@10"); and any metric of lists with "pool_" before it
            ("pool_ndcg@10"), of the k best of all fresh items that the user has not read.
        train: Events that slices are counted in; `known` without it.
        first_shown: Of the whole log, for pools and the slice `age`.
        fresh_hours: See `FirstShown.pool`.
        stages: Applied to the shown items as one list, and to the pool's lists.
        catalogue: Needed by metrics of diversity.
        slices: Names of `IMPRESSION_SLICES`. A slice's shown items are those with its label among
            the clicked ones, and all that were not clicked.
        protocol: Name of the procedure, for the report.

    Raises:
        BadSetting: for another metric.
        BadInput: if no impression is left.
    """
    requested = [parse_metric(name) for name in metrics]
    for metric in requested:
        if not metric.of_impressions:
            raise BadSetting(
                f"'{metric.name}' is not of impressions; choose auc, mrr, ndcg@10, "
                "category_entropy@10, pool_ndcg@10, …"
            )
    usable = _usable(impressions)
    if not usable.any():
        raise BadInput(
            f"none of {len(impressions):,} held-out impressions has both a click and an item that "
            "was not clicked, so there is nothing to evaluate"
        )
    evaluated = impressions[usable]
    first = first_shown or FirstShown.of(impressions)
    query = Query.of_impressions(evaluated, known)
    shown = Shown.of(evaluated, query.history.lengths, first, train or known)
    asked = _Asked(
        model,
        evaluated,
        query,
        [IMPRESSION_SLICES[name](shown) for name in slices],
        stages,
        catalogue,
    )
    reports = [asked.by_score([m for m in requested if m.of_shown_scores])]
    if lists := [m for m in requested if m.of_lists and not m.of_shown_scores]:
        reports.append(asked.by_shown_lists(lists))
    if pooled := [parse_metric(m.of_pool) for m in requested if m.of_pool]:
        reports.append(asked.by_pool(pooled, first, fresh_hours))
    report = replace(reduce(Report.merge, reports), protocol=protocol, judged_by="score")
    return replace(by_user(report, evaluated.user), left_out=int((~usable).sum()))


def _usable(impressions: Impressions) -> Bool[Array, " n"]:
    """Whether an impression has a click and an item that was not clicked."""
    clicks = np.bincount(
        impressions.row_numbers(), weights=impressions.clicked, minlength=len(impressions)
    )
    usable = (clicks > 0) & (clicks < impressions.lengths)
    return usable if impressions.labelled is None else usable & impressions.labelled


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is evaluated. Reports have one row for each impression, `user` is its number."""

    model: Model
    impressions: Impressions
    query: Query
    slices: Sequence[Slice]
    stages: Sequence[Stage]
    catalogue: Catalogue | None

    def by_score(self, metrics: Sequence[Metric]) -> Report:
        """Metrics of all shown items."""
        of = self.impressions
        names = [metric.name for metric in metrics]
        score = self._order() if self.stages else self.score
        values = impression_values(names, of.start, of.clicked, score)
        tables = {one.name: self._sliced(one, names, score) for one in self.slices}
        table = pl.DataFrame({"user": np.arange(len(of))} | values)
        return Report(table, slices=tables, costs=self.shown.costs if self.stages else ())

    def by_shown_lists(self, metrics: Sequence[Metric]) -> Report:
        """Metrics of the best of the shown items as a list."""
        return self._report(self.shown, metrics, ())

    @cached_property
    def score(self) -> Float[Array, " shown"]:
        """The model's score of each shown item."""
        return score_candidates(
            self.model, self.query, self.impressions.start, self.impressions.item
        )

    @cached_property
    def shown(self) -> Ranking:
        """All items that each impression shows, each once, best first, after the stages."""
        of = self.impressions
        pair = pair_keys(of.row_numbers(), of.item, of.shape[1])
        _, first = np.unique(pair, return_index=True)
        row, item, score = of.row_numbers()[first], of.item[first], self.score[first]
        order = np.lexsort((item, -score, row))  # equal scores by item row, as in `recommend`
        size = np.bincount(row, minlength=len(of))
        listed = np.arange(max(1, int(size.max(initial=1)))) < size[:, None]
        items = np.full(listed.shape, -1, np.int32)
        scores = np.full(listed.shape, -np.inf, np.float32)
        items[listed], scores[listed] = item[order], score[order]
        return apply_stages(Ranking(self.query, items, scores), self.stages)

    def by_pool(self, metrics: Sequence[Metric], first: FirstShown, fresh_hours: float) -> Report:
        """Metrics of the best of all fresh items as a list."""
        k = max(m.k or 0 for m in metrics)
        parts = [
            replace(self, impressions=self.impressions[rows], query=self.query.rows(rows))._best(
                first.pool(self.impressions[rows], fresh_hours), k
            )
            for rows in self._parts()
        ]
        item, score = (
            np.concatenate([getattr(p, name) for p in parts]) for name in ("item", "score")
        )
        ranking = replace(parts[0], query=self.query, item=item, score=score)
        return self._report(ranking, metrics, self.slices).renamed(POOL)

    def _parts(self) -> Iterator[Int[Array, " rows"]]:
        for first in range(0, len(self.impressions), AT_ONCE):
            yield np.arange(first, min(first + AT_ONCE, len(self.impressions)))

    def _order(self) -> Float[Array, " shown"]:
        """For each shown item how far from the end the stages put it; 0 for what they drop."""
        of, ranking = self.impressions, self.shown
        row, rank = np.nonzero(ranking.item >= 0)
        listed = pair_keys(row, ranking.item[row, rank], of.shape[1])
        order = np.argsort(listed)
        wanted = pair_keys(of.row_numbers(), of.item, of.shape[1])
        at = order[np.minimum(np.searchsorted(listed, wanted, sorter=order), len(order) - 1)]
        return np.where(listed[at] == wanted, ranking.k - rank[at], 0).astype(np.float32)

    def _best(self, pool: Int[Array, "n some"], k: int) -> Ranking:
        """The k best of a pool for each impression, without what its user has read."""
        rank = partial(
            recommend,
            self.model,
            self.query,
            candidates=pool,
            stages=self.stages,
            depth=max(k, DEPTH),
        )
        return ranked(rank, k, self.impressions.shape[1])

    def _report(
        self, ranking: Ranking, metrics: Sequence[Metric], slices: Sequence[Slice]
    ) -> Report:
        of = self.impressions
        row = np.arange(len(of), dtype=np.int32)
        clicks = Interactions.of(
            of.row_numbers()[of.clicked],
            of.item[of.clicked],
            behavior="click",
            shape=(len(of), of.shape[1]),
        )
        k = max(metric.k or 0 for metric in metrics)
        missing = ((0, 0), (0, max(0, k - ranking.k)))
        ranking = replace(
            ranking,
            query=replace(ranking.query, user=row),
            item=np.pad(ranking.item, missing, constant_values=-1),
            score=np.pad(ranking.score, missing, constant_values=-np.inf),
        )
        names = [metric.name for metric in metrics]
        return evaluate(ranking, clicks, names, catalogue=self.catalogue, slices=slices)

    def _sliced(
        self, one: Slice, names: Sequence[str], score: Float[Array, " shown"]
    ) -> pl.DataFrame:
        """The metrics where the clicked items with one label are the only clicked ones."""
        of = self.impressions
        label = np.full(len(of.item), -1)
        label[of.clicked] = one.code
        tables = []
        for code, name in enumerate(one.labels):
            clicked = label == code
            has = np.bincount(of.row_numbers()[clicked], minlength=len(of)) > 0
            if not has.any():
                continue
            keep = (clicked | ~of.clicked) & np.repeat(has, of.lengths)
            rows = np.flatnonzero(has)
            size = np.bincount(of.row_numbers()[keep], minlength=len(of))[rows]
            start = np.concatenate([[0], np.cumsum(size)])
            values = impression_values(names, start, clicked[keep], score[keep])
            count = np.bincount(of.row_numbers()[clicked], minlength=len(of))[rows]
            table = pl.DataFrame({"user": rows, "relevant": count} | values)
            tables.append(table.select(pl.lit(name).alias("label"), pl.all()))
        return pl.concat(tables)


def by_user(report: Report, user: Int[Array, " impressions"]) -> Report:
    """A report of impressions as one of users: means over each one's impressions that have a value.

    Args:
        report: `user` is the number of an impression.
        user: Of each impression.
    """
    owner = partial(_of_users, user=user)
    return replace(
        report,
        per_user=owner(report.per_user),
        slices={
            way: pl.concat(
                [
                    owner(part.drop("label")).select(pl.lit(label).alias("label"), pl.all())
                    for (label,), part in table.group_by("label", maintain_order=True)
                ]
                or [table]
            )
            for way, table in report.slices.items()
        },
    )


def _of_users(table: pl.DataFrame, user: Int[Array, " impressions"]) -> pl.DataFrame:
    own = table.with_columns(user=pl.Series(user[table["user"].to_numpy()]))
    metrics = [name for name in table.columns if name not in ("user", "relevant")]
    means = [pl.col(name).fill_nan(None).mean().fill_null(float("nan")) for name in metrics]
    sums = [pl.col("relevant").sum()] if "relevant" in table.columns else []
    grouped = own.group_by("user").agg(pl.len().alias("impressions"), *sums, *means).sort("user")
    first = ["user", *(["relevant"] if sums else []), "impressions"]
    return grouped.select(*first, *metrics)
