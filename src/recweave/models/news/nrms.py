"""NRMS: news recommendation with multi-head self-attention."""

from typing import Any

from pydantic import Field

from recweave.models.news.settings import NewsRecipe
from recweave.models.news.sizes import Sizes


class NRMS(NewsRecipe):
    """Self-attention over the words of a title, and over the articles of a history.

    Each is summed by additive attention; the score is the dot product (Wu et al., EMNLP 2019).
    """

    heads: int = Field(15, gt=0, description="attention heads")
    head_dim: int = Field(20, gt=0, description="size of a head; vectors have heads · head_dim")

    def article_encoder(self, sizes: Sizes) -> Any:
        """See `NewsRecipe.article_encoder`."""
        from torch import nn

        from recweave.models.news.article_encoders import TitleAlone
        from recweave.models.news.text_readers import SelfAttended

        dim = self.heads * self.head_dim
        words = SelfAttended(sizes.text, self.heads, self.head_dim, self.query, self.dropout)
        return TitleAlone(words if sizes.words else nn.Linear(sizes.text, dim), dim)

    def user_encoder(self, dim: int, users: int) -> Any:
        """See `NewsRecipe.user_encoder`."""
        from recweave.models.news.user_encoders import AttendedHistory

        return AttendedHistory(dim, self.heads, self.head_dim, self.query, self.dropout)
