"""Training of networks of news; imports torch."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadSetting
from recweave.core.shown_lists import impression_values
from recweave.data.impressions import Impressions
from recweave.encode.words import WordTable
from recweave.models.news.articles import Articles, words_of
from recweave.models.news.model import NewsModel, read_articles
from recweave.models.news.negatives import Clicks
from recweave.models.news.net import NewsNet
from recweave.models.news.settings import NewsRecipe
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.tensors import index_tensor, seeded, to_array
from recweave.models.nn.weights import Weights
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Batch:
    """Clicks of a batch, and the seed of their negatives."""

    rows: Int[Array, " clicks"]
    seed: int


@dataclass(frozen=True, eq=False)
class Readers:
    """The readers of impressions: their rows in training, and the articles of their histories."""

    user: Int[Array, " n"]
    item: Int[Array, "n time"]
    mask: Bool[Array, "n time"]

    @classmethod
    def of(cls, query: Query, present: Bool[Array, " items"], most: int) -> "Readers":
        """From queries, one for each impression."""
        return cls(query.user, *read_articles(query.history, present, most))

    def rows(self, rows: Int[Array, " m"]) -> "Readers":
        """Some of them, without columns that are empty."""
        mask = self.mask[rows]
        wide = max(1, int(mask.sum(axis=1).max(initial=1)))
        return Readers(self.user[rows], self.item[rows, :wide], mask[:, :wide])


def train_news(recipe: NewsRecipe, data: TrainingData, options: Options) -> NewsModel:
    """See `Recipe.fit`.

    Raises:
        BadSetting: without impressions with clicks, or if no article has a text.
    """
    impressions = data.impressions
    if impressions is None or not impressions.clicked.any():
        raise BadSetting(
            f"{recipe.__class__.__name__} learns from impressions, lists that were shown with what "
            "was clicked of them, and the training part has none; read them (`recweave data read "
            "table DATA --impressions FILE`), or choose a model of events"
        )
    table = words_of(recipe)
    articles = Articles.of(recipe, data.features, data.train.shape[1], table)
    words = None if table is None else table.vectors
    with seeded(options.seed):
        net = NewsNet(recipe, articles.sizes(table), words, data.train.shape[0])
    clicks = Clicks.of(recipe, impressions)
    usable = np.flatnonzero(clicks.usable())
    _tell(recipe, clicks, len(usable), articles, impressions)
    query = Query.of_impressions(impressions, data.train)
    everybody = Readers.of(query, articles.present, recipe.history)

    def batches(rng: np.random.Generator) -> list[Batch]:
        order = usable[rng.permutation(len(usable))]
        parts = [order[at : at + recipe.batch] for at in range(0, len(order), recipe.batch)]
        seeds = rng.integers(2**63, size=len(parts)).tolist()
        return [Batch(rows, seed) for rows, seed in zip(parts, seeds, strict=True)]

    def loss(batch: Batch) -> Tensor:
        others = clicks.negatives(batch.rows, np.random.default_rng(batch.seed))
        candidate = np.concatenate([clicks.item[batch.rows][:, None], others], axis=1)
        score = scores(net, articles, everybody.rows(clicks.impression[batch.rows]), candidate)
        first = torch.zeros(len(score), dtype=torch.int64, device=score.device)
        return cross_entropy(score.float(), first)

    held_out = data.valid_impressions
    run_loop(
        net,
        batches,
        loss,
        recipe,
        options=options,
        validate=_validation(net, articles, held_out, data, recipe),
        description=data_digests(data)
        | {
            "impressions": _of_impressions(impressions),
            "held_out": None if held_out is None else _of_impressions(held_out),
            "articles": _digest(articles),
            "words": "" if table is None else table.name,
        },
    )
    return trained(recipe, net, articles, table, data.train.shape[0])


def scores(
    net: NewsNet, articles: Articles, readers: Readers, candidate: Int[Array, "n k"]
) -> Tensor:
    """The scores of candidates; each distinct article of the batch is encoded once."""
    device = next(net.parameters()).device
    read = readers.item[readers.mask]
    rows, where = np.unique(np.concatenate([candidate.ravel(), read]), return_inverse=True)
    vectors = net.articles(articles, rows)
    where = where.ravel()
    # Looked up by `embedding`: the gradient of an index adds up in any order, with two threads.
    of_candidates = embedding(index_tensor(where[: candidate.size], device), vectors)
    place = np.zeros(readers.item.shape, np.int64)
    place[readers.mask] = where[candidate.size :]
    mask = torch.from_numpy(readers.mask).to(device)
    history = embedding(index_tensor(place, device), vectors) * mask[..., None]
    reader = net.readers(history, mask, index_tensor(readers.user, device))
    return (of_candidates.view(*candidate.shape, -1) @ reader[..., None]).squeeze(-1)


def trained(
    recipe: NewsRecipe, net: NewsNet, articles: Articles, table: WordTable | None, users: int
) -> NewsModel:
    """The current network as a model."""
    training = net.training
    net.eval()
    with torch.inference_mode():
        item = to_array(net.articles(articles, np.arange(len(articles.present))))
    net.train(training)
    nothing = np.zeros((0, 0), np.float32)
    return NewsModel(
        item=item,
        present=articles.present,
        reader=Weights.of(net.reader),
        cold=np.zeros(item.shape[1], np.float32) if net.cold is None else to_array(net.cold),
        users=users,
        recipe=recipe,
        article=Weights.of(net.article),
        sizes=articles.sizes(table),
        table="" if table is None else table.name,
        words=to_array(net.words) if recipe.tune_words and table is not None else nothing,
    )


def _validation(
    net: NewsNet,
    articles: Articles,
    held_out: Impressions | None,
    data: TrainingData,
    recipe: NewsRecipe,
) -> Callable[[], float] | None:
    """The mean AUC of held-out impressions; None if none can be evaluated."""
    if held_out is None:
        return None
    clicks = np.bincount(held_out.row_numbers(), held_out.clicked, minlength=len(held_out))
    shown = held_out[(clicks > 0) & (clicks < held_out.lengths)]
    if not len(shown):
        return None
    query = Query.of_impressions(shown, data.train)
    readers = Readers.of(query, articles.present, recipe.history)
    needed = np.unique(np.concatenate([shown.item, readers.item[readers.mask]]))
    row = shown.row_numbers()
    place = np.searchsorted(needed, shown.item)
    read = np.searchsorted(needed, np.maximum(readers.item, needed[0]))

    def auc() -> float:
        device = next(net.parameters()).device
        vectors = net.articles(articles, needed)
        mask = torch.from_numpy(readers.mask).to(device)
        history = embedding(index_tensor(read, device), vectors) * mask[..., None]
        reader = net.readers(history, mask, index_tensor(readers.user, device))
        pairs = vectors[index_tensor(place, device)] * reader[index_tensor(row, device)]
        score = to_array(pairs.sum(dim=1)).astype(np.float32)
        return float(impression_values(["auc"], shown.start, shown.clicked, score)["auc"].mean())

    return auc


def _tell(
    recipe: NewsRecipe, clicks: Clicks, usable: int, articles: Articles, shown: Impressions
) -> None:
    """What of the data cannot be learned from, and where rules fall back, in numbers."""
    name = recipe.__class__.__name__
    if not usable:
        raise BadSetting(
            f"{name}: in none of {len(shown):,} training impressions was anything shown beside "
            "what was clicked, so there are no negatives; set popk, or give all that was shown"
        )
    if left_out := len(clicks) - usable:
        log.warning(
            "%s: %d of %d clicks are left out: nothing else was shown with them",
            name,
            left_out,
            len(clicks),
        )
    seen = np.unique(shown.item)
    if without := int((~articles.present[seen]).sum()):
        log.warning(
            "%s: %d of %d shown articles have no text, and the score 0", name, without, len(seen)
        )
    if recipe.popk and (fewer := clicks.fewer()):
        log.warning(
            "%s: %d of %d clicks have fewer than popk = %d popular articles before them; random "
            "ones take their place",
            name,
            fewer,
            len(clicks),
            recipe.popk,
        )


def _of_impressions(shown: Impressions) -> str:
    read = shown.history
    columns = (shown.user, shown.time, shown.start, shown.item, shown.clicked)
    return digest(*columns, read.start, read.item)


def _digest(articles: Articles) -> str:
    parts: list[Array] = [articles.present.astype(np.int64)]
    for text in (articles.title, articles.abstract):
        if text is not None:
            parts += [text.start, text.word]
    for table in (articles.vectors, articles.categories):
        if table is not None:
            parts.append(np.ascontiguousarray(table, np.float32).ravel().view(np.int32))
    return digest(*parts)
