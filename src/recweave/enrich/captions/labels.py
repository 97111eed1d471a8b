"""The captioner that needs no captioning model: the names of the objects in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recweave.encode.features import IMAGES
from recweave.encode.images.objects import Detector, detector
from recweave.enrich.captions.captioner import LABELS, CaptionerOptions

THRESHOLD = 0.1
"""How sure the detector must be. Lower than for objects: a caption names the best of several."""

MOST = 5
"""Names in a caption."""


@dataclass(frozen=True)
class LabelCaptions:
    """A label caption: what a detector names, the surest first, "book jacket, comic book, mask".

    It is a list of names and no sentence. Reports know it by its name, which begins with "labels".

    Attributes:
        detector: Names objects; those below its threshold are left out.
    """

    detector: Detector

    @property
    def name(self) -> str:
        """See `Captioner.name`."""
        by = self.detector.name.removeprefix(IMAGES).removeprefix("objects/")
        return f"{LABELS}/1 ({by}, {MOST} at most)"

    @property
    def side(self) -> int:
        """See `Captioner.side`."""
        return self.detector.side

    def prepare(self, picture: Any) -> Any:
        """See `Captioner.prepare`."""
        return self.detector.prepare(picture)

    def caption(self, prepared: Sequence[Any]) -> list[str]:
        """See `Captioner.caption`; empty if no object was found. Ties by the order of classes."""
        confidence = self.detector.encode(prepared)
        order = np.argsort(-confidence, axis=1, kind="stable")[:, :MOST]
        return [
            ", ".join(self.detector.classes[c] for c in row.tolist() if sure[c] > 0)
            for row, sure in zip(order, confidence, strict=True)
        ]


def labels(options: CaptionerOptions) -> LabelCaptions:
    """By `labels`, or `labels:DETECTOR` with any name of a detector."""
    _, _, by = options.name.partition(":")
    return LabelCaptions(detector(by or "imagenet", options.settings, THRESHOLD, options.base_dir))
