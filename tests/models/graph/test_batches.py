import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recweave.models.graph.batches import bpr_batches, softmax_batches


@pytest.fixture
def events():
    """50 users, 40 items; some users and item 39 without events."""
    rng = np.random.default_rng(0)
    dense = (rng.random((50, 40)) < 0.2) * rng.choice([0.5, 1.0], (50, 40))
    dense[::7], dense[:, 39] = 0, 0
    return sparse.csr_array(dense.astype(np.float32))


def all_pairs(batches):
    """(user, item, weight) of all batches, in order."""
    columns = [np.stack([b.user[b.user_index], b.item, b.weight], axis=1) for b in batches]
    return sorted(map(tuple, np.concatenate(columns).tolist()))


@given(st.integers(1, 400), st.integers(1, 60))
def test_every_pair_is_in_one_batch_once(size, negatives):
    rng = np.random.default_rng(size)
    events = sparse.csr_array((rng.random((20, 15)) < 0.3).astype(np.float32))
    user, item = events.nonzero()
    expected = sorted(zip(user.tolist(), item.tolist(), [1.0] * events.nnz, strict=True))
    assert all_pairs(softmax_batches(events, rng, size, negatives)) == expected
    assert all_pairs(bpr_batches(events, rng, size)) == expected


def test_softmax_batches_have_about_the_requested_size(events):
    sizes = [len(b.item) for b in softmax_batches(events, np.random.default_rng(0), 60, 10)]
    longest = np.diff(events.indptr).max()
    assert max(sizes) <= 60 + longest
    assert min(sizes[:-1]) >= 60 - longest


def test_negatives_of_the_softmax_have_events_and_positives_among_them_are_marked(events):
    dense = events.toarray() > 0
    for negatives in (8, 1_000):
        for batch in softmax_batches(events, np.random.default_rng(0), 60, negatives):
            assert len(np.unique(batch.negative)) == len(batch.negative) == min(negatives, 39)
            assert 39 not in batch.negative
            positive = np.zeros((len(batch.user), len(batch.negative)), bool)
            positive[batch.positives] = True
            np.testing.assert_array_equal(positive, dense[np.ix_(batch.user, batch.negative)])


def test_a_negative_of_bpr_is_an_item_that_the_user_did_not_have(events):
    for batch in bpr_batches(events, np.random.default_rng(0), 60):
        assert not (events[batch.user[batch.user_index], batch.negative] > 0).any()
        assert 39 not in batch.negative


def test_negatives_of_bpr_are_sampled_uniformly():
    """User 0 had items 0 to 4 of ten; each other item is the negative equally often."""
    events = sparse.csr_array(np.array([[1] * 5 + [0] * 5, [1] * 10], np.float32))
    rng = np.random.default_rng(0)
    sampled = np.concatenate(
        [b.negative[b.user == 0] for _ in range(200) for b in bpr_batches(events, rng, 100)]
    )
    counts = np.bincount(sampled, minlength=10)
    assert counts[:5].sum() == 0
    assert counts[5:].min() > 0.8 * counts[5:].max()


def test_a_log_without_events_has_no_batches():
    empty = sparse.csr_array((3, 4), dtype=np.float32)
    rng = np.random.default_rng(0)
    assert softmax_batches(empty, rng, 10, 5) == bpr_batches(empty, rng, 10) == []
