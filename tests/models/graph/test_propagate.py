"""Graph convolution agrees with dense matrices."""

import numpy as np
import pytest
import torch
from scipy import sparse

from recweave.models.graph.propagate import Graph

USERS, ITEMS = 7, 5
rng = np.random.default_rng(0)
DENSE = (rng.random((USERS, ITEMS)) < 0.5) * rng.choice([0.5, 1.0], (USERS, ITEMS))
DENSE[3], DENSE[:, 4] = 0, 0
EVENTS = sparse.csr_array(DENSE.astype(np.float32))
X = rng.standard_normal((USERS + ITEMS, 3)).astype(np.float32)


def normalised(events):
    """D^-½ A D^-½, dense, in float64."""
    whole = np.block([[np.zeros((USERS, USERS)), events], [events.T, np.zeros((ITEMS, ITEMS))]])
    degree = whole.sum(axis=1)
    root = np.diag(np.where(degree > 0, np.maximum(degree, 1e-9) ** -0.5, 0))
    return root @ whole @ root


def mean(events, x, layers):
    """The mean over the layers; nodes without an edge keep their vectors."""
    a = normalised(events)
    result = np.mean([np.linalg.matrix_power(a, layer) @ x for layer in range(layers + 1)], axis=0)
    return np.where(a.any(axis=1, keepdims=True), result, x)


@pytest.fixture
def graph():
    return Graph.of(EVENTS)


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_the_mean_over_layers_agrees_with_dense_matrices(graph, layers):
    result = graph.to(torch.device("cpu")).mean(torch.from_numpy(X), layers)
    np.testing.assert_allclose(result, mean(DENSE, X, layers), atol=1e-6)


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_its_gradient_agrees_with_dense_matrices(graph, layers):
    x = torch.from_numpy(X).requires_grad_()
    direction = rng.standard_normal(X.shape).astype(np.float32)
    (graph.to(torch.device("cpu")).mean(x, layers) * torch.from_numpy(direction)).sum().backward()
    # The mean is linear in x; the columns of its matrix are the results for unit vectors.
    matrix = mean(DENSE, np.eye(len(X)), layers)
    np.testing.assert_allclose(x.grad, matrix.T @ direction, atol=1e-6)


def test_a_graph_without_some_edges_is_the_graph_of_the_remaining_edges(graph):
    dropped = np.arange(EVENTS.nnz) % 3 == 0
    remaining = EVENTS.copy()
    remaining.data[dropped] = 0
    result = graph.without(dropped).to(torch.device("cpu")).mean(torch.from_numpy(X), 1)
    a = normalised(remaining.toarray())
    had = normalised(DENSE).any(axis=1, keepdims=True)
    np.testing.assert_allclose(result, np.where(had, (X + a @ X) / 2, X), atol=1e-6)


def test_dropping_nothing_changes_nothing(graph):
    none = np.zeros(EVENTS.nnz, bool)
    np.testing.assert_array_equal(graph.without(none).weight, graph.weight)
