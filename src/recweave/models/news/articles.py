"""What networks of news read of the articles: words, vectors of texts, categories."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.encode.features import Features, TextFeature, find_feature, find_item_feature
from recweave.encode.words import Ragged, WordTable, word_table
from recweave.models.news.settings import NewsRecipe
from recweave.models.news.sizes import Sizes


@dataclass(frozen=True, eq=False)
class Articles:
    """The articles of a catalogue, row i for item i.

    Attributes:
        title, abstract: Words; None where whole texts are read, or no abstract.
        vectors: Vectors of whole texts; None where words are read.
        categories: One row of weights of categories for each article; None for none.
        present: Whether an article has anything to read; the vector of one without is 0.
    """

    title: Ragged | None
    abstract: Ragged | None
    vectors: Float[Array, "items dim"] | None
    categories: Float[Array, "items categories"] | None
    present: Bool[Array, " items"]

    @classmethod
    def of(
        cls,
        recipe: NewsRecipe,
        features: Features | None,
        items: int,
        table: WordTable | None,
        known: int | None = None,
    ) -> "Articles":
        """Of a catalogue.

        Args:
            recipe: Says what is read.
            features: By name.
            items: Size of the catalogue.
            table: Of words; None where whole texts are read.
            known: Of new articles: the number of categories in training; they have none where the
                feature of categories is not given.

        Raises:
            BadSetting: if a feature is missing or of another kind, or no article has a text.
        """
        title = abstract = vectors = None
        if table is None:
            feature = find_item_feature(features, recipe.vectors)
            vectors = np.where(feature.present[:, None], feature.vectors, 0).astype(np.float32)
            present = feature.present
        else:
            text = find_feature(features, recipe.text)
            if not isinstance(text, TextFeature):
                raise BadSetting(
                    f"the feature '{recipe.text}' has no texts; [features.{recipe.text}] needs "
                    'kind = "documents"'
                )
            title = table.read(_texts(text, "title", items), recipe.title)
            present = title.lengths > 0
            if most := getattr(recipe, "abstract", 0):
                abstract = table.read(_texts(text, "description", items), most)
                present = present | (abstract.lengths > 0)
        if known is None and not present.any():
            raise BadSetting(
                "no article has a text that can be read; add the column `title` to the table of "
                "items"
            )
        categories = None
        name = getattr(recipe, "categories", "")
        if known and name not in (features or {}):
            categories = np.zeros((items, known), np.float32)
        elif name:
            categories = find_item_feature(features, name).vectors.astype(np.float32)
        return cls(title, abstract, vectors, categories, present)

    def sizes(self, table: WordTable | None) -> Sizes:
        """The sizes of what an article encoder reads."""
        categories = 0 if self.categories is None else self.categories.shape[1]
        if table is not None:
            return Sizes(table.vectors.shape[1], True, categories)
        assert self.vectors is not None
        return Sizes(self.vectors.shape[1], False, categories)


def words_of(recipe: NewsRecipe) -> WordTable | None:
    """The table of words that a recipe reads; None where it reads whole texts."""
    return word_table(recipe.words) if recipe.read == "words" else None


def _texts(text: TextFeature, kind: str, items: int) -> list[str]:
    """The texts of a kind, "" where an item has none."""
    found = [""] * items
    for row in text.of_kind(kind).tolist():
        found[int(text.item[row])] = text.text[row]
    return found
