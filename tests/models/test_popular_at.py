import numpy as np
import pytest

from recweave.models.popular_at import HOUR, Occurrences, PopularAt, in_clock

ITEMS = 30
LOGICS = ["acc", "ptb", "ratio", "var"]


def made(logic, seed=0, *, fresh=None, n=600, bucket=HOUR):
    rng = np.random.default_rng(seed)
    shown_at = np.sort(rng.integers(0, 20 * HOUR, 3 * n))
    item = rng.zipf(1.5, 3 * n) % ITEMS
    clicked = rng.random(3 * n) < 0.3
    shown = Occurrences.of(item, shown_at)
    clicks = Occurrences.of(item[clicked], shown_at[clicked])
    return PopularAt(clicks, shown, ITEMS, logic, bucket, fresh)


def by_hand(popular, time):
    """Score of each item at a moment, from the definition."""
    begin = min(popular.clicks.time[0], popular.shown.time[0])
    closed = begin + (time - begin) // popular.bucket * popular.bucket
    buckets = max(0, (closed - begin) // popular.bucket)
    score = {}
    for item in range(ITEMS):
        clicks = popular.clicks.time[popular.clicks.item == item]
        shown = popular.shown.time[popular.shown.item == item]
        if popular.logic == "acc":
            value = (clicks < time).sum()
        elif popular.logic == "ptb":
            value = ((clicks >= closed - popular.bucket) & (clicks < closed)).sum()
        elif popular.logic == "ratio":
            value = (clicks < closed).sum() / ((shown < closed).sum() + popular.prior)
        else:
            number = (clicks - begin) // popular.bucket
            each = np.bincount(number[number < buckets], minlength=buckets)
            value = np.var(each) if buckets else 0
        first = min([*clicks, *shown], default=np.inf)
        if popular.fresh is not None and first < closed - popular.fresh:
            value = 0
        if value > 1e-12:
            score[item] = value
    return score


@pytest.mark.parametrize("logic", LOGICS)
@pytest.mark.parametrize("fresh", [None, 5 * HOUR])
def test_lists_are_those_of_the_definition(logic, fresh):
    popular = made(logic, fresh=fresh)
    times = np.random.default_rng(1).integers(-HOUR, 22 * HOUR, 60)
    listed = popular.top(times, 7)
    for time, row in zip(times, listed, strict=True):
        score = by_hand(popular, time)
        values = sorted(score.values(), reverse=True)[:7]
        found = [score.get(int(item), -1) for item in row[row >= 0]]
        assert found == pytest.approx(values)
        ties = [(-score[int(item)], int(item)) for item in row[row >= 0]]
        assert [round(a, 9) for a, _ in ties] == sorted(round(a, 9) for a, _ in ties)


@pytest.mark.parametrize("logic", LOGICS)
def test_what_comes_later_changes_nothing(logic):
    """No look-ahead: clicks at or after a moment may be anything."""
    popular = made(logic)
    times = np.arange(1, 19) * HOUR + 100
    for time in times:
        rng = np.random.default_rng(int(time))
        parts = {}
        for name in ("clicks", "shown"):
            part = getattr(popular, name)
            item = part.item.copy()
            late = part.time >= time
            item[late] = rng.integers(0, ITEMS, late.sum())
            parts[name] = Occurrences(item, part.time)
        other = PopularAt(parts["clicks"], parts["shown"], ITEMS, logic)
        before = times[times <= time]
        np.testing.assert_array_equal(other.top(before, 9), popular.top(before, 9))


def test_a_click_at_the_moment_is_not_known():
    clicks = Occurrences.of(np.array([3, 5]), np.array([10, 20]))
    popular = PopularAt(clicks, clicks, 9)
    assert popular.top(np.array([10, 11, 20, 21]), 2).tolist() == [
        [-1, -1],
        [3, -1],
        [3, -1],
        [3, 5],
    ]


def test_equally_popular_items_are_in_the_order_of_rows():
    clicks = Occurrences.of(np.array([8, 2, 5]), np.array([1, 2, 3]))
    popular = PopularAt(clicks, clicks, 9)
    assert popular.top(np.array([10]), 3).tolist() == [[2, 5, 8]]


def test_skipped_items_are_replaced_by_the_next(monkeypatch):
    monkeypatch.setattr("recweave.models.popular_at.EXTRA", 1)
    popular = made("acc")
    times = np.array([5 * HOUR, 9 * HOUR, 12 * HOUR])
    whole = popular.top(times, ITEMS)
    skip = (np.array([0, 0, 0, 0, 2]), np.array([*whole[0, :4], whole[2, 1]]))
    found = popular.first(times, 3, skip)
    assert found[0].tolist() == whole[0, 4:7].tolist()
    assert found[1].tolist() == whole[1, :3].tolist()
    assert found[2].tolist() == whole[2, [0, 2, 3]].tolist()


def test_moments_of_one_owner_skip_the_same():
    popular = made("ratio")
    times = np.array([5, 9, 12, 15]) * HOUR
    owner = np.array([7, 2, 7, 2])
    whole = popular.top(times, ITEMS)
    skip = np.array([7, 7, 2]), np.array([whole[0, 0], whole[2, 0], whole[1, 1]])
    found = popular.first(times, 3, skip, owner)
    for row, of in enumerate(owner):
        left = [item for item in whole[row] if (of, item) not in set(zip(*skip, strict=True))]
        assert found[row].tolist() == left[:3]


def test_lists_end_where_all_are_skipped():
    clicks = Occurrences.of(np.array([1, 2]), np.array([1, 2]))
    popular = PopularAt(clicks, clicks, 4)
    skip = (np.array([0, 0]), np.array([1, 2]))
    assert popular.first(np.array([9]), 2, skip).tolist() == [[-1, -1]]


def test_a_log_without_times_has_buckets_of_its_order():
    assert in_clock("order", np.arange(200), 1.0, 48.0) == (2, None)
    assert in_clock("seconds", np.arange(200), 0.5, 48.0) == (1800, 172_800)


def test_nothing_is_popular_without_clicks():
    nothing = Occurrences.of(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert PopularAt(nothing, nothing, 4).top(np.array([3]), 2).tolist() == [[-1, -1]]
