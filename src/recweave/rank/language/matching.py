"""What an answer in words names: which candidates, in which order, and what it made up."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recweave.enrich.probe import likeness
from recweave.enrich.prompts import plain

ALIKE = 0.9
"""Likeness from which on a name is that of a candidate: a letter in ten may be wrong."""
MOST = 100
"""Names of an answer that are looked at: a model that repeats itself writes thousands."""

_QUOTED = re.compile(r'"([^"\n]{1,400})"|“([^”\n]{1,400})”|«([^»\n]{1,400})»')
_MARK = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.):])\s*")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Match:
    """What was found in an answer.

    Attributes:
        chosen: Positions of candidates, in the order of the answer, each once.
        invented: Names that are no candidate.
        consumed: Of the history: named, and not recommended again.
        repeated: Names of candidates that the answer had named before.
    """

    chosen: tuple[int, ...]
    invented: int
    consumed: int
    repeated: int


def names_in(answer: str) -> list[str]:
    """What an answer names: what stands in quotes, else its lines without the marks of a list.

    A quote that is not closed, where the answer was cut short, is no name.

    >>> names_in('Sure! "Green tea", "Tea cup" and "Bla')
    ['Green tea', 'Tea cup']
    >>> names_in("1. Green tea\\n2) Tea cup")
    ['Green tea', 'Tea cup']
    """
    quoted = [next(filter(None, found), "") for found in _QUOTED.findall(answer)]
    lines = [] if quoted or '"' in answer else answer.splitlines()
    named = quoted or [_MARK.sub("", line) for line in lines]
    return [name.strip() for name in named if _normal(name)][:MOST]


def match(
    names: Sequence[str],
    ids: Sequence[str],
    titles: Sequence[str],
    consumed: Sequence[str] = (),
) -> Match:
    """The candidates that names stand for.

    In this order: the title in lower case without punctuation, the exact id, and the most alike
    title of a likeness of `ALIKE` or more. Of candidates with one title the first that is not named
    yet is taken.

    Args:
        names: As an answer has them.
        ids, titles: Of the candidates.
        consumed: Titles of the history.
    """
    normal = [_normal(title) for title in titles]
    used = {_normal(title) for title in consumed} - set(normal)
    chosen: list[int] = []
    invented = again = repeated = 0
    for name in names:
        found = _found(name, ids, normal)
        left = [position for position in found if position not in chosen]
        if left:
            chosen.append(left[0])
        elif found:
            repeated += 1
        elif _normal(name) in used:
            again += 1
        else:
            invented += 1
    return Match(tuple(chosen), invented, again, repeated)


def _found(name: str, ids: Sequence[str], normal: Sequence[str]) -> list[int]:
    """The candidates that a name may stand for, in their order."""
    asked = _normal(name)
    # Prompts show titles, so a number that is one candidate's title and another's id is the title.
    same = [position for position, title in enumerate(normal) if title == asked]
    if same:
        return same
    if name in ids:
        return [ids.index(name)]
    # Texts of very different lengths are not alike, and comparing all would be slow.
    near = [
        (likeness(asked, title), -position)
        for position, title in enumerate(normal)
        if min(len(asked), len(title)) >= ALIKE * max(len(asked), len(title))
    ]
    best = max(near, default=(0.0, 0))
    return [-best[1]] if best[0] >= ALIKE else []


def _normal(text: str) -> str:
    return " ".join(_WORD.findall(plain(text).lower()))
