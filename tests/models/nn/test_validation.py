"""The loop's look at validation is the number that `evaluate` reports."""

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


@pytest.mark.parametrize("held", [1, 3])
@pytest.mark.parametrize("askers", [7, 512])
def test_ndcg_is_that_of_evaluate(monkeypatch, held, askers):
    monkeypatch.setattr(validation, "ASKERS", askers)
    rng = np.random.default_rng(held)
    users, items = 60, 40
    user = np.repeat(np.arange(users), 12)
    item = np.concatenate([rng.permutation(items)[:12] for _ in range(users)])
    time = np.tile(np.arange(12), users)
    log = Interactions.of(user, item, time=time, shape=(users + 2, items))
    last = time >= 12 - held
    out = last & (user % 5 > 0)
    split = Split(train=log[~last], valid=log[out], test=log[:0])
    # Few different scores, so that ties are everywhere.
    model = Factors(
        rng.integers(-1, 2, (users + 2, 2)).astype(np.float32),
        rng.integers(-1, 2, (items, 2)).astype(np.float32),
    )
    look = Validation.of(split.train, split.valid)
    assert look is not None
    report = evaluate_model(model, split, ["ndcg@10"], on="valid")
    assert look.ndcg(model) == pytest.approx(report.means("normal")["ndcg@10"].mean, abs=1e-12)


def test_without_held_out_events_there_is_nothing_to_look_at():
    log = Interactions.of([0, 1], [0, 1])
    assert Validation.of(log, None) is None
    assert Validation.of(log, log[:0]) is None


def test_validation_that_no_list_could_hold_is_refused_with_what_to_do():
    train = Interactions.of([0, 0, 1], [0, 1, 2], behavior="view", shape=(2, 4))
    bought = Interactions.of([0, 1], [1, 2], behavior="purchase", shape=(2, 4))
    with pytest.raises(BadSetting, match="fresh = true"):
        Validation.of(train, bought)
    assert Validation.of(train, replace(bought, item=np.array([1, 3], np.int32))) is not None


def test_the_check_judges_the_model_as_it_is_at_the_time_of_the_call():
    train = Interactions.of([0, 1], [0, 1], shape=(2, 4))
    valid = Interactions.of([0, 1], [3, 3], shape=(2, 4))
    models = [ItemScores(np.arange(4, dtype=np.float32)), ItemScores(-np.arange(4.0, dtype="f4"))]
    check = validation_check(Validation.of(train, valid, k=1), lambda: models.pop(0))
    assert [check(), check()] == [1, 0]


def test_without_held_out_events_there_is_no_check():
    assert validation_check(None, lambda: pytest.fail("no model is needed")) is None


def test_a_model_that_gives_nan_is_refused_and_not_ranked_first():
    train = Interactions.of([0, 1], [0, 1], shape=(2, 4))
    valid = Interactions.of([0, 1], [3, 3], shape=(2, 4))
    broken = ItemScores(np.full(4, np.nan, np.float32))
    with pytest.raises(BadSetting, match="NaN"):
        Validation.of(train, valid).ndcg(broken)
