"""From what is read of articles to their vectors. Imports torch."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from recweave.models.news.attention import AdditiveAttention, Text
from recweave.models.news.sizes import Sizes
from recweave.models.news.text_readers import Convolved


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
