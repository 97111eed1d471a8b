"""Does the order of a log mean anything? Splits that hold out the last events rest on it."""

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.data.interactions import Interactions

SORTED = 0.9
"""Share of the steps between a user's items that go the same way, from which a log is sorted."""

STEPS = 30
"""Steps that it takes to say so."""

UNDECIDED = 0.2
"""Share of users whose last two events may have one time in a file that is sorted by item."""

_ADVICE = 'to hold out random events instead, write `split = { kind = "ratio_user" }` in the recipe'


def order_remark(log: Interactions, item_ids: pl.Series, *, declared: bool = False) -> str:
    """What is to be known before the last events of each user are held out; empty if all is well.

    Args:
        log: The events. Without times, and among equal ones, the order of the source counts.
        item_ids: The id of each row of items.
        declared: Whether the source itself says in which order events without times happened.
    """
    order = log.by_user()
    user, time, rank = log.user[order], log.time[order], _ranks(item_ids)[log.item[order]]
    steps = user[1:] == user[:-1]
    if log.clock == "seconds":
        steps &= time[1:] == time[:-1]
    way = _one_way(steps, rank)
    if log.clock == "order":
        if declared and not way:
            return ""
        lead = "the log has no times, so the order of the file says which events are a user's last"
    else:
        share = _undecided(user, steps)
        if share <= (UNDECIDED if way else 0.5):
            return ""
        lead = (
            f"for {share:.0%} of the users the last two events have the same time, so the order of "
            "the file says which is the last"
        )
    if not way:
        return f"{lead}; if that is not the order in which they happened, {_ADVICE}"
    return (
        f"{lead}, and the file is sorted by item: within users the item ids {way}. Held-out items "
        "are then those at one end of the ids, and no figure on them means anything. Give the "
        f"events their times, or {_ADVICE}"
    )


def has_order(log: Interactions, item_ids: pl.Series, *, declared: bool = False) -> bool:
    """Whether a user's last events are the last that happened, as far as the log can tell.

    Not so without times or an order that the source declares, nor in a file that is sorted by item
    where the last two events of more than a fifth of the users have one time.

    Args:
        log, item_ids, declared: See `order_remark`.
    """
    if log.clock == "order" and not declared:
        return False
    order = log.by_user()
    user, time, rank = log.user[order], log.time[order], _ranks(item_ids)[log.item[order]]
    steps = user[1:] == user[:-1]
    if log.clock == "seconds":
        steps &= time[1:] == time[:-1]
        if _undecided(user, steps) <= UNDECIDED:
            return True
    return not _one_way(steps, rank)


def _ranks(ids: pl.Series) -> Int[Array, " items"]:
    """The position of each id in their order: as numbers if all are, else as text."""
    numbers = ids.cast(pl.Float64, strict=False)
    ordered = ids if numbers.null_count() else numbers
    return np.asarray(ordered.rank("ordinal").cast(pl.Int64).to_numpy())


def _one_way(steps: Bool[Array, " n"], rank: Int[Array, " n_and_one"]) -> str:
    """`ascend` or `descend`, where nearly all steps between different items do."""
    rises = np.diff(rank)[steps]
    rises = rises[rises != 0]
    if len(rises) < STEPS:
        return ""
    up = float((rises > 0).mean())
    return "ascend" if up >= SORTED else "descend" if up <= 1 - SORTED else ""


def _undecided(user: Int[Array, " n_and_one"], steps: Bool[Array, " n"]) -> float:
    """Share of the users with two events or more whose last two have the same time."""
    last = np.ones(len(user), bool)
    last[:-1] = user[1:] != user[:-1]
    several = last[1:] & (user[1:] == user[:-1])
    return float(steps[several].mean()) if several.any() else 0.0
