import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.evaluate import evaluate_predictions

HELD = Interactions.of([0, 0, 2, 2], [0, 1, 0, 1], [5.0, 1.0, 4.0, 2.0], shape=(3, 2))
PREDICTED = np.array([4.0, 4.0, np.nan, 2.0], np.float32)


def test_errors_are_means_over_pairs_with_a_prediction():
    means = evaluate_predictions(HELD, PREDICTED, ["mae", "rmse", "prediction_coverage"]).means()
    assert means["mae"].mean == pytest.approx((1 + 3 + 0) / 3)
    assert means["rmse"].mean == pytest.approx(np.sqrt((1 + 9 + 0) / 3))
    assert means["prediction_coverage"].mean == 3 / 4


def test_each_user_has_their_own_errors_and_counts():
    table = evaluate_predictions(HELD, PREDICTED, ["mae", "rmse"]).per_user
    assert table["user"].to_list() == [0, 2]
    assert table["rated"].to_list() == [2, 2]
    assert table["predicted"].to_list() == [2, 1]
    assert table["mae"].to_list() == [2.0, 0.0]
    np.testing.assert_allclose(table["rmse"], [np.sqrt(5), 0])


def test_the_order_of_the_events_does_not_matter():
    order = np.array([3, 0, 2, 1])
    shuffled = evaluate_predictions(HELD[order], PREDICTED[order], ["mae"])
    assert shuffled.per_user.equals(evaluate_predictions(HELD, PREDICTED, ["mae"]).per_user)


def test_a_model_that_predicts_nothing_has_coverage_but_no_error():
    silent = np.full(4, np.nan, np.float32)
    means = evaluate_predictions(HELD, silent, ["mae", "rmse", "prediction_coverage"]).means()
    assert np.isnan([means["mae"].mean, means["rmse"].mean, means["mae"].low]).all()
    assert means["prediction_coverage"].mean == 0


def test_decisions_are_of_the_pairs_with_a_prediction():
    names = ["precision>=4", "recall>=4", "fpr>=4", "accuracy>=4", "roc_auc>=4"]
    whole = evaluate_predictions(HELD, PREDICTED, names).whole
    # Truth 5, 1, 2 against 4, 4, 2: one right yes, one wrong yes, one right no.
    assert whole == {
        "precision>=4": 1 / 2,
        "recall>=4": 1.0,
        "fpr>=4": 1 / 2,
        "accuracy>=4": pytest.approx(2 / 3),
        "roc_auc>=4": 3 / 4,
    }


def test_a_metric_of_lists_is_refused():
    with pytest.raises(BadSetting, match="'ndcg@10' is not of predicted ratings"):
        evaluate_predictions(HELD, PREDICTED, ["mae", "ndcg@10"])
