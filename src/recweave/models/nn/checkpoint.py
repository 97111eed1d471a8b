"""Checkpoints: the state of a training on disk. An interrupted training resumes from the newest."""

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


def data_digests(data: TrainingData, *vectors: Array) -> dict[str, Any]:
    """Hashes of the data of a training, so that a checkpoint of other data is not resumed.

    Args:
        data: The training and validation events.
        vectors: Feature vectors that the network reads.
    """
    digests = [digest(part.ravel().astype(np.float32).view(np.int32)) for part in vectors]
    held_out = None if data.valid is None else data.valid.digest()
    return {"train": data.train.digest(), "valid": held_out, "numbers": digests}


@dataclass(frozen=True)
class Checkpoint:
    """The folder in which one training saves its state after each epoch; only the newest is kept.

    Random numbers of an epoch depend only on the seed and the epoch's number, so the number of the
    epoch is enough to restore all random generators.

    Attributes:
        folder: Contains `epoch-N`.
    """

    folder: Path

    @classmethod
    def for_training(
        cls, checkpoints: Checkpoints | None, description: Mapping[str, Any]
    ) -> "Checkpoint | None":
        """The checkpoint of the training with this description; None if none are to be saved.

        The name of its folder is a hash of the description, the format and recweave's version.
        """
        if checkpoints is None:
            return None
        software = {"format": FORMAT, "version": version("recweave")}
        text = json.dumps({**description, **software}, sort_keys=True, default=str)
        return cls(checkpoints.folder / hashlib.sha256(text.encode()).hexdigest()[:16])

    def save(
        self,
        epoch: int,
        net: nn.Module,
        best: Mapping[str, torch.Tensor],
        optimiser: torch.optim.Optimizer | None,
        progress: Mapping[str, Any],
    ) -> None:
        """Save the state after an epoch, then delete the state of the epoch before.

        Without an optimiser the training is complete, and only the network is saved.
        """
        arrays = {f"net/{name}": value for name, value in net.state_dict().items()}
        arrays |= {f"best/{name}": value for name, value in best.items()}
        if optimiser is not None:
            for index, state in optimiser.state_dict()["state"].items():
                arrays |= {f"optimiser/{index}/{name}": value for name, value in state.items()}
        manifest = {"epoch": epoch, "progress": dict(progress)}
        saved = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
        store.write(self.folder / f"epoch-{epoch}", saved, manifest)
        for other in self.folder.glob("epoch-*"):
            if other.name != f"epoch-{epoch}":
                shutil.rmtree(other, ignore_errors=True)

    def load(
        self, net: nn.Module, optimiser: torch.optim.Optimizer
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """Load the newest state into the network and the optimiser.

        Returns the progress and the best weights so far, or None if there is no usable checkpoint.
        A broken checkpoint (the disk was full) and one of a network with other shapes are skipped.
        Unfinished files of interrupted processes are deleted.
        """
        clear_drafts(self.folder)
        folders = sorted(self.folder.glob("epoch-*"), key=lambda f: -int(f.name.rpartition("-")[2]))
        for folder in folders:
            try:
                arrays, manifest = store.read(folder)
                parts = _by_part(arrays)
                if _shapes(parts["net"]) != _shapes(net.state_dict()):
                    continue
                state: dict[int, dict[str, torch.Tensor]] = {}
                for name, value in parts.get("optimiser", {}).items():
                    index, _, key = name.partition("/")
                    state.setdefault(int(index), {})[key] = value
                groups = optimiser.state_dict()["param_groups"]
                optimiser.load_state_dict({"state": state, "param_groups": groups})
                net.load_state_dict(parts["net"])
                return manifest["progress"], parts.get("best", {})
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
