import warnings

import numpy as np
import pytest
from scipy import sparse

from recweave.data.interactions import Histories, Interactions
from recweave.models.behaviors import BehaviorWeights
from recweave.models.neighbours import pairs
from recweave.models.neighbours.knn import ItemKNN, UserKNN
from recweave.models.neighbours.weighting import Weighting
from recweave.models.query import Query
from recweave.models.training import Options
from recweave.parallel import Threads
from recweave.rank import recommend

SCHEMES = ("cosine", "tfidf", "bm25")
PEERS = {"cosine": "Cosine", "tfidf": "TFIDF", "bm25": "BM25"}


@pytest.fixture
def log():
    """300 users, 80 items of uneven popularity, some pairs repeated."""
    rng = np.random.default_rng(1)
    item = np.minimum(79, rng.geometric(0.04, 4_000) - 1)
    return Interactions.of(rng.integers(0, 300, 4_000), item, shape=(300, 80))


def weighted(counts, scheme, k1=1.2, b=0.75):
    """Documents by terms with weights in place of counts, dense, from the formulas."""
    documents = len(counts)
    idf = np.log(documents / (1 + (counts > 0).sum(axis=0)))
    if scheme == "bm25":
        length = counts.sum(axis=1, keepdims=True) / counts.sum(axis=1).mean()
        return counts * (k1 + 1) / (counts + k1 * (1 - b + b * length)) * idf
    made = counts if scheme == "cosine" else np.sqrt(counts) * idf
    return made / np.maximum(1e-12, np.linalg.norm(made, axis=1, keepdims=True))


def neighbours(documents, presence, k, shrinkage=0.0):
    """Dense reference: the k most similar other documents of each, ties by row."""
    similar = documents @ documents.T
    common = presence @ presence.T
    similar *= common / np.maximum(1e-12, common + shrinkage)
    np.fill_diagonal(similar, 0)
    order = np.argsort(-similar.round(9), axis=1, kind="stable")
    similar[np.arange(len(similar))[:, None], order[:, k:]] = 0
    return similar


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
def test_item_weights_equal_the_formulas(log, scheme, shrinkage):
    seen = log.matrix(values=False).toarray().astype(np.float64)
    expected = neighbours(weighted(seen.T, scheme), seen.T, 7, shrinkage)
    model = ItemKNN(similarity=scheme, k=7, shrinkage=shrinkage).fit(log)
    assert_same_neighbours(model.weights.toarray(), expected)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
def test_user_scores_equal_the_formulas(log, scheme, shrinkage):
    seen = log.matrix(values=False).toarray().astype(np.float64)
    expected = neighbours(weighted(seen, scheme), seen, 7, shrinkage) @ seen
    model = UserKNN(similarity=scheme, k=7, shrinkage=shrinkage).fit(log)
    np.testing.assert_allclose(model.scores(Query.of(log)), expected, atol=1e-5)


