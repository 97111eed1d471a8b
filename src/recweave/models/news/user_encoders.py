"""From the vectors of a history to its reader's. Imports torch.

Histories are padded at their end; a mask is True where an article stands.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch.nn.utils.rnn import pack_padded_sequence

from recweave.models.news.attention import AdditiveAttention, SelfAttention
from recweave.models.nn.dropout import Dropout


class UserEncoder(nn.Module, ABC):
    """From the vectors of a history to the vector of its reader."""

    @abstractmethod
    def forward(
        self,
        history: Float[Tensor, "n time dim"],
        mask: Bool[Tensor, "n time"],
        user: Int[Tensor, " n"],
    ) -> Float[Tensor, "n dim"]:
        """A vector for each reader, 0 for one without a history.

        Args:
            history: Oldest article first, then padding.
            mask: Where articles stand.
            user: Rows of users in training; -1 for others.
        """


class AttendedHistory(UserEncoder):
    """Self-attention over the articles, then additive attention (NRMS)."""

    def __init__(self, dim: int, heads: int, head_dim: int, query: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, heads, head_dim)
        self.sum = AdditiveAttention(heads * head_dim, query)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        history: Float[Tensor, "n time dim"],
        mask: Bool[Tensor, "n time"],
        user: Int[Tensor, " n"],
    ) -> Float[Tensor, "n dim"]:
        """See `UserEncoder.forward`."""
        vector: Tensor = self.sum(self.dropout(self.attention(history, mask)), mask)
        return vector


class WeighedHistory(UserEncoder):
    """Additive attention over the articles (NAML)."""

    def __init__(self, dim: int, query: int) -> None:
        super().__init__()
        self.sum = AdditiveAttention(dim, query)

    def forward(
        self,
        history: Float[Tensor, "n time dim"],
        mask: Bool[Tensor, "n time"],
        user: Int[Tensor, " n"],
    ) -> Float[Tensor, "n dim"]:
        """See `UserEncoder.forward`."""
        vector: Tensor = self.sum(history, mask)
        return vector


class LongAndShortTerm(UserEncoder):
    """A GRU over the articles with an embedding of the user (LSTUR)."""

    def __init__(self, dim: int, users: int, how: str, user_dropout: float) -> None:
        super().__init__()
        self.how = how
        self.user_dropout = user_dropout
        self.long = dim if how == "ini" else dim // 2
        self.units = nn.GRU(dim, dim if how == "ini" else dim - self.long, batch_first=True)
        self.users = nn.Parameter(torch.zeros(users, self.long))

    def forward(
        self,
        history: Float[Tensor, "n time dim"],
        mask: Bool[Tensor, "n time"],
        user: Int[Tensor, " n"],
    ) -> Float[Tensor, "n dim"]:
        """See `UserEncoder.forward`; a known user without a history has the embedding alone."""
        known = user >= 0
        if self.training and self.user_dropout:
            known = known & (torch.rand(len(user), device=user.device) >= self.user_dropout)
        long = embedding(user.clamp(min=0), self.users) * known[:, None]
        length = mask.sum(dim=1)
        first = long if self.how == "ini" else long.new_zeros(len(user), self.units.hidden_size)
        packed = pack_padded_sequence(
            history, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        _, last = self.units(packed, first[None].contiguous())
        short = torch.where((length > 0)[:, None], last[0], first)
        return short if self.how == "ini" else torch.cat([short, long], dim=1)
