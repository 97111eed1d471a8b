"""From a trained torch network to the arrays of a model; imports torch."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from torch import nn

from recweave.core.arrays import Array
from recweave.data.interactions import Interactions
from recweave.encode.features import Entity
from recweave.models.ctr.design import Block
from recweave.models.ctr.inputs import Inputs, Labels
from recweave.models.ctr.model import (
    ClickNetwork,
    Columns,
    CrossHead,
    DotHead,
    LabelEmbeddings,
    Layer,
    Part,
    with_unknown,
)
from recweave.models.ctr.net import ClickNet, CrossNetwork, DotInteractions
from recweave.models.nn.tensors import to_array


def layers_of(sequence: nn.Module) -> tuple[Layer, ...]:
    """The linear layers of a network."""
    linear = [layer for layer in sequence.modules() if isinstance(layer, nn.Linear)]
    return tuple(_layer_of(layer) for layer in linear)


def _layer_of(layer: nn.Linear) -> Layer:
    """A linear layer as arrays."""
    out = layer.out_features
    bias = np.zeros(out, np.float32) if layer.bias is None else to_array(layer.bias)
    return Layer(np.ascontiguousarray(to_array(layer.weight).T), bias)


def trained_model(
    net: ClickNet,
    inputs: Inputs,
    reducers: Sequence[tuple[Layer, ...]],
    train: Interactions,
) -> ClickNetwork:
    """The model of a trained network.

    Args:
        net: The network.
        inputs: What it reads.
        reducers: The layers of each group's network, if they were trained before.
        train: The training events.
    """
    parts: list[Part] = []
    head: DotHead | CrossHead
    if isinstance(net.head, DotInteractions):
        bottom = net.head.bottom
        if bottom is not None:
            parts.append(_mlp_part(inputs.dense, layers_of(bottom)))
        head = DotHead(bottom is not None, layers_of(net.head.top), _layer_of(net.head.out))
    else:
        assert isinstance(net.head, CrossNetwork)
        if inputs.dense:
            width = sum(block.standardizer.width for block in inputs.dense)
            parts.append(_part(inputs.dense, np.eye(width, dtype=np.float32)))
        cross = tuple(layers_of(layer) for layer in net.head.cross)
        head = CrossHead(cross, layers_of(net.head.deep), _layer_of(net.head.out))
    groups = reducers or [layers_of(reducer) for reducer in net.reducers]
    parts += [
        _mlp_part(blocks, layers) for blocks, layers in zip(inputs.groups, groups, strict=True)
    ]
    table = to_array(net.labels)
    parts += [_label_part(labels, table) for labels in inputs.labels]
    if net.user is not None and net.item is not None:
        user, item = to_array(net.user), to_array(net.item)
        parts.append(Part(_of_known(user, train.user), None))
        parts.append(Part(None, _of_known(item, train.item)))
    return ClickNetwork(tuple(parts), head, 1.0, 0.0, train.shape)


def _of_known(
    vectors: Float[Array, "entities dim"], seen: Int[Array, " n"]
) -> Float[Array, "entities_and_one dim"]:
    """Embeddings of ids; those without events, and the unknown one, get the mean of the others."""
    known = np.zeros(len(vectors), bool)
    known[seen] = True
    mean = vectors[known].mean(axis=0) if known.any() else np.zeros(vectors.shape[1], np.float32)
    return with_unknown(np.where(known[:, None], vectors, mean), mean)


def _mlp_part(blocks: Sequence[Block], layers: tuple[Layer, ...]) -> Part:
    first, *rest = layers
    return _part(blocks, first.weight, first.bias, tuple(rest))


def _part(
    blocks: Sequence[Block],
    weight: Float[Array, "columns out"],
    bias: Float[Array, " out"] | None = None,
    layers: tuple[Layer, ...] | None = None,
) -> Part:
    """A part whose first layer has this matrix; the columns are those of the blocks in order."""
    rows: dict[Entity, list[Array]] = {"user": [], "item": []}
    sources, first = [], 0
    for block in blocks:
        columns = Columns(block.standardizer, weight[first : first + block.standardizer.width])
        first += block.standardizer.width
        entity = block.source.entity
        unknown = block.standardizer.unknown().astype(np.float32) @ columns.weight
        rows[entity.of].append(with_unknown(columns.of(entity.vectors, entity.present), unknown))
        if entity.of == "item":
            sources.append(columns)
    user, item = (np.sum(rows[of], axis=0) if rows[of] else None for of in ("user", "item"))
    return Part(user, item, bias, layers, tuple(sources))


def _label_part(labels: Labels, table: Float[Array, "labels dim"]) -> Part:
    """A part with the mean embedding of each entity's labels."""
    own = table[labels.first : labels.first + labels.count]
    embeddings = LabelEmbeddings(labels.name, labels.names, own)
    code = labels.code[: labels.entities]
    vectors = np.vstack([own, np.zeros((1, own.shape[1]), np.float32)])[code].sum(axis=1)
    mean = vectors / np.maximum((code >= 0).sum(axis=1, keepdims=True), 1)
    rows = with_unknown(mean, np.zeros(own.shape[1]))
    if labels.of == "user":
        return Part(rows, None)
    return Part(None, rows, sources=(embeddings,))
