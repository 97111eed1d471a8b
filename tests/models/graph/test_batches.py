import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recweave.models.graph.batches import of_pairs, of_users


@pytest.fixture
def events():
    """50 users, 40 items; some users and item 39 without events."""
    rng = np.random.default_rng(0)
    dense = (rng.random((50, 40)) < 0.2) * rng.choice([0.5, 1.0], (50, 40))
    dense[::7], dense[:, 39] = 0, 0
    return sparse.csr_array(dense.astype(np.float32))


def pairs_of(batches):
    """(user, item, weight) of all batches, in order."""
    told = [np.stack([b.user[b.place], b.item, b.weight], axis=1) for b in batches]
    return sorted(map(tuple, np.concatenate(told).tolist()))


@given(st.integers(1, 400), st.integers(1, 60))
def test_every_pair_is_in_one_batch_once(size, drawn):
    rng = np.random.default_rng(size)
    some = sparse.csr_array((rng.random((20, 15)) < 0.3).astype(np.float32))
    user, item = some.nonzero()
    expected = sorted(zip(user.tolist(), item.tolist(), [1.0] * some.nnz, strict=True))
    assert pairs_of(of_users(some, rng, size, drawn)) == expected
    assert pairs_of(of_pairs(some, rng, size)) == expected


def test_batches_of_users_are_of_about_the_size_asked(events):
    sizes = [len(b.item) for b in of_users(events, np.random.default_rng(0), 60, 10)]
    longest = np.diff(events.indptr).max()
    assert max(sizes) <= 60 + longest
    assert min(sizes[:-1]) >= 60 - longest


def test_rivals_of_users_are_items_with_events_and_tell_whose_own_they_are(events):
    dense = events.toarray() > 0
    for drawn in (8, 1_000):
        for batch in of_users(events, np.random.default_rng(0), 60, drawn):
            assert len(np.unique(batch.rival)) == len(batch.rival) == min(drawn, 39)
            assert 39 not in batch.rival
            own = np.zeros((len(batch.user), len(batch.rival)), bool)
            own[batch.own] = True
            np.testing.assert_array_equal(own, dense[np.ix_(batch.user, batch.rival)])


def test_a_rival_of_a_pair_is_an_item_that_the_user_did_not_have(events):
    for batch in of_pairs(events, np.random.default_rng(0), 60):
        assert not (events[batch.user[batch.place], batch.rival] > 0).any()
        assert 39 not in batch.rival


def test_rivals_are_drawn_alike():
    """User 0 had items 0 to 4 of ten; each of the others is as often the rival."""
    events = sparse.csr_array(np.array([[1] * 5 + [0] * 5, [1] * 10], np.float32))
    rng = np.random.default_rng(0)
    drawn = np.concatenate(
        [b.rival[b.user == 0] for _ in range(200) for b in of_pairs(events, rng, 100)]
    )
    counts = np.bincount(drawn, minlength=10)
    assert counts[:5].sum() == 0
    assert counts[5:].min() > 0.8 * counts[5:].max()


def test_a_log_without_events_has_no_batches():
    nothing = sparse.csr_array((3, 4), dtype=np.float32)
    rng = np.random.default_rng(0)
    assert of_users(nothing, rng, 10, 5) == of_pairs(nothing, rng, 10) == []
