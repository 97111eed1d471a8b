"""LightGCN, SGL and PFR: planted answers, and losses computed by NumPy."""

import numpy as np
import pytest
import torch

from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories, Interactions
from recweave.encode import Feature
from recweave.models import Query
from recweave.models.behaviors import BehaviorWeights
from recweave.models.graph import fit as graph_fit
from recweave.models.graph.batches import bpr_batches, softmax_batches
from recweave.models.graph.contrast import ContentAlignment, TwoViews
from recweave.models.graph.lightgcn import LightGCN
from recweave.models.graph.net import GraphNet, Nodes
from recweave.models.graph.pfr import PFR
from recweave.models.graph.propagate import Graph
from recweave.models.graph.sgl import SGL
from recweave.models.nn.items import Content
from recweave.models.nn.validation import Validation
from recweave.models.training import TrainingData
from recweave.rank import recommend

CPU = torch.device("cpu")
RECIPES = [
    LightGCN(dim=16, epochs=60, lr=0.05),
    LightGCN(dim=16, epochs=60, lr=0.05, loss="bpr"),
    LightGCN(dim=16, epochs=60, lr=0.05, loss="bpr", batch=256),
    LightGCN(dim=16, epochs=60, lr=0.05, negatives=8),
    LightGCN(dim=16, epochs=60, lr=0.05, temperature=0.2),
    SGL(dim=16, epochs=60, lr=0.05),
]
WITH_TEXT = [
    LightGCN(dim=16, epochs=60, lr=0.05, features=("text",)),
    *(PFR(dim=16, epochs=60, lr=0.05, join=join) for join in ("sum", "concat", "text")),
    PFR(dim=16, epochs=60, lr=0.05, join="align", align_weight=0.1),
]


def recipe_id(recipe):
    settings = recipe.model_dump(exclude_defaults=True)
    changed = {key: value for key, value in settings.items() if key not in ("dim", "epochs", "lr")}
    return f"{type(recipe).__name__} {changed}"


def parity(items):
    """Text embeddings that contain whether the item's row is even, plus noise."""
    rng = np.random.default_rng(0)
    vectors = 0.3 * rng.standard_normal((items, 8)).astype(np.float32)
    vectors[:, 0] += np.where(np.arange(items) % 2, 1, -1)
    return {"text": Feature(vectors, np.ones(items, bool), "by hand", "parity")}


def batch_embeddings(net, batch):
    """The embeddings of the batch, normalized where scores are cosines."""
    final = net.propagate(net.nodes()).detach()
    return net.normalized(graph_fit.gather(final, batch, len(net.nodes.user)))


def net_of(log, recipe, content=None, join=None):
    events = log.matrix(values=False)
    known = np.diff(events.indptr) > 0, log.item_counts() > 0
    torch.manual_seed(0)
    if content is None:
        content = Content.of(None, (), log.item_counts())
    nodes = Nodes(known, recipe.dim, content, join)
    return GraphNet(nodes, Graph.of(events).to(CPU), recipe), events


@pytest.fixture
def log():
    rng = np.random.default_rng(1)
    return Interactions.of(rng.integers(0, 19, 150), rng.integers(0, 11, 150), shape=(20, 12))


@pytest.mark.parametrize("recipe", [*RECIPES, *WITH_TEXT], ids=recipe_id)
def test_puts_the_missing_item_of_each_taste_first(recipe, two_tastes):
    model = recipe.fit(TrainingData(two_tastes, features=parity(40)))
    query = Query.of(two_tastes)
    np.testing.assert_array_equal(recommend(model, query, 1).item[:, 0], np.arange(40))


