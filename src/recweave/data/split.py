"""A log cut into what a model may learn from and what it is judged by.

A splitter is a value (`LeaveLastOut(n=1)`) that gives every event a part. Whatever is fitted later
sees `Split.train` alone; equal times keep the order of the source, so a cut is the same each time.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl
from jaxtyping import Bool, Int
from pydantic import BeforeValidator, Field, SerializeAsAny

from recweave.core.arrays import Array, order_by
from recweave.core.choice import Choice, OneOf
from recweave.core.errors import BadInput, BadSetting
from recweave.core.registry import Registry
from recweave.core.tables import html_table
from recweave.data.interactions import Interactions, behavior_code, join
from recweave.data.positions import (
    count_from_end,
    number_within,
    seen_before,
    unsort,
)

BETWEEN, DROPPED, TRAIN, VALID, TEST = -2, -1, 0, 1, 2
PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}

Parts = Int[Array, " n"]
"""One code for each event. Nobody learns from BETWEEN, but it is known once test is asked."""
ReviewParts = Int[Array, " reviews"]
ImpressionParts = Int[Array, " impressions"]
"""One code for each row of these tables."""


@dataclass(frozen=True)
class Moments:
    """When validation (None: there is none) and test begin, in the clock of the log."""

    valid_from: int | None
    test_from: int


@dataclass(frozen=True)
class Split:
    """Three logs of one shape that share no event.

    Attributes:
        train: What models, statistics, vocabularies and texts are made from.
        valid: What settings are chosen by.
        test: What is reported.
        dropped: Events in none of the three (they come after a user's first held-out event).
        between: Those of them that come before the user's test events: nobody learns from them, as
            they would tell of validation, but they are history when test events are asked for.
        reviews: The part of every review of the dataset, in the order of its table (the rule is
            `parts.review_rule`); None where the split was not cut from a dataset.
        impressions: The same of impressions (`parts.impression_rule`, or the moments of the
            splitter where it has some).
        how: The splitter as JSON, for reports.
        part: The part of every event of the log, in its order; None where the three were not cut
            from one log.
        remark: What is to be known of the cut, such as that the log has no order; else empty.
    """

    train: Interactions
    valid: Interactions
    test: Interactions
    dropped: int = 0
    how: str = ""
    part: Parts | None = None
    between: Interactions | None = None
    reviews: ReviewParts | None = None
    impressions: ImpressionParts | None = None
    remark: str = ""

    def __repr__(self) -> str:
        counts = f"{len(self.train):,} / {len(self.valid):,} / {len(self.test):,}"
        return f"<Split {counts} events in train / valid / test>"

    def _repr_html_(self) -> str:
        parts = {name: getattr(self, name) for name in PARTS}
        table = {
            "part": list(parts),
            "events": [len(log) for log in parts.values()],
            "users": [len(np.unique(log.user)) for log in parts.values()],
            "items": [len(np.unique(log.item)) for log in parts.values()],
        }
        return html_table(pl.DataFrame(table), f"split {self.how}")

    @classmethod
    def whole(cls, log: Interactions) -> "Split":
        """Everything to learn from and nothing held out: for what goes live after an experiment."""
        return cls(log, log[:0], log[:0], how="whole", part=np.full(len(log), TRAIN, np.int8))

    @property
    def known(self) -> Interactions:
        """What a user has done before the test events; in the order of the log, where it is one."""
        parts = (self.train, self.valid, self.between)
        whole = join(*(part for part in parts if part is not None))
        if self.part is None:
            return whole
        # Events of the same time must stand as they did, or views would follow their purchase.
        rows = [np.flatnonzero(self.part == code) for code in (TRAIN, VALID, BETWEEN)]
        return whole[np.argsort(np.concatenate(rows), kind="stable")]


SPLITTERS: "Registry[type[Splitter]]" = Registry(
    "split",
    {
        "leave_last_out": "recweave.data.split:LeaveLastOut",
        "ratio_user": "recweave.data.split:RatioUser",
        "global_time": "recweave.data.split:GlobalTime",
        "random_warm": "recweave.data.split:RandomWarm",
        "users": "recweave.data.whole_users:WholeUsers",
        "k_fold": "recweave.data.k_fold:KFold",
        "cold_items": "recweave.data.cold_items:ColdItems",
        "given": "recweave.data.split:Given",
    },
    group="recweave.splits",
    subclass_of="recweave.data.split:Splitter",
)
"""The splitters by name."""


class Splitter(Choice, ABC):
    """How a log is cut. Random ones draw from `seed` alone."""

    registry: ClassVar[Registry[Any]] = SPLITTERS

    @abstractmethod
    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """The part of every event.

        Args:
            log: The whole log.
            published: The publisher's own cut (TRAIN, VALID, TEST; DROPPED where it says
                nothing), where there is one.
            seed: For random splitters.
        """

    @property
    def holds_out_last(self) -> bool:
        """Whether the order of a user's events says which are held out; the log must have one."""
        return False

    @property
    def folds(self) -> int:
        """How many times the log is cut, each time with another test part; 1 for most splitters."""
        return 1

    def fold(self, fold: int) -> "Splitter":
        """The splitter of one of its folds, from 0."""
        return self

    def moments(self, log: Interactions) -> "Moments | None":
        """When validation and test begin, where that is one moment for everybody; else None.

        Impressions are then cut by these moments, not by the events of what was clicked.

        Args:
            log: The whole log.
        """
        return None

    def cut(self, log: Interactions, *, published: Parts | None = None, seed: int = 0) -> Split:
        """The three parts of the log.

        Raises:
            BadSetting: if no event is left to learn from, or none to test on.
        """
        part = self.parts(log, published=published, seed=seed)
        how = self.model_dump_json()
        for code, name in ((TRAIN, "learn from"), (TEST, "test on")):
            if not (part == code).any():
                raise BadSetting(
                    f"the split {how} of {len(log):,} events leaves nothing to {name}; "
                    "hold out fewer events, or filter less"
                )
        return Split(
            train=log[part == TRAIN],
            valid=log[part == VALID],
            test=log[part == TEST],
            dropped=int((part < TRAIN).sum()),
            how=how,
            part=part,
            between=log[part == BETWEEN],
        )


