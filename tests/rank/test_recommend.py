from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.kinds import Factors, ItemScores
from recweave.parallel import Processes, Serial, Threads
from recweave.rank import recommend
from recweave.rank.recommend import SEARCH_FROM

NOBODY = np.full(1, -1, np.int32)


@pytest.fixture
def falling() -> ItemScores:
    """Five items, the first the best."""
    return ItemScores(np.array([5, 4, 3, 2, 1], np.float32))


@pytest.fixture
def log() -> Interactions:
    """User 0 did items 0 and 1, user 1 did item 3, user 2 nothing."""
    return Interactions.of([0, 0, 1], [0, 1, 3], shape=(3, 5))


@pytest.fixture
def taste() -> tuple[Factors, Query]:
    """200 users with random tastes over 500 items, and a log of 2,000 random events."""
    rng = np.random.default_rng(3)
    model = Factors(
        rng.standard_normal((200, 8), dtype=np.float32),
        rng.standard_normal((500, 8), dtype=np.float32),
    )
    log = Interactions.of(rng.integers(0, 200, 2000), rng.integers(0, 500, 2000), shape=(200, 500))
    return model, Query.of(log)


def lists(model, query, k, **options):
    return recommend(model, query, k, **options).item.tolist()


def test_items_of_the_history_are_hidden(falling, log):
    assert lists(falling, Query.of(log), 2) == [[2, 3], [0, 1], [0, 1]]


def test_items_of_the_history_can_be_shown_again(falling, log):
    assert lists(falling, Query.of(log), 2, hide_history=False) == [[0, 1]] * 3


def test_more_events_can_be_hidden_from_their_own_users(falling, log):
    more = Interactions.of([0, 2], [2, 0], shape=(3, 5))
    assert lists(falling, Query.of(log), 2, hide=more) == [[3, 4], [0, 1], [1, 2]]


def test_hiding_finds_users_in_any_order_and_ignores_new_ones(falling, log):
    query = Query.of(log, np.array([1, -1, 0]))
    more = Interactions.of([0, 2], [2, 0], shape=(3, 5))
    assert lists(falling, query, 2, hide=more) == [[0, 1], [0, 1], [3, 4]]


def test_a_new_user_is_known_by_the_history_alone(falling):
    history = Histories.of(Interactions.of([0, 0], [0, 2], shape=(1, 5)))
    query = Query(user=NOBODY, history=history, now=np.array([9]))
    assert lists(falling, query, 3) == [[1, 3, 4]]


def test_only_allowed_items_are_shown(falling, log):
    allow = np.array([False, True, False, True, True])
    assert lists(falling, Query.of(log), 2, allow=allow) == [[3, 4], [1, 4], [1, 3]]


@pytest.mark.parametrize("as_mask", [False, True])
def test_only_candidates_are_shown_to_each(log, as_mask):
    model = ItemScores(np.array([9, 8, 1, 2, 3], np.float32))
    candidates = np.array([[3, 0, 4], [1, -1, -1], [-1, -1, -1]])
    if as_mask:
        mask = np.zeros((3, 6), bool)
        np.put_along_axis(mask, candidates, True, axis=1)
        candidates = mask[:, :5]
    found = lists(model, Query.of(log), 3, candidates=candidates)
    assert found == [[4, 3, -1], [1, -1, -1], [-1, -1, -1]]


def test_the_last_item_is_a_candidate_only_where_it_is_listed(falling, log):
    """-1 fills up; it must not reach the last item as it does in NumPy."""
    query = Query.of(log, np.array([2]))
    assert lists(falling, query, 2, candidates=np.array([[3, -1]])) == [[3, -1]]


def test_short_lists_are_filled_with_no_item_and_no_score(falling, log):
    ranking = recommend(falling, Query.of(log), 4)
    assert ranking.item[0].tolist() == [2, 3, 4, -1]
    assert ranking.score[0].tolist() == [3, 2, 1, -np.inf]


def test_equal_scores_go_by_item_row(log):
    model = ItemScores(np.array([1, 2, 1, 2, 2], np.float32))
    assert lists(model, Query.of(log, np.array([2])), 5) == [[1, 3, 4, 0, 2]]


