"""The parts of networks of news: words to an article's vector, a history to a reader's.

Padding is marked by a mask, True where something stands. Imports torch.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention
from torch.nn.utils.rnn import pack_padded_sequence

from recweave.models.news.articles import Sizes

Words = Float[Tensor, "n words text"]
Mask = Bool[Tensor, "n words"]


class AdditiveAttention(nn.Module):
    """Σ α x with α = softmax(q · tanh(W x + b)); 0 where nothing stands."""

    def __init__(self, dim: int, query: int) -> None:
        super().__init__()
        self.project = nn.Linear(dim, query)
        self.query = nn.Parameter(torch.empty(query).uniform_(-0.1, 0.1))

    def forward(
        self, x: Float[Tensor, "n time dim"], mask: Bool[Tensor, "n time"]
    ) -> Float[Tensor, "n dim"]:
        """The weighed sum of each row."""
        weight = torch.tanh(self.project(x)) @ self.query
        weight = weight.masked_fill(~mask, -torch.inf)
        weight = weight - weight.amax(dim=1, keepdim=True).clamp(min=-1e30)
        share = weight.exp() * mask
        share = share / share.sum(dim=1, keepdim=True).clamp(min=1e-12)
        return (share[:, None, :] @ x).squeeze(1)


class SelfAttention(nn.Module):
    """Multi-head self-attention without a projection of its output, as NRMS has it."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * heads * head_dim)

    def forward(
        self, x: Float[Tensor, "n time dim"], mask: Bool[Tensor, "n time"]
    ) -> Float[Tensor, "n time heads_dim"]:
        """What each position sees of all; positions of padding are meaningless."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # A row without anything would be NaN; its mask lets all through, and nobody reads it.
        seen = mask | ~mask.any(dim=1, keepdim=True)
        attended = scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None, :])
        return attended.transpose(1, 2).flatten(2)


class SelfAttended(nn.Module):
    """Words of a text to a vector, by self-attention and additive attention."""

    def __init__(self, dim: int, heads: int, head_dim: int, query: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, heads, head_dim)
        self.sum = AdditiveAttention(heads * head_dim, query)
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: Words, mask: Mask) -> Float[Tensor, "n dim"]:
        """A vector for each text."""
        vector: Tensor = self.sum(self.dropout(self.attention(self.dropout(words), mask)), mask)
        return vector


class Convolved(nn.Module):
    """Words of a text to a vector, by convolution and additive attention."""

    def __init__(self, dim: int, filters: int, window: int, query: int, dropout: float) -> None:
        super().__init__()
        self.convolve = nn.Conv1d(dim, filters, window, padding="same")
        self.sum = AdditiveAttention(filters, query)
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: Words, mask: Mask) -> Float[Tensor, "n filters"]:
        """A vector for each text."""
        x = self.dropout(words * mask[..., None]).transpose(1, 2)
        vector: Tensor = self.sum(self.dropout(relu(self.convolve(x)).transpose(1, 2)), mask)
        return vector


class ArticleEncoder(nn.Module):
    """From what is read of articles to vectors of length `dim`."""

    dim: int

    def forward(
        self,
        title: tuple[Tensor, Tensor] | None,
        abstract: tuple[Tensor, Tensor] | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """A vector for each article.

        Args:
            title, abstract: Vectors of words, with the mask.
            vectors: Of whole texts.
            categories: Weights of categories.
        """
        raise NotImplementedError


class TitleAlone(ArticleEncoder):
    """The title, word by word; or the whole text's vector, projected."""

    def __init__(self, over: nn.Module | None, text: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.over = over
        self.project = None if over is not None else nn.Linear(text, dim)

    def forward(
        self,
        title: tuple[Tensor, Tensor] | None,
        abstract: tuple[Tensor, Tensor] | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`."""
        if self.over is not None:
            assert title is not None
            read: Tensor = self.over(*title)
            return read
        assert self.project is not None
        projected: Tensor = self.project(vectors)
        return projected


class Views(ArticleEncoder):
    """Title, abstract and categories as vectors of one length, weighed by attention (NAML)."""

    def __init__(
        self,
        sizes: Sizes,
        filters: int,
        window: int,
        category_dim: int,
        query: int,
        dropout: float,
        *,
        abstract: bool,
    ) -> None:
        super().__init__()
        self.dim = filters

        def reader() -> nn.Module:
            return Convolved(sizes.text, filters, window, query, dropout)

        self.title = reader() if sizes.words else nn.Linear(sizes.text, filters)
        self.abstract = reader() if sizes.words and abstract else None
        self.category = None
        if sizes.categories:
            self.category = nn.Sequential(
                nn.Linear(sizes.categories, category_dim, bias=False),
                nn.Linear(category_dim, filters),
                nn.ReLU(),
            )
        self.sum = AdditiveAttention(filters, query)

    def forward(
        self,
        title: tuple[Tensor, Tensor] | None,
        abstract: tuple[Tensor, Tensor] | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`; a view that an article lacks has no weight."""
        if title is None:
            views, there = [self.title(vectors)], [torch.ones(len(vectors), dtype=torch.bool)]  # type: ignore[arg-type]
        else:
            views, there = [self.title(*title)], [title[1].any(dim=1)]
        if self.abstract is not None and abstract is not None:
            views.append(self.abstract(*abstract))
            there.append(abstract[1].any(dim=1))
        if self.category is not None and categories is not None:
            views.append(self.category(categories))
            there.append((categories != 0).any(dim=1))
        mask = torch.stack([one.to(views[0].device) for one in there], dim=1)
        vector: Tensor = self.sum(torch.stack(views, dim=1), mask)
        return vector


class TitleAndCategory(ArticleEncoder):
    """The title beside an embedding of the categories (LSTUR)."""

    def __init__(
        self, sizes: Sizes, filters: int, window: int, category_dim: int, query: int, dropout: float
    ) -> None:
        super().__init__()
        self.dim = filters + (category_dim if sizes.categories else 0)
        self.title = (
            Convolved(sizes.text, filters, window, query, dropout)
            if sizes.words
            else nn.Linear(sizes.text, filters)
        )
        self.category = None
        if sizes.categories:
            self.category = nn.Linear(sizes.categories, category_dim, bias=False)

    def forward(
        self,
        title: tuple[Tensor, Tensor] | None,
        abstract: tuple[Tensor, Tensor] | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`."""
        read: Tensor = self.title(vectors) if title is None else self.title(*title)
        if self.category is None or categories is None:
            return read
        return torch.cat([read, self.category(categories)], dim=1)


class UserEncoder(nn.Module):
    """From the vectors of a history to the vector of its reader."""

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
        raise NotImplementedError


class AttendedHistory(UserEncoder):
    """Self-attention over the articles, then additive attention (NRMS)."""

    def __init__(self, dim: int, heads: int, head_dim: int, query: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, heads, head_dim)
        self.sum = AdditiveAttention(heads * head_dim, query)
        self.dropout = nn.Dropout(dropout)

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
        long = self.users[user.clamp(min=0)] * known[:, None]
        length = mask.sum(dim=1)
        first = long if self.how == "ini" else long.new_zeros(len(user), self.units.hidden_size)
        packed = pack_padded_sequence(
            history, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        _, last = self.units(packed, first[None].contiguous())
        short = torch.where((length > 0)[:, None], last[0], first)
        return short if self.how == "ini" else torch.cat([short, long], dim=1)
