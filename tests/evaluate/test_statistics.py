from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp, ttest_rel
from scipy.stats import bootstrap as scipy_bootstrap

from recweave.evaluate.statistics import (
    bootstrap,
    holm,
    intervals,
    mcnemar,
    paired_bootstrap,
    weighted_mean,
)


def column(*values):
    return np.array(values, float)[:, None]


def test_resampled_means_are_those_of_drawing_users_one_by_one():
    value = np.random.default_rng(1).random((7, 2))
    weight = np.random.default_rng(2).integers(1, 5, (7, 2)).astype(float)
    found = bootstrap(value, weight, resamples=3, seed=5)
    rng = np.random.default_rng(5)
    for row in found:
        sampled = rng.integers(7, size=7)
        np.testing.assert_allclose(row, np.average(value[sampled], axis=0, weights=weight[sampled]))


def test_blocks_of_resamples_change_nothing(monkeypatch):
    value = np.random.default_rng(1).random((50, 2))
    whole = bootstrap(value, np.ones((50, 2)), resamples=20, seed=0)
    monkeypatch.setattr("recweave.evaluate.statistics.BLOCK", 120)
    np.testing.assert_array_equal(bootstrap(value, np.ones((50, 2)), resamples=20, seed=0), whole)


def test_users_without_weight_are_as_if_they_were_not_there():
    value, weight = column(1, 2, 3, np.nan, 9), column(1, 1, 1, 0, 0)
    np.testing.assert_array_equal(
        bootstrap(value, weight, resamples=9, seed=0),
        bootstrap(value[:3], weight[:3], resamples=9, seed=0),
    )
    assert weighted_mean(value, weight) == 2


