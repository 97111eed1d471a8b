"""The state of a training on disk, so that one that was killed goes on to the same end."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import recweave.store.arrays as store
from recweave.core.arrays import Array, digest
from recweave.core.atomic import clear_drafts
from recweave.core.errors import BadArtifact
from recweave.models.training import Checkpoints, TrainingData

FORMAT = 3


def learned_from(data: TrainingData, *numbers: Array) -> dict[str, Any]:
    """What distinguishes the data of one training from that of another.

    Args:
        data: The events.
        numbers: Vectors that are read with them.
    """
    digests = [digest(part.ravel().astype(np.float32).view(np.int32)) for part in numbers]
    held_out = None if data.valid is None else data.valid.digest()
    return {"train": data.train.digest(), "valid": held_out, "numbers": digests}


@dataclass(frozen=True)
class Checkpoint:
    """Where one training keeps its state: a folder for the newest epoch.

    What is drawn in an epoch depends on the seed and the epoch alone, so the number of the epoch is
    the state of all random generators.

    Attributes:
        folder: Holds `epoch-N`.
    """

    folder: Path

    @classmethod
    def named(cls, where: Checkpoints | None, what: Mapping[str, Any]) -> "Checkpoint | None":
        """The one for a training that is described like this; None where none are kept."""
        if where is None:
            return None
        made_by = {"format": FORMAT, "version": version("recweave")}
        told = json.dumps({**what, **made_by}, sort_keys=True, default=str)
        return cls(where.folder / hashlib.sha256(told.encode()).hexdigest()[:16])

    def save(
        self,
        epoch: int,
        net: nn.Module,
        best: Mapping[str, torch.Tensor],
        optimiser: torch.optim.Optimizer | None,
        progress: Mapping[str, Any],
    ) -> None:
        """Keep the state after an epoch; the one before goes once this is whole.

        Without an optimiser the training is done, and the network as it is will do.
        """
        arrays = {f"net/{name}": value for name, value in net.state_dict().items()}
        arrays |= {f"best/{name}": value for name, value in best.items()}
        if optimiser is not None:
            for place, state in optimiser.state_dict()["state"].items():
                arrays |= {f"optimiser/{place}/{name}": value for name, value in state.items()}
        told = {"epoch": epoch, "progress": dict(progress)}
        whole = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
        store.write(self.folder / f"epoch-{epoch}", whole, told)
        for other in self.folder.glob("epoch-*"):
            if other.name != f"epoch-{epoch}":
                shutil.rmtree(other, ignore_errors=True)

    def load(
        self, net: nn.Module, optimiser: torch.optim.Optimizer
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """Put the newest state into the network and the optimiser; the progress, and the best.

        None where there is none; one that is broken (a disk that was full), or of a network of
        other shapes, does not count. Drafts of killed processes are removed.
        """
        clear_drafts(self.folder)
        found = sorted(self.folder.glob("epoch-*"), key=lambda f: -int(f.name.rpartition("-")[2]))
        for folder in found:
            try:
                arrays, told = store.read(folder)
                parts = _by_part(arrays)
                if _shapes(parts["net"]) != _shapes(net.state_dict()):
                    continue
                state: dict[int, dict[str, torch.Tensor]] = {}
                for name, value in parts.get("optimiser", {}).items():
                    place, _, key = name.partition("/")
                    state.setdefault(int(place), {})[key] = value
                groups = optimiser.state_dict()["param_groups"]
                optimiser.load_state_dict({"state": state, "param_groups": groups})
                net.load_state_dict(parts["net"])
                return told["progress"], parts.get("best", {})
            except (BadArtifact, KeyError, ValueError):
                continue
        return None


def _shapes(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def _by_part(arrays: Mapping[str, Any]) -> dict[str, dict[str, torch.Tensor]]:
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in arrays.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = torch.from_numpy(value.copy())
    return parts
