"""Where each key and value of a TOML file is written: tomllib reads the values, not the lines."""

import tomllib
from collections.abc import Callable, Mapping, Sequence

Path = tuple[str | int, ...]
"""The keys and list positions that lead to a value: ("models", 0, "dim")."""

_BLANK = " \t\r\n,"
_GROUPED = (("each",), ("search",))
"""Tables of a model's entry whose keys are settings of the model."""
_ALIAS = {"kind": "name"}
"""Another name that a recipe file may use for a key."""


def key_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of each key, table and list entry.

    >>> key_lines("a = 1\\n[[m]]\\nb = [2,\\n 3]")[("m", 0, "b", 1)]
    4

    Args:
        text: A TOML document that `tomllib` has read without an error.
    """
    return _Scanner(text).found


def line_at(lines: Mapping[Path, int], at: Sequence[str | int]) -> int | None:
    """The line of a setting, or of the innermost table around it; None where neither is written.

    Args:
        lines: From `key_lines`.
        at: As an error names it. Steps that are not in the file, such as the kind of a stage, are
            passed over.
    """
    path: Path = ()
    for step in at:
        keys = (step, _ALIAS[step]) if step in _ALIAS else (step,)
        inner = [(*path, *group, key) for group in ((), *_GROUPED) for key in keys]
        path = next((one for one in inner if one in lines), path)
    return lines.get(path)


class _Scanner:
    """One pass over a valid document; `at` is the position of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Path, int] = {}
        self._entries: dict[Path, int] = {}
        table: Path = ()
        while self._skip():
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _move(self, to: int) -> str:
        passed = self.text[self.at : to]
        self.line += passed.count("\n")
        self.at = to
        return passed

    def _skip(self) -> bool:
        """Pass over blanks, line ends, commas and comments; False at the end of the document."""
        while (character := self._next()) and character in _BLANK + "#":
            end = self.at + 1
            if character == "#":
                found = self.text.find("\n", self.at)
                end = len(self.text) if found < 0 else found
            self._move(end)
        return bool(character)

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path of the table."""
        many = self.text.startswith("[[", self.at)
        self._move(self.at + 1 + many)
        keys = self._keys("]")
        self._move(self.at + 1 + many)
        path: Path = ()
        for depth, key in enumerate(keys, 1):
            path = (*path, key)
            self.found.setdefault(path, self.line)
            if many and depth == len(keys):
                self._entries[path] = self._entries.get(path, -1) + 1
            if path in self._entries:
                path = (*path, self._entries[path])
        self.found[path] = self.line
        return path

    def _pair(self, table: Path) -> None:
        line, path = self.line, table
        for key in self._keys("="):
            path = (*path, key)
            self.found.setdefault(path, line)
        self._move(self.at + 1)
        self._value(path)

    def _keys(self, end: str) -> list[str]:
        """A dotted key, up to a character that ends it."""
        start = self.at
        while self._next() != end:
            if self._next() in ("'", '"'):
                self._quoted()
            else:
                self._move(self.at + 1)
        dotted = tomllib.loads(f"{self.text[start : self.at]} = 0")
        keys: list[str] = []
        while isinstance(dotted, dict):
            ((key, dotted),) = dotted.items()
            keys.append(key)
        return keys

    def _quoted(self) -> None:
        quote = self._next()
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        end = self.at + len(mark)
        while not self.text.startswith(mark, end):
            end += 2 if quote == '"' and self.text[end] == "\\" else 1
        end += len(mark)
        while len(mark) == 3 and self.text.startswith(quote, end):  # a quote before the mark
            end += 1
        self._move(end)

    def _value(self, path: Path) -> None:
        self._skip_spaces()
        opening = self._next()
        if opening in ("'", '"'):
            self._quoted()
        elif opening == "[":
            self._many("]", lambda number: self._entry((*path, number)))
        elif opening == "{":
            self._many("}", lambda _: self._pair(path))
        else:
            while self._next() and self._next() not in ",]}#\n":
                self._move(self.at + 1)

    def _skip_spaces(self) -> None:
        while self._next() in (" ", "\t"):
            self._move(self.at + 1)

    def _entry(self, path: Path) -> None:
        self.found[path] = self.line
        self._value(path)

    def _many(self, closing: str, read: Callable[[int], None]) -> None:
        """What a list or an inline table holds."""
        self._move(self.at + 1)
        number = 0
        while self._skip() and self._next() != closing:
            read(number)
            number += 1
        self._move(self.at + 1)