def test_the_percentile_interval_agrees_with_scipys():
    value = np.random.default_rng(0).exponential(size=200)
    theirs = scipy_bootstrap(
        (value,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    (ours,) = intervals(value[:, None], np.ones((200, 1)), resamples=20_000, seed=2)
    assert ours.mean == pytest.approx(value.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.006)
    assert ours.high == pytest.approx(theirs.high, abs=0.006)


def test_the_normal_interval_is_two_standard_errors_and_near_the_bootstrap():
    value = np.random.default_rng(0).random((4_000, 1))
    ones = np.ones_like(value)
    (normal,) = intervals(value, ones, how="normal")
    error = value.std(ddof=1) / np.sqrt(4_000)
    assert normal.high - normal.mean == pytest.approx(1.959964 * error, rel=1e-6)
    (bootstrap,) = intervals(value, ones, resamples=4_000)
    assert (bootstrap.low, bootstrap.high) == pytest.approx(
        (normal.low, normal.high), abs=error / 5
    )


def test_a_ratio_of_sums_gets_the_interval_of_its_linear_form():
    rng = np.random.default_rng(0)
    pairs = rng.integers(1, 9, (3_000, 1)).astype(float)
    error = rng.exponential(size=(3_000, 1)) + pairs / 10
    (normal,), (bootstrap,) = (
        intervals(error, pairs, how=how, resamples=4_000) for how in ("normal", "bootstrap")
    )
    width = normal.high - normal.low
    assert (bootstrap.low, bootstrap.high) == pytest.approx(
        (normal.low, normal.high), abs=width / 12
    )


def test_a_root_of_a_mean_square_keeps_its_scale():
    (one,) = intervals(column(3, 4, 5), np.ones((3, 1)), np.array([True]))
    assert one.mean == pytest.approx(np.sqrt((9 + 16 + 25) / 3))
    assert 3 <= one.low <= one.mean <= one.high <= 5


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    table = rng.exponential(size=(100, 400))  # 400 experiments of 100 users, the true mean is 1
    covered = [one.low <= 1 <= one.high for one in intervals(table, np.ones_like(table))]
    assert 0.89 <= np.mean(covered) <= 0.98


def test_no_users_no_interval():
    (one,) = intervals(column(np.nan, np.nan), np.zeros((2, 1)))
    assert np.isnan([one.mean, one.low, one.high]).all()
    assert one.to_json() == {"mean": None, "low": None, "high": None}
    (one,) = intervals(column(np.nan), np.zeros((1, 1)), how="normal")
    assert np.isnan([one.mean, one.low, one.high]).all()


def test_pairing_sees_a_small_gain_that_separate_intervals_hide():
    rng = np.random.default_rng(0)
    base = rng.random((300, 1))
    ours = base + 0.01 + rng.normal(0, 0.02, (300, 1))
    ones = np.ones_like(base)
    (gain,) = paired_bootstrap((ours, ones), (base, ones))
    assert 0 < gain.low < 0.01 < gain.high < 0.02
    # No resample is on the other side: p is that of the t-test, not 2 / 10,001.
    expected = ttest_rel(ours[:, 0], base[:, 0]).pvalue
    assert 1e-20 < gain.p < 1e-10
    assert np.log(gain.p) == pytest.approx(np.log(expected), rel=0.05)
    (a,), (b,) = intervals(ours, ones), intervals(base, ones)
    assert b.high > a.low


def test_the_p_value_of_a_metric_of_few_users_does_not_count_the_others():
    """Twenty gains are no more certain in a log of four hundred users."""
    gain = np.random.default_rng(0).normal(1, 0.5, 20)
    value, weight = np.zeros((400, 2)), np.zeros((400, 2))
    value[:20, 0], weight[:20, 0], weight[:, 1] = gain, 1, 1
    found, _ = paired_bootstrap((value, weight), (np.zeros((400, 2)), weight))
    expected = ttest_1samp(gain, 0).pvalue  # 1e-8; with 399 degrees of freedom it were 1e-17
    assert np.log(found.p) == pytest.approx(np.log(expected), rel=0.1)


def test_the_p_value_equals_that_of_all_possible_resamples():
    # Of 5 users; every one of the 5⁵ equally likely resample_counts is taken.
    gain = np.array([-2.0, 1.0, 1.5, 3.0, -0.5])
    every = gain[np.array(list(product(range(5), repeat=5)))].mean(axis=1)
    exact = 2 * min((every <= 0).mean(), (every >= 0).mean())
    ones = np.ones((5, 1))
    (found,) = paired_bootstrap((gain[:, None], ones), (0 * ones, ones), resamples=20_000)
    assert found.mean == pytest.approx(gain.mean())
    assert found.p == pytest.approx(exact, abs=0.015)
    assert found.low == pytest.approx(np.quantile(every, 0.025), abs=0.1)


def test_the_p_value_is_seldom_small_by_chance():
    rng = np.random.default_rng(0)
    ones = np.ones((200, 300))
    a, b = rng.random((2, 200, 300))
    found = paired_bootstrap((a, ones), (b, ones), resamples=1_000)
    assert 0.02 <= np.mean([one.p < 0.05 for one in found]) <= 0.09


def test_equal_systems_do_not_differ():
    value, ones = np.arange(5.0)[:, None], np.ones((5, 1))
    (found,) = paired_bootstrap((value, ones), (value, ones), resamples=100)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_the_seed_decides_the_resamples():
    value, ones = np.random.default_rng(0).random((30, 1)), np.ones((30, 1))
    assert intervals(value, ones, seed=3) == intervals(value, ones, seed=3)
    assert intervals(value, ones, seed=3) != intervals(value, ones, seed=4)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (6, 1), (10, 10), (40, 22), (900, 1_100)])
def test_mcnemar_equals_the_exact_binomial_test(a, b):
    ours = np.array([True] * a + [False] * b + [True] * 50 + [False] * 9)
    theirs = np.array([False] * a + [True] * b + [True] * 50 + [False] * 9)
    found = mcnemar(ours, theirs)
    assert (found.only_ours, found.only_theirs) == (a, b)
    assert found.p == pytest.approx(binomtest(a, a + b).pvalue if a + b else 1, rel=1e-9)


def test_holm_by_hand():
    # Sorted .005, .011, .02, .04, .13 times 5, 4, 3, 2, 1, never falling.
    assert holm([0.02, 0.005, 0.13, 0.011, 0.04]) == pytest.approx([0.06, 0.025, 0.13, 0.044, 0.08])
    assert holm([0.5, 0.6, 0.9]) == [1, 1, 1]
    assert holm([]) == []


def test_holm_does_not_count_what_could_not_be_tested():
    found = holm([0.02, float("nan"), 0.03])
    assert found[0] == 0.04
    assert np.isnan(found[1])
    assert found[2] == 0.04
