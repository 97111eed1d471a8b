"""The inputs of click networks as tensors, made once before training; imports torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recweave.core.arrays import Array
from recweave.models.ctr.group_tables import GroupTables
from recweave.models.ctr.inputs import Inputs, Labels, Rows
from recweave.models.ctr.net import Batch
from recweave.models.nn.tensors import float_tensor, index_tensor

ROWS = 1 << 15
"""Rows that are evaluated at a time."""
FEW_LABELS = 256
"""Labels of a feature up to which a product with shares is faster than a look-up of each."""


def _in_table(labels: Labels, rows: Rows, padding: int) -> Int[Array, "n width"]:
    """Rows of the embedding table that some rows read; `padding` after the last label."""
    code = labels.code[rows.at(labels)]
    return np.where(code >= 0, labels.first + code.astype(np.int64), padding)


@dataclass(frozen=True, eq=False)
class Tensors:
    """What a network reads of all rows; see `net.Batch`."""

    dense: Float[Tensor, "n dense"]
    groups: tuple[GroupTables | Float[Tensor, "n dim"], ...]
    single: Int[Tensor, "n single"]
    several: tuple[Float[Tensor, "n _"] | Int[Tensor, "n _"], ...]
    user: Int[Tensor, " n"]
    item: Int[Tensor, " n"]

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        rows: Rows,
        groups: Sequence[GroupTables | Float[Array, "n dim"]],
        device: torch.device,
    ) -> "Tensors":
        """Of these rows; `groups` holds the columns of each group, or their codes."""
        single = [one for one in inputs.labels if one.single]
        codes = [_in_table(one, rows, inputs.label_count) for one in single]
        return cls(
            dense=float_tensor(rows.columns(inputs.dense), device),
            groups=tuple(
                float_tensor(one, device) if isinstance(one, np.ndarray) else one for one in groups
            ),
            single=index_tensor(np.hstack([np.empty((len(rows), 0), int), *codes]), device),
            several=tuple(
                float_tensor(one.shares()[rows.at(one)], device)
                if one.count <= FEW_LABELS
                else index_tensor(_in_table(one, rows, inputs.label_count), device)
                for one in inputs.labels
                if not one.single
            ),
            user=index_tensor(rows.user, device),
            item=index_tensor(rows.item, device),
        )

    def take(self, index: Int[Tensor, " batch"]) -> Batch:
        """Some rows."""
        return Batch(
            dense=self.dense[index],
            groups=tuple(group[index] for group in self.groups),
            single=self.single[index],
            several=tuple(labels[index] for labels in self.several),
            user=self.user[index],
            item=self.item[index],
        )

    def batches(self) -> Iterator[Batch]:
        """All rows in order."""
        for index in torch.split(torch.arange(len(self.user), device=self.user.device), ROWS):
            yield self.take(index)


def shuffled(
    count: int, size: int, rng: np.random.Generator, device: torch.device
) -> Sequence[Int[Tensor, " batch"]]:
    """All row numbers in random order, in batches of nearly equal sizes."""
    order = index_tensor(rng.permutation(count), device)
    return torch.tensor_split(order, max(1, round(count / size)))
