"""A trained model that recommends by itself: saved, loaded, extended, with lists and reasons."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import polars as pl

from recweave.bundle.answer import Hide, ListMaker
from recweave.bundle.base import BundleBase
from recweave.bundle.explained import ListExplanation
from recweave.bundle.ids import text_ids
from recweave.bundle.lists import SCHEMA, Recommendations
from recweave.bundle.query import query_of_history, query_of_users
from recweave.bundle.saved import load_bundle, save_bundle
from recweave.bundle.similar import similar
from recweave.bundle.update import with_events, with_items
from recweave.core.errors import BadSetting, require_choice
from recweave.core.progress import track
from recweave.encode.features import Feature
from recweave.models.query import Query
from recweave.rank.explain import explain
from recweave.rank.rules import Rule

if TYPE_CHECKING:
    from recweave.bundle.search import WordEncoder

Unknown = Literal["refuse", "fallback"]
"""The result for a user whom the bundle does not know: an error, or the list of the fallback."""

BATCH = 4096
"""Users of a batch of lists."""
CELLS = 2**22
"""Positions of lists of a batch, at most; for long lists."""
MOST_EXPLAINED = 1_000
"""Items of a list that are explained."""


@dataclass(frozen=True, eq=False, repr=False)
class Bundle(BundleBase):
    """A trained model with its ids, catalogue, histories and stages; it needs no raw data.

    The fields are those of `BundleBase`.
    """

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

        Users without a usable history get the list of the fallback, and `source` says so. A history
        is usable if the model gives different scores for it.

        Args:
            users: Their ids; all users of the bundle if neither these nor a history are given.
            k: Length of the lists; shorter where fewer items may be shown.
            history: Ids of items, oldest first, of somebody who is not in the bundle.
            where: Conditions on item fields, all of which must hold ("price <= 20").
            hide: Items of the history that are hidden from the list.
            unknown: For users that the bundle does not know: an error that names the nearest id, or
                the list of the fallback, as for users without a history.

        Returns:
            The lists; for one user or a history, `note` says why a list is the fallback's or empty.

        Raises:
            UnknownId: for an item of the history that is not known, and for such a user unless
                `unknown` is "fallback".
            BadSetting: for an id that is not text, a condition that cannot be read, another word
                than those listed for `hide` or `unknown`, or a k below 1.
        """
        require_choice("unknown", unknown, get_args(Unknown))
        if history is not None:
            if users is not None:
                raise BadSetting("give users or a history, not both")
            return self._one(query_of_history(self, history), "", k, where, hide)
        ids = None if users is None else self._ids(users, unknown)
        if ids is not None and len(ids) == 1:
            query = query_of_users(self, self.dataset.user_ids.rows(ids))
            return self._one(query, ids[0], k, where, hide)
        parts = list(self.batches(ids, k, where=where, hide=hide, unknown="fallback"))
        table = pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)
        return Recommendations(table, self.titles)

    def batches(
        self,
        users: Iterable[str] | None = None,
        k: int = 10,
        *,
        where: Sequence[Rule | str] = (),
        hide: Hide = "all",
        unknown: Unknown = "refuse",
    ) -> Iterator[pl.DataFrame]:
        """The same as a stream of tables, of at most 4,096 users each."""
        require_choice("unknown", unknown, get_args(Unknown))
        ids = self.dataset.user_ids.ids if users is None else self._ids(users, unknown)
        maker = ListMaker(self, k, where, hide)
        size = max(1, min(BATCH, CELLS // maker.k))
        total = -(-len(ids) // size)
        parts = (ids[first : first + size] for first in range(0, len(ids), size))
        for part in track(parts, f"lists of {self.name}", total=total):
            query = query_of_users(self, self.dataset.user_ids.rows(part))
            yield maker.table(query, part.to_list())

    def explain(
        self, user: str, k: int = 10, *, where: Sequence[Rule | str] = (), hide: Hide = "all"
    ) -> list[str]:
        """Why each item is in a user's list, a line each: the history, and what stages moved."""
        return self.explanations(user, k, where=where, hide=hide).sentences()

    def explanations(
        self, user: str, k: int = 10, *, where: Sequence[Rule | str] = (), hide: Hide = "all"
    ) -> ListExplanation:
        """The same as values: the parts of each reason, and a note where there is something to say.

        Raises:
            UnknownId: for a user that the bundle does not know.
            BadSetting: for an id that is not text, a condition that cannot be read, another word
                than those listed for `hide`, or a k below 1 or above 1,000.
        """
        if k > MOST_EXPLAINED:
            raise BadSetting(f"k is {k:,}; at most {MOST_EXPLAINED:,} items are explained")
        maker = ListMaker(self, k, where, hide)
        query = query_of_users(self, np.array([self.user_row(user)], np.int32))
        ((_, by_model, ranking),) = maker.rankings(query)
        model, stages = (self.model, self.stages) if by_model else (self.fallback, ())
        items = explain(model, ranking, stages=stages, k=maker.k)[0]
        source = maker.source(by_model)
        note = maker.note(query, user, by_model, len(items))
        return ListExplanation(user, source, by_model, tuple(items), note, self.dataset)

    def save(self, folder: Path | str) -> None:
        """Write a folder that `Bundle.load` reads, on this or another machine.

        Raises:
            BadArtifact: if something else has the name.
            BadSetting: if the model or a stage is of a class that no registry lists.
        """
        save_bundle(self, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> "Bundle":
        """Read what `save` wrote. No raw data is needed and no code of the folder is run.

        Raises:
            BadArtifact: naming the file, if one is missing or damaged.
        """
        return load_bundle(Path(folder), cls)

    def with_events(self, events: Any) -> "Bundle":
        """With more events, of known users or new ones; see `bundle.update`."""
        return with_events(self, events)

    def with_items(self, items: Any, features: Mapping[str, Feature] | None = None) -> "Bundle":
        """With more items in the catalogue, placed by their features; see `bundle.update`."""
        return with_items(self, items, features)

    def similar(
        self, item: str, k: int = 10, *, by: str = "behaviour", where: Sequence[Rule | str] = ()
    ) -> Recommendations:
        """Items like one item; see `bundle.similar`."""
        return similar(self, [item], k, by=by, where=where)

    def search(
        self,
        words: str,
        k: int = 10,
        *,
        by: str = "text",
        encoder: "WordEncoder | None" = None,
        where: Sequence[Rule | str] = (),
    ) -> Recommendations:
        """Items whose texts or pictures fit some words; see `bundle.search`."""
        from recweave.bundle.search import search  # lists need no encoders

        return search(self, words, k, by=by, encoder=encoder, where=where)

    def _ids(self, users: Iterable[str], unknown: Unknown) -> pl.Series:
        ids = text_ids("user", users)
        if unknown == "refuse":
            missing = self.dataset.user_ids.rows(ids) < 0
            if missing.any():
                self.user_row(ids[int(missing.argmax())])  # raises
        return ids

    def _one(
        self, query: Query, user: str, k: int, where: Sequence[Rule | str], hide: Hide
    ) -> Recommendations:
        """One list, with a note where it needs one."""
        maker = ListMaker(self, k, where, hide)
        table = maker.table(query, [user])
        by_model = not len(table) or table["source"][0] == self.name
        return Recommendations(table, self.titles, maker.note(query, user, by_model, len(table)))
