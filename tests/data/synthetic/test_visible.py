"""What labels and titles say of looks, and titles that no longer say it."""

import polars as pl
import pytest

from recweave.core.errors import BadInput
from recweave.data.synthetic.visible import (
    COLOURS,
    PATTERNS,
    colours_of,
    patterns_of,
    without_looks,
)

TITLES = pl.Series(
    ["Turtle Check Men Navy Blue Shirt", "Puma Unisex Solid Black Shoes", "Redtape Blackberry Bag"]
)


def test_names_of_colours_fall_into_groups_and_others_into_none():
    items = pl.DataFrame({"baseColour": ["Navy Blue", "Olive", "GOLD", "Multi", None]})
    names = [*COLOURS, None]
    assert [names[place] for place in colours_of(items)] == ["blue", "green", "metal", None, None]


def test_no_name_of_a_colour_is_in_two_groups():
    names = [name for group in COLOURS.values() for name in group]
    assert len(names) == len(set(names))


def test_a_catalogue_without_colours_is_refused_with_what_to_read():
    with pytest.raises(BadInput, match=r"no column 'baseColour'.*photos"):
        colours_of(pl.DataFrame({"item_id": ["a"]}))


def test_patterns_are_read_out_of_titles():
    titles = pl.Series(["Men Striped Tee", "Checked shirt", "Floral top", "Plain top", None])
    names = [*PATTERNS, None]
    found = [names[place] for place in patterns_of(titles)]
    assert found == ["striped", "checked", "printed", None, None]


def test_words_of_looks_are_cut_out_of_titles_and_parts_of_other_words_stay():
    assert without_looks(TITLES).to_list() == [
        "Turtle Men Shirt",
        "Puma Unisex Shoes",
        "Redtape Blackberry Bag",
    ]
