"""Training of sequence networks; imports torch."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize

from recweave.data.interactions import Histories
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.items import Content, ItemTable
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.losses import bpr, gbce, pad_rows
from recweave.models.nn.negatives import Negatives, own_scores
from recweave.models.nn.reading import read_events
from recweave.models.nn.sequences import Batch, Windows, new_to_user
from recweave.models.nn.tensors import float_tensor, index_tensor, seeded, to_array
from recweave.models.nn.validation import Validation, validation_check
from recweave.models.nn.weights import Weights
from recweave.models.sequence.model import Sequential
from recweave.models.sequence.settings import SequenceRecipe
from recweave.models.training import Options, TrainingData


class SequenceNet(nn.Module):
    """Item embeddings, and an encoder of histories over them."""

    def __init__(self, table: ItemTable, encoder: nn.Module, temperature: float) -> None:
        super().__init__()
        self.table = table
        self.encoder = encoder
        self.temperature = temperature

    def items(self) -> Float[Tensor, "items dim"]:
        """The item vectors that scores use: of unit length where scores are cosines."""
        vectors = self.table()
        return normalize(vectors, dim=1) if self.temperature else vectors

    def states(
        self, item: Int[Tensor, "batch time"], items: Float[Tensor, "items dim"]
    ) -> Float[Tensor, "batch time dim"]:
        """The state at each position: its dot product with an item's vector is the item's score."""
        x = embedding(item.clamp(min=0), items) * items.shape[1] ** 0.5
        state: Tensor = self.encoder(x)
        return normalize(state, dim=-1) / self.temperature if self.temperature else state


def train_sequence(recipe: SequenceRecipe, data: TrainingData, options: Options) -> Sequential:
    """See `Recipe.fit`."""
    validation = Validation.of(data.train, data.valid)
    codes = recipe.behaviors.by_code()
    history = read_events(Histories.of(data.train), codes)
    counts = np.bincount(history.item, minlength=data.train.shape[1])
    content = Content.of(data.features, recipe.features_used(), counts)
    with seeded(options.seed):
        table = ItemTable(counts, recipe.dim, content, recipe.represent)
        net = SequenceNet(table, recipe.encoder(), recipe.temperature)
    weight = codes[history.behavior]
    if recipe.targets == "new":
        weight = weight * new_to_user(history)
    popular = recipe.popular_beside(history, data.train.clock)
    windows = replace(Windows.of(history, recipe.length, weight), popular=popular)
    negatives = Negatives.of(counts, recipe.drawn_by if recipe.loss == "sampled" else 0.0)

    def loss(batch: Batch) -> Tensor:
        sequences = batch.read()
        device = next(net.parameters()).device
        weights = float_tensor(sequences.weight, device)
        items = net.items()
        item = index_tensor(sequences.item, device)
        has_target = weights > 0
        state = net.states(item, items)[has_target]
        target = index_tensor(sequences.next_item, device)[has_target]
        weight = weights[has_target]
        more = None
        if sequences.next_popular is not None:
            more = index_tensor(sequences.next_popular, device)[has_target]
        if recipe.loss == "softmax":
            return negatives.full_softmax_loss(state, items, target, weight)
        if recipe.loss == "sampled":
            count = recipe.negatives
            return negatives.sampled_softmax_loss(state, items, target, weight, count, more)
        sampled = negatives.sample(recipe.negatives, device)
        return _sampled_loss(recipe, state, items, target, weight, sampled.item, more)

    run_loop(
        net,
        lambda rng: windows.batches(rng, recipe.batch),
        loss,
        recipe,
        options=options,
        validate=validation_check(validation, lambda: trained(recipe, net)),
        description=data_digests(data, content.vectors),
    )
    return trained(recipe, net)


def trained(recipe: SequenceRecipe, net: SequenceNet) -> Sequential:
    """The current network as a model."""
    with torch.inference_mode():
        item = to_array(net.items())
    content = net.table.content_map(unit=recipe.temperature > 0)
    return Sequential(item, Weights.of(net.encoder), recipe, content)


def _sampled_loss(
    recipe: SequenceRecipe,
    state: Float[Tensor, "n dim"],
    items: Float[Tensor, "items dim"],
    target: Int[Tensor, " n"],
    weight: Float[Tensor, " n"],
    sampled: Int[Tensor, " sampled"],
    more: Int[Tensor, "n more"] | None = None,
) -> Tensor:
    """gBCE or BPR over sampled negatives, which all rows share, and more of each row."""
    positive = (state * embedding(target, items)).sum(1)
    negative = (pad_rows(state) @ embedding(sampled, items).T)[: len(state)]
    # A sampled item that is the row's own target is no negative: its gradient becomes 0.
    negative = negative.masked_fill(sampled[None, :] == target[:, None], -1e9)
    if more is not None:
        negative = torch.cat([negative, own_scores(state, items, more).clamp(min=-1e9)], dim=1)
    if recipe.loss == "gbce":
        return gbce(positive, negative, len(items), recipe.calibration, weight)
    return bpr(positive, negative, weight)
