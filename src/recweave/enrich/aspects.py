"""Liked and disliked aspects: phrases in the texts of pleased and of displeased writers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array
from recweave.enrich.sentences import Phrases

MOST = 5


@dataclass(frozen=True, eq=False)
class CorpusStatistics:
    """How often phrases and pleased writers occur in a corpus.

    Attributes:
        rarity: ln(n / df) for each phrase, 0 where no text has it.
        midpoint: Of the scale of ratings; a writer who rates above it is pleased.
        pleased: Share of pleased writers among those who rate; half where none does.
    """

    rarity: Float[Array, " phrases"]
    midpoint: float
    pleased: float

    @classmethod
    def of(
        cls, phrases: Phrases, texts: Int[Array, " n"], rating: Float[Array, " n"]
    ) -> "CorpusStatistics":
        """From some of the texts alone, with their ratings, NaN where there is none."""
        df = np.asarray(phrases.contained[texts].sum(axis=0)).reshape(-1)
        rarity = np.log(max(len(texts), 1) / np.maximum(df, 1))
        rated = rating[np.isfinite(rating)]
        midpoint = float(rated.min() + rated.max()) / 2 if len(rated) else 0.0
        share = float((rated > midpoint).mean()) if len(rated) else 0.5
        return cls(np.where(df > 0, rarity, 0).astype(np.float32), midpoint, share)


def aspects(
    phrases: Phrases, texts: Int[Array, " n"], pleased: Bool[Array, " n"], corpus: CorpusStatistics
) -> tuple[list[str], list[str]]:
    """The phrases that the writers of some texts like and dislike, best first, five each at most.

    A phrase is liked if the share of pleased writers among its texts exceeds the share in the
    corpus, disliked if it is below; it ranks by (pleased − texts · corpus share) · rarity, and must
    be in two texts, or in one where there are fewer than four. Ties by alphabet.
    """
    contained = phrases.contained[texts]
    count = np.asarray(contained.sum(axis=0)).reshape(-1)
    pleased_count = np.asarray(contained[np.flatnonzero(pleased)].sum(axis=0)).reshape(-1)
    lift = (pleased_count - count * corpus.pleased) * corpus.rarity
    lift = np.where(count >= (2 if len(texts) >= 4 else 1), lift, 0)
    return _best(phrases, lift), _best(phrases, -lift)


def keyphrases(
    phrases: Phrases, texts: Int[Array, " n"], corpus: CorpusStatistics, most: int
) -> list[str]:
    """The topics of some texts: phrases by number of texts times rarity; in two texts at least."""
    count = np.asarray(phrases.contained[texts].sum(axis=0)).reshape(-1)
    return _best(phrases, np.where(count >= 2, count * corpus.rarity, 0), most)


def _best(phrases: Phrases, score: Float[Array, " phrases"], most: int = MOST) -> list[str]:
    """The best with a positive score, without those that contain, or are part of, a better one."""
    taken: list[str] = []
    for position in np.argsort(-score, kind="stable")[: 4 * most]:
        own = set(phrases.names[position].split())
        if score[position] > 0 and not any(
            own <= set(name.split()) or own >= set(name.split()) for name in taken
        ):
            taken.append(phrases.names[position])
        if len(taken) == most:
            break
    return taken
