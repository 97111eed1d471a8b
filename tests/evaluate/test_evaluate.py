import json
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recweave.core.errors import BadInput, BadSetting, UnknownName
from recweave.data.interactions import Interactions, join
from recweave.data.split import LeaveLastOut, Split
from recweave.evaluate import Catalogue, differences, evaluate, evaluate_model, means, over_seeds
from recweave.models.base import Model
from recweave.models.kinds import ItemScores
from recweave.models.popularity import Popularity


@dataclass(frozen=True, eq=False)
class Table(Model):
    """A model that is its scores; it notes the query users."""

    table: np.ndarray
    asked: list

    def scores(self, query):
        self.asked.append(query)
        return self.table[query.user].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Rater(Table):
    """One that also predicts ratings: the user's row plus the item's."""

    def predict(self, user, item):
        return (user + item).astype(np.float32)


def split_of(train, valid, test, shape):
    """From (user, item, time) of each part."""
    columns = [np.array(part).T for part in (train, valid, test)]
    logs = [Interactions.of(u, i, time=t, shape=shape) for u, i, t in columns]
    return Split(*logs)


@pytest.fixture
def split():
    """Users 0 and 2 are tested, user 1 has valid events only, user 3 nothing held out."""
    train = [(0, 0, 10), (1, 1, 11), (2, 2, 12), (3, 3, 13)]
    valid = [(0, 1, 20), (1, 2, 21)]
    test = [(2, 4, 35), (2, 3, 30), (0, 3, 40)]
    return split_of(train, valid, test, (4, 5))


def constant(users=4, items=5):
    return Table(np.zeros((users, items)), [])


def test_only_users_with_held_out_events_ask_at_the_time_of_their_first_one(split):
    model = constant()
    report = evaluate_model(model, split, ["ndcg@2"])
    (query,) = model.asked
    assert query.user.tolist() == report.per_user["user"].to_list() == [0, 2]
    assert query.now.tolist() == [40, 30]


def test_the_history_is_all_that_came_before_the_part(split):
    on_test, on_valid = constant(), constant()
    evaluate_model(on_test, split, ["ndcg@2"])
    evaluate_model(on_valid, split, ["ndcg@2"], on="valid")
    assert on_test.asked[0].history.item.tolist() == [0, 1, 2]
    assert on_valid.asked[0].user.tolist() == [0, 1]
    assert on_valid.asked[0].history.item.tolist() == [0, 1]


def test_the_paper_protocol_leaves_validation_events_out_of_histories(split):
    model = constant()
    evaluate_model(model, split, ["ndcg@2"], protocol="paper")
    assert model.asked[0].history.item.tolist() == [0, 2]


def test_values_by_hand(split):
    # Constant scores: user 0 is shown 2, 3, 4 and has 3; user 2 is shown 0, 1, 3 and has 3, 4.
    report = evaluate_model(constant(), split, ["recall@3", "mrr@3", "hit@1", "recall_vae@1"])
    assert report.per_user.to_dicts() == [
        {"user": 0, "relevant": 1}
        | dict.fromkeys(["recall@3"], 1.0)
        | {"mrr@3": 0.5, "hit@1": 0.0, "recall_vae@1": 0.0},
        {"user": 2, "relevant": 2, "recall@3": 0.5}
        | {"mrr@3": 1 / 3, "hit@1": 0.0, "recall_vae@1": 0.0},
    ]
    assert report.means()["recall@3"].mean == 0.75


def test_a_popularity_model_is_evaluated_on_a_real_split():
    log = Interactions.of([0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2, 0, 1, 3, 1, 0, 2])
    split = LeaveLastOut(valid=0).cut(log, published=None, seed=0)
    model = Popularity().fit(split.train)
    # Left for everybody are 2 and 3, without a train event both: 2 is first.
    assert evaluate_model(model, split, ["mrr@2"]).per_user["mrr@2"].to_list() == [1, 0.5, 1]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_renaming_items_together_with_their_scores_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    users, items = 5, 8
    score = rng.permutation(users * items).reshape(users, items)  # no ties
    item = np.argsort(rng.random((users, items)), axis=1)[:, :4]
    user = np.repeat(np.arange(users), 4)
    order = rng.permutation(items)  # new row of each item

    def evaluated(item, score):
        log = Interactions.of(user, item.ravel(), shape=(users, items))
        split = LeaveLastOut().cut(log, published=None, seed=0)
        return evaluate_model(Table(score, []), split, ["ndcg@3", "map@5"]).per_user

    renamed = np.empty_like(score)
    renamed[:, order] = score
    assert evaluated(item, score).equals(evaluated(order[item], renamed))


@pytest.mark.parametrize("row", range(9))
def test_a_constant_model_gets_the_place_of_the_targets_row_and_no_other(row):
    held_out = Interactions.of([0], [row], shape=(1, 9))
    empty = held_out[np.zeros(1, bool)]
    model = ItemScores(np.zeros(9, np.float32))
    report = evaluate_model(model, Split(empty, empty, held_out), ["mrr@9"])
    assert report.per_user["mrr@9"].to_list() == [1 / (row + 1)]


