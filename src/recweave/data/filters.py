"""What is taken out of a log, or put into it, before it is split: values, applied in order.

Every filter keeps the order of the source. Only those that take out whole users or items (`KCore`,
`Sample`) touch the other tables: what has left is not in the catalogue that models rank.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl
from jaxtyping import Bool, Int
from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from recweave.core.arrays import Array, order_by
from recweave.core.choice import Choice, OneOf
from recweave.core.errors import BadInput, BadSetting
from recweave.core.lists import pair_keys
from recweave.core.registry import Registry
from recweave.core.value import Value
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions, behavior_code
from recweave.data.schema import BEHAVIORS


class Removed(Value):
    """What one filter took out, for reports.

    Attributes:
        filter: The filter as JSON.
        events: Events taken out; below 0 where some were put in.
        left: Events that stayed.
        users, items: Users and items that had events before and have none now.
        user_ids: Users that were in the dataset before and are not in it now; not for reports.
    """

    filter: str
    events: int
    left: int
    users: int
    items: int
    user_ids: tuple[str, ...] = Field((), exclude=True, repr=False)

    def label(self) -> str:
        """The filter for people.

        >>> by = '{"kind":"k_core","users":3}'
        >>> Removed(filter=by, events=1, left=2, users=0, items=0).label()
        'k_core (users = 3)'
        """
        settings = json.loads(self.filter)
        kind = settings.pop("kind")
        shown = ", ".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
        return f"{kind} ({shown})" if shown else str(kind)


_MOST_TRIES = 1 << 20  # pairs that the noise filter draws at the most, if they are few

FILTERS: "Registry[type[Filter]]" = Registry(
    "filter",
    {
        "k_core": "recweave.data.filters:KCore",
        "min_rating": "recweave.data.filters:MinRating",
        "behaviors": "recweave.data.filters:Behaviors",
        "time_window": "recweave.data.filters:TimeWindow",
        "deduplicate": "recweave.data.filters:Deduplicate",
        "drop_ids": "recweave.data.drop:DropIds",
        "drop_value_below": "recweave.data.drop:DropValueBelow",
        "sample": "recweave.data.filters:Sample",
        "noise": "recweave.data.filters:Noise",
    },
    group="recweave.filters",
    subclass_of="recweave.data.filters:Filter",
)
"""The filters by name."""


class Filter(Choice, ABC):
    """How a log is made smaller."""

    registry: ClassVar[Registry[Any]] = FILTERS

    @abstractmethod
    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """Whether each event stays.

        Raises:
            BadSetting: if the log lacks what the filter looks at.
        """

    def apply(self, dataset: Dataset) -> Dataset:
        """The dataset without the events that do not stay.

        Raises:
            BadSetting: if none would stay.
        """
        return self._without(dataset, self._kept(dataset))

    def _without(self, dataset: Dataset, keep: Bool[Array, " events"]) -> Dataset:
        return dataset.replace(events=dataset.events.filter(keep))

    def _kept(self, dataset: Dataset) -> Bool[Array, " events"]:
        before = len(dataset.events)
        if not before:
            raise BadInput(f"{dataset.name}: there are no events to filter")
        keep = self.keeps(dataset)
        if not keep.any():
            raise BadSetting(
                f"the filter {self.model_dump_json()} leaves none of the {before:,} events of "
                f"{dataset.name}; ask for less"
            )
        return keep


class KCore(Filter):
    """Users with at least `users` events and items with at least `items`, of those that stay.

    Users and items with fewer are taken out in turn until none is left to take, which gives the one
    largest such log. Events are counted: de-duplicate first where pairs are meant. What leaves
    the log leaves every other table with it, so that a catalogue item without events goes too
    (unless `items` is 0). O(events) a round; real logs take some ten rounds.
    """

    kind: Literal["k_core"] = "k_core"
    users: int = Field(5, ge=0, description="events that each user has at least")
    items: int = Field(5, ge=0, description="events that each item has at least")

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`."""
        log = dataset.interactions()
        left = np.arange(len(log))
        while len(left):
            user, item = log.user[left], log.item[left]
            stays = np.bincount(user, minlength=log.shape[0])[user] >= self.users
            stays &= np.bincount(item, minlength=log.shape[1])[item] >= self.items
            if stays.all():
                break
            left = left[stays]
        keep = np.zeros(len(log), bool)
        keep[left] = True
        return keep

    def _without(self, dataset: Dataset, keep: Bool[Array, " events"]) -> Dataset:
        smaller = super()._without(dataset, keep)
        least = {"user_id": self.users, "item_id": self.items}
        return _only(smaller, *(column for column, events in least.items() if events))


