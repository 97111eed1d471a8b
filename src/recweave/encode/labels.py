"""Labels in texts, such as "Indian; Chinese", as one number for each label."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadInput

FEWEST = 2
"""Texts that a label must be in: one of a single text tells nothing of any other."""


@dataclass(frozen=True)
class MultiHot:
    """1 for each label of a text and 0 for all others; a `TextEncoder`.

    Labels are what stands between semicolons or line breaks, in lower case.

    Attributes:
        labels: The known labels; others are ignored.
    """

    labels: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "MultiHot":
        """Of the labels that at least `FEWEST` of the texts have, in alphabetical order.

        Raises:
            BadInput: if there is none.
        """
        counts = Counter(label for text in texts for label in _labels(text))
        labels = tuple(sorted(label for label, count in counts.items() if count >= FEWEST))
        if not labels:
            raise BadInput(f"no label is in {FEWEST} or more of the {len(texts):,} texts")
        return cls(labels)

    @property
    def name(self) -> str:
        """See `TextEncoder.name`."""
        return f"labels{len(self.labels)}/1"

    @property
    def dim(self) -> int:
        """See `TextEncoder.dim`."""
        return len(self.labels)

    def encode(self, texts: Sequence[str]) -> Float[Array, "texts dim"]:
        """See `TextEncoder.encode`."""
        column = {label: number for number, label in enumerate(self.labels)}
        hits = [
            (row, column[label])
            for row, text in enumerate(texts)
            for label in _labels(text)
            if label in column
        ]
        vectors = np.zeros((len(texts), len(self.labels)), np.float32)
        if hits:
            vectors[tuple(np.array(hits).T)] = 1
        return vectors


def _labels(text: str) -> set[str]:
    parts = (part.strip().lower() for part in text.replace("\n", ";").split(";"))
    return {part for part in parts if part}
