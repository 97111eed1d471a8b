"""The pictures of items as a feature."""

from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field

from recweave.core.settings import Settings
from recweave.data.catalogue import DATASETS, get
from recweave.data.dataset import Dataset
from recweave.data.readers.photos import with_photos
from recweave.encode.features import Feature
from recweave.encode.images import encode_images, image_encoder
from recweave.features.spec import FeatureContext, FeatureSpec


def find_pictures(
    dataset: Dataset, folder: str, by_id: bool = False, base_dir: Path = Path()
) -> tuple[Dataset, Path]:
    """The dataset with its items' pictures, and the folder that their paths start from.

    Args:
        dataset: Whose items.
        folder: A folder, or a zip if `by_id`: relative to `base_dir`, or the name of known data.
        by_id: Whether pictures are found by their names, ITEM_ID.jpg; else by `items.images`.
        base_dir: What the folder is relative to.
    """
    path = get(folder) if folder in DATASETS else base_dir / folder
    if not by_id:
        return dataset, path
    return with_photos(dataset, path), path if path.is_dir() else path.parent


class ImageFolder(FeatureSpec):
    """Where the pictures of items are."""

    folder: str = Field(
        "",
        description="a folder, or a zip if `by_id`: relative to the recipe file, or the name of "
        "known data",
    )
    by_id: bool = Field(
        False,
        description="whether the pictures are found by their names, ITEM_ID.jpg, instead of by the "
        "paths in items.images",
    )

    def pictures(self, context: FeatureContext) -> tuple[Dataset, Path]:
        """See `find_pictures`."""
        return find_pictures(context.dataset, self.folder, self.by_id, context.base_dir)

    def new_pictures(self, items: pl.DataFrame) -> Dataset | None:
        """Items that came after training, if their table names pictures.

        Paths are absolute, or from the current folder.
        """
        if self.by_id or "images" not in items.columns or not items["images"].list.len().sum():
            return None
        return Dataset("new items", items=items, numbering="table")


class ItemImages(ImageFolder):
    """The pictures of each item: the mean of their vectors.

    Pictures that cannot be used are named in the log; an item without any has no vector.
    """

    kind: Literal["images"] = "images"
    encoder: str = Field(
        "efficientnet",
        description="efficientnet, colour, colours, a folder or owner/model of Hugging Face, "
        "onnx:PATH, package.module:function, or several joined: efficientnet+colour",
    )

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        return self._encode(*self.pictures(context), context.base_dir)

    def of_new_items(self, items: pl.DataFrame) -> Feature | None:
        """See `FeatureSpec.of_new_items` and `new_pictures`."""
        dataset = self.new_pictures(items)
        return None if dataset is None else self._encode(dataset, Path())

    def _encode(self, dataset: Dataset, folder: Path, base_dir: Path = Path()) -> Feature:
        settings = Settings()
        encoder = image_encoder(self.encoder, settings, base_dir)
        return encode_images(dataset, folder, encoder, settings=settings)