AnySplitter = Annotated[SerializeAsAny[Splitter], BeforeValidator(OneOf(SPLITTERS))]
"""Any of the splitters in a recipe file, plug-ins included."""


class LeaveLastOut(Splitter):
    """Each user's last events for test, the ones before for validation.

    With `target`, only events of those behaviours are held out; what the user did after the first
    held-out event is not learned from, as it would tell the future, but what comes before the test
    events is history for these. With `fresh`, nobody has seen a held-out item before: the views and
    carts that led to a purchase would hide it from lists. Users with too few target events to leave
    `keep` in train stay in train whole.
    """

    kind: Literal["leave_last_out"] = "leave_last_out"
    n: int = Field(1, ge=1, description="events per user held out for test")
    valid: int = Field(1, ge=0, description="events per user held out for validation")
    keep: int = Field(1, ge=0, description="events per user that stay in train at least")
    target: tuple[str, ...] = Field((), description="behaviours that may be held out; all if empty")
    fresh: bool = Field(
        False, description="whether a user's other events with a held-out item are dropped"
    )

    @property
    def holds_out_last(self) -> bool:
        """See `Splitter.holds_out_last`."""
        return True

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`."""
        order = log.by_user()
        user = log.user[order]
        aimed = _is_target(log, self.target)[order]
        left = count_from_end(user, aimed)  # 1 for a user's last target event
        held_out = self.n + self.valid
        enough = np.bincount(user, weights=aimed, minlength=log.shape[0]) >= held_out + self.keep
        sorted_part = np.full(len(log), TRAIN, np.int8)
        out = aimed & enough[user]
        sorted_part[out & (left <= held_out)] = VALID
        sorted_part[out & (left <= self.n)] = TEST
        after = {part: seen_before(user, sorted_part == part) for part in (VALID, TEST)}
        if self.fresh:
            pair = user * log.shape[1] + log.item[order]
            after = {p: late | np.isin(pair, pair[sorted_part == p]) for p, late in after.items()}
        sorted_part[after[VALID] & (sorted_part == TRAIN)] = BETWEEN
        sorted_part[after[TEST] & (sorted_part <= TRAIN)] = DROPPED
        return unsort(sorted_part, order)


class RatioUser(Splitter):
    """A share of each user's events for test and for validation, at least one of each.

    With n events and shares t and v: max(1, ⌊t·n⌋) and max(1, ⌊v·n⌋), the rule of Multi-VAE and
    CLLM4Rec. A share of 0 holds nothing out. A user whose events would all be held
    out stays in train whole.
    """

    kind: Literal["ratio_user"] = "ratio_user"
    valid: float = Field(0.1, ge=0, lt=1, description="share of each user's events for validation")
    test: float = Field(0.1, gt=0, lt=1, description="share of each user's events for test")
    by: Literal["random", "time"] = Field("random", description="which events: random or the last")

    @property
    def holds_out_last(self) -> bool:
        """See `Splitter.holds_out_last`."""
        return self.by == "time"

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`."""
        if self.by == "time":
            order = log.by_user()
        else:
            order = np.random.default_rng(seed).permutation(len(log))
            order = order[order_by(log.user[order], log.shape[0])]
        user = log.user[order]
        count = log.user_counts()
        test = np.maximum(1, _floor(self.test * count))
        valid = np.maximum(1, _floor(self.valid * count)) if self.valid else np.zeros(len(count))
        enough = count > test + valid
        left = count_from_end(user, np.ones(len(log), bool))
        part = np.full(len(log), TRAIN, np.int8)
        part[enough[user] & (left <= (test + valid)[user])] = VALID
        part[enough[user] & (left <= test[user])] = TEST
        return unsort(part, order)


class GlobalTime(Splitter):
    """One moment for everybody: what comes later is held out, as in real life.

    The moments are given in seconds, or as shares of the events (the last `test` share, and the
    `valid` share before it). Events at the very moment belong to the later part.
    """

    kind: Literal["global_time"] = "global_time"
    valid: float = Field(0.1, ge=0, lt=1, description="share of the events for validation")
    test: float = Field(0.1, gt=0, lt=1, description="share of the events for test")
    valid_from: int | None = Field(None, description="seconds since 1970; instead of the share")
    test_from: int | None = Field(None, description="seconds since 1970; instead of the share")
    target: tuple[str, ...] = Field((), description="behaviours that are held out; all if empty")

    def moments(self, log: Interactions) -> Moments:
        """See `Splitter.moments`.

        Raises:
            BadSetting: if the log has no times, or validation would begin after test.
        """
        if log.clock != "seconds":
            raise BadSetting("a global_time split needs times; this log has only an order per user")
        ordered = np.sort(log.time)

        def moment(given: int | None, share: float) -> int:
            held_out = int(_floor(min(share, 1.0) * len(ordered)))
            return int(ordered[-max(1, held_out)]) if given is None else given

        test_from = moment(self.test_from, self.test)
        valid_from = moment(self.valid_from, self.valid + self.test)
        if self.valid_from is not None and valid_from >= test_from:
            raise BadSetting(
                f"validation would begin at {valid_from}, but test begins at {test_from}; "
                "give valid_from an earlier moment"
            )
        has_valid = bool(self.valid) or self.valid_from is not None
        return Moments(valid_from if has_valid else None, test_from)

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`."""
        moments = self.moments(log)
        part = np.full(len(log), TRAIN, np.int8)
        if moments.valid_from is not None:
            part[log.time >= moments.valid_from] = VALID
        part[log.time >= moments.test_from] = TEST
        aside = ~_is_target(log, self.target)
        part[aside & (part == VALID)] = BETWEEN
        part[aside & (part == TEST)] = DROPPED
        return part


