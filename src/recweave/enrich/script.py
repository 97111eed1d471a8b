"""An answer in another script than what the model was shown: it did not answer the question."""

import unicodedata
from collections import Counter
from collections.abc import Iterable


def other_script(answer: str, shown: Iterable[str]) -> str:
    """The script of most letters of an answer, if none of the texts has it; "" otherwise.

    Latin is always allowed, as the questions are in English. Languages that share a script are not
    distinguished.

    >>> other_script("Отличный кабель (XLR)", ["A fine cable."])
    'CYRILLIC'
    >>> other_script("Отличный кабель", ["Хороший cable"]), other_script("A fine one", ["よい"])
    ('', '')
    """
    found = Counter(map(_script, filter(str.isalpha, answer)))
    if not found:
        return ""
    script = found.most_common(1)[0][0]
    if script == "LATIN":
        return ""
    return "" if any(_script(letter) == script for text in shown for letter in text) else script


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ", 1)[0]
