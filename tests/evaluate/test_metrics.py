import math

import pytest

from recweave.core.errors import BadSetting, UnknownName
from recweave.evaluate import METRICS, parse_metric
from recweave.evaluate.metrics import ranked_names


@pytest.mark.parametrize("form", METRICS)
def test_every_metric_is_found_by_its_name_and_states_its_convention(form):
    name = form.replace("@k", "@7").replace(">=x", ">=3.5").replace("@tprx", "@tpr0.9")
    metric = parse_metric(name)
    assert metric.name == name
    assert metric.measure is METRICS[form]
    assert len(metric.measure.function.__doc__) > 30


def test_a_cut_off_is_read_from_the_name():
    assert parse_metric("ndcg@10").k == 10
    assert parse_metric(" ndcg@10 ").name == "ndcg@10"
    assert parse_metric("fpr>=3.5").threshold == 3.5
    assert parse_metric("fpr>=4.0").name == "fpr>=4"


LOW = {"mae", "rmse", "fpr>=x", "gini@k", "pool_gini@k", "fpr", "fpr@tprx", "log_loss", "brier"}
LOW |= {"ece"}
"""Errors and false alarms: better when low."""


def test_errors_and_false_alarms_are_better_when_low():
    assert {form for form, measure in METRICS.items() if measure.lower_is_better} == LOW


@pytest.mark.parametrize("form", METRICS)
def test_a_better_value_has_the_larger_product_with_the_sign(form):
    name = form.replace("@k", "@7").replace(">=x", ">=3.5").replace("@tprx", "@tpr0.9")
    assert parse_metric(name).sign == (-1 if form in LOW else 1)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("ndgc@10", UnknownName, "no metric is called 'ndgc'; did you mean 'ndcg'"),
        ("", UnknownName, "no metric is called ''"),
        ("ndcg 10", UnknownName, "no metric is called 'ndcg 10'"),
        ("ndcg", BadSetting, "'ndcg' is written ndcg@k"),
        ("mae@10", BadSetting, "'mae@10' is written mae"),
        ("roc_auc", BadSetting, "'roc_auc' is written roc_auc>=x"),
        ("ndcg>=4", BadSetting, "'ndcg>=4' is written ndcg@k"),
        ("ndcg@0", BadSetting, "'ndcg@0': k must be a whole number from 1 up"),
        ("ndcg@-3", BadSetting, "k must be"),
        ("ndcg@010", BadSetting, "k must be"),
        ("ndcg@2.5", BadSetting, "k must be"),
        ("ndcg@", BadSetting, "k must be"),
        ("ndcg@²", BadSetting, "k must be"),
        ("fpr>=high", BadSetting, "'fpr>=high': the threshold must be a number"),
        ("fpr>=nan", BadSetting, "the threshold must be a number"),
    ],
)
def test_a_name_that_is_none_says_how_it_is_written(text, error, message):
    with pytest.raises(error, match=message):
        parse_metric(text)


@pytest.mark.parametrize(
    ("metric", "values", "names"),
    [
        ("recall@1", [0.1, 0.3, 0.3], ["b", "c", "a"]),
        ("recall@1", [math.nan, None, 0.1], ["c"]),
        ("recall@1", [None, math.inf, math.nan], []),
        ("rmse", [3.0, 1.0, 2.0], ["b", "c", "a"]),
        ("gini@5", [0.5, 0.5, 0.4], ["c", "a", "b"]),
    ],
)
def test_names_are_ranked_by_the_metrics_direction_and_equals_keep_their_order(
    metric, values, names
):
    assert ranked_names(dict(zip("abc", values, strict=True)), parse_metric(metric)) == names
