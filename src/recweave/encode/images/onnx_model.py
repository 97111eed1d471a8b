"""Any image model in an ONNX file as an image encoder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadArtifact
from recweave.encode.features import IMAGES
from recweave.encode.images.decode import resized
from recweave.encode.images.efficientnet import MEAN, STD
from recweave.encode.images.onnx import BATCH, open_session, run_batches

SIDE = 224
"""Pixels of the input, where the graph leaves it open."""

PROCESSOR = "preprocessor_config.json"

USUAL = {"image_mean": MEAN, "image_std": STD}

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """The vectors of an ONNX file with one input of pictures.

    The input's shape says how pixels lie (channels first or last) and how large the square is, 224
    where it is open; a picture is stretched to it. Bytes are given as they are. Floats are scaled
    to 0 … 1 and standardised by ImageNet's mean and deviation, or by those of a
    `preprocessor_config.json` beside the file. The vector is the first output: rows as they are,
    the first of several tokens, or the mean over a feature map.

    Attributes:
        name: See `ImageEncoder.name`; the hash of the file and what pixels become are part of it.
        session: The model.
        mean, std: Of pixels between 0 and 1: red, green and blue.
        threads: Batches worked on at a time.
    """

    name: str
    session: Any
    mean: Sequence[float] = MEAN
    std: Sequence[float] = STD
    threads: int = 1

    @classmethod
    def load(cls, model: Path, threads: int = 1) -> "OnnxModel":
        """From a file.

        Raises:
            Unavailable: if there is no such file.
            BadArtifact: if it is no image model, or the processor's file beside it is damaged.
        """
        session = open_session(model)
        inputs = session.get_inputs()
        shape = inputs[0].shape
        sides = shape[2:] if len(shape) == 4 and shape[1] == 3 else shape[1:3]
        fixed = {side for side in sides if isinstance(side, int)}
        pictures = len(shape) == 4 and 3 in (shape[1], shape[3]) and len(fixed) < 2
        if len(inputs) != 1 or not pictures or inputs[0].type not in TYPES:
            found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise BadArtifact(
                f"{model} has the inputs {found}; an image model has one, [pictures, 3, side, "
                "side] or [pictures, side, side, 3], of floats or bytes"
            )
        mean, std = standard(model.with_name(PROCESSOR))
        with model.open("rb") as content:
            digest = file_digest(content, "sha256")
        digest.update(json.dumps([*mean, *std]).encode())
        return cls(f"{IMAGES}onnx-{digest.hexdigest()[:16]}", session, mean, std, threads)

    @cached_property
    def dim(self) -> int:
        """See `ImageEncoder.dim`."""
        grey = np.full((self.side, self.side, 3), 128, np.uint8)
        return int(self.encode([self._input(grey)]).shape[1])

    @property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        height = self._read.shape[2 if self._channels_first else 1]
        return height if isinstance(height, int) else SIDE

    def prepare(self, picture: Any) -> Any:
        """See `ImageEncoder.prepare`."""
        return self._input(resized(picture, self.side, "stretch"))

    def encode(self, prepared: Sequence[Any]) -> Float[Array, "pictures dim"]:
        """See `ImageEncoder.encode`."""
        rows = self._read.shape[0]
        stacked = np.stack(prepared)
        batch = BATCH
        if isinstance(rows, int):  # the graph reads so many at a time, no fewer
            batch = rows
            stacked = np.concatenate([stacked, stacked[:1].repeat(-len(stacked) % rows, axis=0)])
        made = run_batches(self.session, stacked, self.threads, batch)[: len(prepared)]
        if made.ndim == 4:
            made = made.mean((2, 3) if self._channels_first else (1, 2))
        elif made.ndim == 3:
            made = made[:, 0]
        return made.reshape(len(prepared), -1).astype(np.float32)

    def _input(self, pixels: Array) -> Array:
        kind = TYPES[self._read.type]
        if kind is not np.uint8:
            mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
            pixels = ((pixels / np.float32(255) - mean) / std).astype(kind)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1) if self._channels_first else pixels)

    @property
    def _channels_first(self) -> bool:
        return bool(self._read.shape[1] == 3)

    @property
    def _read(self) -> Any:
        """The input."""
        return self.session.get_inputs()[0]


def standard(file: Path) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and deviation of pixels as a processor's file says; ImageNet's if there is none.

    Raises:
        BadArtifact: if the file is damaged.
    """
    if not file.is_file():
        return MEAN, STD
    try:
        said = json.loads(file.read_text())
        mean, std = ([float(x) for x in said.get(key, usual)] for key, usual in USUAL.items())
        plain = not said.get("do_normalize", True)
    except (ValueError, TypeError, AttributeError):
        raise BadArtifact(f"{file} holds no numbers for pixels; mend or move it") from None
    if len(mean) != 3 or len(std) != 3 or 0 in std:
        raise BadArtifact(f"{file}: image_mean and image_std must be three numbers each")
    return ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) if plain else (mean, std)
