"""Every error a caller may want to catch.

RecweaveError
 ├─ UnknownName   a name that no registry knows     (a typo in a recipe or on the command line)
 ├─ UnknownId     a user or item that is not there
 ├─ BadInput      a file or table that breaks its contract
 ├─ BadSetting    a recipe or option with a wrong key or value
 ├─ BadArtifact   a saved dataset, model or run that cannot be read back
 ├─ MissingExtra  an optional package is not installed
 ├─ TooLarge      the work would not fit into memory
 └─ Unavailable   something outside (a download, a server) did not answer

A message says what happened, where, and what to do next. These are the user's or the world's
mistakes; a programmer's are `ValueError` or `assert`.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class RecweaveError(Exception):
    """The root: catch this to catch all of ours."""


class UnknownName(RecweaveError):
    """A name that no registry knows."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no {kind} is called '{name}'; {did_you_mean(name, known)}")


class UnknownId(RecweaveError):
    """A user or item that is not there."""


class BadInput(RecweaveError):
    """A file or table that breaks its contract."""


class BadSetting(RecweaveError):
    """A recipe or option with a wrong key or value.

    Attributes:
        at: The keys that lead to the setting in its file, such as ("models", 0, "dim"); empty where
            the error is not of one setting. Who knows the file adds the line.
    """

    def __init__(self, message: str, *, at: Iterable[str | int] = ()) -> None:
        super().__init__(message)
        self.at = tuple(at)


class BadArtifact(RecweaveError):
    """A saved dataset, model or run that cannot be read back."""


class MissingExtra(RecweaveError):
    """An optional package is not installed; the message holds the command that installs it."""


class TooLarge(RecweaveError):
    """The work would not fit into the memory at hand."""


class Unavailable(RecweaveError):
    """Something outside, a download or a server, did not answer."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint naming the nearest known word, or all of them if none is near.

    >>> did_you_mean("esae", ["als", "ease"])
    "did you mean 'ease'?"
    >>> did_you_mean("qqq", ["als", "ease"])
    'known are: als, ease'
    """
    known = sorted(known)
    near = get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known)}"


def require_choice(setting: str, value: object, choices: Iterable[str]) -> None:
    """Refuse a value that is none of a few words; a misspelt one would mean the default, silently.

    Raises:
        BadSetting: naming the setting and the nearest word.
    """
    known = tuple(choices)
    if value not in known:
        raise BadSetting(f"{setting} is {value!r}; {did_you_mean(str(value), known)}")
