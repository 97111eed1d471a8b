"""What a bundle holds, and its lists and explanations; everything is by id, without raw data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from recweave.bundle.lists import SCHEMA, Recommendations
from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, UnknownId
from recweave.core.progress import track
from recweave.data.dataset import Dataset
from recweave.data.interactions import Histories, Interactions, behavior_code
from recweave.data.schema import BEHAVIORS
from recweave.encode.features import Feature
from recweave.models.base import Model
from recweave.models.query import Query
from recweave.rank.explain import Explanation, explain, tell
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.recommend import recommend
from recweave.rank.rules import Rule, allowed

B = TypeVar("B", bound="BundleBase")

Hide = Literal["all", "purchases", "none"]
"""Which items of a user's history are kept out of lists."""

Unknown = Literal["refuse", "fallback"]
"""What becomes of a user whom the bundle does not know."""

BATCH = 4096
"""Users whose lists are made at a time when all are asked for."""

FALLBACK = "popularity"
"""The source of lists for users without a usable history."""


@dataclass(frozen=True, eq=False)
class BundleBase:
    """The fields of a `Bundle`, and what it answers from them alone.

    Row i of the catalogue, of the model's items and of item features is the same item. Rows beyond
    `placed` are items that came later and that the model cannot score: they are in the catalogue
    and in histories, but in no list.

    Attributes:
        name: The row of the recipe that it was fitted as; the source of its lists.
        model: What scores.
        stages: Applied to the lists, in order.
        dataset: Catalogue (`items`, a line for each item row) and `users`; its events are empty.
        log: What users did, by row: their histories.
        fallback: What answers users without a usable history.
        placed: How many items the model can score.
        known_users: How many users the model was trained with; later ones are known by history.
        features: Vectors by name, of what the recipe made.
        depth: Length of the lists that stages are handed.
        about: What it was made from: recipe, data, versions. Plain JSON.
    """

    name: str
    model: Model
    dataset: Dataset
    log: Interactions
    fallback: Model
    placed: int
    known_users: int
    stages: tuple[Stage, ...] = ()
    features: Mapping[str, Feature] = field(default_factory=dict)
    depth: int = 100
    about: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        users, items = len(self.dataset.user_ids), len(self.dataset.item_ids)
        return (
            f"<Bundle {self.name} on {self.dataset.name}: {users:,} users, {items:,} items, "
            f"{len(self.log):,} events>"
        )

    def recommend(
        self,
        users: Iterable[str] | None = None,
        k: int = 10,
        *,
        history: Sequence[str] | None = None,
        where: Sequence[Rule | str] = (),
        hide: Hide = "all",
        unknown: Unknown = "refuse",
    ) -> Recommendations:
        """The best items for some users, for all, or for a history that is given by itself.

        Users without a usable history get the list of the fallback, and `source` says so.

        Args:
            users: Their ids; all users of the bundle if neither these nor a history are given.
            k: Length of the lists; shorter where fewer items may be shown.
            history: Ids of items, oldest first, of somebody who is not in the bundle.
            where: Conditions on item fields, all of which must hold ("price <= 20").
            hide: Which items of the history are kept out of the list.
            unknown: What becomes of users that the bundle does not know: an error that names the
                nearest id, or the list of the fallback, as for users without a history.

        Raises:
            UnknownId: for an item of the history that is not known, and for such a user unless
                `unknown` is "fallback".
            BadSetting: for a condition that cannot be read, or a k below 1.
        """
        if history is not None:
            if users is not None:
                raise BadSetting("give users or a history, not both")
            query, allow = self._anonymous(history), self.allowed(where)
            return self._table([self._lists(query, [""], k, allow, hide)])
        return self._table(list(self.batches(users, k, where=where, hide=hide, unknown=unknown)))

    def batches(
        self,
        users: Iterable[str] | None = None,
        k: int = 10,
        *,
        where: Sequence[Rule | str] = (),
        hide: Hide = "all",
        unknown: Unknown = "refuse",
    ) -> Iterator[pl.DataFrame]:
        """The same as tables of some thousand users at a time, so that a stream stays a stream."""
        ids = self.dataset.user_ids.ids if users is None else self._ids(users, unknown)
        allow = self.allowed(where)
        total = -(-len(ids) // BATCH)
        parts = (ids[first : first + BATCH] for first in range(0, len(ids), BATCH))
        for part in track(parts, f"lists of {self.name}", total=total):
            query = self._query(self.dataset.user_ids.rows(part))
            yield self._lists(query, part.to_list(), k, allow, hide)

    def explain(
        self, user: str, k: int = 10, *, where: Sequence[Rule | str] = (), hide: Hide = "all"
    ) -> list[str]:
        """Why each item is in a user's list, a line each: the history, and what stages moved."""
        return self.sentences(self.explanations(user, k, where=where, hide=hide))

    def explanations(
        self, user: str, k: int = 10, *, where: Sequence[Rule | str] = (), hide: Hide = "all"
    ) -> list[Explanation]:
        """The same as values."""
        query = self._query(np.array([self.dataset.user_ids.row(user)], np.int32))
        has_history = bool(query.history.lengths[0])
        model = self.model if has_history else self.fallback
        stages = self.stages if has_history else ()
        wide = max(k, self.depth) if stages else k
        ranking = self._rank(model, query, wide, self.allowed(where), hide, stages=())
        return explain(model, ranking, stages=stages, k=k)[0]

    def sentences(self, explanations: Sequence[Explanation]) -> list[str]:
        """Explanations of one list in words, a line each."""
        return tell(explanations, self.dataset)

    def reasons_json(self, explanations: Sequence[Explanation]) -> list[dict[str, Any]]:
        """Explanations of one list as parts, for machines."""
        ids, sentences = self.dataset.item_ids.ids, self.sentences(explanations)
        return [
            {
                "item_id": ids[one.item],
                "title": self.title(ids[one.item]),
                "rank": one.place,
                "score": one.score,
                "basis": one.basis,
                "because": [
                    {"item_id": ids[b.item], "behavior": b.behavior, "share": b.share}
                    for b in one.because
                ],
                "moves": [vars(move) for move in one.moves],
                "why": why,
            }
            for one, why in zip(explanations, sentences, strict=True)
        ]

    def counts(self) -> dict[str, int]:
        """How many users, items and events it knows."""
        users, items = self.log.shape
        return {"users": users, "items": items, "events": len(self.log)}

    def events_of(self, user: str) -> int:
        """How many events the history of a user holds."""
        row = self.dataset.user_ids.row(user)
        return int(self.histories.lengths[row])

    @cached_property
    def histories(self) -> Histories:
        """Every user's events, oldest first."""
        return Histories.of(self.log)

    def title(self, item_id: str) -> str:
        """The title of an item; "" where the catalogue has none."""
        return self.titles.get(item_id, "")

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Titles by item id."""
        return dict(self.dataset.items.select("item_id", "title").drop_nulls().iter_rows())

    def replace(self: B, **changes: Any) -> B:
        """The same with some fields changed."""
        return replace(self, **changes)

    def _ids(self, users: Iterable[str], unknown: Unknown) -> pl.Series:
        given = [users] if isinstance(users, str) else list(users)
        ids = pl.Series("user_id", given, dtype=pl.String)
        missing = self.dataset.user_ids.rows(ids) < 0
        if unknown == "refuse" and missing.any():
            self.dataset.user_ids.row(given[int(missing.argmax())])  # raises, with the nearest id
        return ids

    def _query(self, rows: Int[Array, " users"]) -> Query:
        """Users with their histories, asking one tick after their last event; -1 for unknown."""
        history = self._usable(self.histories.rows(rows))
        last = np.full(len(rows), self.log.time.max(initial=0))
        some = history.lengths > 0
        last[some] = history.time[history.start[1:][some] - 1]
        user = np.where(rows < self.known_users, rows, -1).astype(np.int32)
        return Query(user, history, last + 1)

    def _anonymous(self, history: Sequence[str]) -> Query:
        rows = self.dataset.item_ids.rows(list(history))
        if (rows < 0).any():
            unknown = history[int(np.argmax(rows < 0))]
            self.dataset.item_ids.row(unknown)  # raises, with the nearest id
        if not len(rows):
            raise UnknownId("the history is empty; give ids of items, oldest first")
        now = int(self.log.time.max(initial=0)) + 1
        behavior = self.usual_behavior
        log = Interactions.of(
            np.zeros(len(rows), np.int32),
            rows,
            self.usual_value,
            np.arange(len(rows)) + now,
            behavior=behavior,
            shape=(1, len(self.dataset.item_ids)),
            clock=self.log.clock,
        )
        history_ = self._usable(Histories.of(log))
        return Query(np.array([-1], np.int32), history_, np.array([now + len(rows)]))

    @cached_property
    def usual_behavior(self) -> str:
        """What an item of a bare history counts as: the strongest behaviour that is common.

        Common is what makes up a tenth of the log; a model may not know the others.
        """
        counts = np.bincount(self.log.behavior, minlength=len(BEHAVIORS))
        return BEHAVIORS[int(np.flatnonzero(counts * 10 >= max(counts.sum(), 1)).max(initial=0))]

    @cached_property
    def usual_value(self) -> float:
        """The value of an event in a bare history: the upper quartile of that behaviour's."""
        values = self.log.value[self.log.behavior == behavior_code(self.usual_behavior)]
        return float(np.quantile(values, 0.75, method="nearest")) if len(values) else 1.0

    def _usable(self, history: Histories) -> Histories:
        """The events with items that the model can read; later items are not among them."""
        fitting = replace(history, items=self.placed)
        known = history.item < self.placed
        return fitting if known.all() else fitting.only(known)

    def _lists(
        self,
        query: Query,
        ids: Sequence[str],
        k: int,
        allow: Bool[Array, " placed"] | None,
        hide: Hide,
    ) -> pl.DataFrame:
        """The lists of one batch, in the order of its users."""
        has_history = query.history.lengths > 0
        item = np.full((len(query), min(k, self.placed)), -1, np.int32)
        score = np.full(item.shape, -np.inf, np.float32)
        for model, rows in ((self.model, has_history), (self.fallback, ~has_history)):
            at = np.flatnonzero(rows)
            if len(at):
                stages = self.stages if model is self.model else ()
                some = query if rows.all() else query.rows(at)
                ranking = self._rank(model, some, k, allow, hide, stages=stages)
                item[at], score[at] = ranking.item, ranking.score
        row, place = np.nonzero(item >= 0)
        source = np.where(has_history, self.name, f"{FALLBACK} (no usable history)")
        return pl.DataFrame(
            {
                "user_id": pl.Series(ids, dtype=pl.String).gather(row),
                "item_id": self.dataset.item_ids.ids.gather(item[row, place]),
                "rank": place + 1,
                "score": score[row, place],
                "source": pl.Series(source.astype(str)).gather(row),
            },
            schema=SCHEMA,
        )

    def _rank(
        self,
        model: Model,
        query: Query,
        k: int,
        allow: Bool[Array, " placed"] | None,
        hide: Hide,
        *,
        stages: Sequence[Stage],
    ) -> Ranking:
        hidden = None
        if hide == "purchases":
            bought = query.history.behavior == behavior_code("purchase")
            hidden = query.history.only(bought)
        return recommend(
            model,
            query,
            min(k, self.placed),
            hide=hidden,
            hide_history=hide == "all",
            allow=allow,
            stages=stages,
            depth=self.depth,
        )

    def allowed(self, where: Sequence[Rule | str]) -> Bool[Array, " placed"] | None:
        """The items that fulfil the conditions; None without any."""
        return allowed(self.dataset, where)[: self.placed] if where else None

    def _table(self, parts: Sequence[pl.DataFrame]) -> Recommendations:
        table = pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)
        return Recommendations(table, self.titles)
