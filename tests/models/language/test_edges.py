"""Path lengths and LLM4REC's attention bias, against shortest paths by SciPy."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import shortest_path

from recweave.models.language.documents import Ragged
from recweave.models.language.edges import (
    FAR,
    UNRELATED,
    EdgeGraph,
    Relations,
    closed_form,
    damped_form,
)


def random_graph(seed, users=30, items=20, density=0.06):
    rng = np.random.default_rng(seed)
    return sparse.csr_array((rng.random((users, items)) < density).astype(np.float32))


def whole(events):
    """The adjacency of users, then items."""
    users, items = events.shape
    a = np.zeros((users + items, users + items))
    a[:users, users:] = events.toarray()
    return a + a.T


def paths(events):
    return shortest_path(whole(events), unweighted=True)


def published(adjacency, length):
    """LLM4REC's code: A and the inverted paths, each scaled to [0, 1] by minimum and maximum."""

    def scaled(x):
        return (x - x.min()) / (x.max() - x.min())

    path = scaled(np.maximum(FAR - length, 0))
    return scaled(adjacency + path)


@pytest.mark.parametrize("seed", range(4))
def test_the_closed_form_is_what_the_published_code_computes(seed):
    events = random_graph(seed)
    length = paths(events)
    assert {1, 2, 3, 4, 5} <= set(length[np.isfinite(length)]) and np.isinf(length).any()
    code = np.where(length >= FAR, FAR, length).astype(int)
    np.testing.assert_allclose(closed_form()[code], published(whole(events), length), atol=1e-6)


def test_the_table_of_the_paper():
    expected = [6 / 11, 1, 4 / 11, 3 / 11, 2 / 11, 1 / 11, 0, 0]
    np.testing.assert_allclose(closed_form(), expected, atol=1e-6)
    half = damped_form(0.5)
    np.testing.assert_allclose(half, [1, 1.9, 0.8, 0.7, 0.6, 0.5, 0, 0], atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_path_lengths_are_the_shortest_paths(seed):
    events = random_graph(seed)
    graph, length = EdgeGraph(events), np.minimum(paths(events), FAR)
    users, items = events.shape
    np.testing.assert_array_equal(graph.between_items(np.arange(items)), length[users:, users:])


@pytest.mark.parametrize("user", [0, 3, 7])
def test_without_a_user_the_paths_are_those_of_the_graph_without_their_events(user):
    events = random_graph(1, density=0.12)
    lacking = events.toarray()
    lacking[user] = 0
    own = events[[user]].indices
    found = EdgeGraph(events).between_items(own, without=user)
    users = events.shape[0]
    expected = np.minimum(paths(sparse.csr_array(lacking)), FAR)[users:, users:][np.ix_(own, own)]
    np.testing.assert_array_equal(found, expected)


def documents(events, rng):
    """`user` words items: each user's items in random order, a word between."""
    rows = [rng.permutation(events[[u]].indices) for u in range(events.shape[0])]
    width = max(map(len, rows)) + 2
    item = np.full((len(rows), width), -1)
    is_user = np.zeros(item.shape, bool)
    is_user[:, 0] = True
    for row, own in enumerate(rows):
        item[row, 2 : 2 + len(own)] = own
    return Ragged.from_lists([row.tolist() for row in rows]), item, is_user


def test_within_a_users_document_the_published_bias_says_nothing_of_the_graph():
    """The degenerate case: every pair of a user's items is at distance 2, through that user."""
    for seed in range(3):
        events = random_graph(seed, density=0.15)
        length, users = paths(events), events.shape[0]
        histories, item, is_user = documents(events, np.random.default_rng(seed))
        user = np.arange(users)
        graph = EdgeGraph(events)
        codes = Relations.of(graph, histories, user, leave_user_out=False).codes(
            item, is_user, user
        )
        for row in range(users):
            at = np.flatnonzero(item[row] >= 0)
            nodes = users + item[row, at]
            between = codes[row][np.ix_(at, at)]
            np.testing.assert_array_equal(between, length[np.ix_(nodes, nodes)])
            assert set(between[~np.eye(len(at), dtype=bool)].tolist()) <= {2}
            assert (codes[row, 0, at] == 1).all() and codes[row, 0, 0] == 0
            assert (codes[row, 1] == UNRELATED).all() and (codes[row, :, 1] == UNRELATED).all()


def test_leaving_the_user_out_the_relations_differ_and_are_those_of_the_rest_of_the_graph():
    events = random_graph(5, density=0.15)
    users = events.shape[0]
    histories, item, is_user = documents(events, np.random.default_rng(0))
    user = np.arange(users)
    relations = Relations.of(EdgeGraph(events), histories, user, leave_user_out=True)
    order = np.random.default_rng(1).permutation(users)
    codes = relations.codes(item[order], is_user[order], order)
    seen = set()
    for row, one in enumerate(order):
        lacking = events.toarray()
        lacking[one] = 0
        length = np.minimum(paths(sparse.csr_array(lacking)), FAR)[users:, users:]
        at = np.flatnonzero(item[one] >= 0)
        expected = length[np.ix_(item[one, at], item[one, at])]
        np.testing.assert_array_equal(codes[row][np.ix_(at, at)], expected)
        seen |= set(expected.ravel().tolist())
    assert {0, 2, 4, FAR} <= seen


def test_a_cold_user_leaves_nothing_out():
    events = random_graph(2)
    graph = EdgeGraph(events)
    own = Ragged.from_lists([[3, 1, 3, 2]])
    found = Relations.of(graph, own, np.array([-1]), leave_user_out=True)
    assert found.items.value.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(
        found.length.reshape(3, 3), graph.between_items(np.array([1, 2, 3]))
    )
