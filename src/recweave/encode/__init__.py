"""Words, pictures and catalogue fields to vectors, aligned to item rows."""

from recweave.encode.features import Feature, Features

__all__ = ["Feature", "Features"]
