"""What a target is told from: items with events alone, drawn as often as is said."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.models.nn.losses import full_softmax  # noqa: E402
from recweave.models.nn.negatives import Drawn, Negatives  # noqa: E402

COUNTS = np.array([0, 4, 0, 1, 16, 0])
CPU = torch.device("cpu")


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_items_are_drawn_by_their_events_to_the_power(power):
    torch.manual_seed(0)
    drawn = Negatives.of(COUNTS, power).draw(200_000, CPU)
    found = np.bincount(drawn.item.numpy(), minlength=6) / 200_000
    wanted = np.where(COUNTS > 0, COUNTS.astype(float) ** power, 0)
    np.testing.assert_allclose(found, wanted / wanted.sum(), atol=0.005)
    known = COUNTS > 0
    expected = 200_000 * (wanted / wanted.sum())[known]
    np.testing.assert_allclose(np.exp(drawn.all_log_q.numpy()[known]), expected, rtol=1e-5)


def test_the_very_last_draw_is_an_item_with_events(monkeypatch):
    """Sums of float32 end a little below 1, and what is drawn above them must not be item 5."""
    most = lambda count, dtype: torch.full((count,), 1 - 2**-53, dtype=dtype)  # noqa: E731
    monkeypatch.setattr(torch, "rand", most)
    counts = np.r_[np.random.default_rng(0).integers(1, 1000, 10_000), 0]
    assert Negatives.of(counts, 0.5).draw(3, CPU).item.tolist() == [9_999] * 3


def test_the_softmax_over_all_leaves_out_items_without_events():
    torch.manual_seed(1)
    state, items = torch.randn(5, 3), torch.randn(6, 3, requires_grad=True)
    target, weight = torch.tensor([1, 3, 4, 4, 1]), torch.rand(5)
    made = Negatives.of(COUNTS, 0.0).all_softmax(state, items, target, weight)
    made.backward()
    known = torch.tensor([1, 3, 4])
    wanted = full_softmax(state, items[known].detach(), torch.tensor([0, 1, 2, 2, 0]), weight)
    assert made.item() == pytest.approx(wanted.item())
    assert (items.grad.abs().sum(1) > 0).tolist() == (COUNTS > 0).tolist()


def test_a_target_that_is_drawn_is_no_negative_of_itself(monkeypatch):
    """Row by row in NumPy: the softmax over the target and the drawn items that are not it."""
    rng = np.random.default_rng(0)
    state, items = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    target, weight = np.array([1, 3, 4, 4]), rng.random(4)
    negatives = Negatives.of(COUNTS, 0.0)
    drawn = np.array([4, 1, 4, 3, 1])
    log_q = np.log(len(drawn) / 3)  # three items have events
    expected = negatives.draw(len(drawn), CPU).all_log_q
    made = Drawn(torch.from_numpy(drawn), expected[drawn], expected)
    monkeypatch.setattr(Negatives, "draw", lambda *_: made)
    losses = []
    for row, own in enumerate(target):
        others = [state[row] @ items[i] - log_q for i in drawn if i != own]
        logit = state[row] @ items[own] - log_q
        losses.append(np.log(np.exp([logit, *others]).sum()) - logit)
    loss = negatives.drawn_softmax(
        *(torch.from_numpy(part) for part in (state, items, target, weight)), len(drawn)
    )
    assert loss.item() == pytest.approx(np.average(losses, weights=weight), rel=1e-6)


def test_where_the_target_alone_is_drawn_there_is_nothing_to_learn():
    """Counted as its own negative, it would cost ln 2 or more."""
    negatives = Negatives.of(np.array([0, 7, 0]), 1.0)
    state, items = torch.ones(2, 3), torch.ones(3, 3)
    loss = negatives.drawn_softmax(state, items, torch.tensor([1, 1]), torch.ones(2), 4)
    assert loss.item() == pytest.approx(0, abs=1e-6)
