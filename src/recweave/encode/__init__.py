"""Encoders: texts, pictures and catalogue fields to vectors (embeddings), by item row."""

from typing import TYPE_CHECKING

from recweave.core.lazy import lazy_names

if TYPE_CHECKING:
    from recweave.encode.features import Feature, Features
    from recweave.encode.items import encode_items
    from recweave.encode.numeric import encode_numbers
    from recweave.encode.reviews import encode_reviews
    from recweave.encode.text import TextEncoder, text_encoder
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "features": ["Feature", "Features"],
            "items": ["encode_items"],
            "numeric": ["encode_numbers"],
            "reviews": ["encode_reviews"],
            "text": ["TextEncoder", "text_encoder"],
        },
    )

__all__ = [
    "Feature",
    "Features",
    "TextEncoder",
    "encode_items",
    "encode_numbers",
    "encode_reviews",
    "text_encoder",
]
