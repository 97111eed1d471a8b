"""A log whose order means nothing is told before its last events are held out."""

import random

import polars as pl
import pytest

from recweave.data.dataset import Dataset
from recweave.data.describe import describe
from recweave.data.split import Given, GlobalTime, LeaveLastOut, RandomWarm, RatioUser

SORTED = "the file is sorted by item: within users the item ids ascend"
UNTIMED = "the log has no times, so the order of the file"
RECIPE = 'write `split = { kind = "ratio_user" }`'


def pairs(seed=5):
    """40 users of 12 items each, of two tastes; sorted by user and item."""
    rng = random.Random(seed)
    return sorted(
        (u, i) for u in range(40) for i in rng.sample([i for i in range(120) if i % 2 == u % 2], 12)
    )


def dataset(rows, **columns):
    users, items = [f"u{u}" for u, _ in rows], [f"{i}" for _, i in rows]
    return Dataset("log", events=pl.DataFrame({"user_id": users, "item_id": items} | columns))


def shuffled():
    rows = pairs()
    random.Random(1).shuffle(rows)
    return rows


@pytest.mark.parametrize("how", [LeaveLastOut(), RatioUser(by="time")])
def test_a_log_without_times_warns_and_loudly_where_it_is_sorted_by_item(caplog, how):
    split = dataset(shuffled()).split(how)
    assert UNTIMED in split.remark and RECIPE in split.remark and SORTED not in split.remark
    assert caplog.messages == [f"warning: log: {split.remark}"]
    split = dataset(pairs()).split(how)
    assert UNTIMED in split.remark and SORTED in split.remark and RECIPE in split.remark
    assert split.remark in caplog.messages[1]
    assert "item ids descend" in dataset(pairs()[::-1]).split(how).remark


def test_numbers_ascend_as_numbers_and_text_as_text(caplog):
    rows = [(u, i) for u in range(10) for i in (2, 9, 10, 11, 100)]  # as text, 10 is before 2
    assert SORTED in dataset(rows).split(LeaveLastOut()).remark
    codes = [(u, f"{i:04}x") for u in range(10) for i in (2, 9, 10, 11, 100)]
    assert SORTED in dataset(codes).split(LeaveLastOut()).remark


def test_equal_times_warn_where_they_decide_what_is_last(caplog):
    day = [86_400 * 20_000] * 480
    assert SORTED in dataset(pairs(), time=day).split(LeaveLastOut()).remark
    remark = dataset(shuffled(), time=day).split(LeaveLastOut()).remark
    assert "for 100% of the users the last two events have the same time" in remark
    assert SORTED not in remark and RECIPE in remark
    fine = dataset(pairs(), time=random.Random(0).sample(range(10**6), 480))
    assert not fine.split(LeaveLastOut()).remark
    some = [n if n % 12 < 10 or n // 12 % 5 else n - n % 2 for n in range(480)]  # a fifth of them
    assert not dataset(shuffled(), time=some).split(LeaveLastOut()).remark


@pytest.mark.parametrize("how", [RatioUser(), RandomWarm(keep=1)])
def test_random_splits_need_no_order(caplog, how):
    assert not dataset(pairs()).split(how).remark
    assert not caplog.text


def test_a_moment_for_everybody_and_a_cut_of_the_publisher_need_none_either(caplog):
    assert not dataset(pairs(), time=list(range(480))).split(GlobalTime()).remark
    cut = dataset(pairs(), part=["test" if n % 12 > 9 else "train" for n in range(480)])
    assert not cut.split(Given()).remark
    assert SORTED in cut.split(Given(valid=LeaveLastOut(valid=0))).remark
    assert not describe(cut).remarks


def test_an_order_that_the_source_states_is_believed_unless_it_is_that_of_the_items():
    rows = shuffled()
    assert not dataset(rows, order=list(range(480))).split(LeaveLastOut()).remark
    assert SORTED in dataset(pairs(), order=list(range(480))).split(LeaveLastOut()).remark


def test_describe_says_it_too():
    text = str(describe(dataset(pairs())))
    assert SORTED in text and RECIPE in text
    timed = dataset(pairs(), time=list(range(10**9, 10**9 + 480)))
    assert "note" not in str(describe(timed))


def test_too_few_steps_say_nothing_of_sorting():
    remark = dataset([(u, i) for u in range(2) for i in range(8)]).split(LeaveLastOut()).remark
    assert UNTIMED in remark and SORTED not in remark
