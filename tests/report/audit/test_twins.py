"""Which pairs of users are twins, and what they hold."""

import numpy as np
from scipy import sparse

from recweave.report.audit.twins import find_twins


def matrix(rows):
    """Users by items, from each user's items."""
    pairs = [(user, item) for user, items in enumerate(rows) for item in items]
    user, item = np.array(pairs).T
    return sparse.csr_array((np.ones(len(pairs), np.float32), (user, item)), shape=(len(rows), 12))


def twins(train, held_out):
    """User, twin and whether the twin holds the user's target; of user 0 alone."""
    found = find_twins(matrix(train), matrix(held_out), np.array([0]))
    return list(zip(found.twin.tolist(), found.holds.tolist(), strict=True))


HELD = [[9], [0], [0], [0]]


def test_a_twin_has_nearly_the_same_items_and_perhaps_the_target():
    train = [[0, 1, 2, 3], [0, 1, 2, 3, 9], [0, 1, 2, 3], [4, 5, 6]]
    assert twins(train, HELD) == [(1, True), (2, False)]


def test_four_of_five_items_are_enough_and_three_of_five_are_not():
    assert twins([[0, 1, 2, 3, 4], [0, 1, 2, 3], [0, 1, 2], [7]], HELD) == [(1, False)]


def test_what_a_twin_has_beyond_counts_against_it_unless_it_is_the_target():
    train = [[0, 1, 2, 3], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 9], [7]]
    assert twins(train, HELD) == [(2, True)]


def test_an_item_that_is_held_out_and_in_train_too_is_no_secret():
    assert twins([[0, 1, 2, 9], [0, 1, 2, 9], [7], [8]], HELD) == [(1, False)]
