"""The memory of bf16 training is bounded: oneDNN caches a kernel for each shape of a product."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from recweave.data.interactions import Interactions  # noqa: E402
from recweave.encode import Feature  # noqa: E402
from recweave.models import RECIPES  # noqa: E402
from recweave.models.nn import loop  # noqa: E402
from recweave.models.nn.losses import MULTIPLE, pad_rows  # noqa: E402
from recweave.models.training import Options, TrainingData  # noqa: E402

USERS, ITEMS, EVENTS = 300, 60, 3000


class ProductShapes(TorchDispatchMode):
    """Collects the shapes of all matrix products in bf16, of forward and backward passes."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        tensors = [part for part in args if isinstance(part, torch.Tensor)]
        if "mm" in function.__name__ and any(t.dtype == torch.bfloat16 for t in tensors):
            self.seen.add((function.__name__, *(tuple(t.shape) for t in tensors)))
        return function(*args, **(kwargs or {}))


def skewed_log():
    """Users with very different numbers of events, so that no two batches have equal counts."""
    rng = np.random.default_rng(0)
    user = np.minimum(USERS - 1, (rng.pareto(1.2, EVENTS) * USERS / 8).astype(int))
    item, time = rng.integers(0, ITEMS, EVENTS), rng.integers(0, 10_000_000, EVENTS)
    return Interactions.of(user, item, 1.0, time, shape=(USERS, ITEMS))


def text():
    vectors = np.random.default_rng(5).standard_normal((ITEMS, 8), dtype=np.float32)
    return {"text": Feature(vectors, np.ones(ITEMS, bool), "made/1", "random")}


@pytest.mark.processor
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("lightgcn", {}),
        ("sgl", {}),
        ("pfr", {"join": "align"}),
        ("sasrec", {"loss": "softmax"}),
        ("sasrec", {"loss": "sampled"}),
        ("sasrec", {"loss": "gbce"}),
        ("gru4rec", {"length": 20}),
        ("unified", {"represent": "both", "align": 0.1, "features": ("text",)}),
    ],
)
def test_epochs_after_the_first_add_almost_no_new_product_shapes(name, settings, monkeypatch):
    shapes, counts = ProductShapes(), []
    one_epoch = loop._epoch

    def counted(*args, **kwargs):
        with shapes:
            mean = one_epoch(*args, **kwargs)
        counts.append(len(shapes.seen))
        return mean

    monkeypatch.setattr(loop, "_epoch", counted)
    recipe = RECIPES[name](epochs=5, batch=256, dim=16, patience=0, **settings)
    data = TrainingData(skewed_log(), features=text())
    recipe.fit(data, Options(precision="bf16"))
    assert counts[0] > 0
    # A batch may reach one more multiple of 64 rows, with three products: one forward, two back.
    assert counts[-1] - counts[0] <= 9, counts


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65])
def test_padding_adds_rows_of_zeros_up_to_a_multiple_and_no_gradient(rows):
    x = torch.randn(rows, 3, requires_grad=True)
    padded = pad_rows(x)
    assert len(padded) % MULTIPLE == 0
    assert len(padded) - rows < MULTIPLE
    assert torch.equal(padded[:rows], x)
    assert not padded[rows:].any()
    padded.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))
