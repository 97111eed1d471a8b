"""The losses agree with plain NumPy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from recweave.models.nn import losses  # noqa: E402

RNG = np.random.default_rng(0)
STATE = RNG.standard_normal((7, 4))
ITEM = RNG.standard_normal((11, 4))
TARGET = RNG.integers(0, 11, 7)
WEIGHT = RNG.random(7)


def tensor(values, grad=False):
    return torch.tensor(values, requires_grad=grad)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_bpr():
    positive, negative = RNG.standard_normal(5), RNG.standard_normal((5, 3))
    expected = -np.log(1 / (1 + np.exp(negative - positive[:, None]))).mean()
    assert losses.bpr(tensor(positive), tensor(negative)).item() == pytest.approx(expected)
    expected = -np.log(1 / (1 + np.exp(negative[:, 0] - positive))).mean()
    assert losses.bpr(tensor(positive), tensor(negative[:, 0])).item() == pytest.approx(expected)


def test_bpr_weighs_rows():
    positive, negative = RNG.standard_normal(7), RNG.standard_normal((7, 3))
    each = -np.log(1 / (1 + np.exp(negative - positive[:, None]))).mean(axis=1)
    loss = losses.bpr(tensor(positive), tensor(negative), tensor(WEIGHT))
    assert loss.item() == pytest.approx((each * WEIGHT).sum() / WEIGHT.sum())


@pytest.mark.parametrize("rows", [2, 100])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_full_softmax_and_its_gradients(monkeypatch, rows, weight):
    monkeypatch.setattr(losses, "ROWS", rows)
    share = np.full(7, 1 / 7) if weight is None else weight / weight.sum()
    expected = -(log_softmax(STATE @ ITEM.T)[np.arange(7), TARGET] * share).sum()
    state, item = tensor(STATE, True), tensor(ITEM, True)
    weights = None if weight is None else tensor(weight)
    loss = losses.full_softmax(state, item, tensor(TARGET), weights)
    assert loss.item() == pytest.approx(expected)
    (3 * loss).backward()
    gradient = np.exp(log_softmax(STATE @ ITEM.T))
    gradient[np.arange(7), TARGET] -= 1
    gradient *= 3 * share[:, None]
    np.testing.assert_allclose(state.grad, gradient @ ITEM, atol=1e-12)
    np.testing.assert_allclose(item.grad, gradient.T @ STATE, atol=1e-12)


@pytest.mark.processor
def test_full_softmax_in_bf16_is_close():
    state, item = tensor(STATE.astype(np.float32), True), tensor(ITEM.astype(np.float32), True)
    plain = losses.full_softmax(state, item, tensor(TARGET))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        bf16 = losses.full_softmax(state, item, tensor(TARGET))
    assert bf16.item() == pytest.approx(plain.item(), rel=0.02)
    assert bf16.item() != plain.item()


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_sampled_softmax(weight):
    sampled = np.array([3, 5, 3, 8])
    q = RNG.random(11)
    hit = sampled[None] == TARGET[:, None]
    positive = (STATE * ITEM[TARGET]).sum(1)
    negative = STATE @ ITEM[sampled].T
    own = positive - np.log(q[TARGET])
    others = np.where(hit, 0, np.exp(negative - np.log(q[sampled]))).sum(1)
    each = -np.log(np.exp(own) / (np.exp(own) + others))
    expected = np.average(each, weights=weight)
    loss = losses.sampled_softmax(
        tensor(positive),
        tensor(negative),
        tensor(np.log(q[TARGET])),
        tensor(np.log(q[sampled])),
        tensor(hit),
        None if weight is None else tensor(weight),
    )
    assert loss.item() == pytest.approx(expected)


def test_sampled_softmax_with_log_q_correction_converges_to_the_full_softmax():
    rng = np.random.default_rng(1)
    count = np.arange(1, 12.0)
    q = count / count.sum()
    sampled = rng.choice(11, 200_000, p=q)
    target = np.zeros(1, int)
    state = STATE[:1]
    hit = sampled[None] == target[:, None]
    expected = np.log(q * len(sampled))
    loss = losses.sampled_softmax(
        tensor((state * ITEM[target]).sum(1)),
        tensor(state @ ITEM[sampled].T),
        tensor(np.zeros(1)),
        tensor(expected[sampled]),
        tensor(hit),
    )
    assert loss.item() == pytest.approx(-log_softmax(state @ ITEM.T)[0, 0], abs=0.01)


@pytest.mark.parametrize("calibration", [0.0, 0.75, 1.0])
def test_gbce(calibration):
    positive, negative = RNG.standard_normal(6), RNG.standard_normal((6, 3))
    rate = 3 / 99
    beta = rate * (calibration * (1 - 1 / rate) + 1 / rate)
    good, bad = 1 / (1 + np.exp(-positive)), 1 / (1 + np.exp(-negative))
    expected = np.mean(-np.log(good**beta) - np.log(1 - bad).sum(1))
    loss = losses.gbce(tensor(positive), tensor(negative), 100, calibration)
    assert loss.item() == pytest.approx(expected)
    if calibration == 0:
        assert beta == pytest.approx(1)


def test_info_nce():
    one, other = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 3))
    cosine = (one / np.linalg.norm(one, axis=1, keepdims=True)) @ (
        other / np.linalg.norm(other, axis=1, keepdims=True)
    ).T
    expected = -np.diag(log_softmax(cosine / 0.2)).mean()
    assert losses.info_nce(tensor(one), tensor(other), 0.2).item() == pytest.approx(expected)
