"""Training of CLLM4Rec: texts, then histories and texts in turn, then recommending."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import sparse
from torch import Tensor

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadSetting
from recweave.core.memory import require_memory
from recweave.data.interactions import Histories
from recweave.encode.encoder import fingerprint
from recweave.encode.features import TextFeature, find_texts
from recweave.models.base import Model
from recweave.models.language.cllm4rec import CLLM4Rec, SoftTokenModel
from recweave.models.language.cllm4rec_net import (
    KnownItems,
    Reader,
    SoftTokenNet,
    distinct_items,
    make_prompts,
)
from recweave.models.language.cllm4rec_prompts import Prompts, group_numbers
from recweave.models.language.documents import Documents, Ragged
from recweave.models.language.edges import EdgeGraph, Relations
from recweave.models.language.placing import Placed, place_items
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.items import Content
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.tensors import float_tensor, seeded, to_array
from recweave.models.nn.validation import Validation, validation_check
from recweave.models.query import Query
from recweave.models.training import Options, TrainingData

Kind = Literal["history", "text", "group", "recommend"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Documents of one kind; prompts that recommend have targets."""

    kind: Kind
    documents: Documents
    targets: Ragged | None = None


@dataclass(frozen=True, eq=False)
class Corpus:
    """All that documents are made of.

    Attributes:
        recipe: The settings.
        prompts: Makes documents.
        items: The different items of each user in training, oldest first.
        user: Their users.
        documents: Those of texts ("text") and of brands and categories ("group"), as asked for.
        subjects: The item of each text.
        relations: With edges: path lengths, for each kind of document.
        words: The words that texts are predicted among.
    """

    recipe: CLLM4Rec
    prompts: Prompts
    items: Ragged
    user: Int[Array, " users"]
    documents: Mapping[Kind, Documents]
    subjects: Ragged
    relations: Mapping[Kind, Relations]
    words: Int[Array, " used"]

    def of_texts(self, rng: np.random.Generator, share: float) -> list[Batch]:
        """A share of the documents of texts and groups."""
        batches: list[Batch] = []
        for kind, documents in self.documents.items():
            count = int(np.ceil(share * len(documents)))
            some = documents.take(np.sort(rng.permutation(len(documents))[:count]))
            batches += [Batch(kind, part) for part in some.batches(self.recipe.batch, rng)]
        return batches

    def of_histories(self, rng: np.random.Generator) -> list[Batch]:
        """All histories."""
        items = self._ordered(self.items, rng)
        made = self.prompts.histories(
            items,
            self.user,
            self._named(rng, items.lengths > 0),
            predict_first=self.recipe.predict_first,
        )
        # A document of one item that is not predicted says nothing.
        made = made.take(np.flatnonzero(made.token.lengths > made.first))
        return [Batch("history", part) for part in made.batches(self.recipe.batch, rng)]

    def to_recommend(self, rng: np.random.Generator) -> list[Batch]:
        """A prompt for each user, without a random share of their items."""
        recipe = self.recipe
        count = np.maximum(1, (recipe.held_out * self.items.lengths).astype(np.int64))
        targets, rest = self.items.sampled(count, rng)
        items = self._ordered(rest.newest(recipe.length), rng)
        if recipe.target == "all":
            targets = self.items
        prompts = self.prompts.recommending(items, self.user, self._named(rng, items.lengths > 0))
        prompts = prompts.take(np.flatnonzero(targets.lengths))
        return [
            Batch("recommend", part, targets.take(part.owner))
            for part in prompts.batches(recipe.batch, rng)
        ]

    def _ordered(self, items: Ragged, rng: np.random.Generator) -> Ragged:
        return items.shuffled(rng) if self.recipe.order == "shuffled" else items.ascending()

    def _named(self, rng: np.random.Generator, readable: Array) -> Array:
        """Which documents have the user's token; unless none has, all of which nothing else is
        left."""
        dropout = self.recipe.user_dropout
        named = rng.random(len(self.user)) >= dropout
        return np.asarray(named | (~readable & (dropout < 1)))


