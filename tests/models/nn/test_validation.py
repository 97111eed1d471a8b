"""Validation during training gives the number that `evaluate` reports."""

from dataclasses import replace

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import Split
from recweave.evaluate import evaluate_model
from recweave.models.kinds import Factors, ItemScores
from recweave.models.nn import validation
from recweave.models.nn.validation import Validation, validation_check


@pytest.mark.parametrize("held_out", [1, 3])
@pytest.mark.parametrize("batch", [7, 512])
def test_ndcg_is_that_of_evaluate(monkeypatch, held_out, batch):
    monkeypatch.setattr(validation, "BATCH", batch)
    rng = np.random.default_rng(held_out)
    users, items = 60, 40
    user = np.repeat(np.arange(users), 12)
    item = np.concatenate([rng.permutation(items)[:12] for _ in range(users)])
    time = np.tile(np.arange(12), users)
    log = Interactions.of(user, item, time=time, shape=(users + 2, items))
    last = time >= 12 - held_out
    out = last & (user % 5 > 0)
    split = Split(train=log[~last], valid=log[out], test=log[:0])
    # Few different scores, so that ties are everywhere.
    model = Factors(
        rng.integers(-1, 2, (users + 2, 2)).astype(np.float32),
        rng.integers(-1, 2, (items, 2)).astype(np.float32),
    )
    check = Validation.of(split.train, split.valid)
    assert check is not None
    report = evaluate_model(model, split, ["ndcg@10"], on="valid")
    assert check.ndcg(model) == pytest.approx(report.means("normal")["ndcg@10"].mean, abs=1e-12)


def test_without_held_out_events_there_is_no_validation():
    log = Interactions.of([0, 1], [0, 1])
    assert Validation.of(log, None) is None
    assert Validation.of(log, log[:0]) is None


def test_validation_in_which_no_model_can_score_is_refused_with_advice():
    train = Interactions.of([0, 0, 1], [0, 1, 2], behavior="view", shape=(2, 4))
    bought = Interactions.of([0, 1], [1, 2], behavior="purchase", shape=(2, 4))
    with pytest.raises(BadSetting, match="fresh = true"):
        Validation.of(train, bought)
    assert Validation.of(train, replace(bought, item=np.array([1, 3], np.int32))) is not None


def test_the_check_evaluates_the_current_model():
    train = Interactions.of([0, 1], [0, 1], shape=(2, 4))
    valid = Interactions.of([0, 1], [3, 3], shape=(2, 4))
    models = [ItemScores(np.arange(4, dtype=np.float32)), ItemScores(-np.arange(4.0, dtype="f4"))]
    check = validation_check(Validation.of(train, valid, k=1), lambda: models.pop(0))
    assert [check(), check()] == [1, 0]


def test_without_held_out_events_there_is_no_check():
    assert validation_check(None, lambda: pytest.fail("no model should be made")) is None


def test_a_model_with_nan_scores_is_refused():
    train = Interactions.of([0, 1], [0, 1], shape=(2, 4))
    valid = Interactions.of([0, 1], [3, 3], shape=(2, 4))
    broken = ItemScores(np.full(4, np.nan, np.float32))
    with pytest.raises(BadSetting, match="NaN"):
        Validation.of(train, valid).ndcg(broken)
