"""Texts to sentences, words and phrases, without a model."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.progress import show_progress
from recweave.encode.text import TextEncoder
from recweave.enrich.lexicon import STOPS

LONGEST = 40
"""Words of a sentence; longer ones are cut."""

_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|(?<=[a-z][.!?])(?=[A-Z])|[\n\r]+")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_BREAK = re.compile(r"[^\w\s'’-]+|\d\S*")


def sentences(text: str) -> list[str]:
    """The sentences of a text, with single spaces; those without a letter are left out.

    >>> sentences("Nice sound.It hums... a bit! 5/5")
    ['Nice sound.', 'It hums...', 'a bit!']
    """
    found = []
    for piece in _END.split(text):
        words = piece.split()
        for first in range(0, len(words), LONGEST):
            sentence = " ".join(words[first : first + LONGEST])
            if _WORD.search(sentence):
                found.append(sentence)
    return found


def words(text: str) -> list[str]:
    """The words in lower case.

    >>> words("Don't buy it, AC-30!")
    ["don't", 'buy', 'it', 'ac-30']
    """
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def phrases(text: str) -> set[str]:
    """The topics of a text: runs of up to three words between stop words, and their last words.

    Candidates as in RAKE (Rose et al., 2010); opinions and common verbs count as stop words.

    >>> sorted(phrases("The sound quality is great, and the cable works."))
    ['cable', 'quality', 'sound quality']
    """
    found: set[str] = set()
    for piece in _BREAK.split(text):
        run: list[str] = []
        for word in [*words(piece), ""]:
            if word and word not in STOPS and len(word) > 2:
                run.append(word)
                continue
            if run:
                found.update((run[-1], " ".join(run[-3:])))
            run = []
    return found


def encode_quietly(encoder: TextEncoder, texts: Sequence[str]) -> Float[Array, "texts dim"]:
    """Vectors without a progress bar: the writer shows one for all."""
    with show_progress(False):
        return encoder.encode(texts)


@dataclass(frozen=True, eq=False)
class Sentences:
    """The sentences of some texts with their vectors.

    Attributes:
        text: The sentences of all texts, in order.
        vectors: Of unit length.
        start: The sentences of text r are at `start[r]` to `start[r + 1] - 1`.
    """

    text: Sequence[str]
    vectors: Float[Array, "sentences dim"]
    start: Int[Array, " texts_and_one"]

    @classmethod
    def of(cls, texts: Iterable[str], encoder: TextEncoder) -> "Sentences":
        """Split into sentences and encode."""
        by_text = [sentences(text) for text in texts]
        joined = [sentence for found in by_text for sentence in found]
        start = np.cumsum([0, *map(len, by_text)])
        return cls(joined, encode_quietly(encoder, joined), start)

    def of_texts(self, rows: Int[Array, " n"]) -> tuple[Array, Array]:
        """Positions of the sentences of these texts, and for each its text's position in `rows`."""
        first, count = self.start[rows], self.start[rows + 1] - self.start[rows]
        text = np.repeat(np.arange(len(rows)), count)
        skip = np.cumsum(count) - count
        return np.arange(len(text)) - skip[text] + first[text], text


@dataclass(frozen=True, eq=False)
class Phrases:
    """Which text contains which phrase.

    Attributes:
        names: The phrases.
        contained: Texts by phrases; 1 where the text has the phrase.
    """

    names: Sequence[str]
    contained: Csr

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Phrases":
        """The phrases of some texts."""
        found = [sorted(phrases(text)) for text in texts]
        names = pl.Series([name for of_text in found for name in of_text], dtype=pl.String)
        listed = names.unique().sort()
        column = listed.search_sorted(names).to_numpy().astype(np.int64)
        row = np.repeat(np.arange(len(found)), [len(of_text) for of_text in found])
        ones = np.ones(len(row), np.float32)
        contained: Csr = sparse.csr_array((ones, (row, column)), shape=(len(found), len(listed)))
        return cls(listed.to_list(), contained)
