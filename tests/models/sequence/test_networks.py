"""SASRec and GRU4Rec: planted answers, causality, new items, early stopping, saving."""

import numpy as np
import pytest

pytest.importorskip("torch")

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode import Feature
from recweave.models import RECIPES, Query, load_model, save_model
from recweave.models.nn.validation import Validation
from recweave.models.sequence.gru4rec import GRU4Rec
from recweave.models.sequence.sasrec import SASRec
from recweave.models.training import TrainingData

ITEMS = 12
SMALL = {"dim": 16, "epochs": 6, "batch": 128, "lr": 0.01, "patience": 0, "targets": "all"}


def walks(users=400, length=9, items=ITEMS, seed=0):
    """The next item on a circle follows each item in three of four cases."""
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random((users, length)) < 0.75, 1, rng.integers(2, items, (users, length)))
    item = (rng.integers(0, items, (users, 1)) + np.cumsum(steps, axis=1)) % items
    return Interactions.of(np.repeat(np.arange(users), length), item.ravel(), shape=(users, items))


def query_of(*histories, items=ITEMS):
    user = np.repeat(np.arange(len(histories)), [len(h) for h in histories])
    return Query.of(Interactions.of(user, np.concatenate(histories), shape=(len(histories), items)))


@pytest.mark.parametrize(
    ("name", "loss"),
    [("sasrec", loss) for loss in ("softmax", "sampled", "gbce", "bpr")] + [("gru4rec", "softmax")],
)
def test_the_next_item_is_predicted_with_every_loss(name, loss):
    recipe = RECIPES[name](loss=loss, negatives=8, **SMALL)
    model = recipe.fit(walks())
    query = query_of(*[[5, 9, i] for i in range(ITEMS)])
    best = model.scores(query).argmax(axis=1)
    assert (best == (np.arange(ITEMS) + 1) % ITEMS).mean() > 0.8


@pytest.mark.parametrize("loss", ["gbce", "bpr"])
def test_a_sampled_target_is_no_negative_of_itself(loss):
    import torch
    from torch.nn.functional import softplus

    from recweave.models.sequence.fit import _sampled_loss

    torch.manual_seed(0)
    state, items = torch.randn(3, 4), torch.randn(5, 4)
    target, weight = torch.tensor([1, 2, 2]), torch.ones(3)
    recipe = SASRec(loss=loss, calibration=0.0)

    sampled = torch.tensor([1, 2, 0])
    value = _sampled_loss(recipe, state, items, target, weight, sampled).item()
    positive = (state * items[target]).sum(1)
    others = torch.tensor([[2, 0], [1, 0], [1, 0]])  # without the row's target
    negative = (state[:, None] * items[others]).sum(2)
    if loss == "bpr":
        each = softplus(negative - positive[:, None]).sum(1) / 3
    else:
        each = softplus(-positive) + softplus(negative).sum(1)
    assert value == pytest.approx(each.mean().item(), rel=1e-5)


@pytest.mark.parametrize("recipe", [SASRec, GRU4Rec])
def test_the_encoder_is_causal(recipe):
    """Later events do not change a state: the state at a position is that of the prefix."""
    import torch

    net = recipe(dim=8, dropout=0.3).encoder().eval()
    x = torch.randn(2, 6, 8)
    other = x.clone()
    other[:, 4:] = torch.randn(2, 2, 8)
    with torch.inference_mode():
        assert torch.allclose(net(x)[:, :4], net(other)[:, :4], atol=1e-6)
        assert torch.allclose(net(x)[:, :4], net(x[:, :4]), atol=1e-6)
        assert not torch.allclose(net(x)[:, 4:], net(other)[:, 4:], atol=1e-3)


def test_a_cold_item_is_represented_by_its_text():
    """The text says which of two groups an item is in; a new item of group 0 is for its users."""
    rng = np.random.default_rng(1)
    group = np.arange(21) % 2
    user = np.repeat(np.arange(120), 8)
    item = np.concatenate([rng.choice(np.flatnonzero(group[:20] == u % 2), 8) for u in range(120)])
    vectors = np.eye(2, dtype=np.float32)[group] + 0.1 * rng.standard_normal((21, 2))
    text = {"text": Feature(vectors.astype(np.float32), np.ones(21, bool), "made", "random")}
    log = Interactions.of(user, item, shape=(120, 21))
    recipe = SASRec(represent="both", features=("text",), **SMALL)
    scores = recipe.fit(TrainingData(log, features=text)).scores(Query.of(log))
    same = np.arange(120) % 2 == group[20]
    others = np.where(
        same[:, None], scores[:, 1:20:2], scores[:, 0:20:2]
    )  # items of the other group
    assert (scores[same, 20] > others[same].max(axis=1)).mean() > 0.9
    assert (scores[~same, 20] < scores[~same][:, 1:20:2].min(axis=1)).mean() > 0.9


def test_early_stopping_keeps_the_best_epoch(monkeypatch):
    values = iter([0.1, 0.5, 0.3, 0.2, 0.9])
    monkeypatch.setattr(Validation, "ndcg", lambda self, model: next(values))
    log = walks()
    last = np.arange(len(log)) % 9 == 8
    recipe = SASRec(dim=16, epochs=40, batch=128, lr=0.01, patience=2, targets="all")
    model = recipe.fit(TrainingData(log[~last], valid=log[last]))
    assert next(values) == 0.9  # four checks
    best = recipe.model_copy(update={"epochs": 2}).fit(log[~last])
    np.testing.assert_array_equal(model.item, best.item)


def test_events_of_a_behaviour_of_weight_zero_are_ignored():
    log = walks()
    views = Interactions.of(
        np.tile(log.user, 2),
        np.concatenate([log.item, np.full(len(log), 3)]),
        time=np.tile(log.time, 2),
        behavior=["purchase"] * len(log) + ["view"] * len(log),
        shape=log.shape,
    )
    recipe = SASRec(behaviors={"view": 0.0}, **(SMALL | {"epochs": 2}))
    purchases = recipe.fit(views.only(["purchase"]))
    both = recipe.fit(views)
    query, plain = Query.of(views), Query.of(views.only(["purchase"]))
    np.testing.assert_array_equal(purchases.scores(plain), both.scores(query))


def test_a_user_without_a_history_gets_scores_of_zero():
    model = SASRec(**(SMALL | {"epochs": 1})).fit(walks())
    assert (model.scores(query_of([], [1])) == 0).all(axis=1).tolist() == [True, False]


@pytest.mark.parametrize("recipe", [SASRec, GRU4Rec])
def test_a_loaded_model_gives_the_same_scores(recipe, tmp_path):
    model = recipe(temperature=0.1, **(SMALL | {"epochs": 1})).fit(walks())
    save_model(model, tmp_path / "m")
    loaded, _ = load_model(tmp_path / "m")
    query = query_of([1, 2], [3])
    np.testing.assert_array_equal(loaded.scores(query), model.scores(query))
    assert loaded.recipe == model.recipe


def test_a_dim_that_is_no_multiple_of_heads_is_refused():
    with pytest.raises(BadSetting, match="heads"):
        SASRec.parse({"dim": 10, "heads": 4}, "here")