class RandomWarm(Splitter):
    """Random events for test such that each user and item keeps some in train.

    In a random order, the first `keep` events of each user and of each item stay in train; of the
    rest, the first ones are held out until the shares are full. The shares may therefore come out
    smaller than asked where most users have few events.
    """

    kind: Literal["random_warm"] = "random_warm"
    valid: float = Field(0.0, ge=0, lt=1, description="share of all events for validation")
    test: float = Field(0.25, gt=0, lt=1, description="share of all events for test")
    keep: int = Field(2, ge=1, description="events that each user and item keeps; paper: 1")

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`."""
        order = np.random.default_rng(seed).permutation(len(log))
        users, items = number_within(log.user[order]), number_within(log.item[order])
        drawn = order[(users > self.keep) & (items > self.keep)]
        tests, valids = (int(_floor(s * len(log))) for s in (self.test, self.valid))
        part = np.full(len(log), TRAIN, np.int8)
        part[drawn[:tests]] = TEST
        part[drawn[tests : tests + valids]] = VALID
        return part


class Given(Splitter):
    """The publisher's own files. Where they hold no validation part, `valid` cuts it from train.

    All that was published as train is history when the test events are asked for.
    """

    kind: Literal["given"] = "given"
    valid: AnySplitter | None = Field(
        None, description="how validation is cut from train, if the publisher did not"
    )

    @property
    def holds_out_last(self) -> bool:
        """See `Splitter.holds_out_last`: as validation is cut."""
        return self.valid is not None and self.valid.holds_out_last

    def parts(self, log: Interactions, *, published: Parts | None, seed: int) -> Parts:
        """See `Splitter.parts`."""
        if published is None or (published == DROPPED).all():
            raise BadInput(
                "this dataset was not cut by its publisher (no 'part' column); "
                "choose another split, such as leave_last_out"
            )
        part = published.copy()
        if self.valid is not None and not (part == VALID).any():
            train = np.flatnonzero(part == TRAIN)
            inner = self.valid.parts(log[train], published=None, seed=seed)
            # The inner cut's test events serve as validation; it has no other use for its own.
            inner[inner == DROPPED] = BETWEEN
            part[train] = np.where(inner == TEST, VALID, inner)
        return part


def _is_target(log: Interactions, target: tuple[str, ...]) -> Bool[Array, " n"]:
    if not target:
        return np.ones(len(log), bool)
    return np.isin(log.behavior, [behavior_code(name) for name in target])


def _floor(product: Any) -> Any:
    """⌊share · count⌋ as on paper: .57 of 100 is 57, though the floats' product is below it."""
    return np.floor(product + 1e-9)
