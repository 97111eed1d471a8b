from itertools import pairwise, permutations

import numpy as np
import pytest
from made_impressions import shown
from sklearn.metrics import roc_auc_score

from recweave.core.errors import BadInput, BadSetting
from recweave.core.shown_lists import impression_values
from recweave.data.catalogue import load
from recweave.data.interactions import Interactions
from recweave.data.split import TEST, GlobalTime
from recweave.evaluate import evaluate_impressions
from recweave.models import Model
from recweave.models.kinds import ItemScores
from recweave.models.popularity import Popularity

NOTHING = Interactions.of([], [], shape=(5, 9), clock="seconds")
BY_ROW = ItemScores(np.arange(9, 0, -1, dtype=np.float32))
"""Item 0 first."""


def test_a_hand_made_table():
    """Shown 0..3: clicked at ranks 2 and 4. Shown 4..6: clicked at rank 1."""
    impressions = shown([(0, 5, [3, 1, 0, 2], [1, 3]), (1, 6, [4, 5, 6], [4])])
    names = ["auc", "mrr", "ndcg@2", "ndcg@10"]
    report = evaluate_impressions(BY_ROW, impressions, NOTHING, names)
    one, two = report.per_user.select(names).rows()
    ideal = 1 + 1 / np.log2(3)
    gain = 1 / np.log2(3)
    expected = (1 / 4, (1 / 2 + 1 / 4) / 2, gain / ideal, (gain + 1 / np.log2(5)) / ideal)
    assert one == pytest.approx(expected, abs=1e-9)
    assert two == pytest.approx((1, 1, 1, 1), abs=1e-9)


def test_auc_of_each_impression_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    size = rng.integers(2, 30, 60)
    start = np.concatenate([[0], np.cumsum(size)])
    clicked = rng.random(start[-1]) < 0.4
    clicked[start[:-1]], clicked[start[:-1] + 1] = True, False
    score = rng.integers(0, 6, start[-1]).astype(np.float32)
    found = impression_values(["auc"], start, clicked, score)["auc"]
    expected = [roc_auc_score(clicked[a:b], score[a:b]) for a, b in pairwise(start)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_ties_count_by_expectation_over_their_orders():
    score = np.array([2, 1, 1, 1, 0], np.float32)
    clicked = np.array([False, True, False, True, False])
    names = ["auc", "mrr", "ndcg@3"]
    found = impression_values(names, np.array([0, 5]), clicked, score)
    mean = {name: [] for name in names}
    for order in permutations([1, 2, 3]):
        apart = score.copy()
        apart[list(order)] = [1.2, 1.1, 1.0]
        one = impression_values(names, np.array([0, 5]), clicked, apart)
        for name in names:
            mean[name].append(one[name][0])
    for name in names:
        assert found[name][0] == pytest.approx(np.mean(mean[name]), abs=1e-9)


def test_the_order_in_which_items_were_shown_is_no_matter():
    names, tied = ["auc", "mrr", "ndcg@2"], ItemScores(np.ones(9, np.float32))
    one, other = (
        evaluate_impressions(tied, shown([(0, 5, order, [1])]), NOTHING, names).per_user
        for order in ([1, 2, 3], [3, 2, 1])
    )
    assert one.equals(other)
    assert one["auc"][0] == pytest.approx(0.5)


def test_impressions_that_say_nothing_about_an_order_are_left_out_and_counted():
    rows = [(0, 5, [0, 1], [1]), (0, 6, [0, 1], []), (1, 6, [0, 1], [0, 1]), (2, 7, [0, 1], [0])]
    report = evaluate_impressions(
        BY_ROW, shown(rows, labelled=[True, True, True, False]), NOTHING, ["auc"]
    )
    assert (report.left_out, report.per_user["user"].to_list()) == (3, [0])
    with pytest.raises(BadInput, match="none of 1 held-out impressions"):
        evaluate_impressions(BY_ROW, shown(rows[1:2]), NOTHING, ["auc"])


def test_means_are_over_impressions_with_intervals_over_users():
    rows = [(0, t, [0, 1], [0]) for t in range(3)] + [(1, 9, [0, 1], [1])]
    report = evaluate_impressions(BY_ROW, shown(rows), NOTHING, ["auc"])
    found = report.means()["auc"]
    assert found.mean == pytest.approx(3 / 4)
    assert (found.low, found.high) == (0, 1)


class Recording(Model):
    """Remembers what it was asked with."""

    def score(self, query, item):
        self.query = query
        return np.zeros(item.shape, np.float32)


def test_the_history_is_the_impressions_own_or_the_users_events_before_it():
    known = Interactions.of([0, 0, 1], [1, 2, 3], time=[3, 8, 1], shape=(2, 9))
    rows = [(0, 5, [0, 1], [1]), (0, 9, [0, 1], [1]), (1, 7, [0, 1], [1])]
    model = Recording()
    evaluate_impressions(model, shown(rows, histories=[[], [7], []]), known, ["auc"])
    asked = model.query
    assert asked.now.tolist() == [5, 9, 7]
    assert [asked.history.rows(np.array([r])).item.tolist() for r in range(3)] == [[1], [7], [3]]


def test_popularity_ranks_what_was_shown_by_its_clicks_in_train():
    train = Interactions.of([0, 1, 2, 0], [4, 4, 4, 5], time=[1, 2, 3, 4], shape=(5, 9))
    model = Popularity().fit(train)
    impressions = shown([(3, 9, [5, 4, 6], [4]), (4, 9, [5, 6], [6])])
    report = evaluate_impressions(model, impressions, train, ["auc", "mrr"])
    assert report.per_user["auc"].to_list() == [1, 0]
    assert report.per_user["mrr"].to_list() == [1, 0.5]


def test_metrics_of_lists_are_refused():
    with pytest.raises(BadSetting, match="not of impressions"):
        evaluate_impressions(BY_ROW, shown([(0, 5, [0, 1], [1])]), NOTHING, ["recall@5"])


@pytest.mark.realdata
def test_popularity_on_the_last_day_of_real_news_gives_what_was_measured():
    """Most articles of the test day are new, so all-time clicks know next to nothing of them."""
    dataset = load("mind-titles")
    split = dataset.split(GlobalTime(valid=0, test_from=1573689600))
    held_out = dataset.impression_log()[split.impressions == TEST]
    report = evaluate_impressions(
        Popularity().fit(split.train), held_out, split.train, ["auc", "mrr", "ndcg@10"]
    )
    assert (len(held_out), report.left_out) == (1306, 0)
    assert 0.45 < report.means("normal")["auc"].mean < 0.6
