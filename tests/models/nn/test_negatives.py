"""Negative sampling: only items with events, with the right probabilities."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.models.nn.losses import full_softmax  # noqa: E402
from recweave.models.nn.negatives import Negatives, NegativeSample  # noqa: E402

COUNTS = np.array([0, 4, 0, 1, 16, 0])
CPU = torch.device("cpu")


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_negatives_are_sampled_by_number_of_events_to_the_power(power):
    torch.manual_seed(0)
    sampled = Negatives.of(COUNTS, power).sample(200_000, CPU)
    frequency = np.bincount(sampled.item.numpy(), minlength=6) / 200_000
    expected = np.where(COUNTS > 0, COUNTS.astype(float) ** power, 0)
    np.testing.assert_allclose(frequency, expected / expected.sum(), atol=0.005)
    known = COUNTS > 0
    expected = 200_000 * (expected / expected.sum())[known]
    np.testing.assert_allclose(np.exp(sampled.all_log_q.numpy()[known]), expected, rtol=1e-5)


def test_the_highest_random_number_gives_an_item_with_events(monkeypatch):
    """Cumulative float32 sums end slightly below 1; a number above must not give item 10,000."""
    highest = lambda count, dtype: torch.full((count,), 1 - 2**-53, dtype=dtype)  # noqa: E731
    monkeypatch.setattr(torch, "rand", highest)
    counts = np.r_[np.random.default_rng(0).integers(1, 1000, 10_000), 0]
    assert Negatives.of(counts, 0.5).sample(3, CPU).item.tolist() == [9_999] * 3


def test_the_full_softmax_leaves_out_items_without_events():
    torch.manual_seed(1)
    state, items = torch.randn(5, 3), torch.randn(6, 3, requires_grad=True)
    target, weight = torch.tensor([1, 3, 4, 4, 1]), torch.rand(5)
    loss = Negatives.of(COUNTS, 0.0).full_softmax_loss(state, items, target, weight)
    loss.backward()
    known = torch.tensor([1, 3, 4])
    expected = full_softmax(state, items[known].detach(), torch.tensor([0, 1, 2, 2, 0]), weight)
    assert loss.item() == pytest.approx(expected.item())
    assert (items.grad.abs().sum(1) > 0).tolist() == (COUNTS > 0).tolist()


def test_a_sampled_target_is_no_negative_of_itself(monkeypatch):
    """Row by row in NumPy: the softmax over the target and the sampled items other than it."""
    rng = np.random.default_rng(0)
    state, items = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    target, weight = np.array([1, 3, 4, 4]), rng.random(4)
    negatives = Negatives.of(COUNTS, 0.0)
    sampled = np.array([4, 1, 4, 3, 1])
    log_q = np.log(len(sampled) / 3)  # three items have events
    expected = negatives.sample(len(sampled), CPU).all_log_q
    sample = NegativeSample(torch.from_numpy(sampled), expected[sampled], expected)
    monkeypatch.setattr(Negatives, "sample", lambda *_: sample)
    losses = []
    for row, own in enumerate(target):
        others = [state[row] @ items[i] - log_q for i in sampled if i != own]
        logit = state[row] @ items[own] - log_q
        losses.append(np.log(np.exp([logit, *others]).sum()) - logit)
    loss = negatives.sampled_softmax_loss(
        *(torch.from_numpy(part) for part in (state, items, target, weight)), len(sampled)
    )
    assert loss.item() == pytest.approx(np.average(losses, weights=weight), rel=1e-6)


def test_the_loss_is_zero_where_only_the_target_is_sampled():
    """If the target counted as its own negative, the loss would be ln 2 or more."""
    negatives = Negatives.of(np.array([0, 7, 0]), 1.0)
    state, items = torch.ones(2, 3), torch.ones(3, 3)
    loss = negatives.sampled_softmax_loss(state, items, torch.tensor([1, 1]), torch.ones(2), 4)
    assert loss.item() == pytest.approx(0, abs=1e-6)
