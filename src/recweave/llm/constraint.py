"""Which tokens keep an answer within its JSON schema: automata of outlines-core.

The automaton of a bounded string has a state for each of its characters, and takes a minute and
gigabytes to make. So strings are unbounded in it, and their characters are counted here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from pydantic import BaseModel

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.extras import require
from recweave.llm.base import json_schema


@dataclass(frozen=True, eq=False)
class TokenTexts:
    """The vocabulary of a tokenizer, as text.

    Attributes:
        tokenizer: Of Hugging Face.
        size: Tokens that the network knows; it may know more than the tokenizer.
    """

    tokenizer: Any
    size: int

    @cached_property
    def text(self) -> list[str]:
        """Of each token; "" if it has none."""
        texts = [""] * self.size
        for token, number in self.tokenizer.get_vocab().items():
            if number < self.size and number not in self.tokenizer.all_special_ids:
                texts[number] = self.tokenizer.convert_tokens_to_string([token])
        return texts

    @cached_property
    def inside(self) -> Int[Array, " tokens"]:
        """Characters that each token adds to a string that is open, at most."""
        return np.array([_inside(text) for text in self.text])

    @cached_property
    def vocabulary(self) -> Any:
        """For outlines-core."""
        core = require("outlines_core", extra="lm")
        by_text: dict[str | bytes, list[int]] = {}
        for number, text in enumerate(self.text):
            if text:
                by_text.setdefault(text, []).append(number)
        return core.Vocabulary(self.tokenizer.eos_token_id, by_text)


def _inside(text: str) -> int:
    position = 0
    while position < len(text) and text[position] != '"':
        position += 2 if text[position] == "\\" else 1
    return min(position, len(text))


class Grammar:
    """A schema as an automaton over tokens; seconds to make.

    Args:
        schema: Of the answer.
        texts: Of the tokens.

    Raises:
        BadSetting: if the schema has what no automaton can check.
    """

    def __init__(self, schema: type[BaseModel], texts: TokenTexts) -> None:
        core = require("outlines_core", extra="lm")
        self._texts = texts
        whole = json_schema(schema)
        self.bounds = {
            name: bound
            for name, form in whole.get("properties", {}).items()
            if (bound := _bound(form, whole)) is not None
        }
        try:
            regex = import_module("outlines_core.json_schema").build_regex_from_schema(
                json.dumps(_unbounded(whole))
            )  # fields in their order
            self._index = core.Index(regex, texts.vocabulary)
        except Exception as error:  # outlines-core has no class of errors of its own
            raise BadSetting(
                f"no answer can be held to {schema.__name__}: {error}; simplify the schema"
            ) from None
        self._allowed: dict[int, Array] = {}
        self.start: int = self._index.get_initial_state()

    def allowed(self, state: int) -> Bool[Array, " tokens"]:
        """The tokens that may follow."""
        if state not in self._allowed:
            mask = np.zeros(self._texts.size, bool)
            mask[self._index.get_allowed_tokens(state) or []] = True
            self._allowed[state] = mask
        return self._allowed[state]

    def after(self, state: int, token: int) -> int:
        """The state after one more token, which must be allowed."""
        following: int | None = self._index.get_next_state(state, token)
        assert following is not None
        return following

    def is_complete(self, state: int) -> bool:
        """Whether the answer is whole, and nothing but its end may follow."""
        return bool(self._index.is_final_state(state) and self.allowed(state).sum() <= 1)

    def begin(self) -> "Constraint":
        """Of one answer."""
        return Constraint(self, self._texts)


class Constraint:
    """What may follow in one answer."""

    def __init__(self, grammar: Grammar, texts: TokenTexts) -> None:
        self._grammar, self._texts = grammar, texts
        self._state = grammar.start
        self._scan = _Scan()

    @property
    def complete(self) -> bool:
        """Whether the answer is whole."""
        return self._grammar.is_complete(self._state)

    def allowed(self) -> Bool[Array, " tokens"]:
        """The tokens that may follow."""
        mask = self._grammar.allowed(self._state)
        bound = self._grammar.bounds.get(self._scan.name)
        if bound is None or not self._scan.in_value:
            return mask
        left = bound - self._scan.characters
        if left >= LONGEST:
            return mask
        short: Array = mask & (self._texts.inside <= max(0, left))
        return short if short.any() else mask

    def advance(self, token: int) -> None:
        """One more token, of those that are allowed."""
        self._state = self._grammar.after(self._state, token)
        self._scan.read(self._texts.text[token])


LONGEST = 64
"""Characters of a token, at most; near the end of a string longer ones are refused anyway."""


class _Scan:
    """Where an answer that is under way has come to.

    Attributes:
        name: The field of the outermost object that is being written.
        characters: Of the string that is open.
        in_value: Whether a string that is no name of a field is open.
    """

    def __init__(self) -> None:
        self.name, self.characters = "", 0
        self._string = self._escaped = False
        self._open: list[str] = []
        self._expects_name = False
        self._written = ""

    @property
    def in_value(self) -> bool:
        return self._string and not self._expects_name

    def read(self, text: str) -> None:
        for letter in text:
            if not self._string:
                self._outside(letter)
            elif self._escaped:
                self._escaped = False
                self._put(letter)
            elif letter == "\\":
                self._escaped = True
            elif letter == '"':
                self._string = False
                if self._expects_name and len(self._open) == 1:
                    self.name = self._written
            else:
                self._put(letter)

    def _put(self, letter: str) -> None:
        self.characters += 1
        if self._expects_name:
            self._written += letter

    def _outside(self, letter: str) -> None:
        if letter == '"':
            self._string, self.characters, self._written = True, 0, ""
        elif letter in "{[":
            self._open.append(letter)
            self._expects_name = letter == "{"
        elif letter in "}]":
            self._open.pop()
            self._expects_name = False
        elif letter == ":":
            self._expects_name = False
        elif letter == ",":
            self._expects_name = self._open[-1] == "{"


def _unbounded(form: Any) -> Any:
    """The schema without bounds on the length of strings."""
    if isinstance(form, Mapping):
        return {
            name: _unbounded(part)
            for name, part in form.items()
            if not (name == "maxLength" and isinstance(part, int))
        }
    return [_unbounded(part) for part in form] if isinstance(form, list) else form


def _bound(form: Any, whole: Mapping[str, Any], depth: int = 0) -> int | None:
    """The smallest bound on the length of a string in a part of a schema."""
    if depth > 8 or not isinstance(form, Mapping | list):
        return None
    if isinstance(form, list):
        found = [_bound(part, whole, depth + 1) for part in form]
    else:
        own = form.get("maxLength")
        reference = str(form.get("$ref", "")).removeprefix("#/$defs/")
        parts = [*form.values(), whole.get("$defs", {}).get(reference)]
        found = [own if isinstance(own, int) else None]
        found += [_bound(part, whole, depth + 1) for part in parts]
    return min((bound for bound in found if bound is not None), default=None)