def test_the_order_of_held_out_events_does_not_matter(split):
    turned = Split(split.train, split.valid, split.test[np.array([2, 0, 1])])
    metrics = ["ndcg@3", "map@3"]
    assert evaluate_model(constant(), split, metrics).per_user.equals(
        evaluate_model(constant(), turned, metrics).per_user
    )


def test_an_event_that_is_held_out_twice_counts_once(split):
    twice = Split(split.train, split.valid, join(split.test, split.test))
    assert evaluate_model(constant(), twice, ["recall@3"]).per_user.equals(
        evaluate_model(constant(), split, ["recall@3"]).per_user
    )


def test_held_out_items_below_the_bar_are_not_relevant_and_users_left_without_are_counted():
    held_out = Interactions.of([0, 0, 1], [1, 2, 2], [5.0, 2.0, 3.0], shape=(2, 3))
    empty = held_out[np.zeros(3, bool)]
    report = evaluate_model(
        constant(2, 3), Split(empty, empty, held_out), ["hit@3"], relevant_from=4
    )
    assert report.per_user["relevant"].to_list() == [1, 0]
    assert report.without_relevant == 1
    assert report.means()["hit@3"].mean == 1


def test_users_without_a_list_are_counted(ranking):
    held_out = Interactions.of([0, 1, 2], [0, 0, 0], shape=(3, 2))
    assert evaluate(ranking([[0]], items=2, users=[1]), held_out, ["hit@1"]).not_asked == 2


def test_metrics_beyond_accuracy_count_in_train_alone(split):
    report = evaluate_model(constant(), split, ["popularity@3", "coverage@3", "gini@3"])
    # Lists 2, 3, 4 and 0, 1, 3; items 0 to 3 have one train event each, 4 has none.
    assert report.per_user["popularity@3"].to_list() == [2 / 3, 1]
    assert report.whole["coverage@3"] == 1
    assert report.to_json()["whole"]["gini@3"] == pytest.approx(4 / 30)


def test_a_metric_of_lists_needs_long_enough_lists_and_a_catalogue(ranking):
    held_out = Interactions.of([0], [0], shape=(1, 4))
    lists = ranking([[0, 1]], items=4)
    with pytest.raises(BadSetting, match="'ndcg@3' needs lists of 3; these have 2"):
        evaluate(lists, held_out, ["ndcg@3"])
    with pytest.raises(BadSetting, match=r"'coverage@2' needs catalogue=Catalogue\.of"):
        evaluate(lists, held_out, ["coverage@2"])
    for name in ("mae", "sampled_ndcg@2"):
        with pytest.raises(BadSetting, match=f"'{name}' cannot be computed from lists"):
            evaluate(lists, held_out, [name])
    assert evaluate(lists, held_out, ["coverage@1"], catalogue=Catalogue.of(held_out)).whole == {
        "coverage@1": 0.25
    }


def test_nothing_held_out_is_an_error_not_a_zero(split):
    empty = Split(split.train, split.valid[:0], split.test)
    with pytest.raises(BadInput, match="holds out nothing for valid"):
        evaluate_model(constant(), empty, ["ndcg@3"], on="valid")


def test_what_was_seen_is_hidden_unless_it_may_come_again(split):
    again = Split(split.train, split.valid, split.train[np.array([0])])
    assert evaluate_model(constant(), again, ["hit@3"]).means()["hit@3"].mean == 0
    shown = evaluate_model(constant(), again, ["hit@3"], hide_history=False)
    assert shown.means()["hit@3"].mean == 1


def test_an_unknown_slice_is_refused(split):
    with pytest.raises(UnknownName, match="did you mean 'history'"):
        evaluate_model(constant(), split, ["ndcg@3"], slices=["histroy"])


def test_slices_are_reported_for_a_model(split):
    report = evaluate_model(constant(), split, ["recall@3"], slices=["item"])
    assert report.slices["item"].filter(label="warm")["recall@3"].to_list() == [1, 1]
    assert report.slices["item"].filter(label="cold")["recall@3"].to_list() == [0]


def test_ratings_are_reported_with_lists_where_the_model_predicts_them(split):
    asked = ["ndcg@3", "mae"]
    both = evaluate_model(Rater(np.zeros((4, 5)), []), split, asked)
    # Held out are (2, 4), (2, 3) and (0, 3) with value 1; predicted 6, 5 and 3.
    assert both.means()["mae"].mean == pytest.approx((5 + 4 + 2) / 3)
    assert both.per_user["mae"].to_list() == [2, 4.5]
    assert set(both.means()) == set(asked)
    assert set(evaluate_model(constant(), split, asked).means()) == {"ndcg@3"}
    with pytest.raises(BadSetting, match="mae needs a model that predicts ratings"):
        evaluate_model(constant(), split, ["mae"])
    with pytest.raises(BadSetting, match="no metric is given; add one of lists"):
        evaluate_model(constant(), split, [])