def test_a_model_may_refuse_to_show_an_item(log):
    model = ItemScores(np.array([1, -np.inf, 1, 1, 1], np.float32))
    assert lists(model, Query.of(log, np.array([2])), 5) == [[0, 2, 3, 4, -1]]


def test_no_users_get_no_lists(falling, log):
    ranking = recommend(falling, Query.of(log, np.array([], np.int32)), 3)
    assert ranking.item.shape == ranking.score.shape == (0, 3)


@pytest.mark.parametrize("k", [0, -1, 6])
def test_k_must_fit_the_catalogue(falling, log, k):
    with pytest.raises(BadSetting, match=rf"k is {k}; the catalogue has 5 items.*1 to 5"):
        recommend(falling, Query.of(log), k)


@pytest.mark.parametrize("position", [0, 63, 64, 69])
def test_a_score_that_is_no_number_is_refused(position):
    score = np.ones(70, np.float32)
    score[position] = np.nan
    query = Query.of(Interactions.of([], [], shape=(2, 70)))
    with pytest.raises(BadSetting, match=r"NaN.*smaller lr"):
        recommend(ItemScores(score), query, 3)


def test_the_model_stays_as_it_was(falling, log):
    """`ItemScores` hands out a view of its own array: hiding must not write into it."""
    before = falling.value.copy()
    falling.value.flags.writeable = False
    recommend(falling, Query.of(log), 2, allow=np.array([True, False, True, True, True]))
    np.testing.assert_array_equal(falling.value, before)


@pytest.mark.parametrize("pool", [Threads(2), pytest.param(Processes(2), marks=pytest.mark.slow)])
def test_every_pool_gives_the_same(taste, pool, monkeypatch):
    model, query = taste
    monkeypatch.setattr(import_module("recweave.rank.recommend"), "BATCH_BYTES", 50 * 4 * 500)
    rng = np.random.default_rng(0)
    options = {
        "hide": Interactions.of([3, 150], [7, 9], shape=(200, 500)),
        "candidates": rng.integers(-1, 500, (200, 40)),
        "allow": rng.random(500) < 0.8,
    }
    one = recommend(model, query, 10, pool=Serial(), **options)
    other = recommend(model, query, 10, pool=pool, **options)
    np.testing.assert_array_equal(one.item, other.item)
    np.testing.assert_array_equal(one.score, other.score)


@pytest.mark.parametrize("at_a_time", [1, 7, 199, 200, 1000])
def test_batches_leave_no_seam(taste, at_a_time, monkeypatch):
    model, query = taste
    rng = np.random.default_rng(0)
    options = {
        "hide": Interactions.of(np.arange(200), rng.integers(0, 500, 200), shape=(200, 500)),
        "candidates": rng.integers(-1, 500, (200, 40)),
    }
    whole = recommend(model, query, 10, **options)
    monkeypatch.setattr(
        import_module("recweave.rank.recommend"), "BATCH_BYTES", at_a_time * 4 * 500
    )
    parts = recommend(model, query, 10, **options)
    np.testing.assert_array_equal(parts.item, whole.item)


def test_stages_see_the_depth_and_the_head_of_what_they_leave_is_given(falling, log):
    seen = []

    def turned(ranking):
        seen.append(ranking.k)
        return replace(ranking, item=ranking.item[:, ::-1], score=-ranking.score[:, ::-1])

    query = Query.of(log, np.array([2]))
    assert lists(falling, query, 2, stages=[turned], depth=3) == [[2, 1]]
    assert lists(falling, query, 2, stages=[turned, turned]) == [[0, 1]]
    assert lists(falling, query, 4, stages=[turned], depth=3) == [[3, 2, 1, 0]]
    assert seen == [3, 5, 5, 4]


def test_stages_see_the_depth_where_many_users_are_searched_for(taste):
    """From `SEARCH_FROM` users on, factors go another way (see `rank.item_index`)."""
    model, query = taste
    assert len(query) >= SEARCH_FROM
    seen = []

    def turned(ranking):
        seen.append(ranking.k)
        return replace(ranking, item=ranking.item[:, ::-1], score=-ranking.score[:, ::-1])

    found = recommend(model, query, 10, stages=[turned], depth=30)
    assert seen == [30]
    deep = recommend(model, query, 30)
    np.testing.assert_array_equal(found.item, deep.item[:, ::-1][:, :10])
