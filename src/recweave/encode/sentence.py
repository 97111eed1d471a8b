"""Any model of sentence-transformers: a local folder, or `owner/model` of the hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import Unavailable
from recweave.core.extras import require


@dataclass(frozen=True, eq=False)
class SentenceModel:
    """Vectors by sentence-transformers, scaled to unit length whether or not the model does it.

    Attributes:
        model: A folder, or `owner/model`.
        loaded: The `SentenceTransformer`.
    """

    model: str
    loaded: Any

    @classmethod
    def load(cls, model: str) -> "SentenceModel":
        """From a folder, or by `owner/model`, which is downloaded unless the hub's cache has it.

        Raises:
            Unavailable: if there is no such model.
        """
        package = require("sentence_transformers", extra="text")
        try:
            return cls(model, package.SentenceTransformer(model))
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"the text encoder '{model}' cannot be loaded ({error}); give the folder of "
                "a sentence-transformers model, or the name of one that can be downloaded"
            ) from None

    @cached_property
    def name(self) -> str:
        """The model with a fingerprint of its layers and of all its weights."""
        digest = sha256(str(self.loaded).encode())
        for weight in self.loaded.state_dict().values():
            digest.update(weight.detach().cpu().float().numpy().tobytes())
        return f"{self.model}@{digest.hexdigest()[:16]}"

    @property
    def dim(self) -> int:
        """See `TextEncoder.dim`."""
        return int(self.loaded.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> Float[Array, "texts dim"]:
        """See `TextEncoder.encode`."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        nonblank = [row for row, text in enumerate(texts) if text.strip()]
        if nonblank:
            vectors[nonblank] = self.loaded.encode(
                [texts[row] for row in nonblank], normalize_embeddings=True, show_progress_bar=False
            )
        return vectors
