import numpy as np
import pytest
from scipy.special import expit

from recweave.evaluate.classification import log_loss, roc_auc
from recweave.models.ctr.class_weights import class_weights, row_weights
from recweave.models.ctr.validation import auc, goodness, platt_scaling


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    odds = np.round(rng.standard_normal(500), 1).astype(np.float32)
    return rng.random(500) < expit(2 * odds - 1), odds


def test_auc_is_that_of_evaluation_with_ties(rows):
    assert auc(*rows) == pytest.approx(roc_auc(*rows))


def test_goodness_is_higher_for_better_log_odds(rows):
    positive, odds = rows
    assert goodness("auc", positive, odds, (0.5, 0.5)) == auc(positive, odds)
    probability = expit(odds.astype(float))
    loss = goodness("log_loss", positive, odds, (0.5, 0.5))
    assert loss == pytest.approx(-log_loss(positive, probability))
    false_positives = (probability >= 0.5) & ~positive
    fpr = goodness("fpr", positive, odds, (0.5, 0.5))
    assert fpr == -false_positives.sum() / (~positive).sum()


def test_the_log_loss_is_weighted_by_class():
    positive, odds = np.array([True, False]), np.array([0.0, 1.0], np.float32)
    expected = 0.2 * np.log(2) + 0.8 * np.log(1 + np.e)
    assert -goodness("log_loss", positive, odds, (0.2, 0.8)) == pytest.approx(expected)


def test_platt_scaling_finds_the_planted_slope_and_shift():
    rng = np.random.default_rng(1)
    odds = rng.standard_normal(40_000).astype(np.float32)
    slope, shift = platt_scaling(rng.random(40_000) < expit(2.5 * odds - 1), odds)
    assert slope == pytest.approx(2.5, abs=0.1)
    assert shift == pytest.approx(-1, abs=0.05)


def test_platt_scaling_never_turns_the_order_around(rows):
    positive, odds = rows
    slope, _ = platt_scaling(positive, -odds)
    assert slope > 0


def test_class_weights_are_those_of_the_paper():
    """The published counts of arXiv 2408.04211: 50,468 positives of 57,005."""
    assert class_weights(50468, 57005, "basic") == pytest.approx((0.1147, 0.8853), abs=5e-5)
    assert class_weights(50468, 57005, "sqrt") == pytest.approx((0.2647, 0.7353), abs=5e-5)
    assert class_weights(50468, 57005, "none") == (0.5, 0.5)


def test_row_weights_have_mean_1_and_keep_the_ratio_of_the_classes():
    positive = np.arange(57005) < 50468
    weight = row_weights(positive, "sqrt")
    assert weight.mean() == pytest.approx(1)
    assert weight[-1] / weight[0] == pytest.approx(0.7353 / 0.2647, rel=1e-3)
    np.testing.assert_allclose(row_weights(positive, "balanced"), row_weights(positive, "basic"))
    assert row_weights(positive, "balanced")[0] == pytest.approx(57005 / (2 * 50468))
    assert (row_weights(positive, "none") == 1).all()
    assert (row_weights(np.ones(3, bool), "sqrt") == 1).all()
