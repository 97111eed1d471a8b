"""Loss functions: BPR, full and sampled softmax, gBCE, InfoNCE. Tests check each against NumPy."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize, pad, softplus

ROWS = 512
"""Rows of logits in memory at a time; 24 MiB for 12,000 items."""

MULTIPLE = 64
"""See `pad_rows`."""


def pad_rows(x: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "padded ..."]:
    """x, padded with rows of zeros to the next multiple of `MULTIPLE`.

    Every matrix product whose number of rows changes from batch to batch must use it. For bf16,
    oneDNN compiles a kernel for each new shape of a product (about 0.6 MB) and keeps the last
    1,024, so many different shapes would fill the memory. Padding leaves few shapes.
    """
    return pad(x, (0, 0) * (x.ndim - 1) + (0, -len(x) % MULTIPLE))


def bpr(
    positive: Float[Tensor, " n"],
    negative: Float[Tensor, " n"] | Float[Tensor, "n sampled"],
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """Mean of −ln σ(s⁺ − s⁻) (Rendle et al., UAI 2009), over sampled negatives, weighted by row."""
    if negative.ndim == positive.ndim:
        negative = negative[:, None]
    return _mean(softplus(negative - positive[:, None]).mean(1), weight)


def full_softmax(
    state: Float[Tensor, "n dim"],
    item: Float[Tensor, "items dim"],
    target: Int[Tensor, " n"],
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """Mean of −ln softmax(state @ itemᵀ)[target], weighted, over all items.

    The gradients are computed in the forward pass, block by block, while the logits are in the
    cache. This takes about half the time and a fraction of the memory of torch's own cross-entropy,
    as the logits of all rows are never in memory together.
    """
    share = state.new_ones(len(target)) if weight is None else weight
    # Rows of padding have weight 0, so they add no loss and no gradient.
    loss: Tensor = _FullSoftmax.apply(  # type: ignore[no-untyped-call]
        pad_rows(state), item, pad_rows(target), pad_rows(share / share.sum())
    )
    return loss


class _FullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, state: Tensor, item: Tensor, target: Tensor, share: Tensor) -> Tensor:
        autocast = torch.is_autocast_enabled(state.device.type)
        dtype = torch.get_autocast_dtype(state.device.type) if autocast else state.dtype
        with torch.autocast(state.device.type, enabled=False):
            low_state, low_item = state.to(dtype), item.to(dtype)
            loss = state.new_zeros(())
            d_state = torch.empty_like(state)
            d_item = torch.zeros_like(item)
            for first in range(0, len(state), ROWS):
                rows = slice(first, first + ROWS)
                logits = (low_state[rows] @ low_item.T).to(state.dtype)
                log_total = logits.logsumexp(1)
                at = target[rows, None]
                loss += ((log_total - logits.gather(1, at)[:, 0]) * share[rows]).sum()
                gradient = logits.sub_(log_total[:, None]).exp_()
                gradient.scatter_add_(1, at, -torch.ones_like(at, dtype=gradient.dtype))
                gradient = gradient.mul_(share[rows, None]).to(dtype)
                d_state[rows] = (gradient @ low_item).to(state.dtype)
                d_item += (gradient.T @ low_state[rows]).to(item.dtype)
        ctx.save_for_backward(d_state, d_item)
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        d_state, d_item = ctx.saved_tensors
        return d_state * gradients[0], d_item * gradients[0], None, None


def sampled_softmax(
    positive: Float[Tensor, " n"],
    negative: Float[Tensor, "n sampled"],
    log_q_positive: Float[Tensor, " n"],
    log_q_negative: Float[Tensor, " sampled"],
    hit: Bool[Tensor, "n sampled"],
    weight: Float[Tensor, " n"] | None = None,
    more: Float[Tensor, "n more"] | None = None,
) -> Float[Tensor, ""]:
    """Softmax over target and negatives, with log-Q correction (Bengio & Senécal 2008; Yi 2019).

    Args:
        positive, negative: Scores of the target and of the sampled negatives; all rows share these.
        log_q_positive, log_q_negative: Logarithm of how often each is expected in the sample.
        hit: Where a sampled item is the row's own target; it is no negative there.
        weight: Weight of each row.
        more: Scores of further negatives of each row, which are there for certain, so that they
            need no correction; -inf for none.
    """
    others = (negative - log_q_negative).masked_fill(hit, -torch.inf)
    own = positive - log_q_positive
    parts = [own[:, None], others] if more is None else [own[:, None], others, more]
    loss = torch.cat(parts, 1).logsumexp(1) - own
    return _mean(loss, weight)


def gbce(
    positive: Float[Tensor, " n"],
    negative: Float[Tensor, "n sampled"],
    items: int,
    calibration: float,
    weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """Generalised binary cross-entropy (Petrov & Macdonald, RecSys 2023, equations 12 and 14).

    −ln σ(s⁺)^β − Σ ln(1 − σ(s⁻)), averaged, β = α (t (1 − 1/α) + 1/α), α = sampled / (items − 1).

    Args:
        positive, negative: Scores of the target and of the negatives.
        items: Number of items in the catalogue.
        calibration: t; 0 is plain binary cross-entropy, 1 makes scores probabilities.
        weight: Weight of each row.
    """
    rate = negative.shape[1] / max(items - 1, 1)
    beta = rate * (calibration * (1 - 1 / rate) + 1 / rate)
    loss = -beta * logsigmoid(positive) + softplus(negative).sum(1)
    return _mean(loss, weight)


def info_nce(
    anchor: Float[Tensor, "n dim"], positive: Float[Tensor, "n dim"], temperature: float
) -> Float[Tensor, ""]:
    """InfoNCE with cosine similarity: row i of `positive` is the positive of row i of `anchor`.

    The other rows of `positive` are its negatives (in-batch negatives).
    """
    n = len(anchor)
    all_pairs = pad_rows(normalize(anchor, dim=1)) @ pad_rows(normalize(positive, dim=1)).T
    similarity = all_pairs[:n, :n] / temperature
    return (similarity.logsumexp(1) - similarity.diagonal()).mean()


def _mean(loss: Float[Tensor, " n"], weight: Float[Tensor, " n"] | None) -> Float[Tensor, ""]:
    return loss.mean() if weight is None else (loss * weight).sum() / weight.sum()