def test_items_nearer_in_the_graph_score_higher():
    """Two chains: each user shares items only with the previous and the next user of a chain."""
    user = np.repeat(np.arange(24), 2)
    item = (user // 2 + np.tile([0, 1], 24)) % 12 + 13 * (user % 2)
    log = Interactions.of(user, item, shape=(24, 26))
    model = LightGCN(dim=16, epochs=40, lr=0.02, layers=3).fit(log)
    scores = model.scores(Query.of(log, np.array([0], np.int32)))[0]
    # User 0 had items 0 and 1. Item 2 is two steps away, item 7 is far, 15 is in the other chain.
    assert scores[2] > scores[7]
    assert scores[2] > scores[15]


@pytest.mark.parametrize("recipe", WITH_TEXT, ids=recipe_id)
def test_a_cold_item_is_represented_by_its_text(recipe, two_tastes):
    cold = np.isin(two_tastes.item, [38, 39])
    model = recipe.fit(TrainingData(two_tastes[~cold], features=parity(40)))
    scores = model.scores(Query.of(two_tastes[~cold]))
    even = scores[:, 38] > scores[:, 39]
    assert (even == (np.arange(40) % 2 == 0)).mean() > 0.9


def test_a_cold_item_without_text_scores_zero(log):
    scores = LightGCN(epochs=2).fit(log).scores(Query.of(log))
    np.testing.assert_array_equal(scores[:, 11], 0)


def test_pfr_with_text_weights_of_zero_equals_lightgcn_exactly(log):
    recipe = LightGCN(dim=8)
    plain, _ = net_of(log, recipe)
    content = Content.of(parity(12), ("text",), log.item_counts())
    with_text, _ = net_of(log, recipe, content, "sum")
    with torch.no_grad():
        with_text.nodes.text[2].weight.zero_()
    one, other = plain.factors(recipe), with_text.factors(recipe)
    np.testing.assert_array_equal(one.user, other.user)
    np.testing.assert_array_equal(one.item, other.item)


def test_alignment_of_weight_zero_is_lightgcn(log):
    plain = LightGCN(dim=8, epochs=5).fit(log)
    aligned = PFR(dim=8, epochs=5, join="align", align_weight=0).fit(
        TrainingData(log, features=parity(12))
    )
    np.testing.assert_allclose(aligned.user, plain.user, atol=1e-6)
    np.testing.assert_allclose(aligned.item[:11], plain.item[:11], atol=1e-6)


@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_self_supervision_of_weight_zero_is_lightgcn(loss, log):
    recipes = LightGCN(dim=8, epochs=5, loss=loss), SGL(dim=8, epochs=5, loss=loss, ssl_weight=0)
    one, other = (recipe.fit(log).item for recipe in recipes)
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.0, 0.2])
def test_the_softmax_is_over_the_item_and_all_items_that_the_user_did_not_have(log, temperature):
    recipe = LightGCN(dim=8, temperature=temperature)
    net, events = net_of(log, recipe)
    user, item = net.split(net.normalized(net.propagate(net.nodes())).detach())
    scores = (user @ item.T).double().numpy() / (temperature or 1)
    had = events.toarray() > 0
    known = had.any(axis=0)
    (batch,) = softmax_batches(events, np.random.default_rng(0), 10_000, 10_000)
    losses = []
    for u, i in zip(*np.nonzero(had), strict=True):
        others = np.exp(scores[u, known & ~had[u]]).sum()
        losses.append(-np.log(np.exp(scores[u, i]) / (np.exp(scores[u, i]) + others)))
    loss = graph_fit._ranking_loss(recipe, batch_embeddings(net, batch), int(known.sum()), batch)
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-5)


def test_sampled_negatives_estimate_the_loss_over_all_items():
    rng = np.random.default_rng(0)
    log = Interactions.of(rng.integers(0, 60, 600), rng.integers(0, 400, 600), shape=(60, 400))
    recipe = LightGCN(dim=8)
    net, events = net_of(log, recipe)
    known = int((log.item_counts() > 0).sum())
    full, *sampled = (
        float(graph_fit._ranking_loss(recipe, batch_embeddings(net, batch), known, batch))
        for generator, negatives in ((rng, 400), *((rng, 100) for _ in range(30)))
        for batch in softmax_batches(events, generator, 10_000, negatives)
    )
    assert np.mean(sampled) == pytest.approx(full, rel=0.03)


def test_the_bpr_loss_and_the_l2_penalty_are_those_of_the_paper(log):
    recipe = LightGCN(dim=8, loss="bpr", temperature=0)
    net, events = net_of(log, recipe)
    initial = net.nodes().detach()
    user, item = net.split(net.propagate(initial))
    (batch,) = bpr_batches(events, np.random.default_rng(0), 10_000)
    u, i, j = user[batch.user], item[batch.item], item[batch.negative]
    expected = -torch.log(torch.sigmoid((u * i).sum(1) - (u * j).sum(1))).mean()
    assert float(
        graph_fit._ranking_loss(recipe, batch_embeddings(net, batch), 11, batch)
    ) == pytest.approx(float(expected))
    start_user, start_item = net.split(initial)
    parts = start_user[batch.user], start_item[batch.item], start_item[batch.negative]
    expected = sum(float(part.square().sum()) for part in parts) / (2 * len(batch.item))
    penalty = graph_fit._l2_penalty(graph_fit.gather(initial, batch, len(user)), batch)
    assert float(penalty) == pytest.approx(expected, rel=1e-5)


