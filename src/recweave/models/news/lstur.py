"""LSTUR: news recommendation with long- and short-term user representations."""

from typing import Annotated, Any, Literal

from pydantic import Field

from recweave.models.base import Tune
from recweave.models.news.settings import NewsRecipe
from recweave.models.news.sizes import Sizes


class LSTUR(NewsRecipe):
    """A recurrent network (GRU) over the history, and an embedding of the user.

    `ini`: the user's embedding is the first state; `con`: it stands beside the last one. It is left
    out at random in training, as new users have none (An et al., ACL 2019). An article is its
    title, by convolution and additive attention, beside an embedding of its categories.
    """

    how: Literal["ini", "con"] = Field("ini", description="how the user's embedding is used")
    filters: int = Field(300, gt=0, description="filters of the convolution over words")
    window: int = Field(3, gt=0, description="words that a filter reads")
    categories: str = Field("", description="an item feature of categories; empty for none")
    category_dim: int = Field(100, gt=0, description="size of the embedding of categories")
    user_dropout: Annotated[float, Tune(0.0, 1.0)] = Field(
        0.5, ge=0, le=1, description="share of the clicks in training without the user's embedding"
    )

    @property
    def item_features(self) -> tuple[str, ...]:
        """See `NewsRecipe.item_features`."""
        return (*super().item_features, *filter(None, [self.categories]))

    def article_encoder(self, sizes: Sizes) -> Any:
        """See `NewsRecipe.article_encoder`."""
        from recweave.models.news.article_encoders import TitleAndCategory

        return TitleAndCategory(
            sizes, self.filters, self.window, self.category_dim, self.query, self.dropout
        )

    def user_encoder(self, dim: int, users: int) -> Any:
        """See `NewsRecipe.user_encoder`."""
        from recweave.models.news.user_encoders import LongAndShortTerm

        return LongAndShortTerm(dim, users, self.how, self.user_dropout)