class MinRating(Filter):
    """Ratings of at least `value`, on the scale of the source; other behaviours stay."""

    kind: Literal["min_rating"] = "min_rating"
    value: float = Field(description="the lowest rating that stays")

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`."""
        return _mask(dataset, (pl.col("behavior") != "rating") | (pl.col("value") >= self.value))


class Behaviors(Filter):
    """Events of these behaviours."""

    kind: Literal["behaviors"] = "behaviors"
    names: tuple[str, ...] = Field(min_length=1, description="the behaviours that stay")

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`."""
        for name in self.names:
            behavior_code(name)
        return _mask(dataset, pl.col("behavior").cast(pl.String).is_in(self.names))


def _seconds(moment: Any) -> Any:
    """A day, a date with time (UTC, unless it says otherwise) or their ISO text as seconds."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if isinstance(moment, date):
        return int(datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp())
    return moment


Moment = Annotated[int, BeforeValidator(_seconds)]


class TimeWindow(Filter):
    """Events from `start` on and before `end`, each in seconds since 1970 or as an ISO date."""

    kind: Literal["time_window"] = "time_window"
    start: Moment | None = Field(None, description="the first moment that stays; open without")
    end: Moment | None = Field(None, description="the first moment that goes; open without")

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "TimeWindow":
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"the window begins at {self.start} and ends at {self.end}")
        return self

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`."""
        if dataset.clock != "seconds":
            raise BadSetting(f"a time_window needs times; {dataset.name} has only an order")
        keep = pl.lit(True)
        if self.start is not None:
            keep &= pl.col("time") >= self.start
        if self.end is not None:
            keep &= pl.col("time") < self.end
        return _mask(dataset, keep)


class Deduplicate(Filter):
    """One event for each user and item, or for each user, item and behaviour.

    The first or the last in time stays (equal times: in the order of the source), or the one of the
    largest value (equal values: the last in time). It keeps its place.
    """

    kind: Literal["deduplicate"] = "deduplicate"
    keep: Literal["first", "last", "max"] = Field("last", description="which event stays")
    by: Literal["pair", "behavior"] = Field(
        "pair", description="pair: user and item; behavior: user, item and behaviour"
    )

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`."""
        log = dataset.interactions()
        order = np.argsort(log.time, kind="stable")
        if self.keep == "max":
            order = order[np.argsort(log.value[order], kind="stable")]
        columns = [(log.user, log.shape[0]), (log.item, log.shape[1])]
        if self.by == "behavior":
            columns.append((log.behavior, len(BEHAVIORS)))
        ends = np.zeros(len(log), bool)
        ends[-1] = True
        for column, size in columns:  # stable sorts, so that in the end all columns are in order
            order = order[order_by(column[order], size)]
        for column, _ in columns:
            ends[:-1] |= np.diff(column[order]) != 0
        if self.keep == "first":
            ends = np.roll(ends, 1)  # a group begins where the one before it ends
        keep = np.zeros(len(log), bool)
        keep[order[ends]] = True
        return keep


class Sample(Filter):
    """Some of the users, drawn at random, with all of their events. Items stay as they are."""

    kind: Literal["sample"] = "sample"
    users: int = Field(gt=0, description="how many users stay; all, where there are fewer")
    seed: int = Field(0, ge=0, description="another seed draws others")

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`."""
        log = dataset.interactions()
        active = np.flatnonzero(log.user_counts())
        size = min(self.users, len(active))
        stays = np.zeros(log.shape[0], bool)
        stays[np.random.default_rng(self.seed).choice(active, size, replace=False)] = True
        return np.asarray(stays[log.user])

    def _without(self, dataset: Dataset, keep: Bool[Array, " events"]) -> Dataset:
        return _only(super()._without(dataset, keep), "user_id")


