from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as theirs

from recweave.core.errors import BadInput, BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import Split
from recweave.evaluate import evaluate_clicks, parse_metric
from recweave.evaluate.report import Report, over_seeds, report_differences
from recweave.evaluate.resampled import resample_counts
from recweave.models import Model
from recweave.models.kinds import ItemScores

ALL = [
    "auc",
    "pr_auc",
    "pr_auc_negative",
    "log_loss",
    "brier",
    "ece",
    "accuracy",
    "fpr",
    "tpr",
    "precision",
    "balanced_accuracy",
    "mcc",
    "fpr@tpr0.95",
    "fpr@tpr0.5",
]


@dataclass(frozen=True, eq=False)
class Fixed(Model):
    """Gives each pair a number that was written down; a probability."""

    table: np.ndarray

    def score(self, query, item):
        return self.table[query.user[:, None], item].astype(np.float32)

    def probability(self, user, item):
        return self.table[user, item]


@dataclass(frozen=True, eq=False)
class Rated(Model):
    """Predicts ratings, none for item 0."""

    table: np.ndarray

    def score(self, query, item):
        return self.table[query.user[:, None], item].astype(np.float32)

    def predict(self, user, item):
        return np.where(item == 0, np.nan, self.table[user, item])


@pytest.fixture
def held_out():
    rng = np.random.default_rng(0)
    pairs = rng.choice(30 * 20, 240, replace=False)
    return Interactions.of(pairs // 20, pairs % 20, rng.integers(1, 6, 240), shape=(30, 20))


@pytest.fixture
def table(held_out):
    """Probabilities that know something of the truth, with many ties."""
    rng = np.random.default_rng(1)
    table = rng.random((30, 20))
    table[held_out.user, held_out.item] = 0.6 * table[held_out.user, held_out.item] + 0.1 * (
        held_out.value >= 4
    )
    return table.round(1)


def evaluated(model, held_out, metrics=ALL, **how):
    split = Split(held_out[:0], held_out[:0], held_out)
    return evaluate_clicks(model, split, metrics, positive_from=4, **how)


def test_every_metric_is_that_of_scikit_learn(held_out, table):
    y, p = held_out.value >= 4, table[held_out.user, held_out.item]
    called = p >= 0.4
    fpr, tpr, _ = theirs.roc_curve(y, p, drop_intermediate=False)
    tn, fp, _, _ = theirs.confusion_matrix(y, called).ravel()
    expected = {
        "auc": theirs.roc_auc_score(y, p),
        "pr_auc": theirs.average_precision_score(y, p),
        "pr_auc_negative": theirs.average_precision_score(~y, -p),
        "log_loss": theirs.log_loss(y, np.clip(p, 1e-15, 1 - 1e-15)),
        "brier": theirs.brier_score_loss(y, p),
        "accuracy": theirs.accuracy_score(y, called),
        "fpr": fp / (fp + tn),
        "tpr": theirs.recall_score(y, called),
        "precision": theirs.precision_score(y, called),
        "balanced_accuracy": theirs.balanced_accuracy_score(y, called),
        "mcc": theirs.matthews_corrcoef(y, called),
        "fpr@tpr0.95": fpr[tpr >= 0.95 - 1e-12][0],
        "fpr@tpr0.5": fpr[tpr >= 0.5 - 1e-12][0],
    }
    found = evaluated(Fixed(table), held_out, decide_at=0.4).means()
    for name, value in expected.items():
        assert found[name].mean == pytest.approx(value, abs=1e-9), name


def test_the_calibration_error_is_that_of_a_hand_made_table():
    """Bin 0.2-0.3: mean .25 against 1 of 2; bin 0.9-1: mean .95 against 2 of 2."""
    held_out = Interactions.of([0, 0, 1, 1], [0, 1, 0, 1], [5, 1, 5, 5])
    table = np.array([[0.25, 0.25], [0.9, 1.0]])
    found = evaluated(Fixed(table), held_out, ["ece"]).means()["ece"].mean
    assert found == pytest.approx((2 * 0.25 + 2 * 0.05) / 4, abs=1e-9)


def test_each_resample_is_the_metric_of_the_users_that_were_sampled(held_out, table):
    report = evaluated(Fixed(table), held_out, resamples=7, seed=3)
    times = next(resample_counts(30, 7, 3, size=7))
    for row in (0, 6):
        repeated = np.repeat(np.arange(240), times[row, held_out.user].astype(int))
        again = evaluated(Fixed(table), held_out[repeated], resamples=0)
        for name in ALL:
            resampled = report.pooled[name].resampled[row]
            assert resampled == pytest.approx(again.pooled[name].value, abs=1e-9), name


def test_the_resamples_do_not_depend_on_the_block_size():
    whole = np.concatenate(list(resample_counts(9, 10, 1, size=10)))
    np.testing.assert_array_equal(np.concatenate(list(resample_counts(9, 10, 1, size=3))), whole)


def test_the_interval_holds_the_value_and_shrinks_with_more_users(held_out, table):
    found = evaluated(Fixed(table), held_out).means()["auc"]
    assert found.low < found.mean < found.high


def test_different_models_differ_significantly_and_the_same_do_not(held_out, table):
    ours, theirs = evaluated(Fixed(table), held_out), evaluated(Fixed(1 - table), held_out)
    apart = report_differences(ours, theirs, ["auc"])["auc"]
    assert apart.low > 0
    assert apart.p < 0.05
    same = report_differences(ours, ours, ["auc"])["auc"]
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_seeds_are_averaged_resample_by_resample(held_out, table):
    one, two = evaluated(Fixed(table), held_out), evaluated(Fixed(1 - table), held_out)
    mean = over_seeds([one, two]).pooled["auc"]
    assert mean.value == pytest.approx((one.pooled["auc"].value + two.pooled["auc"].value) / 2)
    np.testing.assert_allclose(mean.resampled, 0.5, atol=1e-9)


def test_a_model_without_probabilities_is_evaluated_by_its_order_and_says_so(held_out, table):
    found = evaluated(ItemScores(np.arange(20, dtype=np.float32)), held_out)
    assert found.judged_by == "score"
    assert set(found.pooled) == {"auc", "pr_auc", "pr_auc_negative", "fpr@tpr0.95", "fpr@tpr0.5"}
    expected = theirs.roc_auc_score(held_out.value >= 4, held_out.item)
    assert found.pooled["auc"].value == pytest.approx(expected, abs=1e-9)
    with pytest.raises(BadSetting, match="no probabilities"):
        evaluated(ItemScores(np.zeros(20, np.float32)), held_out, ["log_loss"])


def test_a_rating_model_is_evaluated_by_its_ratings_and_the_mean_where_it_has_none(held_out, table):
    found = evaluated(Rated(table), held_out)
    assert found.judged_by == "rating"
    rating = table[held_out.user, held_out.item]
    filled = np.where(held_out.item == 0, rating[held_out.item != 0].mean(), rating)
    expected = theirs.roc_auc_score(held_out.value >= 4, filled)
    assert found.pooled["auc"].value == pytest.approx(expected, abs=1e-9)


def test_the_label_rule_is_needed_unless_values_are_0_and_1(held_out, table):
    split = Split(held_out[:0], held_out[:0], held_out)
    with pytest.raises(BadSetting, match="positive_from"):
        evaluate_clicks(Fixed(table), split, ["auc"])
    binary = Interactions.of(
        held_out.user, held_out.item, (held_out.value >= 4) * 1.0, shape=(30, 20)
    )
    found = evaluate_clicks(Fixed(table), Split(held_out[:0], held_out[:0], binary), ["auc"])
    assert found.pooled["auc"].value == evaluated(Fixed(table), held_out).pooled["auc"].value


def test_what_is_no_probability_is_refused(held_out, table):
    with pytest.raises(BadInput, match="outside 0 to 1"):
        evaluated(Fixed(table + 1), held_out)


def test_names_of_metrics_are_written_one_way():
    assert parse_metric("fpr@tpr0.950").name == "fpr@tpr0.95"
    assert parse_metric("precision@5").k == 5
    for wrong in ("fpr@tpr0", "fpr@tpr1.5", "fpr@tpr", "auc@tpr0.9"):
        with pytest.raises(BadSetting):
            parse_metric(wrong)


def test_lists_of_metrics_of_another_kind_are_refused(held_out, table):
    with pytest.raises(BadSetting, match="not a metric of clicks"):
        evaluated(Fixed(table), held_out, ["ndcg@10"])


def test_a_report_without_metrics_of_users_has_none():
    assert Report(pl.DataFrame({"user": [1, 2], "rated": [3, 4]})).means() == {}


def test_the_curve_has_the_rates_of_the_metric_at_each_tpr(held_out, table):
    report = evaluated(Fixed(table), held_out, ["fpr@tpr0.95", "fpr@tpr0.5"], resamples=0)
    assert len(report.roc) == 101 and report.roc[0] == 0 and report.roc[100] <= 1
    assert report.roc[95] == pytest.approx(report.value("fpr@tpr0.95"))
    assert report.roc[50] == pytest.approx(report.value("fpr@tpr0.5"))
    assert list(report.roc) == sorted(report.roc)


def test_a_tpr_is_reached_on_validation_and_not_on_test(held_out, table):
    valid, test = held_out[:120], held_out[120:]
    split = Split(held_out[:0], valid, test)
    model = Fixed(table)
    report = evaluate_clicks(
        model, split, ["tpr", "fpr"], positive_from=4, decide_at="tpr0.8", resamples=0
    )
    liked = np.sort(table[valid.user, valid.item][valid.value >= 4])[::-1]
    assert report.decided_at == liked[int(np.ceil(0.8 * len(liked))) - 1]
    called = table[test.user, test.item] >= report.decided_at
    assert report.value("tpr") == pytest.approx(called[test.value >= 4].mean())
    # Ratings of test change what is measured, and never where it is decided.
    other = Split(held_out[:0], valid, test[::-1][:60])
    again = evaluate_clicks(model, other, ["tpr"], positive_from=4, decide_at="tpr0.8", resamples=0)
    assert again.decided_at == report.decided_at


@pytest.mark.parametrize("text", ["tpr0", "tpr1.5", "tpr", "0.5", "fpr0.1", "tpr0.9x"])
def test_what_is_no_rate_is_refused(held_out, table, text):
    with pytest.raises(BadSetting, match="decide_at"):
        evaluated(Fixed(table), held_out, ["tpr"], decide_at=text)


def test_a_rate_needs_validation_events(held_out, table):
    with pytest.raises(BadSetting, match="there are none"):
        evaluated(Fixed(table), held_out, ["tpr"], decide_at="tpr0.9")


def test_curves_and_thresholds_of_seeds_are_averaged(held_out, table):
    one, other = (evaluated(Fixed(p), held_out, ["tpr"], resamples=3) for p in (table, 1 - table))
    both = over_seeds([one, other])
    np.testing.assert_allclose(both.roc, (np.array(one.roc) + np.array(other.roc)) / 2)
    assert both.decided_at == 0.5
