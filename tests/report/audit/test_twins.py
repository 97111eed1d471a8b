"""Which pairs of users are twins, and what they hold."""

import numpy as np
import polars as pl
import pytest
from planted_shop import examined, honest_shop, with_copies
from scipy import sparse

from recweave.data.dataset import Dataset
from recweave.report.audit import twins as audit_twins
from recweave.report.audit.twins import find_twins

TWINS = ["twin accounts"]


def matrix(rows):
    """Users by items, from each user's items."""
    pairs = [(user, item) for user, items in enumerate(rows) for item in items]
    user, item = np.array(pairs).T
    return sparse.csr_array((np.ones(len(pairs), np.float32), (user, item)), shape=(len(rows), 12))


def twins(train, held_out):
    """User, twin and whether the twin holds the user's target; of user 0 alone."""
    found = find_twins(matrix(train), matrix(held_out), np.array([0]))
    return list(zip(found.twin.tolist(), found.holds.tolist(), strict=True))


HELD = [[9], [0], [0], [0]]


def test_a_twin_has_nearly_the_same_items_and_perhaps_the_target():
    train = [[0, 1, 2, 3], [0, 1, 2, 3, 9], [0, 1, 2, 3], [4, 5, 6]]
    assert twins(train, HELD) == [(1, True), (2, False)]


def test_four_of_five_items_are_enough_and_three_of_five_are_not():
    assert twins([[0, 1, 2, 3, 4], [0, 1, 2, 3], [0, 1, 2], [7]], HELD) == [(1, False)]


def test_what_a_twin_has_beyond_counts_against_it_unless_it_is_the_target():
    train = [[0, 1, 2, 3], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 9], [7]]
    assert twins(train, HELD) == [(2, True)]


def test_an_item_that_is_held_out_and_in_train_too_is_no_secret():
    assert twins([[0, 1, 2, 9], [0, 1, 2, 9], [7], [8]], HELD) == [(1, False)]


def test_users_meet_by_their_two_rarest_items_and_a_crowd_leads_nowhere(monkeypatch):
    """Items 0 and 1 are of everybody: they alone make no twins, and they hide none."""
    monkeypatch.setattr(audit_twins, "CROWD", 3)
    train = [[0, 1, 2, 3], [0, 1, 2, 3, 9], [0, 1, 4], [0, 1, 5]]
    assert twins(train, HELD) == [(1, True)]
    assert twins([[0, 1], [0, 1, 9], [0, 1], [0, 1]], HELD) == []


@pytest.fixture(scope="module")
def shop():
    return honest_shop(people=1_000)


@pytest.mark.parametrize(("copies", "levels"), [(4, []), (8, ["note"]), (20, ["leak"])])
def test_how_sure_a_finding_is_goes_by_the_share_of_the_users(shop, copies, levels):
    """Real logs hold a few double accounts."""
    copied = with_copies(shop, [f"buyer-{n:03}" for n in range(copies)], target=True)
    assert [found.level for found in examined(copied, checks=TWINS).findings] == levels


@pytest.mark.parametrize(("later", "share"), [(0, 1), (7, 0)])
def test_copied_times_are_pointed_out(shop, later, share):
    copied = with_copies(shop, [f"buyer-{n:03}" for n in range(20)], target=True)
    shifted = pl.col("time") + later * pl.col("user_id").str.starts_with("copy-of-")
    copied = copied.replace(events=copied.events.with_columns(time=shifted))
    (leak,) = examined(copied, checks=TWINS).findings
    assert leak.evidence["same_times"] == pytest.approx(share, abs=0.1)


def log_of(histories):
    """A dataset of the items of each user, in this order."""
    events = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user, items in enumerate(histories) for _ in items],
            "item_id": [f"i{item}" for items in histories for item in items],
            "time": range(sum(len(items) for items in histories)),
        }
    )
    return Dataset("log", events=events)


def test_users_who_share_nearly_all_by_chance_are_clean():
    """Of seven items everybody buys six: hundreds of pairs are twins and hold the target."""
    rng = np.random.default_rng(0)
    log = log_of([rng.permutation(7)[:6] for _ in range(200)])
    assert examined(log, checks=TWINS).findings == []


def test_users_with_short_histories_or_nothing_held_out_are_not_searched():
    """Three have four different items in train, two have two; one event alone holds nothing out."""
    rng = np.random.default_rng(0)
    log = log_of([rng.permutation(40)[:n] for n in (6, 6, 6, 4, 4, 1)])
    (line,) = examined(log, checks=TWINS).checked
    assert line.startswith("3 users with held-out events")
