"""Networks that reduce a group of features, trained before the click model; imports torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadSetting
from recweave.core.lists import pair_keys
from recweave.models.ctr.design import Block
from recweave.models.ctr.export import layers_of
from recweave.models.ctr.group_tables import GroupTables, tables_of
from recweave.models.ctr.inputs import Rows
from recweave.models.ctr.model import Layer
from recweave.models.ctr.net import mlp as network
from recweave.models.ctr.settings import ClickNetworkRecipe, Reducer
from recweave.models.ctr.tensors import ROWS, shuffled
from recweave.models.ctr.validation import goodness
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.device import choose_device
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.tensors import float_tensor, index_tensor, seeded, to_array
from recweave.models.training import Options, TrainingData


@dataclass(frozen=True, eq=False)
class Reduced:
    """A trained reduction of a group.

    Attributes:
        layers: The network of all training rows, up to the code.
        train: The code of each training row.
        valid: The code of each validation row.
    """

    layers: tuple[Layer, ...]
    train: Float[Array, "n dim"]
    valid: Float[Array, "valid dim"]


class ReducerNet(nn.Module):
    """An MLP with a logit; its last hidden layer is the code."""

    def __init__(self, width: int, dim: int, settings: Reducer) -> None:
        super().__init__()
        self.code = network((width, *settings.hidden, dim), settings.dropout)
        self.out = nn.Linear(dim, 1)

    def forward(self, columns: GroupTables) -> Float[Tensor, " n"]:
        """The log-odds."""
        logit: Tensor = self.out(columns.through(self.code))[:, 0]
        return logit


@dataclass(frozen=True, eq=False)
class Group:
    """A group with its rows, ready for training.

    Attributes:
        blocks: Its features.
        train, valid: The columns of the training and the validation rows.
        positive, valid_positive: Their labels.
    """

    blocks: Sequence[Block]
    train: GroupTables
    valid: GroupTables | None
    positive: Bool[Array, " n"]
    valid_positive: Bool[Array, " valid"]

    @property
    def width(self) -> int:
        """The number of columns."""
        return sum(block.standardizer.width for block in self.blocks)


def reduce_group(
    recipe: ClickNetworkRecipe,
    blocks: Sequence[Block],
    data: TrainingData,
    rows: Rows,
    valid_rows: Rows | None,
    valid_positive: Bool[Array, " valid"],
    options: Options,
) -> Reduced:
    """Train the reduction of a group.

    Cross-fitted: the rows are split into folds at random, all rows of a pair of user and item into
    one. The code of a row comes from a network that did not train on its fold. Networks of other
    weights have other codes, so the code of each fold's network is mapped to the code of the
    network of all rows, by least squares on the rows outside the fold, which both trained on.

    Args:
        recipe: Its `reducer`, `dim` and `upstream` are read.
        blocks: The features.
        data, rows: The training rows.
        valid_rows, valid_positive: The validation rows, for early stopping, and their labels.
        options: Seed, device, checkpoints.
    """
    settings, dim = recipe.reducer, recipe.dim
    device = choose_device(options.device)
    tables = tables_of(blocks, device)
    group = Group(
        blocks,
        GroupTables.of(blocks, rows, tables, device),
        None if valid_rows is None else GroupTables.of(blocks, valid_rows, tables, device),
        data.labels(),
        valid_positive,
    )
    sources = [block.source for block in blocks]
    vectors = [part for s in sources for part in (s.vectors, s.row, s.valid_row)]
    description = {
        **data_digests(data, *vectors),
        "group": [source.name for source in sources],
        "labels": [digest(group.positive), digest(valid_positive)],
    }
    everything = np.arange(len(rows))
    whole = _train(settings, group, dim, everything, options, description)
    codes = codes_of(group.train, whole)
    valid = np.empty((0, dim), np.float32) if group.valid is None else codes_of(group.valid, whole)
    if recipe.upstream == "same_labels":
        return Reduced(layers_of(whole), codes, valid)
    fold = _folds(data, settings.folds, options.seed)
    fitted = np.empty_like(codes)
    for number in range(settings.folds):
        outside, inside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        part = {**description, "fold": number}
        own = codes_of(group.train, _train(settings, group, dim, outside, options, part))
        fitted[inside] = aligned(own[outside], codes[outside], own[inside])
    return Reduced(layers_of(whole), fitted, valid)


def aligned(
    source: Float[Array, "n dim"], target: Float[Array, "n dim"], rows: Float[Array, "m dim"]
) -> Float[Array, "m dim"]:
    """`rows` through the affine map from `source` to `target` that has the least squared error."""
    ones = np.ones((len(source), 1), source.dtype)
    solution = np.linalg.lstsq(np.hstack([source, ones]), target, rcond=None)[0]
    return np.asarray(rows @ solution[:-1] + solution[-1], np.float32)


def _folds(data: TrainingData, folds: int, seed: int) -> Int[Array, " n"]:
    pair = pair_keys(data.train.user, data.train.item, data.train.shape[1])
    pairs, group = np.unique(pair, return_inverse=True)
    if len(pairs) < folds:
        raise BadSetting(
            f"{len(pairs)} pairs of users and items cannot be cross-fitted with {folds} folds; set "
            'upstream = "joint"'
        )
    fold = np.random.default_rng([seed, folds]).permutation(len(pairs)) % folds
    return np.asarray(fold[group.reshape(-1)])


def _train(
    settings: Reducer,
    group: Group,
    dim: int,
    rows: Int[Array, " part"],
    options: Options,
    description: Mapping[str, Any],
) -> nn.Sequential:
    """Train a network on some of the training rows; returns the layers of its code."""
    device = choose_device(options.device)
    with seeded(options.seed):
        net = ReducerNet(group.width, dim, settings)
    target = float_tensor(group.positive.astype(np.float32), device)
    part = index_tensor(rows, device)

    def batches(rng: np.random.Generator) -> Sequence[Tensor]:
        return [part[index] for index in shuffled(len(rows), settings.batch, rng, device)]

    def loss(index: Tensor) -> Tensor:
        logit = net(group.train[index]).float()
        return binary_cross_entropy_with_logits(logit, target[index])

    def validate() -> float:
        assert group.valid is not None
        logits = in_parts(group.valid, net)
        return goodness("log_loss", group.valid_positive, logits, (0.5, 0.5))

    run_loop(
        net,
        batches,
        loss,
        settings,
        options=options,
        validate=None if group.valid is None else validate,
        description={**description, "dim": dim},
    )
    return net.code


def codes_of(group: GroupTables, code: nn.Sequential) -> Float[Array, "n dim"]:
    """The code of each row."""
    return in_parts(group, lambda part: part.through(code))


def in_parts(group: GroupTables, make: Callable[[GroupTables], Tensor]) -> Array:
    """What is made of each row, without gradients."""
    every = torch.arange(len(group), device=group.rows[0].device)
    with torch.inference_mode():
        return np.concatenate([to_array(make(group[at])) for at in torch.split(every, ROWS)])
