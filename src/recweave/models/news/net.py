"""The network of news as a whole; imports torch."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recweave.core.arrays import Array
from recweave.encode.words import Ragged, WordTable
from recweave.models.news.articles import Articles
from recweave.models.news.settings import NewsRecipe
from recweave.models.nn.tensors import float_tensor, index_tensor, seeded

WORDS = 8_192
"""Words of articles that are encoded at a time, padding included."""


class NewsNet(nn.Module):
    """Vectors of articles and of readers, whose dot product is the score."""

    words: Tensor

    def __init__(
        self, recipe: NewsRecipe, articles: Articles, table: WordTable | None, users: int
    ) -> None:
        super().__init__()
        sizes = articles.sizes(table)
        vectors = torch.zeros((0, 0))
        if table is not None:
            vectors = torch.from_numpy(table.vectors.astype(np.float32))
        if recipe.tune_words and table is not None:
            self.words = nn.Parameter(vectors)
        else:
            self.register_buffer("words", vectors, persistent=False)
        self.article = recipe.article_encoder(sizes)
        dim = self.article.dim
        self.reader = recipe.user_encoder(dim, users)
        self.stranger = nn.Parameter(torch.zeros(dim)) if recipe.stranger else None

    @classmethod
    def untrained(
        cls,
        recipe: NewsRecipe,
        articles: Articles,
        table: WordTable | None,
        users: int,
        seed: int,
    ) -> "NewsNet":
        """The network before training, from a seed."""
        with seeded(seed):
            return cls(recipe, articles, table, users)

    def articles(self, articles: Articles, rows: Int[Array, " n"]) -> Float[Tensor, "n dim"]:
        """The vectors of some articles; 0 for those that have nothing to read."""
        device = next(self.parameters()).device
        groups = articles.by_length(rows, WORDS)
        if not groups:
            return torch.zeros((0, self.article.dim), device=device)
        parts = []
        for group in groups:
            chosen = rows[group]
            parts.append(
                self.article(
                    self._words(articles.title, chosen, device),
                    self._words(articles.abstract, chosen, device),
                    _numbers(articles.vectors, chosen, device),
                    _numbers(articles.categories, chosen, device),
                )
            )
        back = np.empty(len(rows), np.int64)
        back[np.concatenate(groups)] = np.arange(len(rows))
        vectors = torch.cat(parts)[index_tensor(back, device)]
        present = float_tensor(articles.present[rows].astype(np.float32), device)
        return vectors * present[:, None]

    def readers(
        self,
        history: Float[Tensor, "n time dim"],
        mask: Bool[Tensor, "n time"],
        user: Int[Tensor, " n"],
    ) -> Float[Tensor, "n dim"]:
        """The vectors of readers; see the function."""
        return readers(self.reader, self.stranger, history, mask, user)

    def _words(
        self, text: Ragged | None, rows: Int[Array, " n"], device: torch.device
    ) -> tuple[Tensor, Tensor] | None:
        if text is None:
            return None
        word = index_tensor(text.padded(rows), device)
        mask = word >= 0
        return self.words[word.clamp(min=0)], mask


def readers(
    encoder: nn.Module,
    stranger: Tensor | None,
    history: Float[Tensor, "n time dim"],
    mask: Bool[Tensor, "n time"],
    user: Int[Tensor, " n"],
) -> Float[Tensor, "n dim"]:
    """The vectors of readers; `stranger` is added where the history is empty."""
    vector: Tensor = encoder(history, mask, user)
    empty = ~mask.any(dim=1)
    return vector if stranger is None else vector + empty[:, None] * stranger


def _numbers(
    table: Float[Array, "items dim"] | None, rows: Int[Array, " n"], device: torch.device
) -> Tensor | None:
    return None if table is None else float_tensor(table[rows], device)
