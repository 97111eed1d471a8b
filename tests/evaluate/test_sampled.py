import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import LeaveLastOut, Split
from recweave.evaluate import METRICS, evaluate_model
from recweave.evaluate.sampled import sample_candidates
from recweave.models.kinds import ItemScores
from recweave.models.popularity import Popularity


def test_candidates_are_the_held_out_items_and_the_requested_negatives():
    known = Interactions.of([0, 0, 1], [0, 1, 2], shape=(3, 9))
    held_out = Interactions.of([0, 0, 2], [3, 4, 5], shape=(3, 9))
    sampled = sample_candidates(known, held_out, np.array([0, 2]), negatives=5, seed=0)
    assert sampled[:, :2].tolist() == [[3, 4], [5, -1]]
    assert sorted(sampled[0, 2:]) == [2, 5, 6, 7, 8]
    assert len(set(sampled[1, 2:]) - {5}) == 5


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_negative_is_known_held_out_or_sampled_twice(seed):
    rng = np.random.default_rng(seed)
    known = Interactions.of(rng.integers(4, size=9), rng.integers(12, size=9), shape=(4, 12))
    held_out = Interactions.of(rng.integers(4, size=3), rng.integers(12, size=3), shape=(4, 12))
    users = np.unique(held_out.user)
    most = max(
        len(set(known.item[known.user == u]) | set(held_out.item[held_out.user == u]))
        for u in users
    )
    sampled = sample_candidates(known, held_out, users, negatives=12 - most, seed=seed)
    for user, row in zip(users, sampled, strict=True):
        others = row[-(12 - most) :].tolist()
        seen = set(known.item[known.user == user]) | set(held_out.item[held_out.user == user])
        assert len(set(others)) == 12 - most
        assert not seen & set(others)


def test_negatives_are_uniform():
    known = Interactions.of([0], [0], shape=(4_000, 6))
    held_out = Interactions.of(np.arange(4_000), np.full(4_000, 5), shape=(4_000, 6))
    sampled = sample_candidates(known, held_out, np.arange(1, 4_000), negatives=2, seed=0)[:, 1:]
    times = np.bincount(sampled.ravel(), minlength=6)
    assert times[5] == 0
    assert np.abs(times[:5] - 1_600).max() < 150  # five standard deviations


def test_too_many_negatives_are_refused():
    log = Interactions.of([0, 0], [0, 1], shape=(1, 5))
    with pytest.raises(BadSetting, match=r"4 negatives cannot be sampled: .* 2 of the 5 items"):
        sample_candidates(log, log, np.array([0]), negatives=4, seed=0)


@pytest.fixture
def split():
    rng = np.random.default_rng(0)
    item = (40 * rng.random((60, 6)) ** 3).astype(int)
    log = Interactions.of(np.repeat(np.arange(60), 6), item.ravel(), shape=(60, 400))
    return LeaveLastOut().cut(log, published=None, seed=0)


def test_a_sampled_metric_is_higher_and_has_another_name(split):
    model = Popularity().fit(split.train)
    report = evaluate_model(model, split, ["ndcg@10", "sampled_ndcg@10"], negatives=50)
    means = report.means()
    assert list(means) == ["ndcg@10", "sampled_ndcg@10"]
    assert means["sampled_ndcg@10"].mean > means["ndcg@10"].mean + 0.1


def test_the_seed_decides_the_sample(split):
    model = Popularity().fit(split.train)

    def evaluated(seed):
        return evaluate_model(model, split, ["sampled_mrr@5"], seed=seed, negatives=20).per_user

    assert evaluated(1).equals(evaluated(1))
    assert not evaluated(1).equals(evaluated(2))


def test_the_position_of_the_target_among_the_candidates_does_not_matter():
    held_out = Interactions.of([0], [8], shape=(1, 9))
    nothing = held_out[np.zeros(1, bool)]
    model = ItemScores(np.zeros(9, np.float32))
    report = evaluate_model(
        model, Split(nothing, nothing, held_out), ["sampled_mrr@9"], negatives=8
    )
    assert report.per_user["sampled_mrr@9"].to_list() == [1 / 9]


def test_all_sampled_metrics_have_the_prefix():
    sampled = [name for name, measure in METRICS.items() if measure.kind == "sampled"]
    assert sampled
    assert all(name.startswith("sampled_") for name in sampled)
