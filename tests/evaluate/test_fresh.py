from dataclasses import replace

import numpy as np
from made_impressions import shown

from recweave.core.lists import pair_keys
from recweave.evaluate.fresh import NEVER, FirstShown

HOUR = 3600
LOG = [
    (0, 1 * HOUR, [3, 1], [1]),
    (1, 2 * HOUR, [1, 5], [5]),
    (0, 9 * HOUR, [1, 7], [7]),
]


def pools(impressions, first, hours):
    return [sorted(row[row >= 0].tolist()) for row in first.pool(impressions, hours)]


def test_the_first_time_is_that_of_the_first_impression_in_any_order():
    whole = shown(LOG)
    first = FirstShown.of(whole[np.array([2, 0, 1])])
    expected = np.full(9, NEVER)
    expected[[3, 1, 5, 7]] = [HOUR, HOUR, 2 * HOUR, 9 * HOUR]
    np.testing.assert_array_equal(first.time, expected)


def test_a_pool_has_what_is_fresh_at_that_moment_and_what_is_shown():
    whole = shown(LOG)
    first = FirstShown.of(whole)
    # Item 1 is shown at nine although it is old; item 5 is just not fresh any more after seven.
    assert pools(whole, first, 7.0) == [[1, 3], [1, 3, 5], [1, 7]]
    assert pools(whole, first, 7.5) == [[1, 3], [1, 3, 5], [1, 5, 7]]


def test_what_is_shown_later_is_in_no_pool():
    whole = shown(LOG)
    later = shown([*LOG, (1, 9 * HOUR + 1, [8, 6], [8])])
    assert pools(whole, FirstShown.of(later), 48) == pools(whole, FirstShown.of(whole), 48)


def test_without_times_all_shown_items_are_the_pool():
    whole = replace(shown(LOG), clock="order")
    assert pools(whole, FirstShown.of(whole), 1.0) == 3 * [[1, 3, 5, 7]]
    assert np.isnan(FirstShown.of(whole).hours(whole)).all()


def test_pools_of_random_impressions_are_as_by_hand():
    rng = np.random.default_rng(0)
    rows = [
        (0, int(rng.integers(0, 50)) * HOUR, rng.permutation(30)[: rng.integers(1, 6)], [])
        for _ in range(40)
    ]
    whole = shown(rows, items=30)
    first = FirstShown.of(whole)
    for row, (_, time, items, _) in enumerate(rows):
        fresh = {i for i in range(30) if time - 6 * HOUR < first.time[i] <= time}
        found = first.pool(whole, 6.0)[row]
        assert set(found[found >= 0].tolist()) == fresh | set(items.tolist())
    keys = pair_keys(np.arange(40)[:, None], first.pool(whole, 6.0), 30)
    assert len(np.unique(keys[keys >= 0])) == (keys >= 0).sum()


def test_hours_count_from_the_first_impression():
    whole = shown(LOG)
    assert FirstShown.of(whole).hours(whole).tolist() == [0, 0, 1, 0, 8, 0]
