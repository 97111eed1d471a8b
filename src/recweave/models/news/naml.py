"""NAML: news recommendation with attentive multi-view learning."""

from typing import Any

from pydantic import Field

from recweave.models.news.settings import NewsRecipe
from recweave.models.news.sizes import Sizes


class NAML(NewsRecipe):
    """Title, abstract and category as views of an article, weighed by attention.

    Words are read by convolution and additive attention; the articles of a history by additive
    attention (Wu et al., IJCAI 2019).
    """

    filters: int = Field(400, gt=0, description="filters of the convolution; vectors are as long")
    window: int = Field(3, gt=0, description="words that a filter reads")
    abstract: int = Field(
        50, ge=0, description="words of the abstract (description) that are read; 0 leaves it out"
    )
    categories: str = Field("", description="an item feature of categories; empty for none")
    category_dim: int = Field(100, gt=0, description="size of the embedding of categories")

    @property
    def item_features(self) -> tuple[str, ...]:
        """See `NewsRecipe.item_features`."""
        return (*super().item_features, *filter(None, [self.categories]))

    def article_encoder(self, sizes: Sizes) -> Any:
        """See `NewsRecipe.article_encoder`."""
        from recweave.models.news.article_encoders import Views

        return Views(
            sizes,
            self.filters,
            self.window,
            self.category_dim,
            self.query,
            self.dropout,
            abstract=self.abstract > 0,
        )

    def user_encoder(self, dim: int, users: int) -> Any:
        """See `NewsRecipe.user_encoder`."""
        from recweave.models.news.user_encoders import WeighedHistory

        return WeighedHistory(dim, self.query)
