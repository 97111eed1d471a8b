"""The objects in pictures: detectors by name, and what they find in the pictures of items."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from recweave.core.arrays import Array
from recweave.core.atomic import atomic_file
from recweave.core.errors import BadSetting, Unavailable, UnknownName
from recweave.core.registry import Registry, is_path
from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.data.vocabulary import Vocabulary
from recweave.encode.features import IMAGES, Feature
from recweave.encode.images.boxes import THRESHOLD
from recweave.encode.images.encoder import ImageEncoder
from recweave.encode.images.items import encode_pictures, item_pictures
from recweave.encode.images.pretrained import located
from recweave.encode.images.reading import report

FORMAT = "1"

YOLOX, LEGACY = "yolox", "yolox-legacy"


@runtime_checkable
class Detector(ImageEncoder, Protocol):
    """An image encoder whose numbers are how sure it is that each class is in the picture."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes, one for each number of a vector."""


DETECTORS: Registry[Callable[[Settings, float], Detector]] = Registry(
    "detector",
    {
        "imagenet": "recweave.encode.images.efficientnet:imagenet",
        "colours": "recweave.encode.images.colour_names:colours",
    },
    group="recweave.detectors",
    instance_of="collections.abc:Callable",
)
"""What makes a detector for this machine from settings and a threshold, by name."""


def detector(
    name: str = "imagenet",
    settings: Settings | None = None,
    threshold: float = THRESHOLD,
    base_dir: Path = Path(),
) -> Detector:
    """A detector by name.

    Args:
        name: `imagenet` (the labels of EfficientNet-Lite0: what a picture as a whole shows),
            `colours` (twelve named colours by their share of the thing), `yolox:PATH` (an ONNX file
            of a YOLOX model with COCO's classes; `yolox-legacy:PATH` for those of its first
            releases, 0.1.0), the folder of a Hugging Face detector (DETR,
            YOLOS, RT-DETR, …) or its `owner/model` (which may be downloaded), or
            `package.module:function` (called with settings and threshold, it gives a `Detector`).
        settings: Threads, and where weights are kept; from the environment if not given.
        threshold: What it must be sure of, for an object to count.
        base_dir: The folder that relative paths start from.

    Raises:
        UnknownName: for a name that is none of these.
        BadSetting: for a `package.module:function` that gives no detector.
        Unavailable: if there is no such file or model.
        MissingExtra: if the detector's packages are not installed.
    """
    settings = settings or Settings()
    family, _, path = name.partition(":")
    if family in (YOLOX, LEGACY):
        from recweave.encode.images.yolox import Yolox

        file = base_dir / path
        if not file.is_file():
            raise Unavailable(f"there is no file '{file}'; give the path of a YOLOX model")
        return Yolox(file, threshold, family == LEGACY, settings.threads)
    if name not in DETECTORS and ("/" in name or (base_dir / name).is_dir()):
        from recweave.encode.images.detection import PretrainedDetector

        return PretrainedDetector.load(located(name, base_dir), threshold)
    if name not in DETECTORS and not is_path(name):
        raise UnknownName("detector", name, [*DETECTORS, f"{YOLOX}:PATH", f"{LEGACY}:PATH"])
    made = DETECTORS[name](settings, threshold)
    if not isinstance(made, Detector):
        raise BadSetting(
            f"'{name}' gives a {type(made).__name__}, which is no detector; it must have name, "
            "dim, side, classes, prepare and encode"
        )
    return made


@dataclass(frozen=True, eq=False)
class Objects:
    """What is in the pictures of items.

    Attributes:
        confidence: How sure it is that an item's pictures show each class: 1 − Π (1 − confidence)
            over its pictures and what was found in each.
        pictured: Whether an item has a picture that could be used.
        classes: The names of the classes.
        detector: What found them, with its version.
        threshold: What it had to be sure of.
        source: The pictures, by a fingerprint.
    """

    confidence: Float[Array, "items classes"]
    pictured: Bool[Array, " items"]
    classes: Sequence[str]
    detector: str
    threshold: float
    source: str

    @property
    def coverage(self) -> float:
        """The share of items in whose pictures anything was found."""
        return float(self.confidence.any(axis=1).mean()) if len(self.confidence) else 0.0

    @property
    def counts(self) -> Mapping[str, int]:
        """Of the classes that were found: the items that show each, most often found first."""
        count = (self.confidence > 0).sum(axis=0)
        order = np.argsort(-count, kind="stable")
        return {self.classes[int(c)]: int(count[c]) for c in order if count[c]}

    @property
    def entropy(self) -> float:
        """Of the classes, in bits: 0 if all objects are of one class, log2(n) if n are alike."""
        count = np.array(list(self.counts.values()), np.float64)
        share = count / max(1.0, count.sum())
        return float(0 - (share * np.log2(share)).sum())  # not -0

    def as_feature(self) -> Feature:
        """The confidences as vectors, with the names of the classes."""
        columns = tuple(self.classes)
        return Feature(self.confidence, self.pictured, self.detector, self.source, columns=columns)

    def save(self, file: Path, item_ids: Vocabulary) -> None:
        """Write `objects.json`: for each item with objects, the confidence in each class."""
        found = {
            str(item_ids.ids[int(row)]): {
                self.classes[int(c)]: round(float(self.confidence[row, c]), 4)
                for c in np.flatnonzero(self.confidence[row])
            }
            for row in np.flatnonzero(self.confidence.any(axis=1))
        }
        about = {
            "format": FORMAT,
            "detector": self.detector,
            "threshold": self.threshold,
            "source": self.source,
            "coverage": round(self.coverage, 4),
            "entropy": round(self.entropy, 4),
        }
        with atomic_file(file) as draft:
            draft.write_text(json.dumps(about | {"objects": found}, ensure_ascii=False, indent=1))


def find_objects(
    dataset: Dataset,
    folder: Path | str,
    finder: Detector | None = None,
    *,
    threshold: float = THRESHOLD,
    settings: Settings | None = None,
) -> Objects:
    """What is in the pictures of items; pictures that cannot be used are named in the log.

    Args:
        dataset: Whose items; their pictures are in the column `images`.
        folder: What the paths in that column are relative to.
        finder: The labels of EfficientNet-Lite0 if not given.
        threshold: Of that one, where none is given.
        settings: Threads and the folder of the cache; from the environment if not given.

    Raises:
        BadSetting: if no item has a picture, or none of the pictures can be used.
    """
    settings = settings or Settings()
    finder = finder or detector(settings=settings, threshold=threshold)
    row, pictures = item_pictures(dataset)
    encoded = encode_pictures(pictures, folder, finder, settings=settings)
    report(encoded.findings, pictures, dataset.name, folder)
    missing = np.ones((len(dataset.item_ids), finder.dim))
    np.multiply.at(missing, row[encoded.present], 1 - encoded.vectors[encoded.present])
    pictured = np.bincount(row[encoded.present], minlength=len(missing)) > 0
    confidence = np.asarray(1 - missing, np.float32)
    name = finder.name.removeprefix(IMAGES)
    kept = getattr(finder, "threshold", threshold)
    return Objects(confidence, pictured, finder.classes, name, kept, encoded.source)
