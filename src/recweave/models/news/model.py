"""A trained network of news."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.data.interactions import Histories
from recweave.encode.features import Features
from recweave.models.base import Basis, Model
from recweave.models.kinds import dot_products
from recweave.models.news.articles import Articles, words_of
from recweave.models.news.settings import NewsRecipe
from recweave.models.news.sizes import Sizes
from recweave.models.nn.weights import Weights
from recweave.models.query import Query
from recweave.models.reasons import contributions_by_removal

BATCH = 256
"""Readers whose vectors are computed at a time."""


@dataclass(frozen=True, eq=False)
class NewsModel(Model):
    """Scores are dot products of an article's vector and a reader's, made of what they have read.

    New readers need no training: their history is enough. Articles without a text have the score 0,
    and are left out of histories.

    Attributes:
        item: The vectors of the articles.
        present: Whether an article has one.
        reader: Weights of the network of readers.
        cold: The vector of readers without a history; 0 if none was learned.
        users: Users in training.
        recipe: The settings.
        article: Weights of the network of articles, for new ones.
        sizes: Of what it reads.
        table: Name of the table of words; "" where vectors of whole texts are read.
        words: Its vectors, where they were trained; else they are the table's.
    """

    rests_on: ClassVar[Basis] = "history"

    item: Float[Array, "items dim"]
    present: Bool[Array, " items"]
    reader: Weights
    cold: Float[Array, " dim"]
    users: int
    recipe: NewsRecipe
    article: Weights
    sizes: Sizes
    table: str
    words: Float[Array, "words text"]

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.vectors(query) @ self.item.T)

    def score(self, query: Query, item: Int[Array, "batch k"]) -> Float[Array, "batch k"]:
        """See `Model.score`."""
        return dot_products(self.vectors(query), self.item, item)

    def vectors(self, query: Query) -> Float[Array, "batch dim"]:
        """See `DotProduct.vectors`."""
        self.recipe.require_extras()
        import torch

        from recweave.models.news.net import readers

        found = np.zeros((len(query), self.item.shape[1]), np.float32)
        order = np.argsort(query.history.lengths, kind="stable")
        with torch.inference_mode():
            for first in range(0, len(order), BATCH):
                rows = order[first : first + BATCH]
                part = query.rows(rows)
                item, mask = read_articles(part.history, self.present, self.recipe.history)
                history = torch.from_numpy(self.item[np.maximum(item, 0)])
                user = np.where(part.user < self.users, part.user, -1).astype(np.int64)
                found[rows] = readers(
                    self._network,
                    torch.from_numpy(self.cold),
                    history * torch.from_numpy(mask)[..., None],
                    torch.from_numpy(mask),
                    torch.from_numpy(user),
                )
        return found

    def with_items(self, features: Features, count: int) -> "NewsModel | None":
        """See `Model.with_items`: new articles by their texts; categories count if they are given.

        Raises:
            BadSetting: if the table of words is another one than in training.
        """
        recipe = self.recipe
        source = recipe.vectors if recipe.read == "vectors" else recipe.text
        if source not in features:
            return None
        recipe.require_extras()
        import torch

        from recweave.models.news.net import NewsNet

        table = words_of(recipe)
        if table is not None and table.name != self.table:
            raise BadSetting(
                f"the words of this model are {self.table}, and words = '{recipe.words}' gives "
                f"{table.name} here; install the same package, or give the same file"
            )
        articles = Articles.of(recipe, features, count, table, self.sizes.categories)
        words = None if table is None else self.words if len(self.words) else table.vectors
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            net = NewsNet(recipe, self.sizes, words, 1).eval()
            self.article.load_into(net.article)
            new = net.articles(articles, np.arange(count)).numpy()
        return replace(
            self,
            item=np.concatenate([self.item, new]),
            present=np.concatenate([self.present, articles.present]),
        )

    def basis(self, query: Query) -> list[Basis]:
        """See `Model.basis`: what a reader without a history gets, everybody gets."""
        _, mask = read_articles(query.history, self.present, self.recipe.history)
        return ["history" if row.any() else "everybody" for row in mask]

    def reasons(self, query: Query, item: Int[Array, "batch k"]) -> Csr:
        """See `Model.reasons`: how much lower the score is without each article of the history."""
        return contributions_by_removal(self.vectors, self.item, query, item)

    @cached_property
    def _network(self) -> Any:
        dim = self.item.shape[1]
        return self.reader.restore(lambda: self.recipe.user_encoder(dim, self.users))


def read_articles(
    history: Histories, present: Bool[Array, " items"], most: int
) -> tuple[Int[Array, "rows time"], Bool[Array, "rows time"]]:
    """The newest articles of each history that have a text, oldest first, and where they stand."""
    history = history.only(present[history.item])
    size = np.minimum(history.lengths, most)
    start = history.start[1:] - size
    step = np.arange(max(1, int(size.max(initial=1))))
    mask = step < size[:, None]
    item = np.full(mask.shape, -1, np.int32)
    item[mask] = history.item[(start[:, None] + step)[mask]]
    return item, mask