def test_stages_change_the_lists_that_are_evaluated(split):
    def worst_first(ranking):
        return ranking.ordered_by(-ranking.score)

    scores = Table(np.tile(np.arange(5), (4, 1)), [])
    plain = evaluate_model(scores, split, ["mrr@1"])
    turned = evaluate_model(scores, split, ["mrr@1"], stages=[worst_first])
    assert plain.per_user["mrr@1"].to_list() == [0, 1]
    assert turned.per_user["mrr@1"].to_list() == [0, 0]


def test_stages_are_handed_lists_of_the_depth_and_not_of_the_metrics_k(split):
    seen = []

    def noted(ranking):
        seen.append(ranking.k)
        return ranking

    evaluate_model(constant(), split, ["mrr@1"], stages=[noted], depth=4)
    assert seen == [4]


def test_the_value_of_a_metric_is_its_mean_over_users_or_that_of_the_whole(split):
    report = evaluate_model(constant(), split, ["ndcg@3", "coverage@3"])
    assert report.value("ndcg@3") == report.means("normal")["ndcg@3"].mean
    assert report.value("coverage@3") == report.whole["coverage@3"]
    with pytest.raises(KeyError):
        report.value("ndcg@4")


def test_the_report_goes_to_json_and_parquet(split, tmp_path):
    report = evaluate_model(Rater(np.zeros((4, 5)), []), split, ["ndcg@3", "mae", "fpr>=9"])
    written = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert set(written["metrics"]["ndcg@3"]) == {"mean", "low", "high"}
    assert written["whole"] == {"fpr>=9": 0.0}
    assert (written["protocol"], written["users"]) == ("rigorous", 2)
    report.per_user.write_parquet(tmp_path / "users.parquet")
    read = pl.read_parquet(tmp_path / "users.parquet")
    assert means(read) == report.means()


def test_the_protocol_is_reported(split):
    assert evaluate_model(constant(), split, ["hit@1"], protocol="paper").to_json()["protocol"] == (
        "paper"
    )
    assert "paper" in repr(evaluate_model(constant(), split, ["hit@1"], protocol="paper"))


def table(**columns):
    size = len(next(iter(columns.values())))
    return pl.DataFrame({"user": range(size), "relevant": [1] * size} | columns)


def test_differences_are_paired_by_user():
    ours, theirs = np.array([1.0, 0, 1, 1] * 20), np.array([1.0, 0, 0, 1] * 20)
    found = differences(
        table(**{"hit@1": ours, "mrr@5": ours}),
        table(**{"hit@1": theirs, "mrr@5": ours}),
        ["mrr@5", "hit@1"],
    )
    assert found["hit@1"].mean == 0.25
    assert found["hit@1"].p < 0.001
    assert found["mrr@5"].p == 1


def test_differences_of_errors_are_of_means_over_pairs():
    ours = table(mae=[1.0, 3.0], predicted=[3, 1])
    theirs = table(mae=[2.0, 2.0], predicted=[1, 1])
    assert differences(ours, theirs, ["mae"])["mae"].mean == pytest.approx(6 / 4 - 2)


def test_other_users_cannot_be_compared():
    with pytest.raises(BadInput, match="different users"):
        differences(table(mae=[1.0]), table(mae=[1.0, 2.0]), ["mae"])


def test_seeds_are_averaged_by_user_and_their_spread_is_reported(split):
    reports = [
        evaluate_model(Table(score, []), split, ["mrr@3", "coverage@1"], slices=["item"])
        for score in (np.zeros((4, 5)), np.tile(np.arange(5), (4, 1)))
    ]
    one = over_seeds(reports)
    first, second = (report.per_user["mrr@3"].to_numpy() for report in reports)
    np.testing.assert_allclose(one.per_user["mrr@3"], (first + second) / 2)
    assert one.spread["mrr@3"] == pytest.approx(abs(first.mean() - second.mean()) / np.sqrt(2))
    assert one.to_json()["metrics"]["mrr@3"]["sd"] == one.spread["mrr@3"]
    assert one.whole["coverage@1"] == np.mean([r.whole["coverage@1"] for r in reports])
    assert one.slices["item"].height == reports[0].slices["item"].height
    assert over_seeds(reports[:1]).to_json() == reports[0].to_json()


@pytest.mark.realdata
def test_popularity_on_beauty_comes_to_the_known_figures(real_data):
    """As counted one by one in plain Python, from train alone and with validation."""
    lines = (real_data / "amazon-beauty-2014-seq" / "Beauty.txt").read_text().splitlines()
    item = [np.array(line.split()[1:], np.int32) - 1 for line in lines]
    user = np.repeat(np.arange(len(item)), [len(one) for one in item])
    split = LeaveLastOut().cut(Interactions.of(user, np.concatenate(item)), published=None, seed=0)
    for fitted_on, known in ((split.train, (0.0115, 0.0055)), (split.known, (0.0135, 0.0061))):
        model = Popularity().fit(fitted_on)
        means = evaluate_model(model, split, ["recall@10", "ndcg@10"]).means("normal")
        assert tuple(round(mean.mean, 4) for mean in means.values()) == known