def peer(scheme, counts, k):
    """The neighbours that implicit finds, itself left out, sorted as ours; and its weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip("implicit.nearest_neighbours")
    model = getattr(found, f"{PEERS[scheme]}Recommender")(K=k + 1, num_threads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(sparse.csr_matrix(counts).astype(np.float64), show_progress=False)
    weights = model.similarity.toarray()
    own = weights.diagonal().copy()
    np.fill_diagonal(weights, 0)
    # bm25 has no unit lengths: where an item is not among its own k + 1 nearest, one is too many.
    for row in np.flatnonzero(own == 0):
        if np.count_nonzero(weights[row]) > k:
            weights[row, np.where(weights[row] > 0, weights[row], np.inf).argmin()] = 0
    return weights


def assert_same_neighbours(ours, theirs):
    """Equal weights; which of equally similar ones was kept is free (implicit keeps any)."""
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(np.sort(ours, axis=1), np.sort(theirs, axis=1), **close)
    smallest = np.where(ours > 0, ours, np.inf).min(axis=1, keepdims=True)
    clear = np.maximum(ours, theirs) > smallest * (1 + 1e-5) + 1e-5
    np.testing.assert_allclose(ours[clear], theirs[clear], **close)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_item_neighbours_are_those_of_implicit(log, scheme):
    ours = ItemKNN(similarity=scheme, k=10, shrinkage=0).fit(log).weights.toarray()
    assert_same_neighbours(ours, peer(scheme, log.matrix(values=False), 10))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_user_neighbours_are_those_of_implicit(log, scheme):
    model = UserKNN(similarity=scheme, k=10, shrinkage=0).fit(log)
    users = model.weighting.apply(model.strength)
    ours = model.around.nearest(users, np.arange(log.shape[0])).toarray()
    assert_same_neighbours(ours, peer(scheme, log.matrix(values=False).T, 10))


@pytest.mark.realdata
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("k", [20, 200])
def test_neighbours_on_movielens_are_those_of_implicit(real_data, scheme, k):
    columns = np.loadtxt(real_data / "ml-100k" / "ml-100k.inter", skiprows=1, dtype=np.int64)
    log = Interactions.of(columns[:, 0] - 1, columns[:, 1] - 1)
    ours = ItemKNN(similarity=scheme, k=k, shrinkage=0).fit(log).weights.toarray()
    assert_same_neighbours(ours, peer(scheme, log.matrix(values=False), k))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_repeated_events_are_weighted_as_by_implicit(log, scheme):
    documents = log.matrix().T.tocsr()  # how often, here
    theirs = pytest.importorskip("implicit.nearest_neighbours")
    made = {
        "cosine": theirs.normalize,
        "tfidf": lambda x: theirs.normalize(theirs.tfidf_weight(x)),
        "bm25": lambda x: theirs.bm25_weight(x, 1.2, 0.75),
    }[scheme](documents.astype(np.float64))
    ours = Weighting.of(documents, scheme, 1.2, 0.75).apply(documents)
    np.testing.assert_allclose(ours.toarray(), made.toarray(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("recipe", [ItemKNN(), UserKNN(k=19)], ids=["item", "user"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_missing_item_comes_first(two_tastes, recipe, scheme):
    model = recipe.model_copy(update={"similarity": scheme}).fit(two_tastes)
    top = recommend(model, Query.of(two_tastes), 1)
    np.testing.assert_array_equal(top.item[:, 0], np.arange(40))


def test_blocks_and_pools_change_nothing(log, monkeypatch):
    recipe = ItemKNN(k=7)
    whole = recipe.fit(log).weights
    monkeypatch.setattr(pairs, "BLOCK", 500)
    for made in (recipe.fit(log).weights, recipe.fit(log, Options(pool=Threads(2))).weights):
        np.testing.assert_array_equal(made.toarray(), whole.toarray())


def test_a_new_user_is_served_like_a_known_one_with_the_same_history(log):
    model = ItemKNN().fit(log)
    known = Query.of(log)
    new = Query(np.full_like(known.user, -1), known.history, known.now)
    np.testing.assert_array_equal(model.scores(new), model.scores(known))


def test_a_known_user_is_not_their_own_neighbour(log):
    history = log[log.user == 5]
    known = Query.of(log, np.array([5]))
    new = Query(np.array([-1]), known.history, known.now)
    model = UserKNN(k=300).fit(log)
    # A cold user with the same history also has user 5 as a neighbour.
    twin = (
        1 * len(np.unique(history.item)) / (len(np.unique(history.item)) + model.around.shrinkage)
    )
    own = history.matrix(values=False).toarray()[5] * twin
    np.testing.assert_allclose(model.scores(new)[0], model.scores(known)[0] + own, atol=1e-5)


def test_behavior_weights_count_in_training_and_in_the_history():
    # Of the buyers of 0, one bought 1 and one viewed 2. The query user viewed 3 (bought with 4)
    # and bought 5 (bought with 6).
    bought = [(0, 0), (0, 1), (1, 3), (1, 4), (2, 5), (2, 6), (3, 0), (4, 1), (4, 2), (3, 2)]
    behavior = ["purchase"] * 9 + ["view"]
    log = Interactions.of(*np.array(bought).T, behavior=behavior, shape=(5, 7))
    query_log = Interactions.of([4, 4], [3, 5], behavior=["view", "purchase"], shape=(5, 7))
    query = Query(np.array([-1]), Histories.of(query_log, np.array([4])), np.array([9]))
    weak = BehaviorWeights(view=0.1)
    for recipe in (ItemKNN(shrinkage=0), UserKNN(shrinkage=0)):
        even = recipe.fit(log).scores(query)[0]
        weighed = recipe.model_copy(update={"behaviors": weak}).fit(log).scores(query)[0]
        assert even[4] == even[6] > 0
        assert weighed[6] > 5 * weighed[4] > 0
    even, weighed = (
        ItemKNN(shrinkage=0, behaviors=weights).fit(log).weights[[0]].toarray()[0]
        for weights in (BehaviorWeights(), weak)
    )
    assert even[1] == even[2]
    assert weighed[1] > weighed[2] > 0


@pytest.mark.parametrize("behavior", [["purchase", "view"], ["view", "purchase"]])
def test_the_event_of_a_pair_with_the_largest_weight_counts(log, behavior):
    twice = Interactions.of(
        np.tile(log.user, 2),
        np.tile(log.item, 2),
        behavior=np.repeat(behavior, len(log)).tolist(),
        shape=log.shape,
    )
    bought = Interactions.of(log.user, log.item, behavior="purchase", shape=log.shape)
    for recipe in (ItemKNN, UserKNN):
        model = recipe(behaviors=BehaviorWeights(view=0.1))
        np.testing.assert_array_equal(
            model.fit(twice).scores(Query.of(twice)), model.fit(bought).scores(Query.of(bought))
        )


def test_a_behavior_of_weight_zero_is_left_out(log):
    views = Interactions.of(log.user, log.item[::-1], behavior="view", shape=log.shape)
    both = Interactions.of(
        np.concatenate([log.user, views.user]),
        np.concatenate([log.item, views.item]),
        behavior=["rating"] * len(log) + ["view"] * len(views),
        shape=log.shape,
    )
    for recipe in (ItemKNN, UserKNN):
        without_views = recipe(behaviors=BehaviorWeights(view=0)).fit(both)
        np.testing.assert_array_equal(
            without_views.scores(Query.of(both)), recipe().fit(log).scores(Query.of(log))
        )


def test_decay_gives_the_newest_item_the_largest_weight():
    log = Interactions.of([0, 0, 1, 1, 2, 2], [0, 1, 2, 3, 0, 2], shape=(3, 4))
    scores = ItemKNN(decay=0.5, shrinkage=0).fit(log).scores(Query.of(log, np.array([2])))[0]
    assert scores[1] == pytest.approx(scores[3] / 2)  # 1 goes with the older 0, 3 with the newer 2


def test_terms_of_all_documents_have_weight_zero():
    # ln(3 / (1 + 2)) = 0: a user with two of the three items adds nothing.
    log = Interactions.of([0, 0, 1, 1], [0, 1, 1, 2], shape=(2, 3))
    weights = ItemKNN(similarity="tfidf", shrinkage=0).fit(log).weights
    assert not weights.nnz


def test_weights_are_narrow_sorted_and_without_a_diagonal(log):
    weights = ItemKNN(k=7).fit(log).weights
    assert weights.dtype == np.float32
    assert weights.indices.dtype == np.int32  # wide ones double the time of a product
    assert not weights.diagonal().any()
    assert np.diff(weights.indptr).max() == 7
    assert weights.has_canonical_format
