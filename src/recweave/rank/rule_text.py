"""A condition written as text, such as `price <= 20 and "Tea" in categories`, to a table.

The grammar, from weakest to strongest:

    either     = both ("or" both)*
    both       = one ("and" one)*
    one        = "not" one | "(" either ")" | comparison
    comparison = FIELD ("==" | "=" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "contains") VALUE
               | FIELD ["not"] "in" VALUES
               | FIELD "is" ["not"] "null"
               | QUOTED ["not"] "in" FIELD

A value in quotes (single or double; a backslash before a quote or a backslash keeps it) may hold
anything. A value without quotes goes on to `and`, `or`, a closing parenthesis or the end, so it may
hold spaces; it may not hold `=`, `<`, `>`, `&&`, `||`, or a `&` or `|` that stands alone, which
nearly always begin another condition. The words of the language are read in capitals too. The
values of `in` are separated by commas and may stand in ( ) or [ ]. A field whose name holds more
than letters, digits, `_`, `.` and `-` stands in backquotes. Nothing is ever run.
"""

import re
from typing import Any

from recweave.core.errors import BadSetting

LONGEST = 10_000
"""Characters of a text; longer ones are refused before they are read."""
DEEPEST = 50
"""Parentheses and `not` within each other."""

OPERATORS = ("==", "!=", "<=", ">=", "=", "<", ">")
_SPACE = re.compile(r"\s*")
_FIELD = re.compile(r"[\w.-]+|`[^`]+`")
_SIGNS = re.compile(r"[=!<>]+")
_WORD = re.compile(r"[A-Za-z]+(?![\w.-])")
_JOIN = re.compile(r"\s+(?:and|or)(?=[\s(]|$)", re.IGNORECASE)
_NOT_IN_A_VALUE = re.compile(r"!=|[=<>]+|&&+|\|\|+|(?<!\w)[&|](?!\w)")
"""What a value without quotes does not hold; H&M and "Yahoo!" are values."""

Table = dict[str, Any]


def parse(text: str) -> Table:
    """The same as a table of a recipe file: `{field, op, value}`, `{all}`, `{any}` or `{no}`.

    >>> parse("price <= 20 or not brand in OPI, 'Essie'")["any"][1]
    {'no': {'field': 'brand', 'op': 'in', 'value': ['OPI', 'Essie']}}

    Raises:
        BadSetting: with the character at which the text cannot be read.
    """
    if len(text) > LONGEST:
        raise BadSetting(
            f"the condition has {len(text):,} characters, at most {LONGEST:,} are read; "
            "use a file of the items instead, or several conditions"
        )
    reader = _Reader(text)
    found = reader.either()
    reader.end()
    return found


