"""The order of candidates in a prompt is random, and what it does to ranks is measured."""

import numpy as np
import pytest

from recweave.rank.language.position import position_correlation, shuffles


def test_orders_depend_on_the_seed_and_the_history_alone():
    def made(seed, shown):
        return [order.tolist() for order in shuffles(12, 3, seed, shown)]

    assert made(0, [1, 2]) == made(0, (1, 2))
    assert made(0, [1, 2]) != made(1, [1, 2]) and made(0, [1, 2]) != made(0, [2, 1])
    assert all(sorted(order) == list(range(12)) for order in made(0, [1]))
    assert len({tuple(order) for order in made(0, [1])}) == 3


def test_each_candidate_stands_at_each_position_alike():
    positions = np.array([next(shuffles(5, 1, 0, [n])) for n in range(2_000)])
    for candidate in range(5):
        counts = (positions == candidate).sum(axis=0)
        assert counts.min() > 320 and counts.max() < 480


@pytest.mark.parametrize(
    ("order", "score", "expected"),
    [
        ([0, 1, 2, 3], [4, 3, 2, 1], 1.0),
        ([0, 1, 2, 3], [1, 2, 3, 4], -1.0),
        ([2, 0, 1], [2, 1, 3], 1.0),
        ([0, 1, 2], [1, 1, 1], 0.0),
        ([0], [1], 0.0),
        ([0, 1, 2, 3], [5, 5, 1, 1], 0.8944),  # ties share the mean rank, as Spearman has it
    ],
)
def test_the_correlation_is_spearmans(order, score, expected):
    found = position_correlation(np.array(order), np.array(score, float))
    assert found == pytest.approx(expected, abs=1e-4)
