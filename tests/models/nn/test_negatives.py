"""What a target is told from: items with events alone, drawn as often as is said."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.models.nn.losses import full_softmax  # noqa: E402
from recweave.models.nn.negatives import Negatives  # noqa: E402

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
