"""How sequence networks are trained; imports torch."""

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
from recweave.models.nn.negatives import Negatives
from recweave.models.nn.reading import read_events
from recweave.models.nn.sequences import Batch, Windows, new_to_user
from recweave.models.nn.tensors import float_tensor, index_tensor, seeded, to_array
from recweave.models.nn.validation import Validation, validation_check
from recweave.models.nn.weights import Weights
from recweave.models.sequence.model import Sequential
from recweave.models.sequence.settings import SequenceRecipe
from recweave.models.training import Options, TrainingData


class SequenceNet(nn.Module):
    """Item vectors, and the encoder of histories over them."""

    def __init__(self, table: ItemTable, encoder: nn.Module, temperature: float) -> None:
        super().__init__()
        self.table = table
        self.encoder = encoder
        self.temperature = temperature

    def items(self) -> Float[Tensor, "items dim"]:
        """The vectors as they are compared: of unit length where cosines are taken."""
        vectors = self.table()
        return normalize(vectors, dim=1) if self.temperature else vectors

    def states(
        self, item: Int[Tensor, "batch time"], items: Float[Tensor, "items dim"]
    ) -> Float[Tensor, "batch time dim"]:
        """What each place of each history asks for."""
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
    windows = Windows.of(history, recipe.length, weight)
    negatives = Negatives.of(counts, recipe.drawn_by if recipe.loss == "sampled" else 0.0)

    def loss(batch: Batch) -> Tensor:
        sequences = batch.read()
        device = next(net.parameters()).device
        told = float_tensor(sequences.weight, device)
        items = net.items()
        item = index_tensor(sequences.item, device)
        counted = told > 0
        state = net.states(item, items)[counted]
        target = index_tensor(sequences.next_item, device)[counted]
        share = told[counted]
        if recipe.loss == "softmax":
            return negatives.full_softmax_loss(state, items, target, share)
        if recipe.loss == "sampled":
            return negatives.sampled_softmax_loss(state, items, target, share, recipe.negatives)
        drawn = negatives.sample(recipe.negatives, device)
        return _pairwise(recipe, state, items, target, share, drawn.item)

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
    """The network as it stands, as a model."""
    with torch.inference_mode():
        item = to_array(net.items())
    placing = net.table.content_map(unit=recipe.temperature > 0)
    return Sequential(item, Weights.of(net.encoder), recipe, placing)


def _pairwise(
    recipe: SequenceRecipe,
    state: Float[Tensor, "n dim"],
    items: Float[Tensor, "items dim"],
    target: Int[Tensor, " n"],
    share: Float[Tensor, " n"],
    drawn: Int[Tensor, " drawn"],
) -> Tensor:
    positive = (state * embedding(target, items)).sum(1)
    negative = (pad_rows(state) @ embedding(drawn, items).T)[: len(state)]
    negative = negative.masked_fill(drawn[None, :] == target[:, None], -1e9)  # its slope is 0
    if recipe.loss == "gbce":
        return gbce(positive, negative, len(items), recipe.calibration, share)
    return bpr(positive, negative, share)
