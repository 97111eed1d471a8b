"""The objects in the pictures of items as a feature."""

from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field

from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.encode.features import Feature
from recweave.encode.images.boxes import THRESHOLD
from recweave.encode.images.objects import DETECTORS, detector, find_objects
from recweave.features.images import ImageFolder
from recweave.features.spec import FeatureContext


class ItemObjects(ImageFolder):
    """How sure a detector is that the pictures of each item show each class of objects."""

    kind: Literal["objects"] = "objects"
    detector: str = Field(
        "imagenet",
        description="imagenet, yolox:PATH, yolox-legacy:PATH, a folder or owner/model of Hugging "
        "Face, or package.module:function",
    )
    threshold: float = Field(
        THRESHOLD, ge=0, lt=1, description="how sure the detector must be for an object to count"
    )

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        return self._find(*self.pictures(context), context.base_dir)

    def of_new_items(self, items: pl.DataFrame) -> Feature | None:
        """See `FeatureSpec.of_new_items` and `new_pictures`; by detectors of a listed name alone:
        what a bundle says of itself must not decide which files are read or run."""
        dataset = self.new_pictures(items)
        if dataset is None or self.detector not in DETECTORS:
            return None
        return self._find(dataset, Path(), Path())

    def _find(self, dataset: Dataset, folder: Path, base_dir: Path) -> Feature:
        settings = Settings()
        finder = detector(self.detector, settings, self.threshold, base_dir)
        return find_objects(dataset, folder, finder, settings=settings).as_feature()
