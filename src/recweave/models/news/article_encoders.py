"""From what is read of articles to their vectors. Imports torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from recweave.models.news.attention import AdditiveAttention, Text
from recweave.models.news.sizes import Sizes
from recweave.models.news.text_readers import Convolved


@dataclass(frozen=True, eq=False)
class ReadArticles:
    """What is read of a batch of articles.

    Attributes:
        title, abstract: Words; None where whole texts are read.
        vectors: Of whole texts; None where words are read.
        categories: Weights of categories; None for none.
    """

    title: Text | None
    abstract: Text | None
    vectors: Float[Tensor, "n text"] | None
    categories: Float[Tensor, "n categories"] | None


class ArticleEncoder(nn.Module, ABC):
    """From what is read of articles to vectors of length `dim`.

    Attributes:
        title, abstract: `TextReader` of their words; `title` may be a layer over vectors of texts.
    """

    dim: int
    title: nn.Module
    abstract: nn.Module | None = None

    @abstractmethod
    def forward(self, read: ReadArticles) -> Float[Tensor, "n dim"]:
        """A vector for each article."""

    def titles(self, read: ReadArticles) -> Float[Tensor, "n dim"]:
        """The vectors of the titles, or of the whole texts."""
        vector: Tensor = self.title(read.vectors if read.title is None else read.title)
        return vector


class TitleAlone(ArticleEncoder):
    """The title, word by word; or the whole text's vector, projected."""

    def __init__(self, title: nn.Module, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.title = title

    def forward(self, read: ReadArticles) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`."""
        return self.titles(read)


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

    def forward(self, read: ReadArticles) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`; a view that an article lacks has no weight."""
        views, there = [self.titles(read)], [_present(read.vectors, read.title)]
        if self.abstract is not None and read.abstract is not None:
            views.append(self.abstract(read.abstract))
            there.append(_present(None, read.abstract))
        if self.category is not None and read.categories is not None:
            views.append(self.category(read.categories))
            there.append(_present(read.categories, None))
        vector: Tensor = self.sum(torch.stack(views, dim=1), torch.stack(there, dim=1))
        return vector


def _present(vectors: Tensor | None, text: Text | None) -> Bool[Tensor, " n"]:
    """Whether articles have words, or numbers other than 0."""
    if text is not None:
        return torch.from_numpy(text.lengths > 0).to(text.word.device)
    assert vectors is not None
    return (vectors != 0).any(dim=1)


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

    def forward(self, read: ReadArticles) -> Float[Tensor, "n dim"]:
        """See `ArticleEncoder.forward`."""
        title = self.titles(read)
        if self.category is None or read.categories is None:
            return title
        return torch.cat([title, self.category(read.categories)], dim=1)
