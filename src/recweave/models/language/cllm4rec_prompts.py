"""The documents of CLLM4Rec: histories, prompts that recommend, texts, and groups of items."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.encode.features import TextFeature
from recweave.models.language.documents import Documents, Ragged, concatenate
from recweave.models.language.soft_tokens import SoftTokenizer

HISTORY = " has interacted with"
SEPARATOR = ","
NEXT = " will interact with"
REVIEW = "user_0 wrote the following review for item_0:"
FIELD = "The {} of item_0 is:"
GROUPS = {
    "brand": ("These items", " have the same brand:"),
    "categories": ("These items", " are all in the category:"),
}
LEVELS = " > "
"""What separates the categories of an item in its text."""
LARGEST = 20
"""Items of a document of a group; a larger group gives several."""
ROOM = 8
"""Tokens of the context that stay free of items, beside the words of a prompt."""


@dataclass(frozen=True, eq=False)
class Prompts:
    """Makes documents.

    Attributes:
        tokens: The tokenizer.
        length: Items of a document at most; longer histories are cut into chunks.
        max_words: Words of a text that are learned.
    """

    tokens: SoftTokenizer
    length: int
    max_words: int

    @classmethod
    def of(cls, tokens: SoftTokenizer, length: int, max_words: int, context: int) -> "Prompts":
        """Check that the documents fit into the context of the language model.

        Raises:
            BadSetting: naming the setting that is too large.
        """
        words = len(tokens.encode(HISTORY + SEPARATOR + NEXT)) + 2
        for name, value in (("length", length), ("max_words", max_words)):
            if words + ROOM + value > context:
                raise BadSetting(
                    f"{name} is {value}, but the language model reads {context} tokens, and the "
                    f"words of a prompt are {words}; set {name} to at most "
                    f"{max(context - words - ROOM, 0)}"
                )
        return cls(tokens, length, max_words)

    def histories(
        self,
        items: Ragged,
        user: Int[Array, " rows"],
        named: Bool[Array, " rows"],
        *,
        predict_first: bool,
    ) -> Documents:
        """`user_i has interacted with item_a item_b …`, of which the items are predicted.

        Args:
            items: The items of each history, in the order of the document.
            user: The user of each history.
            named: Whether the user's token is there.
            predict_first: Whether the first item is predicted too.
        """
        cut, owner = items.chunks(self.length)
        users = Ragged.optional(self.tokens.user(user[owner]), named[owner])
        words = Ragged.alike(self.tokens.encode(HISTORY), len(owner))
        main = Ragged(self.tokens.item(cut.value), cut.start)
        first = users.lengths + words.lengths + (0 if predict_first else 1)
        return Documents(concatenate(users, words, main), first, owner)

    def recommending(
        self,
        items: Ragged,
        user: Int[Array, " rows"],
        named: Bool[Array, " rows"],
    ) -> Documents:
        """`user_i has interacted with item_a …, user_i will interact with`; nothing is predicted.

        The newest items are read if there are more than `length`.
        """
        read = items.newest(self.length)
        users = Ragged.optional(self.tokens.user(user), named)
        count = len(items)
        whole = concatenate(
            users,
            Ragged.alike(self.tokens.encode(HISTORY), count),
            Ragged(self.tokens.item(read.value), read.start),
            Ragged.alike(self.tokens.encode(SEPARATOR), count),
            users,
            Ragged.alike(self.tokens.encode(NEXT), count),
        )
        return Documents(whole, whole.lengths, np.arange(count))

    def texts(self, texts: TextFeature) -> tuple[Documents, Ragged]:
        """`The title of item_j is: …` and the like, of which the words are predicted.

        Returns the documents, and the items of each (one).
        """
        parts, items = [], []
        for kind in texts.kinds:
            rows = texts.of_kind(kind)
            if not len(rows):
                continue
            reviews = (texts.user[rows] >= 0).all()
            ids = np.array(self.tokens.encode(REVIEW if reviews else FIELD.format(kind)))
            prompt = np.tile(ids, (len(rows), 1))
            if reviews:
                prompt[:, ids == self.tokens.user(np.array(0))] = self.tokens.user(
                    texts.user[rows]
                )[:, None]
            prompt[:, ids == self.tokens.item(np.array(0))] = self.tokens.item(texts.item[rows])[
                :, None
            ]
            words = self._words([texts.text[row] for row in rows.tolist()])
            lengths = np.full(len(rows), len(ids))
            whole = concatenate(Ragged.of(prompt.ravel(), lengths), words)
            parts.append((whole, lengths))
            items.append(texts.item[rows])
        item = np.concatenate(items)
        return _joined(parts), Ragged.of(item, np.ones(len(item), np.int64))

    def groups(self, texts: TextFeature) -> tuple[Documents, Ragged]:
        """`These items item_a item_b … have the same brand: …`, and the same of categories.

        Returns the documents, and the items of each. A group of one item gives none.
        """
        parts, items = [], []
        for kind, (before, after) in GROUPS.items():
            names, members = _members(texts, kind)
            if not names:
                continue
            cut, owner = members.chunks(LARGEST)
            words = self._words([names[group] for group in owner.tolist()])
            start = Ragged.alike(self.tokens.encode(before), len(owner))
            end = Ragged.alike(self.tokens.encode(after), len(owner))
            main = Ragged(self.tokens.item(cut.value), cut.start)
            first = start.lengths + main.lengths + end.lengths
            parts.append((concatenate(start, main, end, words), first))
            items.append(cut)
        if not parts:
            raise BadSetting(
                "second_order: no two items share a brand or a category; set it to false"
            )
        lengths = np.concatenate([part.lengths for part in items])
        return _joined(parts), Ragged.of(np.concatenate([p.value for p in items]), lengths)

    def _words(self, texts: list[str]) -> Ragged:
        """The first words of each text, and the end token of those that are not cut."""
        ends = [
            [*ids, self.tokens.end] for ids in self.tokens.encode_words([f" {t}" for t in texts])
        ]
        return Ragged.from_lists([ids[: self.max_words] for ids in ends])


def group_numbers(texts: TextFeature | None, items: int) -> Int[Array, "items two"]:
    """Number of each item's brand and of its most specific category; -1 for none."""
    numbers = np.full((items, 2), -1, np.int32)
    for column, kind in enumerate(GROUPS if texts is not None else ()):
        assert texts is not None
        rows = texts.of_kind(kind)
        names = [texts.text[row].split(LEVELS)[-1] for row in rows.tolist()]
        if names:
            numbers[texts.item[rows], column] = np.unique(names, return_inverse=True)[1]
    return numbers


def _members(texts: TextFeature, kind: str) -> tuple[list[str], Ragged]:
    """Names of the groups with at least two items, and these items."""
    rows = texts.of_kind(kind).tolist()
    apart = [
        texts.text[row].split(LEVELS) if kind == "categories" else [texts.text[row]] for row in rows
    ]
    names, inverse = np.unique(list(chain.from_iterable(apart)), return_inverse=True)
    item = np.repeat(texts.item[rows], [len(one) for one in apart]) if rows else np.zeros(0, int)
    pairs = np.unique(np.stack([inverse, item], 1), axis=0) if rows else np.zeros((0, 2), int)
    members = Ragged.of(pairs[:, 1], np.bincount(pairs[:, 0], minlength=len(names)))
    several = np.flatnonzero(members.lengths > 1)
    return [str(names[one]) for one in several], members.take(several)


def _joined(parts: list[tuple[Ragged, Int[Array, " _"]]]) -> Documents:
    """Documents one after another, each the owner of its own relations."""
    lengths = np.concatenate([whole.lengths for whole, _ in parts])
    value = np.concatenate([whole.value for whole, _ in parts])
    first = np.concatenate([first for _, first in parts])
    return Documents(Ragged.of(value, lengths), first, np.arange(len(lengths)))
