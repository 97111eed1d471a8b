"""The training loop of all neural networks: AdamW, early stopping, checkpoints."""

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
    """The progress of a training.

    Attributes:
        epoch: Epochs completed.
        losses: Mean loss of each epoch.
        checks: The validation metric at each check.
        best: The best of these values.
        since: Checks since the best one, of those after `min_epochs`.
        seconds: Training time, summed over all processes that worked on it.
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
    description: Mapping[str, Any],
) -> Progress:
    """Train a network in place, with early stopping; it ends with the weights that validated best.

    The same arguments give the same result, also if the training was interrupted and resumed.
    Without `validate` all epochs are run and the last weights are kept.

    Args:
        net: The network; it is moved to the device of the options.
        batches: Makes the batches of an epoch; all randomness comes from the generator it is given.
        loss: The mean loss of a batch.
        recipe: The settings of the loop.
        options: Seed, device, precision, and the folder of checkpoints.
        validate: Computes the validation metric of the current network; higher is better.
        description: Identifies the training among checkpoints; it must identify at least the data.

    Raises:
        BadSetting: if there are no events to learn from, or the loss is not finite.
    """
    device, seed = choose_device(options.device), options.seed
    bf16 = options.precision == "bf16"
    if bf16 and not multiplies_bf16(device):
        _log.warning("this %s does not multiply bf16; fp32 is faster on it", device.type)
    net.to(device)
    optimiser = torch.optim.AdamW(_groups(net, recipe), lr=recipe.lr, fused=True)
    setup = {
        "net": type(net).__name__,
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "device": device.type,
        "bf16": bf16,
    }
    checkpoint = Checkpoint.for_training(options.checkpoints, {**setup, **description})
    progress, best = Progress(), dict[str, Tensor]()
    resumed = checkpoint.load(net, optimiser) if checkpoint else None
    if resumed is not None:
        progress, best = Progress(**resumed[0]), resumed[1]
        if options.checkpoints is not None:
            options.checkpoints.seconds += progress.seconds
    finished_before = _finished(progress, recipe)
    saved = time.perf_counter()
    began = saved - progress.seconds
    while not _finished(progress, recipe):
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(_epoch_seed(seed, progress.epoch))
            net.train()
            epoch_batches = batches(np.random.default_rng([seed, progress.epoch]))
            if not epoch_batches:
                raise BadSetting(f"{type(recipe).__name__} has no events to learn from")
            mean = _epoch(net, epoch_batches, loss, recipe, optimiser, progress, bf16)
        progress.losses.append(mean)
        progress.epoch += 1
        if validate is not None and progress.epoch % recipe.every == 0:
            best = _validate(net, validate, progress, best, recipe)
        progress.seconds = time.perf_counter() - began
        if checkpoint is None or options.checkpoints is None or _finished(progress, recipe):
            continue
        if time.perf_counter() - saved >= options.checkpoints.every:
            checkpoint.save(progress.epoch, net, best, optimiser, vars(progress))
            saved = time.perf_counter()
    if best:
        net.load_state_dict(best)
        best = {}
    if checkpoint is not None and not finished_before:
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
    bf16: bool,
) -> float:
    """Train for one epoch; returns its mean loss."""
    name, epoch = type(recipe).__name__, progress.epoch
    total, done = 0.0, 0
    best = f", validation {progress.best:.4f}" if progress.checks else ""

    def status() -> str:
        return f"{name} {epoch + 1}/{recipe.epochs}, loss {total / max(done, 1):.4f}{best}"

    device = next(net.parameters()).device
    for batch in track(batches, status):
        rate = _learning_rate(recipe, epoch + done / len(batches), 1 / len(batches))
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
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
    net: nn.Module,
    validate: Callable[[], float],
    progress: Progress,
    best: dict[str, Tensor],
    recipe: LoopSettings,
) -> dict[str, Tensor]:
    net.eval()
    with torch.inference_mode():
        value = validate()
    progress.checks.append(value)
    if progress.epoch <= recipe.min_epochs:
        return best
    if value <= progress.best:
        progress.since += 1
        return best
    progress.best, progress.since = value, 0
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _finished(progress: Progress, recipe: LoopSettings) -> bool:
    stop_early = bool(recipe.patience) and progress.since >= recipe.patience
    return stop_early or progress.epoch >= recipe.epochs


def _groups(net: nn.Module, recipe: LoopSettings) -> list[dict[str, Any]]:
    """Parameter groups: weight decay applies to matrices, not to biases, scales and gates."""
    matrices = [p for p in net.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in net.parameters() if p.requires_grad and p.ndim <= 1]
    groups = ((matrices, recipe.weight_decay), (vectors, 0.0))
    return [{"params": params, "weight_decay": decay} for params, decay in groups if params]


def _learning_rate(recipe: LoopSettings, epoch: float, step: float) -> float:
    """The learning rate at a time in epochs, with warmup; never 0, also at the first step."""
    warmup = min(1.0, (epoch + step) / recipe.warmup) if recipe.warmup else 1.0
    if recipe.schedule == "constant":
        return recipe.lr * warmup
    return recipe.lr * warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, epoch / recipe.epochs)))


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
