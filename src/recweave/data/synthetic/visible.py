"""What the photographs of a catalogue of clothes show, as people who labelled them saw it.

The labels are the column `baseColour` and the words of titles. A shop that hides them from the
catalogue leaves them to the pictures.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput

COLOUR = "baseColour"
"""The column of the catalogue that names an item's main colour."""

COLOURS: Mapping[str, tuple[str, ...]] = {
    "black": ("black", "charcoal"),
    "white": ("white", "off white"),
    "grey": ("grey", "grey melange"),
    "metal": ("silver", "gold", "steel", "bronze", "copper", "metallic"),
    "beige": ("beige", "cream", "skin", "khaki", "peach", "nude"),
    "brown": ("brown", "coffee brown", "mushroom brown", "tan", "taupe", "rust"),
    "red": ("red", "maroon", "burgundy"),
    "orange": ("orange",),
    "yellow": ("yellow", "mustard"),
    "green": ("green", "olive", "sea green", "lime green", "fluorescent green"),
    "blue": ("blue", "navy blue", "teal", "turquoise blue"),
    "purple": ("purple", "lavender", "mauve"),
    "pink": ("pink", "magenta", "rose"),
}
"""Names of colours in the catalogue by group; others, such as "multi", are of no group."""

PATTERNS: Mapping[str, tuple[str, ...]] = {
    "striped": ("stripe", "stripes", "striped"),
    "checked": ("check", "checks", "checked", "checkered", "plaid"),
    "printed": ("print", "prints", "printed", "graphic", "floral", "paisley", "polka", "dotted"),
}
"""Words of titles that name a pattern, by kind."""

OTHERS = (
    *("multi", "multicolor", "multicoloured", "coloured", "solid", "plain"),
    *("navy", "turquoise", "wine", "indigo", "ivory", "coral", "fuchsia", "aqua", "lime"),
)
"""Further words of titles that tell how an item looks."""


def colours_of(items: pl.DataFrame) -> Int[Array, " items"]:
    """The place in `COLOURS` of each item's main colour; -1 for one of no group.

    Raises:
        BadInput: if the catalogue names no colours.
    """
    if COLOUR not in items.columns:
        raise BadInput(
            f"the catalogue has no column '{COLOUR}', so no taste for colours can be planted; read "
            "it with the reader 'photos' from a folder with a styles.csv like fashion-photos'"
        )
    group = {name: place for place, names in enumerate(COLOURS.values()) for name in names}
    named = items[COLOUR].cast(pl.String).str.to_lowercase()
    return _places(named.replace_strict(group, default=-1, return_dtype=pl.Int64))


def patterns_of(titles: pl.Series) -> Int[Array, " items"]:
    """The place in `PATTERNS` of the first pattern that each title names; -1 for none."""
    found = pl.coalesce(
        pl.when(pl.lit(titles.fill_null("").str.contains(_any_of(words)))).then(place)
        for place, words in enumerate(PATTERNS.values())
    )
    return _places(pl.select(found.fill_null(-1)).to_series())


def without_looks(titles: pl.Series) -> pl.Series:
    """Titles without words of colours and patterns."""
    names = [name for group in COLOURS.values() for name in group]
    patterns = [word for words in PATTERNS.values() for word in words]
    cut = titles.str.replace_all(_any_of([*names, *patterns, *OTHERS]), " ")
    return cut.str.replace_all(r"\s+", " ").str.strip_chars(" -&,/")


def _any_of(words: Sequence[str]) -> str:
    """A pattern for any of these words, the longest first, whatever their case."""
    longest = sorted(words, key=lambda word: (-len(word), word))
    return rf"(?i)\b(?:{'|'.join(longest)})\b"


def _places(series: pl.Series) -> Int[Array, " items"]:
    return np.asarray(series.to_numpy(), np.int64)
