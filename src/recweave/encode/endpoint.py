"""Vectors by a server: OpenAI's, or any that speaks its embeddings protocol."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting, Unavailable
from recweave.core.extras import require

KEY = "OPENAI_API_KEY"
BATCH = 128
"""Texts per request; servers take that many."""
RETRIES = 5
"""Tries after a temporary refusal or a broken connection; the client waits longer each time."""


@dataclass(frozen=True)
class Endpoint:
    """Vectors by `POST base_url/embeddings`, scaled to unit length.

    The key is read from the environment for each request, and is written nowhere. A server may
    change the model behind a name without notice, so use a name with a version.

    Attributes:
        model: As the server calls it.
        base_url: With the version, "http://localhost:8000/v1".
    """

    model: str
    base_url: str

    @classmethod
    def parse(cls, name: str) -> "Endpoint":
        """From `openai:MODEL@BASE_URL`.

        Raises:
            BadSetting: if it is not of that form.
        """
        model, _, base_url = name.removeprefix("openai:").rpartition("@")
        if not model or not base_url.startswith(("http://", "https://")):
            raise BadSetting(f"'{name}' is not of the form openai:MODEL@http://SERVER/v1")
        return cls(model, base_url)

    @property
    def name(self) -> str:
        """See `TextEncoder.name`."""
        return f"openai:{self.model}@{self.base_url}"

    @property
    def dim(self) -> None:
        """Known only after the first response of the server."""

    def encode(self, texts: Sequence[str]) -> Float[Array, "texts dim"]:
        """See `TextEncoder.encode`; without any text to send, vectors of length 0.

        Raises:
            Unavailable: if the server does not answer, after retries, or refuses.
        """
        rows = [row for row, text in enumerate(texts) if text.strip()]
        if not rows:
            return np.zeros((len(texts), 0), np.float32)
        openai = require("openai", extra="llm")
        key = os.environ.get(KEY) or "none"  # local servers need no key
        with openai.OpenAI(base_url=self.base_url, api_key=key, max_retries=RETRIES) as client:
            batches = (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
            parts = [self._ask(client, [texts[row] for row in batch]) for batch in batches]
        encoded = np.concatenate(parts)
        vectors = np.zeros((len(texts), encoded.shape[1]), np.float32)
        vectors[rows] = unit_rows(encoded)
        return vectors

    def _ask(self, client: Any, texts: list[str]) -> Float[Array, "texts dim"]:
        openai = require("openai", extra="llm")
        try:
            answer = client.embeddings.create(
                model=self.model, input=texts, encoding_format="float"
            )
        except openai.OpenAIError as error:
            raise Unavailable(
                f"no vectors from {self.base_url}: {error}; is the server up, does it have the "
                f"model '{self.model}', and is {KEY} set?"
            ) from None
        by_index = {one.index: one.embedding for one in answer.data}
        lengths = {len(vector) for vector in by_index.values()}
        if by_index.keys() != set(range(len(texts))) or len(lengths) > 1:
            raise Unavailable(
                f"{self.base_url} was asked for {len(texts)} vectors of one length and gave "
                f"{len(by_index)} of {sorted(lengths)}; use another server"
            )
        return np.array([by_index[position] for position in range(len(texts))], np.float32)
