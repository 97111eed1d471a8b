"""Tables that many rows share give what the columns side by side give, with the same gradients."""

import pytest

torch = pytest.importorskip("torch")

from recweave.models.ctr.group_tables import GroupTables  # noqa: E402
from recweave.models.ctr.net import mlp  # noqa: E402


def test_the_first_layer_on_tables_is_the_first_layer_on_columns():
    torch.manual_seed(0)
    tables = (torch.randn(3, 4), torch.randn(50, 2), torch.randn(9, 5))
    rows = tuple(torch.randint(0, len(table), (20,)) for table in tables)
    group = GroupTables(tables, rows)[torch.arange(19, 3, -2)]
    assert len(group) == 8  # the second and the third table have more rows than that
    side_by_side = torch.cat([t[r] for t, r in zip(tables, group.rows, strict=True)], 1)
    layers = mlp((11, 6, 3), 0.0)
    found = group.through(layers)
    torch.testing.assert_close(found, layers(side_by_side))
    weight = layers[0].weight
    (own,) = torch.autograd.grad(found.square().sum(), weight)
    (same,) = torch.autograd.grad(layers(side_by_side).square().sum(), weight)
    torch.testing.assert_close(own, same)
