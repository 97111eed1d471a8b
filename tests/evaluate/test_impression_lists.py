"""Diversity, pools, slices and stages of impressions, against tables made by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from made_impressions import shown

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.evaluate import Catalogue, evaluate_impressions
from recweave.evaluate.impressions import evaluate_impressions as evaluated
from recweave.models.kinds import ItemScores
from recweave.rank.ranking import Ranking

NOTHING = Interactions.of([], [], shape=(5, 9), clock="seconds")
BY_ROW = ItemScores(np.arange(9, 0, -1, dtype=np.float32))
"""Item 0 first."""
TRAIN = Interactions.of([0, 1, 2, 3], [0, 0, 0, 4], shape=(5, 9), clock="seconds")
KINDS = np.zeros((9, 2), np.float32)
KINDS[[0, 1, 2, 3, 4], 0] = 1
KINDS[[5, 6, 7], 1] = 1
OF_KINDS = Feature(KINDS, KINDS.any(axis=1), "test", "test")
CATALOGUE = Catalogue.of(TRAIN, categories=OF_KINDS, vectors=OF_KINDS)
ROWS = [
    (0, 3600, [0, 5, 1, 6], [5]),
    (0, 7200, [4, 2, 8], [4]),
    (1, 36000, [3, 7, 0], [0, 7]),
]
READ = [[0, 1, 6], [], [7]]


def report(metrics, **more):
    whole = shown(ROWS, histories=READ)
    more = {"train": TRAIN, "catalogue": CATALOGUE} | more
    return evaluate_impressions(BY_ROW, whole, NOTHING, metrics, **more)


def test_diversity_is_of_the_best_shown_items():
    """BY_ROW ranks [0, 1, 5, 6], [2, 4, 8] and [0, 3, 7]."""
    found = report(["category_entropy@2", "category_entropy@4", "popularity@1", "coverage@1"])
    half = found.per_user["category_entropy@4"].to_list()
    third = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(2)
    # Of user 0 the mean of two and two, and of two of one kind; item 8 has none.
    assert half == pytest.approx([(1 + 0) / 2, third], abs=1e-9)
    assert found.per_user["category_entropy@2"].to_list() == pytest.approx([0, 0], abs=1e-9)
    assert found.per_user["popularity@1"].to_list() == pytest.approx([1.5, 3], abs=1e-9)
    assert found.whole["coverage@1"] == pytest.approx(2 / 9, abs=1e-9)


def test_personalization_compares_with_what_was_read():
    found = report(["personalization@2", "personalization@4"])
    # Read: 2/3 and 1/3; nothing; all of the second kind. Lists of 2: the first kind alone.
    assert found.per_user["personalization@2"].to_list() == pytest.approx([1 / 2, 0], abs=1e-9)
    shared = (1 / 2 + 1 / 3) / (2 / 3 + 1 / 2)
    last = (1 / 3) / (2 / 3 + 1)
    assert found.per_user["personalization@4"].to_list() == pytest.approx([shared, last], abs=1e-9)


def test_a_pool_ranks_what_is_fresh_and_was_not_read():
    """Pools: {0,1,5,6}; that and {2,4,8}; after 10 hours with 4 fresh ones {0,3,7}."""
    found = report(["pool_hit@1", "pool_ndcg@3", "pool_coverage@1"], fresh_hours=4)
    # The lists: [5] as 0, 1, 6 are read; [0, 1, 2, …]; [0, 3] as 7 is read.
    ndcg = [1.0, 0.0, 1 / (1 + 1 / np.log2(3))]
    assert found.per_user["pool_hit@1"].to_list() == pytest.approx([1 / 2, 1], abs=1e-9)
    expected = [(ndcg[0] + ndcg[1]) / 2, ndcg[2]]
    assert found.per_user["pool_ndcg@3"].to_list() == pytest.approx(expected, abs=1e-9)
    assert found.whole["pool_coverage@1"] == pytest.approx(2 / 9, abs=1e-9)
    # A pool of ten hours still has 2, 4 and 8 of the second hour.
    longer = report(["pool_ndcg@3"], fresh_hours=10)
    assert longer.per_user["pool_ndcg@3"][1] == pytest.approx(ndcg[2], abs=1e-9)


def test_means_over_users_are_weighted_by_impressions():
    found = report(["pool_hit@1"], fresh_hours=4)
    assert found.per_user["impressions"].to_list() == [2, 1]
    assert found.value("pool_hit@1") == pytest.approx(2 / 3, abs=1e-9)


def by_label(found, way, metric):
    return {
        label: part.select("user", "relevant", metric).rows()
        for (label,), part in found.slices[way].group_by("label", maintain_order=True)
    }


def test_slices_count_their_own_clicks_alone():
    ways = ["popularity", "item", "history", "age"]
    found = report(["auc", "pool_hit@1"], fresh_hours=4, slices=ways)
    # Clicked: 5 (tail, cold), 4 (head, warm), 0 (head, warm) and 7 (tail, cold).
    auc = {5: 1 / 3, 4: 1 / 2, 0: 1.0, 7: 0.0}
    of_items = by_label(found, "item", "auc")
    assert of_items["warm"] == [(0, 1, auc[4]), (1, 1, auc[0])]
    assert of_items["cold"] == [(0, 1, pytest.approx(auc[5])), (1, 1, auc[7])]
    assert by_label(found, "item", "pool_hit@1")["cold"] == [(0, 1, 1.0), (1, 1, 0.0)]
    assert by_label(found, "history", "pool_hit@1") == {
        "0": [(0, 1, 0.0)],
        "1-9": [(0, 1, 1.0), (1, 2, 1.0)],
    }
    assert [label for label in by_label(found, "age", "auc")] == ["0 to 2", "2 to 12"]


def test_the_age_of_an_item_is_unknown_without_times():
    whole = replace(shown(ROWS), clock="order")
    found = evaluated(BY_ROW, whole, NOTHING, ["auc"], slices=["age"])
    assert found.slices["age"]["label"].unique().to_list() == ["unknown"]


@dataclass(frozen=True)
class Reversed:
    """A stage that turns lists round, and drops item 8."""

    def __call__(self, ranking: Ranking) -> Ranking:
        score = np.where(ranking.item == 8, -np.inf, -ranking.score)
        turned = ranking.ordered_by(np.where(ranking.item >= 0, score, -np.inf))
        dropped = np.isneginf(turned.score)
        return replace(turned, item=np.where(dropped, -1, turned.item).astype(np.int32))


def test_stages_change_the_order_of_the_shown_items():
    found = report(["auc", "popularity@1"], stages=[Reversed()])
    turned = ItemScores(np.array([*range(8), -1], np.float32))
    whole = shown(ROWS, histories=READ)
    expected = evaluate_impressions(turned, whole, NOTHING, ["auc"])
    assert found.per_user["auc"].to_list() == pytest.approx(expected.per_user["auc"].to_list())
    assert found.per_user["popularity@1"].to_list() == pytest.approx([0.5, 0.0])


@pytest.mark.parametrize("name", ["recall@10", "rmse", "accuracy"])
def test_other_metrics_are_refused(name):
    with pytest.raises(BadSetting, match=f"'{name}' is not of impressions"):
        report([name])


def test_pools_in_parts_are_the_same(monkeypatch):
    names = ["pool_hit@1", "pool_ndcg@3", "pool_personalization@2"]
    whole = report(names, fresh_hours=4)
    monkeypatch.setattr("recweave.evaluate.impressions.AT_ONCE", 1)
    assert report(names, fresh_hours=4).per_user.equals(whole.per_user)


def test_an_item_shown_twice_stands_once_in_a_list():
    whole = shown([(0, 5, [3, 1, 3, 2], [3])])
    names = ["coverage@3", "popularity@4", "ndcg@10"]
    found = evaluate_impressions(BY_ROW, whole, NOTHING, names, catalogue=CATALOGUE)
    assert found.whole["coverage@3"] == pytest.approx(3 / 9)


def test_the_history_of_a_slice_is_the_one_that_is_read():
    """The source tells no history, so the user's events before are read."""
    known = Interactions.of([0, 0, 0], [1, 2, 3], time=[1, 2, 9], shape=(1, 9))
    whole = shown([(0, 5, [4, 5], [5])])
    found = evaluate_impressions(BY_ROW, whole, known, ["auc"], slices=["history"])
    assert by_label(found, "history", "auc") == {"1-9": [(0, 1, 0.0)]}


@dataclass(frozen=True)
class Counting(ItemScores):
    """Counts how often shown items are scored."""

    calls: list = None

    def score(self, query, item):
        self.calls.append(item.shape)
        return super().score(query, item)


def test_shown_items_are_scored_once():
    model = Counting(np.arange(9, dtype=np.float32), calls=[])
    whole = shown(ROWS, histories=READ)
    names = ["auc", "ndcg@10", "category_entropy@2", "coverage@1"]
    evaluate_impressions(
        model, whole, NOTHING, names, catalogue=CATALOGUE, stages=[Reversed()], slices=["item"]
    )
    assert len(model.calls) == 1


def test_another_clicked_item_is_no_negative_of_a_slice():
    whole = shown([(0, 5, [0, 5, 6], [0, 5])])
    found = evaluated(BY_ROW, whole, NOTHING, ["auc"], train=TRAIN, slices=["item"])
    assert by_label(found, "item", "auc") == {"warm": [(0, 1, 1.0)], "cold": [(0, 1, 1.0)]}
