"""GF-CF against its equations, computed densely with NumPy's SVD."""

import numpy as np
import pytest

from recweave.core import memory
from recweave.core.errors import TooLarge
from recweave.data.interactions import Histories, Interactions
from recweave.data.readers import read
from recweave.data.split import Split
from recweave.evaluate import evaluate_model
from recweave.models import Query, load_model, save_model
from recweave.models.behaviors import BehaviorWeights
from recweave.models.graph.gfcf import GFCF
from recweave.rank import recommend


def reference(events, history, dim, alpha):
    """The equations of the paper's section 4, dense, in float64."""
    user, item = events.sum(axis=1), events.sum(axis=0)
    user_scale, item_scale, root = (
        np.diag(np.power(d, p, where=d > 0, out=np.zeros(len(d))))
        for d, p in ((user, -0.5), (item, -0.5), (item, 0.5))
    )
    normal = user_scale @ events @ item_scale
    smooth = np.linalg.svd(normal)[2][:dim].T
    return history @ (normal.T @ normal + alpha * item_scale @ smooth @ smooth.T @ root)


@pytest.fixture
def log():
    """70 users, 50 items, views and purchases, some popular, user 69 and item 49 without events."""
    rng = np.random.default_rng(0)
    behaviors = rng.choice(["view", "purchase"], 600).tolist()
    item = np.minimum(rng.geometric(0.06, 600) - 1, 48)
    return Interactions.of(rng.integers(0, 69, 600), item, behavior=behaviors, shape=(70, 50))


def seen(log):
    return log.matrix(values=False).toarray().astype(float)


@pytest.mark.parametrize("dim", [0, 5, 30, 45], ids=lambda dim: f"{dim} vectors")
@pytest.mark.parametrize("transposed", [False, True], ids=["more users", "more items"])
def test_scores_agree_with_the_equations_of_the_paper(log, dim, transposed):
    if transposed:
        log = Interactions.of(log.item, log.user, shape=log.shape[::-1])
    model = GFCF(dim=dim, alpha=0.4).fit(log)
    expected = reference(seen(log), seen(log), dim, 0.4)
    np.testing.assert_allclose(model.scores(Query.of(log)), expected, atol=1e-5)


def test_a_cold_user_gets_the_scores_of_a_known_user_with_the_same_history(log):
    model = GFCF(dim=8).fit(log)
    unknown = np.full(70, -1, np.int32)
    np.testing.assert_array_equal(
        model.scores(Query(unknown, Histories.of(log), unknown)), model.scores(Query.of(log))
    )


def test_behaviours_are_weighted_in_training_and_histories_are_recency_weighted(log):
    model = GFCF(dim=8, decay=0.5, behaviors=BehaviorWeights(view=0.25)).fit(log)
    codes = model.behaviors
    history = Histories.of(log)
    events, recent = (history.matrix(decay, codes).toarray() for decay in (1.0, 0.5))
    expected = reference(events.astype(float), recent, 8, 0.3)
    np.testing.assert_allclose(model.scores(Query.of(log)), expected, atol=1e-5)


def test_dim_above_the_rank_uses_all_singular_vectors(log):
    few, many = (GFCF(dim=dim).fit(log).scores(Query.of(log)) for dim in (50, 500))
    np.testing.assert_allclose(few, many, atol=1e-5)


def test_contributions_of_the_items_of_a_history_sum_to_the_score(log):
    model = GFCF(dim=8, decay=0.7).fit(log)
    query = Query.of(log)
    item = np.tile(np.arange(50), (70, 1))
    lines = model.reasons(query, item).sum(axis=1).reshape(70, 50)
    np.testing.assert_allclose(lines, model.scores(query), atol=1e-5)


def test_puts_the_missing_item_of_each_taste_first_for_users_known_and_new(two_tastes):
    unknown = np.full(40, -1, np.int32)
    for dim in (0, 2):
        model = GFCF(dim=dim).fit(two_tastes)
        for query in (Query.of(two_tastes), Query(unknown, Histories.of(two_tastes), unknown)):
            np.testing.assert_array_equal(recommend(model, query, 1).item[:, 0], np.arange(40))


def test_the_low_pass_filter_reaches_users_without_a_common_item():
    # Users 0 and 2 share no item; user 1 shares one with each. Item 4 is connected to neither.
    log = Interactions.of([0, 0, 1, 1, 2, 2, 3], [0, 1, 1, 2, 2, 3, 4], shape=(4, 5))
    linear, both = (GFCF(dim=dim, alpha=1).fit(log).scores(Query.of(log))[0] for dim in (0, 2))
    assert linear[3] == linear[4] == 0
    assert both[3] > both[4] + 1e-3


def test_a_graph_with_many_components(tmp_path):
    """Each component has a singular value of 1, so there are more such values than `dim`."""
    components = np.arange(300)
    log = Interactions.of(
        np.r_[components, components[:3]], np.r_[components, [1, 2, 0]], shape=(301, 300)
    )
    model = GFCF(dim=40).fit(log)
    assert np.isfinite(model.scores(Query.of(log))).all()
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")[0]
    np.testing.assert_array_equal(loaded.scores(Query.of(log)), model.scores(Query.of(log)))


def test_a_fit_that_exceeds_the_memory_is_refused_with_advice(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 2**20)
    log = Interactions.of(np.arange(2_000), np.arange(2_000))
    with pytest.raises(TooLarge, match=r"GF-CF with 256 .* lower dim"):
        GFCF().fit(log)


@pytest.mark.realdata
def test_gives_the_published_figures_on_gowalla(real_data):
    dataset = read("lightgcn", real_data / "gowalla-lightgcn")
    log, part = dataset.interactions(), dataset.events["part"].to_numpy()
    train = log[part == "train"]
    split = Split(train, train[:0], log[part == "test"])
    means = evaluate_model(GFCF().fit(train), split, ["recall@20", "ndcg@20"]).means("normal")
    assert means["recall@20"].mean == pytest.approx(0.1849, abs=0.0005)
    assert means["ndcg@20"].mean == pytest.approx(0.1518, abs=0.0005)


def test_without_events_all_scores_are_zero(log):
    model = GFCF().fit(log[:0])
    assert (model.scores(Query.of(log)) == 0).all()
