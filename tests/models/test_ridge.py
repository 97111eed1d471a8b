"""Ridge regressions of many rows at once, compared with dense solutions in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recweave.models import ridge
from recweave.models.ridge import Ridge
from recweave.parallel import Threads


def dense(target, confidence, reg, vectors, gram):
    """The formula of the docstring, row by row."""
    rows = []
    for r in range(target.shape[0]):
        part = slice(target.indptr[r], target.indptr[r + 1])
        v = vectors[target.indices[part]].astype(np.float64)
        matrix = gram + reg[r] * np.eye(vectors.shape[1]) + (v.T * confidence[part]) @ v
        rows.append(np.linalg.solve(matrix, v.T @ target.data[part]))
    return np.array(rows)


def problem(rng, rows, columns, dim, share):
    target = sparse.random_array((rows, columns), density=share, rng=rng, dtype=np.float32).tocsr()
    target.data -= 0.5
    confidence = rng.exponential(5, target.nnz).astype(np.float32)
    confidence[::7] = 0
    reg = rng.uniform(0.5, 5, rows).astype(np.float32)
    return target, confidence, reg, rng.standard_normal((columns, dim)).astype(np.float32)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.9], ids=["short", "mixed", "longer than dim"])
def test_equals_the_dense_solution_of_each_row(share, implicit):
    target, confidence, reg, vectors = problem(np.random.default_rng(0), 70, 50, 8, share)
    gram = vectors.T @ vectors if implicit else np.zeros((8, 8))
    solved = Ridge.of(vectors, implicit=implicit).solve(target, confidence, reg)
    assert solved.dtype == np.float32
    expected = dense(target, confidence, reg, vectors, gram)
    np.testing.assert_allclose(solved, expected, rtol=2e-4, atol=2e-5)


def test_a_row_without_entries_is_zero_and_leaves_the_others_alone():
    target = sparse.csr_array(np.array([[0, 0], [1, 2], [0, 0]], np.float32))
    vectors = np.eye(2, dtype=np.float32)
    solved = Ridge.of(vectors).solve(target, np.ones(2, np.float32), np.ones(3, np.float32))
    np.testing.assert_allclose(solved, [[0, 0], [0.5, 1], [0, 0]])


def test_an_item_that_occurs_twice_in_a_row_counts_twice():
    twice = sparse.csr_array((np.ones(2, np.float32), [0, 0], [0, 2]), shape=(1, 1))
    solved = Ridge.of(np.ones((1, 1), np.float32)).solve(
        twice, np.ones(2, np.float32), np.ones(1, np.float32)
    )
    np.testing.assert_allclose(solved, [[2 / 3]])


def test_threads_and_small_blocks_change_nothing(monkeypatch):
    parts = problem(np.random.default_rng(1), 200, 40, 6, 0.2)
    whole = Ridge.of(parts[3]).solve(*parts[:3])
    np.testing.assert_array_equal(Ridge.of(parts[3]).solve(*parts[:3], Threads(3)), whole)
    monkeypatch.setattr(ridge, "CELLS", 100)
    np.testing.assert_allclose(Ridge.of(parts[3]).solve(*parts[:3]), whole, rtol=1e-4, atol=1e-5)


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 64))
def test_blocks_hold_every_row_with_entries_once_and_no_more_than_the_memory_allowed(lengths, dim):
    lengths = np.array(lengths, np.int64)
    blocks = list(ridge._blocks(lengths, dim))
    rows = np.concatenate([np.empty(0, np.int64), *blocks])
    assert sorted(rows) == np.flatnonzero(lengths).tolist()
    for block in blocks:
        longest = lengths[block[0]]
        assert lengths[block].max() == longest
        assert lengths[block].min() >= longest - longest // ridge.SLACK
        cells = len(block) * (longest * dim + min(longest, dim) ** 2)
        assert len(block) == 1 or cells <= ridge.CELLS


def test_vectors_of_rank_zero_give_zero():
    vectors = np.zeros((5, 3), np.float32)
    target = sparse.csr_array(np.ones((2, 5), np.float32))
    solved = Ridge.of(vectors, implicit=True).fold_in(target, 10.0, 1e-3)
    np.testing.assert_array_equal(solved, np.zeros((2, 3)))
