"""The captions of items' pictures: written for people to read, and as a feature."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int
from pydantic import BaseModel, ValidationError

from recweave.core.arrays import Array
from recweave.core.atomic import atomic_file
from recweave.core.errors import BadInput, BadSetting
from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.data.vocabulary import Vocabulary
from recweave.encode.encoder import TextEncoder
from recweave.encode.features import Feature
from recweave.encode.images.items import item_pictures
from recweave.encode.images.reading import report
from recweave.enrich.captions.captioner import Captioner
from recweave.enrich.captions.choose import captioner
from recweave.enrich.captions.pictures import CaptionedPictures, caption_pictures, mean_vectors

FORMAT = "1"


class _Shown(BaseModel):
    picture: str
    caption: str


class _File(BaseModel):
    format: str
    captioner: str
    source: str
    captions: dict[str, list[_Shown]]


@dataclass(frozen=True, eq=False)
class ItemCaptions:
    """The captions of the pictures of items.

    Attributes:
        item: The row of the item that each picture is of.
        pictures: Their paths.
        captions: One for each picture; empty where there is none.
        captioner: What wrote them, with its version.
        source: The pictures, by a fingerprint, and what wrote the captions.
        items: How many items there are.
    """

    item: Int[Array, " pictures"]
    pictures: list[str]
    captions: list[str]
    captioner: str
    source: str
    items: int

    @property
    def coverage(self) -> float:
        """The share of items with a caption."""
        having = {row for row, text in zip(self.item.tolist(), self.captions, strict=True) if text}
        return len(having) / max(1, self.items)

    def as_feature(self, encoder: TextEncoder) -> Feature:
        """The mean vector of each item's captions."""
        vectors, present = mean_vectors(self.captions, self.item, self.items, encoder)
        return Feature(vectors, present, f"{encoder.name}/mean", self.source)

    def save(self, file: Path, item_ids: Vocabulary) -> None:
        """Write `captions.json`: for each item its pictures that have a caption, in order."""
        written: dict[str, list[dict[str, str]]] = {}
        for row, picture, caption in zip(
            self.item.tolist(), self.pictures, self.captions, strict=True
        ):
            if caption:
                shown = {"picture": picture, "caption": caption}
                written.setdefault(str(item_ids.ids[row]), []).append(shown)
        content = {
            "format": FORMAT,
            "captioner": self.captioner,
            "source": self.source,
            "coverage": round(self.coverage, 4),
            "captions": written,
        }
        with atomic_file(file) as draft:
            draft.write_text(json.dumps(content, ensure_ascii=False, indent=1))

    @classmethod
    def load(cls, file: Path, item_ids: Vocabulary) -> "ItemCaptions":
        """Read `captions.json`; captions of items that the data does not have are left out.

        Raises:
            BadInput: if the file cannot be read, or is none of these.
            BadSetting: if it has no caption of any item of the data.
        """
        try:
            found = _File.model_validate_json(file.read_bytes())
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror}") from None
        except ValidationError as error:
            raise BadInput(
                f"{file} holds no captions ({error.errors()[0]['msg']}); write it with `recweave "
                "pictures`"
            ) from None
        if found.format != FORMAT:
            raise BadInput(
                f"{file} has the format {found.format} and this recweave reads {FORMAT}; write it "
                "again with `recweave pictures`"
            )
        known = item_ids.rows(list(found.captions))
        rows = zip(known.tolist(), found.captions.values(), strict=True)
        shown = [(row, one) for row, several in rows if row >= 0 for one in several]
        if not shown:
            raise BadSetting(
                f"{file} has no caption of any of the {len(item_ids):,} items; it was written for "
                "other data"
            )
        return cls(
            np.array([row for row, _ in shown], np.int64),
            [one.picture for _, one in shown],
            [one.caption for _, one in shown],
            found.captioner,
            found.source,
            len(item_ids),
        )


def caption_items(
    dataset: Dataset,
    folder: Path | str,
    by: Captioner | None = None,
    *,
    settings: Settings | None = None,
) -> ItemCaptions:
    """The captions of items' pictures; pictures that cannot be used are named in the log.

    Args:
        dataset: Whose items; their pictures are in the column `images`.
        folder: What the paths in that column are relative to.
        by: Label captions by EfficientNet-Lite0 if not given.
        settings: Threads and the folder of the cache; from the environment if not given.

    Raises:
        BadSetting: if no item has a picture, or none of the pictures can be used.
    """
    item, pictures = item_pictures(dataset)
    found: CaptionedPictures = caption_pictures(
        pictures, folder, by or captioner(), settings=settings
    )
    report(found.findings, pictures, dataset.name, folder)
    return ItemCaptions(
        item, pictures, list(found.captions), found.captioner, found.source, len(dataset.item_ids)
    )