def test_the_contrastive_loss_of_two_views_is_that_of_the_paper(log):
    """InfoNCE over the users of the batch plus InfoNCE over its items, by NumPy."""
    net, events = net_of(log, LightGCN(dim=8))
    views = TwoViews(0.3, 0.5, 0.1)
    views.begin(Graph.of(events), np.random.default_rng(0), CPU)
    (batch,) = softmax_batches(events, np.random.default_rng(0), 10_000, 100)
    initial = net.nodes().detach()
    expected = 0
    for kind, nodes in enumerate((batch.user, batch.item)):
        one, other = (
            net.split(view.mean(initial, 3))[kind].double().numpy()[np.unique(nodes)]
            for view in views.views
        )
        one, other = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (one, other))
        similarity = np.exp(one @ other.T / 0.5)
        expected += -np.log(np.diag(similarity) / similarity.sum(axis=1)).mean()
    loss = views.loss(net, initial, net.propagate(initial), batch)
    assert float(loss) == pytest.approx(0.1 * expected, rel=1e-4)


def test_views_leave_out_edges_sampled_again_in_each_epoch(log):
    _, events = net_of(log, LightGCN(dim=8))
    views, rng = TwoViews(0.5, 0.5, 0.1), np.random.default_rng(0)
    views.begin(Graph.of(events), rng, CPU)
    one, other = (view.weight for view in views.views)
    assert 0.3 < float((one == 0).float().mean()) < 0.7
    assert not torch.equal(one, other)
    views.begin(Graph.of(events), rng, CPU)
    assert not torch.equal(views.views[0].weight, one)


def test_alignment_uses_only_items_with_content(log):
    features = parity(12)
    vectors, present = features["text"].vectors.copy(), np.arange(12) % 2 == 0
    vectors[~present] = 0
    content = Content.of(
        {"text": Feature(vectors, present, "by hand", "")}, ("text",), log.item_counts()
    )
    net, events = net_of(log, LightGCN(dim=8), content, "align")
    (batch,) = softmax_batches(events, np.random.default_rng(0), 10_000, 100)
    initial = net.nodes()
    final = net.propagate(initial)
    final.retain_grad()
    ContentAlignment(0.2, 1.0).loss(net, initial, final, batch).backward()
    has_gradient = net.split(final.grad)[1].abs().sum(1) > 0
    np.testing.assert_array_equal(has_gradient.numpy(), present & (log.item_counts() > 0))


def test_events_of_a_behaviour_of_weight_zero_are_ignored(two_tastes):
    views = Interactions.of([0, 1], [1, 0], behavior="view", shape=(40, 40))
    both = Interactions.of(
        np.r_[two_tastes.user, views.user],
        np.r_[two_tastes.item, views.item],
        behavior=["purchase"] * len(two_tastes) + ["view"] * 2,
        shape=(40, 40),
    )
    recipe = LightGCN(dim=8, epochs=3, behaviors=BehaviorWeights(view=0))
    np.testing.assert_array_equal(recipe.fit(both).item, recipe.fit(two_tastes).item)


def test_early_stopping_keeps_the_best_epoch(two_tastes, monkeypatch):
    values = iter([0.1, 0.5, 0.3, 0.2, 0.9])
    monkeypatch.setattr(Validation, "ndcg", lambda self, model: next(values))
    held_out = two_tastes.item == (two_tastes.user + 2) % 40
    recipe = LightGCN(dim=8, epochs=200, patience=2, lr=0.05)
    model = recipe.fit(TrainingData(two_tastes[~held_out], valid=two_tastes[held_out]))
    assert next(values) == 0.9  # four checks
    best = recipe.model_copy(update={"epochs": 2}).fit(two_tastes[~held_out])
    np.testing.assert_array_equal(model.item, best.item)


def test_a_cold_item_has_the_length_of_others_with_alignment(log):
    few = log[log.item < 6]
    recipe = PFR(dim=16, epochs=3, join="align", temperature=0.2)
    length = np.linalg.norm(recipe.fit(TrainingData(few, features=parity(12))).item, axis=1)
    np.testing.assert_allclose(length, 1, rtol=1e-5)


def test_a_join_without_features_is_refused(log):
    with pytest.raises(BadSetting, match="needs features"):
        PFR(join="align", features=()).fit(log)


def test_a_cold_user_is_represented_by_the_mean_of_their_items(two_tastes):
    model = LightGCN(dim=16, epochs=40, lr=0.05).fit(two_tastes)
    unknown = np.full(40, -1)
    top = recommend(model, Query(unknown, Histories.of(two_tastes), unknown), 1).item[:, 0]
    assert (top % 2 == np.arange(40) % 2).all()


def test_a_missing_feature_is_refused(log):
    with pytest.raises(BadSetting, match=r"no feature 'profile'"):
        PFR(features=("profile",)).fit(TrainingData(log, features=parity(12)))
