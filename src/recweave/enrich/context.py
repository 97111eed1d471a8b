"""What the extractive writer computes once for all texts: phrases, labels, corpus statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.data.html import strip_html_series
from recweave.data.profiles import Entity
from recweave.encode.text import TextEncoder
from recweave.enrich.aspects import CorpusStatistics
from recweave.enrich.interest import Interest
from recweave.enrich.labels import Labels
from recweave.enrich.lexicon import MOOD, NAMING, NEUTRAL, PRICE
from recweave.enrich.material import Material
from recweave.enrich.sentences import Phrases


@dataclass(eq=False)
class WriterContext:
    """What one run of the extractive writer needs; each part is computed when it is first used.

    Attributes:
        material: The rows that may be read.
        encoder: For sentences and labels.
        categories: The closed set, if there is one.
        length: Words of a summary at most.
    """

    material: Material
    encoder: TextEncoder
    categories: Sequence[str]
    length: int

    def __post_init__(self) -> None:
        self._statistics: dict[tuple[Entity, int | None], CorpusStatistics] = {}
        self._interest: dict[int | None, Interest] = {}

    @cached_property
    def rating(self) -> Float[Array, " reviews"]:
        """The ratings of the training part's reviews; NaN where there is none."""
        found = self.material.dataset.reviews["rating"].gather(self.material.rows["reviews"])
        return found.cast(pl.Float64).fill_null(np.nan).to_numpy()

    @cached_property
    def phrases(self) -> Phrases:
        """The phrases of the training part's reviews."""
        return Phrases.of(self.texts(self.material.rows["reviews"]))

    @cached_property
    def price(self) -> Labels:
        """Opinions on prices."""
        return Labels.of(PRICE, NEUTRAL, self.encoder)

    @cached_property
    def mood(self) -> Labels:
        """Pleased or displeased, for reviews without a rating."""
        return Labels.of(MOOD, NEUTRAL, self.encoder)

    @cached_property
    def closed(self) -> Labels:
        """The given categories."""
        phrases = {name: [form.format(name) for form in NAMING] for name in self.categories}
        return Labels.of(phrases, NEUTRAL, self.encoder)

    def statistics(self, entity: Entity, fold: int | None) -> CorpusStatistics:
        """Statistics of the reviews that may be read for a fold."""
        if (entity, fold) not in self._statistics:
            texts = self.reviews(self.material.corpus(entity, "reviews", fold))
            self._statistics[entity, fold] = CorpusStatistics.of(
                self.phrases, texts, self.rating[texts]
            )
        return self._statistics[entity, fold]

    def interest(self, fold: int | None) -> Interest:
        """Half-lives from the events that may be read for a fold."""
        if fold not in self._interest:
            rows = self.material.corpus("item", "events", fold)
            self._interest[fold] = Interest.fit(self.material.dataset.interactions()[rows])
        return self._interest[fold]

    def reviews(self, rows: Int[Array, " n"]) -> Int[Array, " n"]:
        """The positions of rows of reviews among those of the training part."""
        return np.searchsorted(self.material.rows["reviews"], rows)

    def texts(self, rows: Int[Array, " n"]) -> list[str]:
        """The texts of reviews, without HTML."""
        texts = self.material.dataset.reviews["text"].gather(rows).fill_null("")
        return strip_html_series(texts).to_list()
