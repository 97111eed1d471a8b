"""The columns of a group of features as tables, whose rows many events share; imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from recweave.models.ctr.design import Block
from recweave.models.ctr.inputs import Rows
from recweave.models.nn.tensors import float_tensor, index_tensor


@dataclass(frozen=True, eq=False)
class GroupTables:
    """The columns of a group, by table: a row of each for each row of the data.

    Attributes:
        tables: The columns of each feature.
        rows: For each feature, the row in its table.
    """

    tables: tuple[Float[Tensor, "_ _"], ...]
    rows: tuple[Int[Tensor, " n"], ...]

    @classmethod
    def of(
        cls, blocks: Sequence[Block], rows: Rows, tables: Sequence[Tensor], device: torch.device
    ) -> "GroupTables":
        """Of these rows, from `tables_of`."""
        at = (index_tensor(rows.at(block.source), device) for block in blocks)
        return cls(tuple(tables), tuple(at))

    def __len__(self) -> int:
        return len(self.rows[0])

    def __getitem__(self, index: Int[Tensor, " batch"]) -> "GroupTables":
        """Some rows of the data."""
        return GroupTables(self.tables, tuple(row[index] for row in self.rows))

    def through(self, layers: nn.Sequential) -> Float[Tensor, "n out"]:
        """What layers, the first of which is linear, make of all columns side by side.

        The columns are never put together. The first layer multiplies each table by its own part of
        the weights: a table with fewer rows than are asked for once and whole, as a few thousand
        items are in a hundred thousand events.
        """
        first = cast(nn.Linear, layers[0])
        parts = torch.split(first.weight, [table.shape[1] for table in self.tables], dim=1)
        total: Tensor = first.bias
        for table, row, weight in zip(self.tables, self.rows, parts, strict=True):
            if len(table) < len(row):
                total = total + embedding(row, linear(table, weight))
            else:
                total = total + linear(table[row], weight)
        made: Tensor = layers[1:](total)
        return made


def tables_of(blocks: Sequence[Block], device: torch.device) -> list[Tensor]:
    """The columns of each row of each feature's table; training and validation rows share them."""
    return [float_tensor(block.table(), device) for block in blocks]
