"""The network of news as a whole; imports torch."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding

from recweave.core.arrays import Array
from recweave.encode.words import Ragged
from recweave.models.news.article_encoders import ReadArticles
from recweave.models.news.articles import Articles
from recweave.models.news.attention import Text
from recweave.models.news.settings import NewsRecipe
from recweave.models.news.sizes import Sizes
from recweave.models.news.text_readers import TextReader
from recweave.models.nn.tensors import float_tensor, index_tensor


class NewsNet(nn.Module):
    """Vectors of articles and of readers, whose dot product is the score."""

    words: Tensor

    def __init__(
        self,
        recipe: NewsRecipe,
        sizes: Sizes,
        words: Float[Array, "words text"] | None,
        users: int,
    ) -> None:
        super().__init__()
        vectors = torch.zeros((0, 0)) if words is None else torch.from_numpy(words).float()
        if recipe.tune_words and words is not None:
            self.words = nn.Parameter(vectors.clone())
        else:
            self.register_buffer("words", vectors, persistent=False)
        self.article = recipe.article_encoder(sizes)
        dim = self.article.dim
        self.reader = recipe.user_encoder(dim, users)
        self.cold = nn.Parameter(torch.zeros(dim)) if recipe.cold_vector else None

    def articles(self, articles: Articles, rows: Int[Array, " n"]) -> Float[Tensor, "n dim"]:
        """The vectors of some articles; 0 for those that have nothing to read."""
        device = next(self.parameters()).device
        read = ReadArticles(
            self._text(articles.title, rows, self.article.title, device),
            self._text(articles.abstract, rows, self.article.abstract, device),
            _numbers(articles.vectors, rows, device),
            _numbers(articles.categories, rows, device),
        )
        vectors: Tensor = self.article(read)
        present = float_tensor(articles.present[rows].astype(np.float32), device)
        return vectors * present[:, None]

    def readers(
        self,
        history: Float[Tensor, "n time dim"],
        mask: Bool[Tensor, "n time"],
        user: Int[Tensor, " n"],
    ) -> Float[Tensor, "n dim"]:
        """The vectors of readers; see the function."""
        return readers(self.reader, self.cold, history, mask, user)

    def _text(
        self,
        text: Ragged | None,
        rows: Int[Array, " n"],
        reader: nn.Module | None,
        device: torch.device,
    ) -> Text | None:
        """The words of some texts, read as far as that goes word by word."""
        if text is None or reader is None:
            return None
        assert isinstance(reader, TextReader)
        text = text.rows(rows)
        distinct, word = np.unique(text.word, return_inverse=True)
        return Text(
            reader.project(embedding(index_tensor(distinct, device), self.words)),
            index_tensor(word, device),
            index_tensor(text.start[:-1], device),
            text.lengths,
        )


def readers(
    encoder: nn.Module,
    cold: Tensor | None,
    history: Float[Tensor, "n time dim"],
    mask: Bool[Tensor, "n time"],
    user: Int[Tensor, " n"],
) -> Float[Tensor, "n dim"]:
    """The vectors of readers; `cold` is added where the history is empty."""
    vector: Tensor = encoder(history, mask, user)
    empty = ~mask.any(dim=1)
    return vector if cold is None else vector + empty[:, None] * cold


def _numbers(
    table: Float[Array, "items dim"] | None, rows: Int[Array, " n"], device: torch.device
) -> Tensor | None:
    if table is None:
        return None
    # A copy in torch's own memory: products of NumPy's, which begins at any multiple of 16 bytes,
    # are rounded in another way each time.
    return float_tensor(table[rows], device).clone()
