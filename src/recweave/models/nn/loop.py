"""The one training loop: every network goes through it."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from recweave.core.errors import BadSetting
from recweave.core.memory import kept_memory
from recweave.core.progress import track
from recweave.models.nn.checkpoint import Checkpoint
from recweave.models.nn.device import choose_device, multiplies_bf16
from recweave.models.nn.settings import LoopSettings
from recweave.models.training import Options

Batch = TypeVar("Batch")

_log = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        epoch: Epochs done.
        losses: Mean loss of each.
        checks: Validation's value at each check.
        best: The best of them.
        since: Checks since then.
        seconds: That training took, in all processes that worked on it.
    """

    epoch: int = 0
    losses: list[float] = field(default_factory=list)
    checks: list[float] = field(default_factory=list)
    best: float = -math.inf
    since: int = 0
    seconds: float = 0.0


@kept_memory()
def train(
    net: nn.Module,
    batches: Callable[[np.random.Generator], Sequence[Batch]],
    loss: Callable[[Batch], Tensor],
    recipe: LoopSettings,
    *,
    options: Options,
    validate: Callable[[], float] | None,
    what: Mapping[str, Any],
) -> Progress:
    """Train a network in place; it ends with the weights that validation liked best.

    With the same arguments the result is the same, whether the work was killed and taken up again
    or not. Without `validate` all epochs are done and the last weights stay.

    Args:
        net: What is trained; put on the device of the options.
        batches: An epoch's batches, drawn with the generator given.
        loss: The mean loss of a batch.
        recipe: The loop's settings.
        options: Seed, device, precision, and where checkpoints go.
        validate: What validation says of the network now; higher is better.
        what: Describes the training, to tell checkpoints apart: at least its data.

    Raises:
        BadSetting: if there is nothing to learn from, or the loss is no longer a number.
    """
    device, seed = choose_device(options.device), options.seed
    lower = options.precision == "bf16"
    if lower and not multiplies_bf16(device):
        _log.warning("this %s does not multiply bf16; fp32 is faster on it", device.type)
    net.to(device)
    optimiser = torch.optim.AdamW(_groups(net, recipe), lr=recipe.lr, fused=True)
    told = {
        "net": type(net).__name__,
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "device": device.type,
        "bf16": lower,
    }
    checkpoint = Checkpoint.named(options.checkpoints, {**told, **what})
    progress, best = Progress(), dict[str, Tensor]()
    kept = checkpoint.load(net, optimiser) if checkpoint else None
    if kept is not None:
        progress, best = Progress(**kept[0]), kept[1]
        if options.checkpoints is not None:
            options.checkpoints.seconds += progress.seconds
    finished = _done(progress, recipe)
    began = time.perf_counter() - progress.seconds
    while not _done(progress, recipe):
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(_epoch_seed(seed, progress.epoch))
            net.train()
            made = batches(np.random.default_rng([seed, progress.epoch]))
            if not made:
                raise BadSetting(f"{type(recipe).__name__} has no events to learn from")
            mean = _epoch(net, made, loss, recipe, optimiser, progress, lower)
        progress.losses.append(mean)
        progress.epoch += 1
        if validate is not None and progress.epoch % recipe.every == 0:
            best = _validate(net, validate, progress, best)
        progress.seconds = time.perf_counter() - began
        if checkpoint is not None and not _done(progress, recipe):
            checkpoint.save(progress.epoch, net, best, optimiser, vars(progress))
    if best:
        net.load_state_dict(best)
        best = {}
    if checkpoint is not None and not finished:
        checkpoint.save(progress.epoch, net, best, None, vars(progress))
    net.eval()
    return progress


def _epoch(
    net: nn.Module,
    batches: Sequence[Batch],
    loss: Callable[[Batch], Tensor],
    recipe: LoopSettings,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    lower: bool,
) -> float:
    """One pass; its mean loss."""
    name, epoch = type(recipe).__name__, progress.epoch
    total, done = 0.0, 0
    best = f", validation {progress.best:.4f}" if progress.checks else ""

    def told() -> str:
        return f"{name} {epoch + 1}/{recipe.epochs}, loss {total / max(done, 1):.4f}{best}"

    device = next(net.parameters()).device
    for batch in track(batches, told):
        rate = _rate(recipe, epoch + done / len(batches), 1 / len(batches))
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=lower):
            value = loss(batch)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
        optimiser.step()
        total += float(value.detach())
        done += 1
        if not math.isfinite(total):
            raise BadSetting(f"{name} diverged in epoch {epoch + 1}, its loss is {total}; lower lr")
    return total / max(done, 1)


def _validate(
    net: nn.Module, validate: Callable[[], float], progress: Progress, best: dict[str, Tensor]
) -> dict[str, Tensor]:
    net.eval()
    with torch.inference_mode():
        value = validate()
    progress.checks.append(value)
    if value <= progress.best:
        progress.since += 1
        return best
    progress.best, progress.since = value, 0
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _done(progress: Progress, recipe: LoopSettings) -> bool:
    enough = bool(recipe.patience) and progress.since >= recipe.patience
    return enough or progress.epoch >= recipe.epochs


def _groups(net: nn.Module, recipe: LoopSettings) -> list[dict[str, Any]]:
    """Matrices decay; vectors of shifts, scales and gates do not."""
    wide = [p for p in net.parameters() if p.requires_grad and p.ndim > 1]
    thin = [p for p in net.parameters() if p.requires_grad and p.ndim <= 1]
    both = ((wide, recipe.weight_decay), (thin, 0.0))
    return [{"params": some, "weight_decay": decay} for some, decay in both if some]


def _rate(recipe: LoopSettings, epoch: float, step: float) -> float:
    """The step size at a moment, in epochs; the first step is not 0."""
    rise = min(1.0, (epoch + step) / recipe.warmup) if recipe.warmup else 1.0
    if recipe.schedule == "constant":
        return recipe.lr * rise
    return recipe.lr * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, epoch / recipe.epochs)))


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
