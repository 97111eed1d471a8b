"""Training of DLRM and DCN-v2; imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from recweave.core.arrays import Array, digest
from recweave.core.errors import BadSetting
from recweave.data.labels import yes_or_no
from recweave.models.ctr.class_weights import class_weights, row_weights
from recweave.models.ctr.export import trained_model
from recweave.models.ctr.group_tables import GroupTables, tables_of
from recweave.models.ctr.inputs import Inputs, Rows
from recweave.models.ctr.model import ClickNetwork
from recweave.models.ctr.net import ClickNet, Widths
from recweave.models.ctr.reducer import Reduced, reduce_group
from recweave.models.ctr.settings import ClickNetworkRecipe
from recweave.models.ctr.tensors import Tensors, shuffled
from recweave.models.ctr.validation import goodness, platt_scaling, require_both_classes
from recweave.models.nn.checkpoint import data_digests
from recweave.models.nn.device import choose_device
from recweave.models.nn.loop import train as run_loop
from recweave.models.nn.tensors import float_tensor, seeded, to_array
from recweave.models.training import Options, TrainingData


def train_network(recipe: ClickNetworkRecipe, data: TrainingData, options: Options) -> ClickNetwork:
    """See `Recipe.fit`.

    Raises:
        BadSetting: if it is not known which events are positive, if the network has no inputs, or
            if `stop_by` is not defined on the validation events.
    """
    if not (recipe.features_used() or recipe.ids):
        raise BadSetting(
            "the network reads nothing; name features in dense, reduce or embed, or set ids = true"
        )
    device = choose_device(options.device)
    examples = Examples.of(recipe, data, options)
    with seeded(options.seed):
        net = ClickNet(recipe, examples.widths(data.train.shape))
    _run(net, recipe, data, examples, options, device)
    layers = [one.layers for one in examples.reduced]
    model = trained_model(net, examples.inputs, layers, data.train)
    if not recipe.calibrate or examples.valid is None:
        return model
    odds = _odds(net, examples.valid)
    slope, shift = platt_scaling(examples.valid_positive, odds)
    return replace(model, slope=slope, shift=shift)


@dataclass(frozen=True, eq=False)
class Examples:
    """The rows that a network is trained and validated on.

    Attributes:
        inputs: What it reads.
        train, valid: The rows as tensors; no validation rows: None.
        positive, valid_positive: Their labels.
        reduced: The groups' networks that were trained before; empty if they are trained jointly.
    """

    inputs: Inputs
    train: Tensors
    valid: Tensors | None
    positive: Bool[Array, " n"]
    valid_positive: Bool[Array, " valid"]
    reduced: Sequence[Reduced]

    @classmethod
    def of(cls, recipe: ClickNetworkRecipe, data: TrainingData, options: Options) -> "Examples":
        """From the training data; trains the networks of groups, unless this is done jointly."""
        device, inputs = choose_device(options.device), Inputs.of(recipe, data)
        rows = Rows(data.train.user, data.train.item, training=True)
        valid_rows, valid_positive = None, np.empty(0, bool)
        if data.valid is not None and len(data.valid):
            valid_rows = Rows(data.valid.user, data.valid.item, training=False)
            valid_positive = yes_or_no(data.valid.value, data.positive_from)
            require_both_classes(valid_positive, recipe.stop_by)
        reduced = []
        if recipe.upstream != "joint":
            reduced = [
                reduce_group(recipe, blocks, data, rows, valid_rows, valid_positive, options)
                for blocks in inputs.groups
            ]
        tables = [] if reduced else [tables_of(blocks, device) for blocks in inputs.groups]

        def tensors(some: Rows, codes: list[Array]) -> Tensors:
            pairs = zip(inputs.groups, tables, strict=False)
            columns = [GroupTables.of(blocks, some, table, device) for blocks, table in pairs]
            return Tensors.of(inputs, some, codes or columns, device)

        train = tensors(rows, [one.train for one in reduced])
        valid = None
        if valid_rows is not None:
            valid = tensors(valid_rows, [one.valid for one in reduced])
        return cls(inputs, train, valid, data.labels(), valid_positive, reduced)

    def widths(self, shape: tuple[int, int]) -> Widths:
        """The sizes of the network's inputs; `shape` is the number of users and items."""
        inputs = self.inputs
        return Widths(
            dense=self.train.dense.shape[1],
            groups=tuple(sum(b.standardizer.width for b in group) for group in inputs.groups),
            single=sum(one.single for one in inputs.labels),
            several=tuple(one.first for one in inputs.labels if not one.single),
            labels=inputs.label_count,
            users=shape[0],
            items=shape[1],
        )


def _run(
    net: ClickNet,
    recipe: ClickNetworkRecipe,
    data: TrainingData,
    examples: Examples,
    options: Options,
    device: torch.device,
) -> None:
    """Train the network in place."""
    train, valid, positive = examples.train, examples.valid, examples.positive
    target = float_tensor(positive.astype(np.float32), device)
    weight = float_tensor(row_weights(positive, recipe.class_weight), device)
    by_class = class_weights(int(positive.sum()), len(positive), recipe.class_weight)

    def batches(rng: np.random.Generator) -> Sequence[Tensor]:
        return shuffled(len(positive), recipe.batch, rng, device)

    def loss(index: Tensor) -> Tensor:
        logit = net(train.take(index)).float()
        return binary_cross_entropy_with_logits(logit, target[index], weight[index])

    def validate() -> float:
        assert valid is not None
        odds = _odds(net, valid)
        return goodness(recipe.stop_by, examples.valid_positive, odds, by_class)

    run_loop(
        net,
        batches,
        loss,
        recipe,
        options=options,
        validate=None if valid is None else validate,
        description={
            **data_digests(data, *examples.inputs.arrays()),
            "labels": [digest(positive), digest(examples.valid_positive)],
        },
    )


def _odds(net: ClickNet, rows: Tensors) -> Array:
    """The log-odds of some rows by the network, which is in evaluation mode."""
    with torch.inference_mode():
        return np.concatenate([to_array(net(batch)) for batch in rows.batches()])
