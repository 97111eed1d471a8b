"""Re-weighting by what everybody likes and by what is new."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.rank.stages import StageContext, read_stage

DAY = 86_400
SENCHA, MINT, POT, LID, MUG = 0, 4, 6, 7, 5


def test_popularity_is_the_log_of_events_in_train_against_the_best_known(staged, ranked, ids):
    """Sencha has three events, mint one, the mug none: 1, ½ and 0 of log 4."""
    before = ranked(["sencha", "mint", "mug"], scores=[[9, 8, 5]])
    fewer = staged(kind="popularity", strength=-0.8)(before)
    assert ids(fewer) == [["mint", "sencha", "mug"]]
    np.testing.assert_allclose(fewer.score, [[0.75 - 0.4, 1 - 0.8, 0]], atol=1e-6)
    more = staged(kind="popularity", strength=0.8)(ranked(["mug", "mint", "sencha"]))
    np.testing.assert_allclose(more.score, [[1, 0.5 + 0.4, 0.8]], atol=1e-6)


def test_popularity_does_not_see_what_is_held_out(shop, train, ranked, ids):
    stage = read_stage({"kind": "popularity", "strength": -1.0})
    before = ranked(["sencha", "mint", "mug"], scores=[[9, 8, 5]])
    assert ids(stage.fit(StageContext(shop, train[train.item == POT]))(before)) == ids(before)


def test_freshness_halves_with_the_age_of_the_first_event(staged, ranked):
    """At day 10 sencha is 9 days old, mint 5, the lid 6; the mug was never seen."""
    before = ranked(["sencha", "mint", "lid", "mug"], scores=[[3, 2, 1, 0]])
    stage = staged(kind="freshness", strength=1.0, half_life=2.0)
    bonus = {"sencha": 2**-4.5, "mint": 2**-2.5, "lid": 2**-3.0, "mug": 0.0}
    scaled = {"sencha": 1, "mint": 2 / 3, "lid": 1 / 3, "mug": 0}
    expected = sorted((scaled[i] + bonus[i] for i in bonus), reverse=True)
    np.testing.assert_allclose(stage(before).score[0], expected, rtol=1e-6)


def test_age_can_count_from_the_last_event_before_the_moment_of_asking(staged, ranked, shop):
    item = np.array([[SENCHA, MINT, POT, LID, MUG]])
    first = staged(kind="freshness")
    last = staged(kind="freshness", since="last")
    days = [stage.age(item, np.array([[10 * DAY]]))[0] / DAY for stage in (first, last)]
    np.testing.assert_array_equal(days, [[9, 5, 7, 6, np.nan], [1, 5, 7, 6, np.nan]])
    # Asked at day 4, the lid (day 4 itself), mint and the later sencha are still to come.
    days = [stage.age(item, np.array([[4 * DAY]]))[0] / DAY for stage in (first, last)]
    np.testing.assert_array_equal(
        days, [[3, np.nan, 1, np.nan, np.nan], [2, np.nan, 1] + [np.nan] * 2]
    )
    assert np.isnan(first.age(item, np.array([[-5]]))).all()
    late = last.age(item, np.array([[10**10]]))
    np.testing.assert_array_equal(late[0, [0, -1]], [10**10 - 9 * DAY, np.nan])


def test_the_age_of_an_item_is_at_the_time_of_each_query(staged):
    item = np.array([[SENCHA], [SENCHA]])
    age = staged(kind="freshness", since="last").age(item, np.array([[3 * DAY], [9 * DAY + 5]]))
    np.testing.assert_array_equal(age, [[1 * DAY], [5]])


def test_old_items_can_be_favoured_instead(staged, ranked, ids):
    before = ranked(["mint", "sencha"])
    assert ids(staged(kind="freshness", strength=-9.0, half_life=3.0)(before)) == [
        ["sencha", "mint"]
    ]


def test_freshness_needs_times(shop):
    order = Interactions.of([0], [0], shape=(3, 8))
    with pytest.raises(BadSetting, match=r"stage 'freshness' needs times"):
        read_stage({"kind": "freshness"}).fit(StageContext(shop, order))


def test_interest_fades_for_each_item_by_its_own_half_life(shop, ranked):
    """Of two items of one age, the one whose events came at once has lost more than the lasting."""
    rng = np.random.default_rng(0)
    quick = 0.05 * DAY * rng.exponential(size=300)
    slow = 40 * DAY * rng.random(300)
    log = Interactions.of(
        rng.integers(0, 3, 602),
        [SENCHA, MINT] + [SENCHA] * 300 + [MINT] * 300,
        time=np.concatenate([[0, 0], quick, slow]).astype(int),
        shape=(3, 8),
    )
    stage = read_stage({"kind": "interest", "strength": 1.0}).fit(StageContext(shop, log))
    before = ranked(["sencha", "mint"], scores=[[1.0, 1.0]])
    after = stage(before)
    assert after.item[0].tolist() == [MINT, SENCHA]
    half_life = stage.half_life / DAY
    assert half_life[SENCHA] < 0.2 < 5 < half_life[MINT]
    order = Interactions.of([0], [0], shape=(3, 8))
    with pytest.raises(BadSetting, match=r"stage 'interest' needs times"):
        read_stage({"kind": "interest"}).fit(StageContext(shop, order))
