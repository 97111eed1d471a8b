"""One call for lists: the model answers, and the fallback where the model knows nothing."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from recweave.bundle.base import BundleBase
from recweave.bundle.lists import SCHEMA
from recweave.core.arrays import Array
from recweave.core.errors import BadSetting, require_choice
from recweave.data.interactions import Histories, behavior_code
from recweave.models.base import DotProduct, Model
from recweave.models.query import Query
from recweave.rank.item_index import ItemIndex
from recweave.rank.ranking import Ranking, apply_stages
from recweave.rank.recommend import BATCH_BYTES, SEARCH_FROM, recommend
from recweave.rank.rules import Rule, read_rule

Hide = Literal["all", "purchases", "none"]
"""Items of a user's history that are hidden from lists."""

FALLBACK = "popularity (no usable history)"
"""The source of lists for users without a usable history."""

COMPARED = 10
"""Least length of a list that shows whether the model scores items differently."""


class ListMaker:
    """Makes the lists of one call; its batches of users share conditions and index.

    Args:
        bundle: With model, stages and histories.
        k: Length of the lists.
        where: Conditions on item fields, all of which must hold.
        hide: Items of the history that are hidden from the lists.

    Raises:
        BadSetting: for a condition that cannot be read, another word for `hide`, or a k below 1.
    """

    def __init__(
        self, bundle: BundleBase, k: int, where: Sequence[Rule | str] = (), hide: Hide = "all"
    ) -> None:
        self.items = len(bundle.dataset.item_ids)
        if k < 1:
            raise BadSetting(f"k is {k}; it must be 1 or more")
        require_choice("hide", hide, get_args(Hide))
        self.bundle, self.k, self.hide = bundle, min(k, self.items), hide
        self.where = [read_rule(rule) for rule in where]
        self.allow = bundle.allowed(self.where)

    def source(self, by_model: bool) -> str:
        """The source of a list, as in tables."""
        return self.bundle.name if by_model else FALLBACK

    def table(self, query: Query, ids: Sequence[str]) -> pl.DataFrame:
        """The lists of some users, in the order of the query; columns of `SCHEMA`."""
        item = np.full((len(query), self.k), -1, np.int32)
        score = np.full(item.shape, -np.inf, np.float32)
        source = [FALLBACK] * len(query)
        for rows, by_model, wide in self.rankings(query):
            ranking = apply_stages(wide, self.bundle.stages if by_model else ()).top(self.k)
            item[rows, : ranking.k], score[rows, : ranking.k] = ranking.item, ranking.score
            for row in rows.tolist():
                source[row] = self.source(by_model)
        row, position = np.nonzero(item >= 0)
        return pl.DataFrame(
            {
                "user_id": pl.Series(ids, dtype=pl.String).gather(row),
                "item_id": self.bundle.dataset.item_ids.ids.gather(item[row, position]),
                "rank": position + 1,
                "score": score[row, position],
                "source": pl.Series(source, dtype=pl.String).gather(row),
            },
            schema=SCHEMA,
        )

    def rankings(self, query: Query) -> Iterator[tuple[Int[Array, " rows"], bool, Ranking]]:
        """Lists before the stages: rows of the query, whether the model made them, and the lists.

        The model answers users with a usable history: one for which its scores differ.
        """
        usable = query.history.lengths > 0
        rows = np.flatnonzero(usable)
        if len(rows):
            ranking = self._rank(self.bundle.model, query if usable.all() else query.rows(rows))
            same = self._all_scores_equal(ranking)
            usable[rows[same]] = False
            if not same.all():
                wide = ranking.top(max(self.k, self.bundle.depth if self.bundle.stages else 0))
                yield rows[~same], True, wide.rows(np.flatnonzero(~same)) if same.any() else wide
        rest = np.flatnonzero(~usable)
        if len(rest):
            yield rest, False, self._rank(self.bundle.fallback, query.rows(rest))

    def note(self, query: Query, user: str, by_model: bool, found: int) -> str:
        """Why one list is empty or by the fallback; "" for other lists."""
        if not found:
            whom = f"user {user}" if user else "this history"
            return f"no item is left to show to {whom}: {self._why_empty(query)}"
        if by_model:
            return ""
        if not user:
            return "the model cannot use this history, so the list is what is popular"
        return f"user {user} has no usable history, so the list is what is popular"

    def _why_empty(self, query: Query) -> str:
        allow = np.ones(self.items, bool) if self.allow is None else self.allow
        fulfil = " and ".join(f"'{rule}'" for rule in self.where)
        if not allow.any():
            return f"none of the items ({self.items:,}) fulfils {fulfil}; loosen --where"
        hidden = self._hidden(query)
        if not np.delete(allow, [] if hidden is None else hidden.item).any():
            if np.count_nonzero(allow) == 1:
                items, them, verb = "the only item", "it", "fulfils"
            else:
                items, them, verb = f"all {np.count_nonzero(allow):,} items", "them", "fulfil"
            which = f"that {verb} {fulfil}" if fulfil else "of the catalogue"
            loosen = ", or loosen --where" if fulfil else ""
            return f"the history holds {items} {which}; show {them} again with --hide none{loosen}"
        labels = "; ".join(str(one["kind"]) for one in self.bundle.about.get("stages", ()))
        if self.bundle.stages and any(r.filled.any() for _, _, r in self.rankings(query)):
            return f"the stages of the row took out all of them ({labels})"
        return "the model scores none of the items that may be shown"

    def _rank(self, model: Model, query: Query) -> Ranking:
        """Lists as long as the stages take them, and as the comparison of scores needs."""
        wide = max(self.k, COMPARED, self.bundle.depth if self.bundle.stages else 0)
        search = model is self.bundle.model and len(query) >= SEARCH_FROM
        return recommend(
            model,
            query,
            min(wide, self.items),
            hide=self._hidden(query),
            hide_history=False,
            allow=self.allow,
            index=self._index if search else None,
        )

    @cached_property
    def _index(self) -> ItemIndex | None:
        model = self.bundle.model
        return ItemIndex.of(model.item, self.allow) if isinstance(model, DotProduct) else None

    def _hidden(self, query: Query) -> Histories | None:
        if self.hide == "none":
            return None
        if self.hide == "all":
            return query.history
        return query.history.only(query.history.behavior == behavior_code("purchase"))

    def _all_scores_equal(self, ranking: Ranking) -> Bool[Array, " users"]:
        """Whether the model gives a user the same score for all items, so it knows nothing of them.

        The lists say it for most users; the others' scores of the whole catalogue are looked at.
        """
        count = ranking.filled.sum(axis=1)
        first = ranking.score[:, 0]
        last = ranking.score[np.arange(len(count)), np.maximum(count, 1) - 1]
        found = (count > 0) & (first == last)
        rows = np.flatnonzero(found)
        size = max(1, BATCH_BYTES // (4 * self.items))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            scores = np.asarray(self.bundle.model.scores(ranking.query.rows(part)))
            hidden = np.isneginf(scores)
            least = np.where(hidden, np.inf, scores).min(axis=1)
            found[part] = least == scores.max(axis=1)
        return np.asarray(found)
