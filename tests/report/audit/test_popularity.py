"""What is significant of many columns, and what train explains."""

import numpy as np
import polars as pl
import pytest
from planted_shop import cut, examined, honest_shop, with_column

from recweave.data.split import TEST
from recweave.report.audit import popularity
from recweave.report.audit.popularity import Scale, _compared


@pytest.fixture
def chance():
    """A scale of 80 items whose popularity is random, and 400 columns that know nothing of it."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal(80)
    left = (values - values.mean()) / np.linalg.norm(values - values.mean())
    scale = Scale("counts", np.ones(80), np.full((80, 1), 80**-0.5), left, 0.3)
    return scale, rng.standard_normal((80, 400))


def test_the_best_of_many_columns_is_compared_with_the_best_of_as_many(chance):
    scale, columns = chance
    size, p = _compared(scale, columns, np.random.default_rng(0))
    best = int(size.argmax())
    alone = _compared(scale, columns[:, [best]], np.random.default_rng(0))[1]
    assert alone[0] == pytest.approx(1 / 200)
    assert p[best] > 0.05
    assert p.min() == p[best]


def test_a_column_that_follows_popularity_is_significant_among_many(chance):
    scale, columns = chance
    columns[:, 7] = scale.popularity + np.random.default_rng(1).normal(0, 0.1, 80)
    size, p = _compared(scale, columns, np.random.default_rng(0))
    assert (int(size.argmax()), p[7]) == (7, pytest.approx(1 / 200))


def test_the_size_of_a_flag_is_1_where_it_marks_the_highest(chance):
    scale, _ = chance
    best = scale.popularity >= np.sort(scale.popularity)[-8]
    flags = np.column_stack([best, ~best, np.arange(80) % 10 == 0]).astype(float)
    size, _ = _compared(scale, flags, np.random.default_rng(0))
    assert size[:2] == pytest.approx([1, 1], abs=0.02)
    assert size[2] < 0.5


def test_nothing_is_called_a_leak_that_permutations_do_not_show(monkeypatch):
    """Of nine permutations, the smallest p is a tenth."""
    shop = honest_shop()
    rows = np.flatnonzero(cut(shop).part == TEST)
    sold = np.bincount(shop.listed_items.rows(shop.events["item_id"][rows]))
    leaky = with_column(shop, sales=pl.Series(sold))
    checks = [popularity.CHECK]
    assert len(examined(leaky, checks=checks).findings) == 1
    monkeypatch.setattr(popularity, "PERMUTATIONS", 9)
    assert examined(leaky, checks=checks).findings == []
