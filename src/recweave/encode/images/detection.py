"""Hugging Face detectors: DETR, YOLOS, RT-DETR and others of their interface."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadArtifact
from recweave.encode.features import IMAGES
from recweave.encode.images.boxes import THRESHOLD, union
from recweave.encode.images.pretrained import fingerprint_loaded, in_batches, load, side_of

BATCH = 4


@dataclass(frozen=True, eq=False)
class PretrainedDetector:
    """How sure a model is of each of its classes; boxes below the threshold do not count.

    Attributes:
        model: The name of its folder, or `owner/model`.
        network: The model.
        processor: The model's own image processor, on Pillow's pictures.
        threshold: What it must be sure of.
    """

    model: str
    network: Any
    processor: Any
    threshold: float = THRESHOLD

    @classmethod
    def load(cls, model: Path | str, threshold: float = THRESHOLD) -> "PretrainedDetector":
        """From a folder, without any download, or by `owner/model`; no code of it is run.

        Raises:
            Unavailable: if it cannot be loaded.
            BadArtifact: if its file lacks weights, as that of another kind of model does.
        """
        processor = load("AutoImageProcessor", model)
        network, found = load("AutoModelForObjectDetection", model, output_loading_info=True)
        if lacks := sorted(found["missing_keys"]):
            raise BadArtifact(
                f"{model} lacks {len(lacks)} of a detector's weights, the first is {lacks[0]}; "
                "give a model that was trained to detect objects"
            )
        name = model if isinstance(model, str) else model.name
        return cls(name, network.eval(), processor, threshold)

    @cached_property
    def name(self) -> str:
        """See `ImageEncoder.name`."""
        marks = fingerprint_loaded(self.network, self.processor)
        return f"{IMAGES}objects/{self.model}@{marks}/{self.threshold:g}"

    @property
    def dim(self) -> int:
        """See `ImageEncoder.dim`: a number for each class."""
        return len(self.classes)

    @property
    def side(self) -> int:
        """See `ImageEncoder.side`."""
        return side_of(self.processor)

    @property
    def classes(self) -> Sequence[str]:
        """See `Detector.classes`."""
        names = self.network.config.id2label
        return [names[row] for row in sorted(names)]

    def prepare(self, picture: Any) -> Any:
        """See `ImageEncoder.prepare`: the pixels as the model's own processor makes them."""
        return self.processor(images=[picture], return_tensors="np")["pixel_values"][0]

    def encode(self, prepared: Sequence[Any]) -> Float[Array, "pictures classes"]:
        """How sure it is that each class is in each picture: 1 − Π (1 − confidence) over boxes."""
        return np.stack(in_batches(prepared, BATCH, self._found))

    def _found(self, pixels: Any) -> list[Float[Array, " classes"]]:
        made = self.network(pixel_values=pixels)
        boxes = self.processor.post_process_object_detection(made, threshold=self.threshold)
        return [union(one["labels"].numpy(), one["scores"].numpy(), self.dim) for one in boxes]
