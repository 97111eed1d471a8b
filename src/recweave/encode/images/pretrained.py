"""Hugging Face models that read pictures: loaded by path or by name, and a fingerprint of one."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from recweave.core.errors import Unavailable
from recweave.core.extras import require

T = TypeVar("T")

EXTRA = "vision"

SIDE = 224
"""Pixels, for processors that do not say."""

HUB = re.compile(r"\w[\w.-]*/\w[\w.-]*")
"""A model's name: `owner/model`."""


def located(name: str, base_dir: Path) -> Path | str:
    """The folder of a model, or its `owner/model`.

    Raises:
        Unavailable: if it is neither.
    """
    folder = base_dir / name
    if folder.is_dir():
        return folder
    if HUB.fullmatch(name):
        return name
    raise Unavailable(f"there is no folder {folder}; give that of a Hugging Face model")


def load(kind: str, model: Path | str, **settings: Any) -> Any:
    """A part of a pretrained model: `AutoModel`, `AutoProcessor`, …

    Of a folder nothing is downloaded. No code that comes with a model is run, and weights are read
    as safetensors alone, never from a pickle (`.bin`).

    Args:
        kind: The name of a class of transformers.
        model: A folder, or `owner/model`, which is downloaded unless the hub's cache has it.
        settings: Other arguments of `from_pretrained`.

    Raises:
        Unavailable: if it cannot be loaded.
        MissingExtra: without transformers or torch.
    """
    require("torch", extra=EXTRA)
    transformers = require("transformers", extra=EXTRA)
    local = isinstance(model, Path)
    if kind.startswith("AutoModel"):
        settings["use_safetensors"] = True
    try:
        return getattr(transformers, kind).from_pretrained(
            model, local_files_only=local, trust_remote_code=False, **settings
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        wanted = "the folder of a Hugging Face model" if local else "a folder, or owner/model"
        raise Unavailable(f"{model} cannot be loaded ({first}); give {wanted}") from None


def side_of(processor: Any) -> int:
    """Pixels of a picture's shorter side that an image processor reads."""
    size = dict(getattr(processor, "size", None) or {})
    shorter = [size[name] for name in ("height", "width", "shortest_edge") if name in size]
    return int(max(shorter or size.values(), default=SIDE))


def fingerprint_of(folder: Path) -> str:
    """A short hash of a model's configuration, processor and weights."""
    digest = hashlib.sha256()
    for file in [*sorted(folder.glob("*.safetensors")), *sorted(folder.glob("*.json"))]:
        digest.update(file.name.encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def fingerprint_loaded(network: Any, processor: Any, unread: str | None = None) -> str:
    """A short hash of a loaded model's weights, and of what its processor does.

    Args:
        network: The model.
        processor: Its image processor.
        unread: The beginning of names of weights that do not count.
    """
    digest = hashlib.sha256(processor.to_json_string().encode())
    for name, weight in network.state_dict().items():
        if unread is None or not name.startswith(unread):
            digest.update(weight.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:16]


def in_batches(
    prepared: Sequence[Any], size: int, function: Callable[[Any], Iterable[T]]
) -> list[T]:
    """What a function gives for batches of pixels, as tensors: neighbours of one shape together.

    Some processors keep a picture's proportions, so shapes differ.
    """
    torch = require("torch", extra=EXTRA)
    made: list[T] = []
    with torch.inference_mode():
        for _, alike in groupby(prepared, key=np.shape):
            pixels = torch.from_numpy(np.stack(list(alike)).astype(np.float32))
            for batch in pixels.split(size):
                made.extend(function(batch))  # `+=` would add arrays
    return made
