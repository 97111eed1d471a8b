"""The captions of items' pictures as a feature."""

from typing import Literal

from pydantic import Field

from recweave.core.errors import BadSetting
from recweave.core.settings import Settings
from recweave.encode.features import Feature
from recweave.encode.text import text_encoder
from recweave.enrich.captions import CaptionerOptions, caption_items, captioner
from recweave.enrich.captions import ItemCaptions as Captions
from recweave.enrich.captions.captioner import LABELS, SERVER
from recweave.features.images import ImageFolder
from recweave.features.spec import FeatureContext, FeatureSpec


class Captioning(FeatureSpec):
    """Which captions, and what encodes them."""

    captioner: str = Field(
        LABELS,
        description="labels (names of what EfficientNet-Lite0 sees, no sentence), labels:DETECTOR, "
        "the folder of a BLIP or BLIP-2 model, or package.module:function",
    )
    encoder: str = Field("minilm", description="minilm, tfidf, a path, owner/model or openai:…")

    def options(self, context: FeatureContext) -> CaptionerOptions:
        """The captioner of the settings.

        Raises:
            BadSetting: for a server: running a recipe never costs money.
        """
        if self.captioner.startswith(SERVER):
            raise BadSetting(
                "captions of a server cost money, and running a recipe does not: write them with "
                f"`recweave pictures DATA --captioner {self.captioner} --out FOLDER`, and set file "
                '= "FOLDER/captions.json"'
            )
        return CaptionerOptions(self.captioner, base_dir=context.base_dir)


class ItemCaptions(Captioning, ImageFolder):
    """The mean embedding of the captions of an item's pictures.

    Pictures that cannot be used are named in the log; an item without a caption has no vector.
    """

    kind: Literal["captions"] = "captions"
    file: str = Field(
        "",
        description="captions.json, written by `recweave pictures` with any captioner, relative to "
        "the recipe file; then no picture is read",
    )

    def build(self, context: FeatureContext) -> Feature:
        """See `FeatureSpec.build`."""
        encoder = text_encoder(self.encoder)
        if self.file:
            item_ids = context.dataset.item_ids
            return Captions.load(context.base_dir / self.file, item_ids).as_feature(encoder)
        by = captioner(self.options(context))
        dataset, folder = self.pictures(context)
        return caption_items(dataset, folder, by, settings=Settings()).as_feature(encoder)
