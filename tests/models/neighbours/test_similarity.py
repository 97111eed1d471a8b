import numpy as np
import pytest
from scipy import sparse

from recweave.models.neighbours.similarity import Similarity


@pytest.fixture
def ratings():
    """30 rows over 25 columns, half of the entries missing; row 0 is constant, row 1 is empty."""
    rng = np.random.default_rng(0)
    table = rng.integers(1, 11, (30, 25)) / 2 * (rng.random((30, 25)) < 0.5)
    table[0] = np.where(table[0] > 0, 4.1, 0)
    table[1] = 0
    return table


def cosine(x, y):
    return x @ y / np.sqrt((x @ x) * (y @ y))


def by_pairs(table, measure, missing, shrinkage):
    """The definition, pair by pair."""
    found = np.zeros((len(table), len(table)))
    for a, x in enumerate(table):
        for b, y in enumerate(table):
            both = (x > 0) & (y > 0)
            here = both if missing == "unknown" else np.ones(len(x), bool)
            if measure == "cosine" and (x[here] * y[here]).any():
                found[a, b] = cosine(x[here], y[here])
            if measure == "pearson" and here.sum() > 1 and np.ptp(x[here]) * np.ptp(y[here]) > 0:
                found[a, b] = np.corrcoef(x[here], y[here])[0, 1]
            if shrinkage:
                found[a, b] *= both.sum() / (both.sum() + shrinkage)
    return found


@pytest.mark.parametrize("measure", ["cosine", "pearson"])
@pytest.mark.parametrize("missing", ["unknown", "zero"])
@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
def test_equals_the_definition_pair_by_pair(ratings, measure, missing, shrinkage):
    rows = sparse.csr_array(ratings)
    found = Similarity(rows, measure, missing, shrinkage)(rows[5:12])
    expected = by_pairs(ratings, measure, missing, shrinkage)[5:12]
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_rating_of_zero_is_a_rating():
    with_zero = sparse.csr_array(
        (np.array([0.0, 2.0, 4.0, 1.0, 2.0, 3.0]), np.tile(np.arange(3), 2), [0, 3, 6]),
        shape=(2, 3),
    )
    found = Similarity(with_zero, "pearson", "unknown", 0.0)(with_zero)
    np.testing.assert_allclose(found, np.ones((2, 2)), atol=1e-6)


def test_a_large_common_level_does_not_drown_a_correlation(ratings):
    rows = sparse.csr_array(ratings)
    raised = sparse.csr_array((rows.data + 1e6, rows.indices, rows.indptr), rows.shape)
    found, expected = (Similarity(x, "pearson", "unknown", 0.0)(x) for x in (raised, rows))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("level", [4.1, 1e6])
def test_a_constant_row_has_similarity_zero_to_all(level):
    rows = sparse.csr_array(np.array([[level] * 7, [1.0, 2, 3, 4, 5, 6, 7]]))
    found = Similarity(rows, "pearson", "unknown", 0.0)(rows)
    np.testing.assert_array_equal(found, [[0, 0], [0, 1]])
