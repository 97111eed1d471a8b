"""A cache on disk: each text or picture is encoded once, also across processes."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import BadArtifact
from recweave.core.memory import require_memory
from recweave.core.progress import track
from recweave.encode.encoder import TextEncoder

CHUNK = 512
"""Texts encoded between two commits; an interrupted process loses at most these."""

TABLE = """CREATE TABLE IF NOT EXISTS vectors (
    encoder TEXT NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (encoder, text)
) WITHOUT ROWID"""


class CacheFile:
    """Vectors or captions in an SQLite file, by what made them and SHA-256 of the text or picture.

    Processes may share the file, and one that is killed loses no more than what it had not added.
    Within `with`, an error of the database is raised as BadArtifact.

    Attributes:
        file: Created with its folder when first needed.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> "CacheFile":
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._store = sqlite3.connect(self.file, timeout=60)
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.execute(TABLE)
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise self._unusable(error) from None

    def get(self, encoder: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is there, as bytes; of vectors those of float32."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), CHUNK):
            asked = keys[start : start + CHUNK]
            marks = ",".join("?" * len(asked))
            select = f"SELECT text, vector FROM vectors WHERE encoder = ? AND text IN ({marks})"
            found.update(self._store.execute(select, (encoder, *asked)))
        return found

    def add(self, encoder: str, vectors: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep vectors or captions by their keys, in one transaction."""
        with self._store:
            add = "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)"
            self._store.executemany(add, ((encoder, *pair) for pair in vectors))

    def check_lengths(self, encoder: str, vectors: Iterable[bytes]) -> None:
        """Make sure that an encoder's vectors have one length.

        Raises:
            BadArtifact: if they do not.
        """
        if len({len(vector) for vector in vectors}) > 1:
            raise BadArtifact(
                f"{self.file} has vectors of several lengths by {encoder}, so the model of that "
                "name has changed; remove the file, then the vectors are made again"
            )

    def _unusable(self, error: sqlite3.DatabaseError) -> BadArtifact:
        return BadArtifact(
            f"{self.file} cannot be used ({error}); check the disk, or remove the file, then what "
            "was in it is made again"
        )


@dataclass(frozen=True)
class Cached:
    """An encoder with a cache: another encoder encodes each new text once.

    Vectors are kept in a `CacheFile`, in transactions of `CHUNK` texts.

    Attributes:
        encoder: Encodes the texts that are not in the cache.
        file: Created with its folder when first needed.
    """

    encoder: TextEncoder
    file: Path

    @property
    def name(self) -> str:
        """See `TextEncoder.name`."""
        return self.encoder.name

    @property
    def dim(self) -> int | None:
        """See `TextEncoder.dim`."""
        return self.encoder.dim

    def encode(self, texts: Sequence[str]) -> Float[Array, "texts dim"]:
        """See `TextEncoder.encode`."""
        size = 4 * (self.dim or 0)
        advice = "encode fewer texts at a time"
        require_memory(2 * size * len(texts), f"vectors of {len(texts):,} texts", advice)
        keys = [sha256(text.encode()).digest() for text in texts]
        texts_by_key = {key: text for key, text in zip(keys, texts, strict=True) if text.strip()}
        with CacheFile(self.file) as store:
            known = store.get(self.name, list(texts_by_key))
            known.update(self._encode(store, texts_by_key, known.keys()))
            store.check_lengths(self.name, known.values())
        size = len(next(iter(known.values()))) if known else size
        joined = b"".join(known.get(key, bytes(size)) for key in keys)
        return np.frombuffer(joined, np.float32).reshape(len(texts), size // 4)

    def _encode(
        self, store: CacheFile, texts_by_key: Mapping[bytes, str], known: Set[bytes]
    ) -> Iterator[tuple[bytes, bytes]]:
        """Vectors of the texts that are not known, stored by chunks.

        Long texts come first, so that the texts of a chunk are of about one length.
        """
        missing = sorted(
            texts_by_key.keys() - known, key=lambda key: (-len(texts_by_key[key]), key)
        )
        remaining = track(missing, f"encoding with {self.name}", len(missing))
        while chunk := list(islice(remaining, CHUNK)):
            vectors = self.encoder.encode([texts_by_key[key] for key in chunk])
            encoded = [(key, row.tobytes()) for key, row in zip(chunk, vectors, strict=True)]
            store.add(self.name, encoded)
            yield from encoded