class _Reader:
    """Reads a text from left to right; `at` is the number of characters that are read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def either(self) -> Table:
        return self._joined("or", "any", self.both)

    def both(self) -> Table:
        return self._joined("and", "all", self.one)

    def _joined(self, word: str, key: str, part: Any) -> Table:
        found = [part()]
        while self._take_word(word):
            found.append(part())
        return found[0] if len(found) == 1 else {key: found}

    def one(self) -> Table:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} parentheses and 'not' within each other")
        found = self._one()
        self.depth -= 1
        return found

    def _one(self) -> Table:
        if self._take_word("not"):
            return {"no": self.one()}
        if self._take("("):
            found = self.either()
            if not self._take(")"):
                raise self.error("a closing parenthesis is missing")
            return found
        return self._comparison()

    def _comparison(self) -> Table:
        self._skip()
        if self._next() in ("'", '"'):
            return self._membership()
        field = self._field()
        if self._take_word("is"):
            denied = self._take_word("not")
            if not self._take_word("null"):
                raise self.error("after 'is' comes 'null' or 'not null'")
            return _unless(denied, {"field": field, "op": "is_null"})
        denied = self._take_word("not")
        if self._take_word("in"):
            return _unless(denied, {"field": field, "op": "in", "value": self._values()})
        if self._take_word("contains"):
            return _unless(denied, {"field": field, "op": "contains", "value": self._value()})
        if denied:
            raise self.error(f"after '{field} not' comes 'in' or 'contains'")
        op = self._operator(field)
        return {"field": field, "op": op, "value": self._value()}

    def _membership(self) -> Table:
        """`"Tea" in categories`, which is `categories contains "Tea"`."""
        start = self.at
        value = self._quoted()
        denied = self._take_word("not")
        if not self._take_word("in"):
            self.at = start
            raise self.error(
                "a condition begins with a field, as in brand == 'OPI'; "
                "only 'in' takes a value first, as in 'Tea' in categories"
            )
        self._skip()
        return _unless(denied, {"field": self._field(), "op": "contains", "value": value})

    def _field(self) -> str:
        self._skip()
        found = _FIELD.match(self.text, self.at)
        if not found:
            raise self.error("a condition is missing; write one such as price <= 20")
        self.at = found.end()
        return found[0].strip("`")

    def _operator(self, field: str) -> str:
        self._skip()
        found = _SIGNS.match(self.text, self.at)
        if not found:
            joined = re.search(r"\b(and|or)\b", self.text[: self.at], re.IGNORECASE)
            quotes = "; a value that holds 'and' or 'or' needs quotes" if joined else ""
            raise self.error(
                f"after the field '{field}' comes == != < <= > >= in contains or 'is null'{quotes}"
            )
        if found[0] not in OPERATORS:
            raise self.error(f"there is no '{found[0]}'; it is one of == != < <= > >=")
        self.at = found.end()
        return "==" if found[0] == "=" else found[0]

    def _values(self) -> list[str]:
        """One or more values with commas, in parentheses or brackets if the first sign is one."""
        close = ")" if self._take("(") else "]" if self._take("[") else ""
        found = [self._value(listed=True, close=close)]
        while self._take(","):
            found.append(self._value(listed=True, close=close))
        if close and not self._take(close):
            raise self.error(f"a comma or the closing {close} is missing")
        return found

    def _value(self, *, listed: bool = False, close: str = "") -> str:
        self._skip()
        if self._next() in ("'", '"'):
            return self._quoted()
        value = self.text[self.at : self._bare_end("," if listed else "", close)].rstrip()
        if not value:
            raise self.error("a value is missing")
        self.at += len(value)
        return value

    def _bare_end(self, separator: str, close: str) -> int:
        """Where a value without quotes ends."""
        open_ = 0
        for at in range(self.at, len(self.text)):
            letter = self.text[at]
            if letter == "(":
                open_ += 1
            elif letter == ")" and open_:
                open_ -= 1
            elif letter == ")" or letter in (separator, close):
                return at
            if letter.isspace() and _JOIN.match(self.text, at):
                return at
            if sign := _NOT_IN_A_VALUE.match(self.text, at):
                self.at = at
                raise self.error(
                    f"'{sign[0]}' cannot be part of a value without quotes; join conditions with "
                    "'and' or 'or', or quote the value"
                )
        return len(self.text)

    def _quoted(self) -> str:
        """A value in quotes; those of the other kind inside it are part of it."""
        start, quote = self.at, self.text[self.at]
        found, at = [], self.at + 1
        while at < len(self.text) and self.text[at] != quote:
            if self.text[at] == "\\" and self.text[at + 1 : at + 2] in ("\\", quote):
                at += 1
            found.append(self.text[at])
            at += 1
        if at >= len(self.text):
            self.at = start
            raise self.error("this quote is not closed")
        self.at = at + 1
        return "".join(found)

    def end(self) -> None:
        """Refuse what is left."""
        self._skip()
        if self.at < len(self.text):
            raise self.error("only 'and', 'or' or the end may come here")

    def _take(self, sign: str) -> bool:
        self._skip()
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) if found else 0
        return found

    def _take_word(self, word: str) -> bool:
        """Go on behind a word of the language, whatever its capitals."""
        self._skip()
        found = _WORD.match(self.text, self.at)
        taken = found is not None and found[0].lower() == word
        self.at += len(word) if taken else 0
        return taken

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def error(self, what: str) -> BadSetting:
        """What is wrong, and a mark under the character."""
        before = max(0, self.at - 60)
        shown = " ".join(self.text[before : self.at + 20].splitlines())
        return BadSetting(
            f"the condition '{self.text}' cannot be read at character {self.at + 1}: {what}\n"
            f"  {shown}\n  {' ' * (self.at - before)}^"
        )


def _unless(denied: bool, table: Table) -> Table:
    return {"no": table} if denied else table
