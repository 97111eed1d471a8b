"""YOLOX: an object detector in an ONNX file; boxes decoded, overlapping ones removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from recweave.core.arrays import Array
from recweave.core.errors import BadArtifact
from recweave.core.extras import require
from recweave.encode.features import IMAGES
from recweave.encode.images.boxes import THRESHOLD, Boxes, best_boxes, union
from recweave.encode.images.decode import EXTRA
from recweave.encode.images.efficientnet import MEAN, STD
from recweave.encode.images.onnx import open_session, run_batches

STRIDES = (8, 16, 32)
"""Pixels between neighbouring cells of the three grids that boxes are predicted for."""

GREY = 114
"""What stands beside a picture that is not square, as in training."""


@dataclass(frozen=True)
class Yolox:
    """A detector of the YOLOX family (Ge et al., 2021) with its classes of COCO.

    Attributes:
        model: The ONNX file; one input [1, 3, side, side] and one output [1, cells, 5 + classes].
        threshold: Boxes of smaller confidence do not count.
        legacy: Whether it reads pixels as models of YOLOX's first releases do, which it does not
            say itself: red, green and blue, standardised. With the wrong way it finds what is
            not there.
        threads: Pictures worked on at a time.
    """

    model: Path
    threshold: float = THRESHOLD
    legacy: bool = False
    threads: int = 1

    @cached_property
    def name(self) -> str:
        """See `ImageEncoder.name`; the hash of the file is part of it."""
        digest = sha256(self.model.read_bytes()).hexdigest()[:8]
        legacy = "-legacy" if self.legacy else ""
        return f"{IMAGES}objects/yolox{legacy}-{digest}/{self.threshold:g}"

    @property
    def dim(self) -> int:
        """See `ImageEncoder.dim`: a number for each class."""
        return len(self.classes)

    @cached_property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return int(self._session.get_inputs()[0].shape[-1])

    @cached_property
    def classes(self) -> Sequence[str]:
        """The names of COCO's 80 classes, in the order of the model."""
        return files(__package__).joinpath("coco.txt").read_text().splitlines()

    def prepare(self, picture: Any) -> Float32[Array, "3 side side"]:
        """See `ImageEncoder.prepare`: the picture at the top left, grey beside it."""
        image = require("PIL.Image", extra=EXTRA)
        scale = self.side / max(picture.size)
        size = [max(1, round(length * scale)) for length in picture.size]
        square = image.new("RGB", (self.side, self.side), (GREY,) * 3)
        square.paste(picture.resize(size, image.Resampling.BILINEAR))
        pixels: Any = np.asarray(square, np.float32)
        if self.legacy:
            pixels = (pixels / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
        else:
            pixels = pixels[..., ::-1]  # blue, green and red
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def encode(self, prepared: Sequence[Any]) -> Float[Array, "pictures classes"]:
        """How sure it is that each class is in each picture: 1 − Π (1 − confidence) over boxes."""
        vectors = np.zeros((len(prepared), self.dim), np.float32)
        for vector, boxes in zip(vectors, self.boxes(prepared), strict=True):
            vector[:] = union(boxes.label, boxes.confidence, self.dim)
        return vectors

    def boxes(self, prepared: Sequence[Any]) -> list[Boxes]:
        """The boxes of each prepared picture, in its pixels after `prepare`."""
        raw = run_batches(self._session, np.stack(prepared), self.threads, batch=1)
        return [best_boxes(*decode_boxes(one, self.side), self.threshold) for one in raw]

    @cached_property
    def _session(self) -> Any:
        session = open_session(self.model)
        ends = session.get_inputs()[0].shape, session.get_outputs()[0].shape
        side = ends[0][-1]
        if len(ends[0]) != 4 or not isinstance(side, int) or ends[1][-1] != 5 + len(self.classes):
            raise BadArtifact(
                f"{self.model} has the input {ends[0]} and the output {ends[1]}; a YOLOX model of "
                f"COCO has [1, 3, side, side] and [1, cells, {5 + len(self.classes)}]"
            )
        return session


def decode_boxes(
    raw: Float[Array, "cells numbers"], side: int
) -> tuple[Float[Array, "cells 4"], Float[Array, "cells classes"]]:
    """Corners, and the confidence in each class, of the box of each cell.

    A cell at (x, y) of a grid of stride s predicts the centre (x + dx) s, (y + dy) s and the size
    s exp(dw), s exp(dh); then how sure it is that there is something, and of each class.
    """
    grids, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: side // stride, : side // stride]
        grids.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    grid, stride_of = np.concatenate(grids), np.concatenate(strides)
    centre = (raw[:, :2] + grid) * stride_of
    half = np.exp(np.minimum(raw[:, 2:4], 20)) * stride_of / 2
    return np.hstack([centre - half, centre + half]), raw[:, 4:5] * raw[:, 5:]
