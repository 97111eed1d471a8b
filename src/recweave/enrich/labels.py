"""Nearest label: what a text says, from how labels sound; silence where it says none of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.encode.text import TextEncoder

FALSE_ALARMS = 0.05
"""Share of neutral sentences that a label may be wrongly given to."""

CLEAR = 0.55
"""Share of the votes beyond which they have decided."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as vectors of phrases that would earn them, and a threshold.

    The threshold is set without any truth: it is the cosine that only `FALSE_ALARMS` of the given
    neutral sentences, which speak of something else, reach for any label. It depends on the encoder
    and the phrases alone, so it tells nothing of any dataset.

    Attributes:
        names: The labels.
        vectors: Of unit length, one for each phrase.
        start: Phrases of label l are `start[l]` to `start[l + 1]`, without the last.
        threshold: Cosine from which a text is taken to speak of a label.
    """

    names: Sequence[str]
    vectors: Float[Array, "phrases dim"]
    start: Int[Array, " labels_and_one"]
    threshold: float

    @classmethod
    def of(
        cls,
        phrases: Mapping[str, Sequence[str]],
        neutral: Sequence[str],
        encoder: TextEncoder,
        false_alarms: float = FALSE_ALARMS,
    ) -> "Labels":
        """Encode the phrases and set the threshold.

        Args:
            phrases: For each label, one at least.
            neutral: What speaks of none of the labels.
            encoder: For these and all texts to come.
            false_alarms: See above.
        """
        every = [phrase for some in phrases.values() for phrase in some]
        start = np.cumsum([0, *map(len, phrases.values())])
        made = cls(list(phrases), encoder.encode(every), start, threshold=0.0)
        best = made.cosines(encoder.encode(neutral)).max(axis=1)
        threshold = float(np.quantile(best, 1 - false_alarms, method="higher"))
        return cls(made.names, made.vectors, start, threshold)

    def cosines(self, vectors: Float[Array, "texts dim"]) -> Float[Array, "texts labels"]:
        """The cosine of each text to the nearest phrase of each label."""
        return np.maximum.reduceat(vectors @ self.vectors.T, self.start[:-1], axis=1)

    def votes(self, vectors: Float[Array, "texts dim"]) -> Float[Array, "texts labels"]:
        """How far above the threshold each text's best label is; 0 for all others."""
        cosine = self.cosines(vectors)
        row, best = np.arange(len(cosine)), cosine.argmax(axis=1)
        votes = np.zeros_like(cosine)
        votes[row, best] = np.maximum(cosine[row, best] - self.threshold, 0)
        return votes


def verdict(votes: Float[Array, "texts labels"], names: Sequence[str], unclear: str) -> str:
    """The label with clearly more than half of all votes; `unclear` if there is none."""
    total = votes.sum(axis=0)
    best = int(total.argmax())
    return names[best] if total[best] > CLEAR * total.sum() else unclear