class Noise(Filter):
    """Adds events of users with random items that they never had to do with; the rest stays.

    An event of the user's is taken at random, so that busy users get more, and copied at its moment
    with another item. Of a log that its publisher cut, training events alone are copied, and they
    come to training. What is added is counted as removed, below 0.
    """

    kind: Literal["noise"] = "noise"
    share: float = Field(gt=0, description="events that are added, as a share of the behaviour's")
    behavior: str = Field("view", description="behaviour of the events that are added")
    seed: int = Field(0, ge=0, description="another seed draws others")

    def keeps(self, dataset: Dataset) -> Bool[Array, " events"]:
        """See `Filter.keeps`: all."""
        return np.ones(len(dataset.events), bool)

    def apply(self, dataset: Dataset) -> Dataset:
        """The dataset with more events.

        Raises:
            BadSetting: if there are no events of the behaviour, or too few pairs are free.
        """
        code, log = behavior_code(self.behavior), dataset.interactions()
        open_ = np.ones(len(log), bool)
        if dataset.events["part"].count():
            open_ = (dataset.events["part"] == "train").fill_null(False).to_numpy()
        count = round(self.share * np.count_nonzero(open_ & (log.behavior == code)))
        if not count:
            there = ", ".join(dataset.events["behavior"].unique().sort())
            raise BadSetting(
                f"{dataset.name} has no '{self.behavior}' events to add noise to, or too few; give "
                f"the behavior ({there}) or a larger share"
            )
        row, item = self._pairs(log, np.flatnonzero(open_), count, dataset.name)
        added = dataset.events[row].with_columns(
            dataset.item_ids.ids[item].alias("item_id"),
            behavior=pl.lit(self.behavior, dataset.events.schema["behavior"]),
            value=pl.lit(1.0, pl.Float32),
        )
        return dataset.replace(events=pl.concat([dataset.events, added]))

    def _pairs(
        self, log: Interactions, rows: Int[Array, " open"], count: int, name: str
    ) -> tuple[Int[Array, " wanted"], Int[Array, " wanted"]]:
        """Events to copy, and the items that they get: of pairs that never met, each once."""
        rng = np.random.default_rng(self.seed)
        taken = np.unique(pair_keys(log.user, log.item, log.shape[1]))
        row, item = np.empty(0, np.int64), np.empty(0, np.int64)
        size = 2 * count
        while len(row) < max(64 * count, _MOST_TRIES):
            row = np.concatenate([row, rng.choice(rows, size)])
            item = np.concatenate([item, rng.integers(0, log.shape[1], size)])
            _, first = np.unique(pairs := pair_keys(log.user[row], item, log.shape[1]), True)
            free = np.sort(first[~np.isin(pairs[first], taken)])[:count]
            if len(free) == count:
                return row[free], item[free]
            size = len(row)  # a dense log: try as often again
        raise BadSetting(
            f"{name} has no room for {count:,} more pairs of user and item; ask for a smaller share"
        )


AnyFilter = Annotated[SerializeAsAny[Filter], BeforeValidator(OneOf(FILTERS))]
"""Any of the filters in a recipe file, plug-ins included."""


def apply_all(dataset: Dataset, filters: Sequence[Filter]) -> tuple[Dataset, list[Removed]]:
    """The filters one after the other, and what each took out."""
    removed = []
    for one in filters:
        smaller = one.apply(dataset)
        removed.append(
            Removed(
                filter=one.model_dump_json(),
                events=len(dataset.events) - len(smaller.events),
                left=len(smaller.events),
                users=_active(dataset, "user_id") - _active(smaller, "user_id"),
                items=_active(dataset, "item_id") - _active(smaller, "item_id"),
                user_ids=tuple(_users(dataset).join(_users(smaller), "user_id", "anti")["user_id"]),
            )
        )
        dataset = smaller
    return dataset, removed


def _active(dataset: Dataset, column: str) -> int:
    return dataset.events[column].n_unique()


def _users(dataset: Dataset) -> pl.DataFrame:
    """Every user of the dataset, once, in the order of their ids."""
    tables = (dataset.users, dataset.events, dataset.impressions)
    listed = [table.select("user_id") for table in tables if "user_id" in table.columns]
    return pl.concat(listed).unique().sort("user_id")


def _mask(dataset: Dataset, keep: pl.Expr) -> Bool[Array, " events"]:
    size = len(dataset.events)
    found = dataset.events.select(keep.alias("keep")).to_series().to_numpy()
    return np.asarray(np.broadcast_to(found, (size,)))


def _only(dataset: Dataset, *columns: str) -> Dataset:
    """The dataset with the rows alone that are about users or items with events, in every table."""
    active = {column: dataset.events.select(column).unique() for column in columns}
    tables = {}
    for name, table in dataset.tables():
        if name != "events":
            for column in active.keys() & set(table.columns):
                table = table.join(active[column], column, "semi", maintain_order="left")
            tables[name] = table
    return dataset.replace(**tables)
