"""Words as pretrained vectors, for networks that read texts word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadInput, BadSetting
from recweave.encode.minilm import MiniLM

MINILM = "minilm"
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, eq=False)
class Ragged:
    """The words of texts, one text after the other.

    Attributes:
        start: Text r's words are `start[r]` to `start[r + 1]`, without the last.
        word: Rows of the table of words.
    """

    start: Int[Array, " texts_and_one"]
    word: Int[Array, " words"]

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]]) -> "Ragged":
        """From a list of words of each text."""
        start = np.concatenate([[0], np.cumsum([len(words) for words in texts])]).astype(np.int64)
        flat = [word for words in texts for word in words]
        return cls(start, np.array(flat, np.int32))

    @property
    def lengths(self) -> Int[Array, " texts"]:
        """Number of words of each text."""
        return np.diff(self.start)

    def rows(self, rows: Int[Array, " n"]) -> "Ragged":
        """Some of the texts, in the order asked."""
        size = self.lengths[rows]
        start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        at = np.arange(start[-1]) + np.repeat(self.start[rows] - start[:-1], size)
        return Ragged(start, self.word[at])


@runtime_checkable
class WordTable(Protocol):
    """A table of words with a vector each."""

    @property
    def name(self) -> str:
        """What it is, with a hash of its content."""

    @property
    def vectors(self) -> Float[Array, "words dim"]:
        """The vectors."""

    def read(self, texts: Sequence[str], most: int) -> Ragged:
        """The first `most` words of each text; words without a vector are left out."""


@dataclass(frozen=True, eq=False)
class MiniLMWords:
    """The 30,522 word pieces of MiniLM's package, 384 numbers each (see `MiniLM`)."""

    model: MiniLM = field(default_factory=lambda: MiniLM("fp32"))

    @property
    def name(self) -> str:
        """See `WordTable.name`."""
        return f"{self.model.name}/words"

    @property
    def vectors(self) -> Float[Array, "words dim"]:
        """See `WordTable.vectors`."""
        return self.model.word_vectors()

    def read(self, texts: Sequence[str], most: int) -> Ragged:
        """See `WordTable.read`."""
        return Ragged.of([words[:most] for words in self.model.words(texts)])


@dataclass(frozen=True, eq=False)
class GloVeWords:
    """A file of word vectors as GloVe's: a word and its numbers on each line, separated by blanks.

    Texts are cut into words and marks, in small letters if the file has no capital ones.

    Attributes:
        file: The file's content is `name`'s hash.
        row: The row of each word.
        vectors: Of each word.
        digest: Hash of the file.
    """

    file: str
    row: dict[str, int]
    vectors: Float[Array, "words dim"]
    digest: str

    @classmethod
    def load(cls, file: Path) -> "GloVeWords":
        """Read a file.

        Raises:
            BadInput: naming the line that is no word with numbers, or has another number of them.
        """
        row: dict[str, int] = {}
        vectors: list[Array] = []
        digest = sha256()
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                digest.update(line)
                word, _, numbers = line.decode("utf-8", "replace").rstrip().partition(" ")
                try:
                    vector = np.array(numbers.split(" "), np.float32)
                except ValueError:
                    raise BadInput(f"{file}:{number}: is not a word and its numbers") from None
                if vectors and len(vector) != len(vectors[0]):
                    raise BadInput(
                        f"{file}:{number}: has {len(vector)} numbers, and the first line "
                        f"{len(vectors[0])}; get the file again"
                    )
                if not np.isfinite(vector).all():
                    raise BadInput(f"{file}:{number}: has a number that is not finite")
                if word not in row:
                    row[word] = len(vectors)
                    vectors.append(vector)
        if not vectors:
            raise BadInput(f"{file}: holds no words")
        return cls(str(file), row, np.stack(vectors), digest.hexdigest())

    @property
    def name(self) -> str:
        """See `WordTable.name`."""
        return f"words-{self.digest[:8]}"

    def read(self, texts: Sequence[str], most: int) -> Ragged:
        """See `WordTable.read`."""
        small = all(word == word.lower() for word in self.row)
        found = []
        for text in texts:
            words = _WORD.findall(text.lower() if small else text)
            found.append([self.row[word] for word in words if word in self.row][:most])
        return Ragged.of(found)


def word_table(name: str) -> WordTable:
    """A table by name: `minilm`, or the path of a file of word vectors as GloVe's.

    Raises:
        BadSetting: if there is no such file.
        BadInput: if the file cannot be read.
        MissingExtra: if the package of MiniLM is not installed.
    """
    if name == MINILM:
        return MiniLMWords()
    file = Path(name).expanduser()
    if not file.is_file():
        raise BadSetting(
            f"words = '{name}': there is no such file; give '{MINILM}', or a file with a word and "
            "its numbers on each line, as glove.6B.300d.txt"
        )
    return GloVeWords.load(file)