def train_cllm4rec(recipe: CLLM4Rec, data: TrainingData, options: Options) -> SoftTokenModel:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if no user has an event that is read, or the documents do not fit into the
            context of the language model.
        TooLarge: if the tables of tokens do not fit into memory.
    """
    users, items = data.train.shape
    history = distinct_items(Histories.of(data.train), recipe)
    counts = np.bincount(history.value, minlength=items)
    if not counts.any():
        raise BadSetting("CLLM4Rec has no events to learn from: all behaviours have the weight 0")
    texts = _texts(recipe, data, counts > 0) if recipe.documents else None
    content = Content.of(data.features, recipe.features, counts)
    validation = Validation.of(data.train, data.valid)
    graph = None if recipe.edges == "none" else EdgeGraph.of_histories(history, items)
    left_out = graph if recipe.leave_user_out else None
    backbone = recipe.open(device=options.device, seed=options.seed)
    require_memory(
        # With gradient and AdamW's two means.
        4 * 4 * (1 if texts is None else 2) * (users + items) * backbone.width,
        f"the tokens of {users:,} users and {items:,} items",
        "filter out users and items with few events",
    )
    with seeded(options.seed):
        groups = group_numbers(texts, items) if recipe.edges == "learned" else None
        net = SoftTokenNet(recipe, backbone, users, items, groups)
    with torch.no_grad():  # no document has the token of a user without events
        net.collaborative[:users][torch.from_numpy(history.lengths == 0)] = 0
    corpus = make_corpus(net, history, texts, graph)
    if recipe.init == "words":
        start_from_words(net, corpus)
    description = data_digests(data, content.vectors) | {
        "language": backbone.sha256,
        "texts": None if texts is None else [fingerprint(texts.text), texts.source],
    }
    known = KnownItems.of(counts)

    def loss(batch: Batch, apart: bool = False) -> Tensor:
        relations = corpus.relations.get(batch.kind)
        if batch.kind == "history":
            return net.history_loss(batch.documents, relations, known)
        if batch.targets is not None:
            return net.recommending_loss(batch.documents, batch.targets, relations, known)
        return net.text_loss(batch.documents, relations, corpus.words, apart=apart)

    def current() -> CurrentModel:
        placed = place_items(to_array(net.item_table()), counts, content)
        return CurrentModel(placed.item, Reader(net, corpus.prompts, left_out))

    def stage(
        name: str,
        epochs: int,
        batches: Callable[[np.random.Generator], list[Batch]],
        *,
        lr: float = recipe.pretrain_lr,
        validate: Callable[[], float] | None = None,
    ) -> None:
        if epochs:
            run_loop(
                net,
                batches,
                partial(loss, apart=name == "texts"),
                recipe.model_copy(update={"epochs": epochs, "lr": lr}),
                options=options,
                validate=validate,
                description=description | {"stage": name},
            )

    if texts is not None:
        stage("texts", recipe.content_epochs, lambda rng: corpus.of_texts(rng, 1))
    stage(
        "rounds",
        recipe.rounds,
        lambda rng: corpus.of_histories(rng) + corpus.of_texts(rng, recipe.content_share),
    )
    check = validation_check(validation, current)
    stage("recommend", recipe.epochs, corpus.to_recommend, lr=recipe.lr, validate=check)
    return trained(net, place_items(to_array(net.item_table()), counts, content), left_out)


def _texts(recipe: CLLM4Rec, data: TrainingData, known: Bool[Array, " items"]) -> TextFeature:
    """The texts of items with events. Nothing reads the tokens of others; `features` place them."""
    texts = find_texts(data.features, recipe.documents).about(known)
    if not texts.text:
        raise BadSetting(
            f"no item with a training event has a text in the feature '{recipe.documents}'; leave "
            "documents out",
            at=("documents",),
        )
    return texts


@dataclass(frozen=True, eq=False)
class CurrentModel(Model):
    """The network in training as a model, to validate it."""

    item: Float[Array, "items width"]
    reader: Reader

    def scores(self, query: Query) -> Float[Array, "batch items"]:
        """See `Model.scores`."""
        return np.asarray(self.reader.vectors(query) @ self.item.T)


def trained(net: SoftTokenNet, placed: Placed, graph: EdgeGraph | None) -> SoftTokenModel:
    """The network as a model."""
    bias = np.zeros((1, 0), np.float32) if net.bias is None else to_array(net.bias)
    return SoftTokenModel(
        item=placed.item,
        user=to_array(net.collaborative[: net.users]),
        recipe=net.recipe,
        backbone=net.backbone.saved(),
        bias=bias,
        graph=None if graph is None else graph.events,
        groups=net.groups,
        content=placed.content,
        center=placed.center,
    )


def make_corpus(
    net: SoftTokenNet,
    items: Ragged,
    texts: TextFeature | None,
    graph: EdgeGraph | None,
) -> Corpus:
    """What documents are made of.

    Args:
        net: The network.
        items: The items of each user, oldest first; none for users without events.
        texts: The texts; None without.
        graph: With edges: the training graph.
    """
    recipe = net.recipe
    prompts = make_prompts(recipe, net)
    user = np.arange(len(items))
    relations: dict[Kind, Relations] = {}
    words = np.zeros(0, np.int64)
    documents: dict[Kind, Documents] = {}
    subjects = Ragged.from_lists([])
    if texts is not None:
        documents["text"], subjects = prompts.texts(texts)
        parts: dict[Kind, Ragged] = {"text": subjects}
        if recipe.second_order:
            documents["group"], parts["group"] = prompts.groups(texts)
        if graph is not None:
            relations = {
                kind: Relations.of(graph, own, np.full(len(own), -1), leave_user_out=True)
                for kind, own in parts.items()
            }
        words = _words(documents.values(), recipe, net.size)
    if graph is not None:
        own = Relations.of(graph, items, user, leave_user_out=recipe.leave_user_out)
        relations |= {"history": own, "recommend": own}
    return Corpus(recipe, prompts, items, user, documents, subjects, relations, words)


def _words(documents: Iterable[Documents], recipe: CLLM4Rec, size: int) -> Int[Array, " used"]:
    """The words that are predicted."""
    if recipe.vocabulary == "all":
        return np.arange(size)
    predicted = [part.token.value[part.is_predicted()] for part in documents]
    return np.unique(np.concatenate(predicted))


def start_from_words(net: SoftTokenNet, corpus: Corpus) -> None:
    """Add to each item's token the mean embedding of its words; to a user's that of their items."""
    documents, items = corpus.documents["text"], corpus.subjects.value
    predicted = documents.is_predicted()
    row = items[documents.token.row[predicted]]
    word = documents.token.value[predicted]
    shape = (net.items, net.size)
    of_items = _mean_rows(sparse.csr_array((np.ones(len(word), np.float32), (row, word)), shape))
    vectors = of_items @ to_array(net.backbone.words)
    shape = (net.users, net.items)
    pairs = (corpus.items.row, corpus.items.value)
    events = sparse.csr_array((np.ones(len(pairs[0]), np.float32), pairs), shape)
    start = np.concatenate([_mean_rows(events) @ vectors, vectors])
    with torch.no_grad():
        added = float_tensor(start, net.collaborative.device)
        net.collaborative.add_(added)
        if net.content is not None:
            net.content.add_(added)


def _mean_rows(matrix: Csr) -> Csr:
    total = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    return sparse.csr_array(matrix.multiply(1 / total[:, None]))
