"""What is liked and what is not: phrases that occur where people are pleased, or are not."""

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
        rarity: ln(n / df) for each phrase, 0 where no text says it.
        middle: Of the scale of ratings; a writer who rates above it is pleased.
        pleased: Share of pleased writers among those who rate; half where none does.
    """

    rarity: Float[Array, " phrases"]
    middle: float
    pleased: float

    @classmethod
    def of(
        cls, phrases: Phrases, texts: Int[Array, " n"], rating: Float[Array, " n"]
    ) -> "CorpusStatistics":
        """From some of the texts alone; the ratings are theirs, NaN where there is none."""
        df = np.asarray(phrases.said[texts].sum(axis=0)).reshape(-1)
        rarity = np.log(max(len(texts), 1) / np.maximum(df, 1))
        rated = rating[np.isfinite(rating)]
        middle = float(rated.min() + rated.max()) / 2 if len(rated) else 0.0
        share = float((rated > middle).mean()) if len(rated) else 0.5
        return cls(np.where(df > 0, rarity, 0).astype(np.float32), middle, share)


def aspects(
    phrases: Phrases, texts: Int[Array, " n"], pleased: Bool[Array, " n"], corpus: CorpusStatistics
) -> tuple[list[str], list[str]]:
    """What some texts like and dislike, the clearest first, five of each at most.

    A phrase is liked if the share of pleased writers among those who say it exceeds the share in
    the corpus, disliked if it is below; it ranks by (pleased − texts · corpus share) · rarity, and
    must be said by two, or by one where there are fewer than four texts. Equals go by alphabet.
    """
    said = phrases.said[texts]
    count = np.asarray(said.sum(axis=0)).reshape(-1)
    happy = np.asarray(said[np.flatnonzero(pleased)].sum(axis=0)).reshape(-1)
    lift = (happy - count * corpus.pleased) * corpus.rarity
    lift = np.where(count >= (2 if len(texts) >= 4 else 1), lift, 0)
    return _best(phrases, lift), _best(phrases, -lift)


def keyphrases(
    phrases: Phrases, texts: Int[Array, " n"], corpus: CorpusStatistics, most: int
) -> list[str]:
    """What some texts are about: phrases by how many say it times rarity; two must say it."""
    count = np.asarray(phrases.said[texts].sum(axis=0)).reshape(-1)
    return _best(phrases, np.where(count >= 2, count * corpus.rarity, 0), most)


def _best(phrases: Phrases, worth: Float[Array, " phrases"], most: int = MOST) -> list[str]:
    """The best with some worth; a phrase whose words are within a better one's says nothing new."""
    taken: list[str] = []
    for position in np.argsort(-worth, kind="stable")[: 4 * most]:
        own = set(phrases.names[position].split())
        if worth[position] > 0 and not any(
            own <= set(name.split()) or own >= set(name.split()) for name in taken
        ):
            taken.append(phrases.names[position])
        if len(taken) == most:
            break
    return taken
