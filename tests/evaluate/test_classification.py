import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recweave.evaluate.classification import (
    Confusion,
    fpr_at_tpr,
    pr_auc,
    pr_auc_negative,
    roc_auc,
)

# MMREC (arXiv 2408.04211), its results: accuracy % and FPR % as published; TPR % and balanced
# accuracy % follow from them and the class counts.
PUBLISHED = [
    (85.27, 27.22, 86.92, 79.85),
    (84.02, 20.84, 84.66, 81.91),
    (83.48, 18.16, 83.70, 82.77),
    (88.05, 38.68, 91.58, 76.45),
    (89.15, 36.42, 92.53, 78.06),
    (89.02, 31.82, 91.78, 79.98),
    (91.36, 31.80, 94.42, 81.31),
    (91.89, 31.74, 95.01, 81.64),
    (91.83, 31.79, 94.95, 81.58),
    (92.96, 35.26, 96.69, 80.72),
    (93.26, 35.66, 97.08, 80.71),
    (93.47, 37.58, 97.57, 80.00),
]
MCC = [0.479, 0.489, 0.493, 0.481, 0.519, 0.536, 0.600, 0.617, 0.615, 0.644, 0.655, 0.659]
POSITIVE, NEGATIVE = 15_370, 17_402 - 15_370


def recovered(accuracy, fpr):
    """The only confusion matrix with these rates and the test set's class counts."""
    fp = fpr * NEGATIVE
    fn = (1 - accuracy) * (POSITIVE + NEGATIVE) - fp
    return Confusion(tp=POSITIVE - fn, fp=fp, tn=NEGATIVE - fp, fn=fn)


@pytest.mark.parametrize("row", range(12))
def test_the_published_rows_give_the_derived_columns_back(row):
    accuracy, fpr, tpr, balanced = (value / 100 for value in PUBLISHED[row])
    found = recovered(accuracy, fpr)
    assert found.accuracy() == pytest.approx(accuracy)
    assert found.fpr() == pytest.approx(fpr)
    assert found.tpr() == pytest.approx(tpr, abs=6e-5)
    assert found.balanced_accuracy() == pytest.approx(balanced, abs=6e-5)
    assert found.mcc() == pytest.approx(MCC[row], abs=6e-4)


def test_a_matrix_by_hand():
    positive = np.array([True] * 4 + [False] * 6)
    called = np.array([True, True, True, False, True, False, False, False, False, False])
    found = Confusion.of(positive, called)
    assert found == Confusion(tp=3, fp=1, tn=5, fn=1)
    assert found.precision() == 3 / 4
    assert found.tpr() == 3 / 4
    assert found.fpr() == 1 / 6
    assert found.balanced_accuracy() == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert found.mcc() == pytest.approx((3 * 5 - 1) / np.sqrt(4 * 4 * 6 * 6))


def test_what_has_no_divisor_has_no_value():
    nothing = Confusion(0, 0, 0, 0)
    for measure in (nothing.precision, nothing.fpr, nothing.accuracy, nothing.mcc):
        assert np.isnan(measure())
    assert np.isnan(Confusion(tp=5, fp=3, tn=0, fn=0).mcc())
    some = np.array([True, True])
    assert np.isnan([roc_auc(some, np.ones(2)), fpr_at_tpr(some, np.ones(2), 0.9)]).all()
    assert np.isnan(pr_auc(~some, np.ones(2)))


@st.composite
def scored(draw):
    n = draw(st.integers(2, 25))
    positive = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    positive[:2] = [True, False]
    score = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    return np.array(positive), np.array(score, float)


@given(scored())
def test_roc_auc_counts_pairs_in_the_right_order_and_half_of_the_ties(case):
    positive, score = case
    above = score[positive][:, None] - score[~positive][None]
    assert roc_auc(positive, score) == pytest.approx(((above > 0) + (above == 0) / 2).mean())


@given(scored())
def test_pr_auc_is_the_sum_of_precision_over_steps_of_recall(case):
    positive, score = case
    area, recall = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        at = Confusion.of(positive, score >= threshold)
        area += (at.tpr() - recall) * at.precision()
        recall = at.tpr()
    assert pr_auc(positive, score) == pytest.approx(area)


@given(scored())
def test_areas_do_not_depend_on_the_order_of_rows(case):
    positive, score = case
    for area in (roc_auc, pr_auc, pr_auc_negative):
        assert area(positive, score) == pytest.approx(area(positive[::-1], score[::-1]))


@given(scored(), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_fpr_at_tpr_is_the_least_over_all_thresholds(case, tpr):
    positive, score = case
    rates = [Confusion.of(positive, score >= t) for t in set(score)]
    assert fpr_at_tpr(positive, score, tpr) == min(r.fpr() for r in rates if r.tpr() >= tpr - 1e-12)


def test_the_negative_class_has_a_curve_of_its_own():
    positive = np.array([True, True, True, False])
    assert pr_auc_negative(positive, np.array([4.0, 3.0, 2.0, 1.0])) == 1
    assert pr_auc_negative(positive, np.array([1.0, 2.0, 3.0, 4.0])) == 1 / 4
