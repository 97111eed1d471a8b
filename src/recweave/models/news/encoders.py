"""The parts of networks of news: words to an article's vector, a history to a reader's.

Padding is marked by a mask, True where something stands. Imports torch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag, relu, scaled_dot_product_attention
from torch.nn.utils.rnn import pack_padded_sequence

from recweave.core.arrays import Array
from recweave.models.news.articles import Sizes
from recweave.models.nn.dropout import Dropout


@dataclass(frozen=True, eq=False)
class Text:
    """The words of texts, one text after the other.

    Attributes:
        projected: See `TextReader.project`.
        word: Of each word its row in `projected`.
        start: Where each text's words begin; the end of the last is not in it.
        lengths: Number of words of each text.
    """

    projected: Float[Tensor, "distinct width"]
    word: Int[Tensor, " words"]
    start: Int[Tensor, " texts"]
    lengths: Int[Array, " texts"]


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

    def of_texts(self, x: Float[Tensor, "words dim"], text: Text) -> Float[Tensor, "texts dim"]:
        """The same for texts that stand one after the other, without padding."""
        weight = (torch.tanh(self.project(x)) @ self.query).float()
        texts = len(text.start)
        row = torch.repeat_interleave(
            torch.arange(texts, device=x.device), torch.from_numpy(text.lengths).to(x.device)
        )
        most = weight.new_full((texts,), -torch.inf)
        most = most.scatter_reduce(0, row, weight.detach(), "amax")
        share = (weight - most[row]).exp()
        total = share.new_zeros(texts).index_add(0, row, share)
        each = torch.arange(len(x), device=x.device)
        return embedding_bag(
            each, x.float(), text.start, mode="sum", per_sample_weights=share / total[row]
        )


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
        # A row without anything would be NaN; its mask lets all through, and nobody reads it.
        seen = mask | ~mask.any(dim=1, keepdim=True)
        return self.attend(self.qkv(x), seen[:, None, None, :])

    def attend(
        self, qkv: Float[Tensor, "n time three_heads_dim"], seen: Tensor | None
    ) -> Float[Tensor, "n time heads_dim"]:
        """The same from queries, keys and values."""
        n, time, width = qkv.shape
        parts = qkv.view(n, time, 3, self.heads, width // (3 * self.heads))
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return attended.transpose(1, 2).flatten(2)


class TextReader(nn.Module):
    """From the words of texts to vectors.

    The first step is linear in each word, and a batch has each word many times. So `project` does
    it once for each distinct word, and `forward` looks the results up. Dropout of a word's numbers
    is therefore the same wherever it stands in the batch.
    """

    def project(self, table: Float[Tensor, "distinct text"]) -> Float[Tensor, "distinct width"]:
        """The first step, of distinct words."""
        raise NotImplementedError

    def forward(self, text: Text) -> Float[Tensor, "texts dim"]:
        """A vector for each text; 0 for one without words."""
        raise NotImplementedError


class SelfAttended(TextReader):
    """Self-attention, then additive attention (NRMS)."""

    def __init__(self, dim: int, heads: int, head_dim: int, query: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, heads, head_dim)
        self.sum = AdditiveAttention(heads * head_dim, query)
        self.dropout = Dropout(dropout)

    def project(self, table: Float[Tensor, "distinct text"]) -> Float[Tensor, "distinct width"]:
        """See `TextReader.project`: queries, keys and values."""
        projected: Tensor = self.attention.qkv(self.dropout(table))
        return projected

    def forward(self, text: Text) -> Float[Tensor, "texts dim"]:
        """See `TextReader.forward`; texts of one length are attended to together."""
        if not len(text.word):
            return text.projected.new_zeros((len(text.start), self.sum.project.in_features))
        order = np.argsort(text.lengths, kind="stable")
        ordered = text.lengths[order]
        begins = (np.cumsum(text.lengths) - text.lengths)[order]
        place = np.arange(ordered.sum()) - np.repeat(np.cumsum(ordered) - ordered, ordered)
        at = np.repeat(begins, ordered) + place  # the words, texts sorted by length
        device = text.word.device
        qkv = embedding(text.word[torch.from_numpy(at).to(device)], text.projected)
        lengths, texts = np.unique(ordered[ordered > 0], return_counts=True)
        ends = np.cumsum(lengths * texts)[:-1].tolist()
        parts = [
            self.attention.attend(part.view(count, length, -1), None).flatten(0, 1)
            for part, length, count in zip(
                torch.tensor_split(qkv, ends), lengths.tolist(), texts.tolist(), strict=True
            )
        ]
        back = np.empty(len(at), np.int64)
        back[at] = np.arange(len(at))
        read = torch.cat(parts)[torch.from_numpy(back).to(device)]
        return self.sum.of_texts(self.dropout(read), text)


class Convolved(TextReader):
    """Convolution over words, then additive attention (NAML, LSTUR)."""

    def __init__(self, dim: int, filters: int, window: int, query: int, dropout: float) -> None:
        super().__init__()
        self.window = window
        self.convolve = nn.Conv1d(dim, filters, window, padding="same")
        self.sum = AdditiveAttention(filters, query)
        self.dropout = Dropout(dropout)

    def project(self, table: Float[Tensor, "distinct text"]) -> Float[Tensor, "distinct width"]:
        """See `TextReader.project`: what a word adds to a filter, by its place in the window."""
        weight = self.convolve.weight.permute(2, 0, 1).flatten(0, 1)  # (window · filters, text)
        projected: Tensor = self.dropout(table) @ weight.T
        return projected

    def forward(self, text: Text) -> Float[Tensor, "texts dim"]:
        """See `TextReader.forward`; words beyond the ends of a text add nothing."""
        words = len(text.word)
        begins = np.repeat(np.cumsum(text.lengths) - text.lengths, text.lengths)
        ends = begins + np.repeat(text.lengths, text.lengths)
        before = (self.window - 1) // 2
        at = np.arange(words)[:, None] + np.arange(self.window) - before
        inside = (at >= begins[:, None]) & (at < ends[:, None])
        device = text.word.device
        word = text.word[torch.from_numpy(np.clip(at, 0, max(0, words - 1))).to(device)]
        # Rows of the table: a word at a place of the window; the last one is what adds nothing.
        row = word * self.window + torch.arange(self.window, device=device)
        filters = self.convolve.out_channels
        table = text.projected.view(-1, filters)
        nothing = len(table)
        row = row.masked_fill(~torch.from_numpy(inside).to(device), nothing)
        table = torch.cat([table, table.new_zeros((1, filters))])
        total = embedding_bag(row, table, mode="sum", padding_idx=nothing)
        assert self.convolve.bias is not None
        return self.sum.of_texts(self.dropout(relu(total + self.convolve.bias)), text)


class ArticleEncoder(nn.Module):
    """From what is read of articles to vectors of length `dim`.

    Attributes:
        title, abstract: `TextReader` of their words; `title` may be a layer over vectors of texts.
    """

    dim: int
    title: nn.Module
    abstract: nn.Module | None = None

    def forward(
        self,
        title: Text | None,
        abstract: Text | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """A vector for each article.

        Args:
            title, abstract: Words, as the readers take them.
            vectors: Of whole texts.
            categories: Weights of categories.
        """
        raise NotImplementedError


class TitleAlone(ArticleEncoder):
    """The title, word by word; or the whole text's vector, projected."""

    def __init__(self, title: nn.Module, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.title = title

    def forward(
        self,
        title: Text | None,
        abstract: Text | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`."""
        read: Tensor = self.title(vectors) if title is None else self.title(title)
        return read


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
        title: Text | None,
        abstract: Text | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`; a view that an article lacks has no weight."""
        if title is None:
            assert vectors is not None
            views, there = [self.title(vectors)], [(vectors != 0).any(dim=1)]
        else:
            views, there = [self.title(title)], [_has_words(title)]
        if self.abstract is not None and abstract is not None:
            views.append(self.abstract(abstract))
            there.append(_has_words(abstract))
        if self.category is not None and categories is not None:
            views.append(self.category(categories))
            there.append((categories != 0).any(dim=1))
        mask = torch.stack(there, dim=1)
        vector: Tensor = self.sum(torch.stack(views, dim=1), mask)
        return vector


def _has_words(text: Text) -> Bool[Tensor, " texts"]:
    return torch.from_numpy(text.lengths > 0).to(text.word.device)


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
        title: Text | None,
        abstract: Text | None,
        vectors: Tensor | None,
        categories: Tensor | None,
    ) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`."""
        read: Tensor = self.title(vectors) if title is None else self.title(title)
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
        long = self.users[user.clamp(min=0)] * known[:, None]
        length = mask.sum(dim=1)
        first = long if self.how == "ini" else long.new_zeros(len(user), self.units.hidden_size)
        packed = pack_padded_sequence(
            history, length.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        _, last = self.units(packed, first[None].contiguous())
        short = torch.where((length > 0)[:, None], last[0], first)
        return short if self.how == "ini" else torch.cat([short, long], dim=1)
