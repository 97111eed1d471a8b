"""Which scripts texts are written in: MiniLM and its like know little but English."""

from collections.abc import Sequence

import polars as pl

SAMPLE = 1_000
"""Texts that are looked at."""

MULTILINGUAL = "intfloat/multilingual-e5-small"
"""An encoder that knows a hundred languages; sentence-transformers loads it by this name."""


def script_remark(texts: Sequence[str | None] | pl.Series) -> str:
    """What is to be known before an English encoder reads texts; empty if all is well.

    Where most letters are of another script than the Latin one, such an encoder sees unknown words:
    two different titles may get the same vector.

    Args:
        texts: Texts of items or reviews; the first `SAMPLE` that hold letters are looked at.
    """
    given = pl.Series("text", texts, dtype=pl.String).drop_nulls()
    sample = given.head(20 * SAMPLE)
    sample = sample.filter(sample.str.contains(r"\p{L}")).head(SAMPLE)
    letters = int(sample.str.count_matches(r"\p{L}").sum())
    latin = int(sample.str.count_matches(r"\p{Latin}").sum())
    if not letters or 2 * latin >= letters:
        return ""
    return (
        f"{1 - latin / letters:.0%} of the letters in these texts are not Latin; the encoder "
        "minilm knows English, and may give different texts the same vector. Take one of many "
        f'languages: encoder = "{MULTILINGUAL}" (a name or a folder)'
    )
