"""Which scripts texts are written in: MiniLM and its like know little but English."""

from collections.abc import Sequence

import polars as pl

SAMPLE = 1_000
"""Texts that are looked at."""

MULTILINGUAL = "intfloat/multilingual-e5-small"
"""An encoder that knows a hundred languages; sentence-transformers loads it by this name."""


SCRIPTS = (
    *("Han", "Hiragana", "Katakana", "Hangul", "Cyrillic", "Greek", "Arabic", "Hebrew", "Thai"),
    *("Devanagari", "Bengali", "Tamil", "Telugu", "Georgian", "Armenian"),
)
"""Scripts that messages name; the rest is "another script"."""


def foreign_script(texts: Sequence[str | None] | pl.Series) -> str:
    """The script of most letters that are not Latin; "" unless these are more than half of all.

    Args:
        texts: Texts of items or reviews; the first `SAMPLE` that hold letters are looked at.
    """
    sample = _sample(texts)
    if 2 * _count(sample, "Latin") >= _count(sample, "L"):
        return ""
    counts = {script: _count(sample, script) for script in SCRIPTS}
    most = max(SCRIPTS, key=lambda script: counts[script])
    return most if counts[most] else "another script"


def script_remark(texts: Sequence[str | None] | pl.Series) -> str:
    """What is to be known before an English encoder reads texts; empty if all is well.

    Where most letters are of another script than the Latin one, such an encoder sees unknown words:
    two different titles may get the same vector.

    Args:
        texts: Texts of items or reviews; the first `SAMPLE` that hold letters are looked at.
    """
    sample = _sample(texts)
    letters, latin = _count(sample, "L"), _count(sample, "Latin")
    if 2 * latin >= letters:
        return ""
    return (
        f"{1 - latin / letters:.0%} of the letters in these texts are not Latin; the encoder "
        "minilm knows English, and may give different texts the same vector. Take one of many "
        f'languages: encoder = "{MULTILINGUAL}" (a name or a folder)'
    )


def _sample(texts: Sequence[str | None] | pl.Series) -> pl.Series:
    given = pl.Series("text", texts, dtype=pl.String).drop_nulls().head(20 * SAMPLE)
    return given.filter(given.str.contains(r"\p{L}")).head(SAMPLE)


def _count(sample: pl.Series, letters: str) -> int:
    """How many letters are of a class of Unicode: a script, or L for all."""
    return int(sample.str.count_matches(rf"\p{{{letters}}}").sum())
