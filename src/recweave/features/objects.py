"""The objects in the pictures of items as a feature."""

from typing import Literal

from pydantic import Field

from recweave.core.settings import Settings
from recweave.encode.features import Feature
from recweave.encode.images.boxes import THRESHOLD
from recweave.encode.images.objects import detector, find_objects
from recweave.features.images import ImageFolder
from recweave.features.spec import FeatureContext


class ItemObjects(ImageFolder):
    """How sure a detector is that the pictures of each item show each class of objects."""

    kind: Literal["objects"] = "objects"
    detector: str = Field(
        "imagenet", description="imagenet, yolox:PATH, yolox-legacy:PATH or package.module:function"
    )
    threshold: float = Field(
        THRESHOLD, ge=0, lt=1, description="how sure the detector must be for an object to count"
    )

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        settings = Settings()
        dataset, folder = self.pictures(context)
        finder = detector(self.detector, settings, self.threshold, context.base_dir)
        return find_objects(dataset, folder, finder, settings=settings).as_feature()
