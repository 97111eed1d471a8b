"""What networks are trained by; each is checked against plain NumPy."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize, pad, softplus

ROWS = 512
"""Rows of logits that are held at once; for 12,000 items they are 24 MiB."""

MULTIPLE = 64
"""See `pad_rows`."""


def pad_rows(x: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "padded ..."]:
    """x with rows of zeros after it, up to the next multiple of `MULTIPLE`.

    Every matrix product whose number of rows changes from batch to batch must use it: for bf16
    oneDNN compiles a kernel for each new shape of a product (about 0.6 MB) and keeps the last 1,024
    of them, so products of ever new shapes take memory without end. Padding leaves few shapes.
    """
    return pad(x, (0, 0) * (x.ndim - 1) + (0, -len(x) % MULTIPLE))


def bpr(
    positive: Float[Tensor, " n"],
    negative: Float[Tensor, " n"] | Float[Tensor, "n drawn"],
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """Mean of −ln σ(s⁺ − s⁻) (Rendle et al., UAI 2009), over drawn items too, weighted by row."""
    if negative.ndim == positive.ndim:
        negative = negative[:, None]
    return _mean(softplus(negative - positive[:, None]).mean(1), weight)


def full_softmax(
    state: Float[Tensor, "n dim"],
    item: Float[Tensor, "items dim"],
    target: Int[Tensor, " n"],
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """Mean of −ln softmax(state @ itemᵀ)[target], weighted; all logits are never held at once.

    Slopes are made in the forward pass, block by block while logits are in the cache, which takes
    about half the time and a fraction of the memory of torch's own cross-entropy.
    """
    share = state.new_ones(len(target)) if weight is None else weight
    # Rows of padding have no share of the loss and no gradient.
    made: Tensor = _FullSoftmax.apply(  # type: ignore[no-untyped-call]
        pad_rows(state), item, pad_rows(target), pad_rows(share / share.sum())
    )
    return made


class _FullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, state: Tensor, item: Tensor, target: Tensor, share: Tensor) -> Tensor:
        lower = torch.is_autocast_enabled(state.device.type)
        kind = torch.get_autocast_dtype(state.device.type) if lower else state.dtype
        with torch.autocast(state.device.type, enabled=False):
            low_state, low_item = state.to(kind), item.to(kind)
            loss = state.new_zeros(())
            d_state = torch.empty_like(state)
            d_item = torch.zeros_like(item)
            for first in range(0, len(state), ROWS):
                rows = slice(first, first + ROWS)
                logits = (low_state[rows] @ low_item.T).to(state.dtype)
                whole = logits.logsumexp(1)
                at = target[rows, None]
                loss += ((whole - logits.gather(1, at)[:, 0]) * share[rows]).sum()
                slope = logits.sub_(whole[:, None]).exp_()
                slope.scatter_add_(1, at, -torch.ones_like(at, dtype=slope.dtype))
                slope = slope.mul_(share[rows, None]).to(kind)
                d_state[rows] = (slope @ low_item).to(state.dtype)
                d_item += (slope.T @ low_state[rows]).to(item.dtype)
        ctx.save_for_backward(d_state, d_item)
        return loss

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        d_state, d_item = ctx.saved_tensors
        return d_state * slopes[0], d_item * slopes[0], None, None


def sampled_softmax(
    positive: Float[Tensor, " n"],
    negative: Float[Tensor, "n drawn"],
    log_q_positive: Float[Tensor, " n"],
    log_q_negative: Float[Tensor, " drawn"],
    hit: Bool[Tensor, "n drawn"],
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """Softmax over the target and drawn items, corrected by log Q (Bengio & Senécal 2008; Yi 2019).

    Args:
        positive, negative: Scores of the target and of the items drawn, the same for all rows.
        log_q_positive, log_q_negative: Logarithm of how often each is expected to be drawn.
        hit: Where a drawn item is the row's own target, and so no negative.
        weight: Of each row.
    """
    others = (negative - log_q_negative).masked_fill(hit, -torch.inf)
    own = positive - log_q_positive
    loss = torch.cat([own[:, None], others], 1).logsumexp(1) - own
    return _mean(loss, weight)


def gbce(
    positive: Float[Tensor, " n"],
    negative: Float[Tensor, "n drawn"],
    items: int,
    calibration: float,
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """Generalised binary cross-entropy (Petrov & Macdonald, RecSys 2023, equations 12 and 14).

    −ln σ(s⁺)^β − Σ ln(1 − σ(s⁻)), averaged, β = α (t (1 − 1/α) + 1/α), α = drawn / (items − 1).

    Args:
        positive, negative: Scores.
        items: Size of the catalogue.
        calibration: t; 0 is plain binary cross-entropy, 1 makes scores probabilities.
        weight: Of each row.
    """
    rate = negative.shape[1] / max(items - 1, 1)
    beta = rate * (calibration * (1 - 1 / rate) + 1 / rate)
    loss = -beta * logsigmoid(positive) + softplus(negative).sum(1)
    return _mean(loss, weight)


def info_nce(
    one: Float[Tensor, "n dim"], other: Float[Tensor, "n dim"], temperature: float
) -> Float[Tensor, ""]:
    """Each row's likeness to its partner against the others' partners, by cosine; one to other."""
    n = len(one)
    all_pairs = pad_rows(normalize(one, dim=1)) @ pad_rows(normalize(other, dim=1)).T
    likeness = all_pairs[:n, :n] / temperature
    return (likeness.logsumexp(1) - likeness.diagonal()).mean()


def _mean(loss: Float[Tensor, " n"], weight: Float[Tensor, " n"] | None) -> Float[Tensor, ""]:
    return loss.mean() if weight is None else (loss * weight).sum() / weight.sum()
