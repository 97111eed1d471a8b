import numpy as np
import polars as pl
import pytest

from recweave.evaluate.folds import join_folds
from recweave.evaluate.report import Report
from recweave.evaluate.resampled import Pooled

NAN = float("nan")


def test_a_user_of_several_folds_is_their_mean_and_others_stay():
    one = Report(pl.DataFrame({"user": [0, 2], "relevant": [1, 2], "hit@5": [1.0, 0.5]}))
    two = Report(pl.DataFrame({"user": [0, 1], "relevant": [3, 4], "hit@5": [0.0, 1.0]}))
    table = join_folds([one, two]).per_user
    assert table["user"].to_list() == [0, 1, 2]
    assert table["relevant"].to_list() == [4, 4, 2]
    assert table["hit@5"].to_list() == [0.5, 1.0, 0.5]


def test_means_over_events_are_weighted_by_them():
    one = Report(pl.DataFrame({"user": [0], "rated": [1], "predicted": [1], "rmse": [2.0]}))
    two = Report(pl.DataFrame({"user": [0], "rated": [3], "predicted": [3], "rmse": [1.0]}))
    joined = join_folds([one, two])
    assert joined.per_user["rmse"][0] == pytest.approx(np.sqrt((4 + 3) / 4))
    impressions = [
        Report(pl.DataFrame({"user": [0], "impressions": [n], "auc": [value]}))
        for n, value in ((1, 0.0), (3, 1.0))
    ]
    assert join_folds(impressions).per_user["auc"][0] == pytest.approx(0.75)


def test_a_fold_that_leaves_a_metric_undefined_is_no_part_of_the_mean():
    tables = [{"user": [0], "relevant": [n], "hit@5": [v]} for n, v in ((0, NAN), (2, 1.0))]
    assert join_folds([Report(pl.DataFrame(t)) for t in tables]).per_user["hit@5"][0] == 1


def test_numbers_of_all_events_and_their_resamples_are_averaged():
    users = pl.DataFrame({"user": [0], "rated": [2]})
    reports = [
        Report(users, {"coverage@5": v}, pooled={"auc": Pooled(v, np.array([v, v + 1]), 2)})
        for v in (0.0, 0.5)
    ]
    joined = join_folds(reports)
    assert joined.whole["coverage@5"] == 0.25
    assert joined.pooled["auc"].value == 0.25
    assert joined.pooled["auc"].resampled.tolist() == [0.25, 1.25]


def test_slices_are_joined_label_by_label():
    tables = [
        pl.DataFrame({"label": ["head", "tail"], "user": [0, 0], "relevant": [1, 1], "hit@5": v})
        for v in ([1.0, 0.0], [0.0, 0.0])
    ]
    users = pl.DataFrame({"user": [0], "relevant": [2], "hit@5": [0.5]})
    joined = join_folds([Report(users, slices={"popularity": t}) for t in tables])
    assert joined.slices["popularity"].rows() == [("head", 0, 2, 0.5), ("tail", 0, 2, 0.0)]
