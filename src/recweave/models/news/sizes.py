"""Sizes of what networks of news read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sizes of the input of an article encoder.

    Attributes:
        text: Of the vector of a word, or of a whole text.
        words: Whether texts are read word by word.
        categories: Categories; 0 for none.
    """

    text: int
    words: bool
    categories: int
