"""The nearest label of a text, from example phrases of each label; none if no label is near."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.encode.text import TextEncoder
from recweave.enrich.sentences import words

FALSE_ALARMS = 0.05
"""Share of neutral sentences that may wrongly get a label (false positive rate)."""

NEAREST = 3
"""Phrases of a label that count; a single one may be near by chance."""

CLEAR = 0.55
"""Share of the votes above which a label wins."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as vectors of phrases that express them, and neutral sentences that express none.

    The margin of a label for a text is its cosine to the label (the mean over its `NEAREST` nearest
    phrases) less its cosine to the nearest neutral sentence. A text has the label if the margin
    exceeds a threshold, which needs no labelled data: only `FALSE_ALARMS` of the neutral sentences,
    each compared with the others, exceed it; it is never below 0. It depends on encoder, phrases
    and sentences alone, on no dataset.

    Attributes:
        names: The labels.
        phrases: Of each label, vectors of unit length.
        neutral: Vectors of the neutral sentences.
        threshold: The margin from which a text has a label.
    """

    names: Sequence[str]
    phrases: Sequence[Float[Array, "phrases dim"]]
    neutral: Float[Array, "sentences dim"]
    threshold: float

    @classmethod
    def of(
        cls,
        phrases: Mapping[str, Sequence[str]],
        neutral: Sequence[str],
        encoder: TextEncoder,
        false_alarms: float = FALSE_ALARMS,
    ) -> "Labels":
        """Encode phrases and sentences, and compute the threshold.

        Args:
            phrases: For each label, one at least.
            neutral: Two or more sentences that express none of the labels.
            encoder: For these and for all texts.
            false_alarms: Share of the neutral sentences above the threshold.
        """
        vectors = [encoder.encode(list(of_label)) for of_label in phrases.values()]
        neutral_vectors = encoder.encode(list(neutral))
        others = neutral_vectors @ neutral_vectors.T
        np.fill_diagonal(others, -1)
        margin = _cosines(vectors, neutral_vectors).max(axis=1) - others.max(axis=1)
        threshold = float(np.quantile(margin, 1 - false_alarms, method="higher"))
        return cls(list(phrases), vectors, neutral_vectors, max(0.0, threshold))

    def cosines(self, vectors: Float[Array, "texts dim"]) -> Float[Array, "texts labels"]:
        """The cosine of each text to each label."""
        return _cosines(self.phrases, vectors)

    def margins(self, vectors: Float[Array, "texts dim"]) -> Float[Array, "texts labels"]:
        """How much nearer each label is than the neutral sentences, less the threshold."""
        neutral = (vectors @ self.neutral.T).max(axis=1, keepdims=True)
        return np.asarray(self.cosines(vectors) - neutral - self.threshold)

    def votes(self, vectors: Float[Array, "texts dim"]) -> Float[Array, "texts labels"]:
        """The margin of each text's best label, if it is positive; 0 for all others."""
        margin = self.margins(vectors)
        row, best = np.arange(len(margin)), margin.argmax(axis=1)
        votes = np.zeros_like(margin)
        votes[row, best] = np.maximum(margin[row, best], 0)
        return votes


def _cosines(
    phrases: Sequence[Float[Array, "phrases dim"]], vectors: Float[Array, "texts dim"]
) -> Float[Array, "texts labels"]:
    near = [
        np.sort(vectors @ of_label.T, axis=1)[:, -NEAREST:].mean(axis=1) for of_label in phrases
    ]
    return np.stack(near, axis=1)


def mentions(names: Sequence[str], text: str) -> Float[Array, " names"]:
    """How many words of each name the text has, if it has them all; plurals and hyphens are equal.

    >>> mentions(["T-Shirts", "Casual Shirt", "Shirts"], "Blue casual shirt, no tshirt").tolist()
    [1.0, 2.0, 1.0]
    """
    stems = _stems(text)
    return np.array([float(len(own)) if (own := _stems(name)) <= stems else 0.0 for name in names])


def _stems(text: str) -> set[str]:
    plain = (re.sub(r"[^\w]", "", word) for word in words(text))
    return {word[:-1] if word.endswith("s") and len(word) > 3 else word for word in plain}


def verdict(votes: Float[Array, "texts labels"], names: Sequence[str], unclear: str) -> str:
    """The label with clearly more than half of all votes; `unclear` if there is none."""
    total = votes.sum(axis=0)
    best = int(total.argmax())
    return names[best] if total[best] > CLEAR * total.sum() else unclear
