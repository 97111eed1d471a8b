"""Captions: what a picture shows, in words."""

from recweave.enrich.captions.captioner import Captioner, CaptionerOptions
from recweave.enrich.captions.choose import captioner
from recweave.enrich.captions.items import ItemCaptions, caption_items
from recweave.enrich.captions.pictures import CaptionedPictures, caption_pictures

__all__ = [
    "CaptionedPictures",
    "Captioner",
    "CaptionerOptions",
    "ItemCaptions",
    "caption_items",
    "caption_pictures",
    "captioner",
]
