"""A cache of vectors on disk: each encoder encodes a text only once, also across processes."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

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


@dataclass(frozen=True)
class Cached:
    """An encoder with a cache: another encoder encodes each new text once.

    Vectors are rows of an SQLite file, keyed by encoder and SHA-256 of the text, added in
    transactions of `CHUNK` texts: processes may share the file, and one that is killed loses no
    more than the chunk it was at.

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
        try:
            with closing(self._open()) as store:
                known = self._known(store, list(texts_by_key))
                for key, vector in self._encode(store, texts_by_key, known.keys()):
                    known[key] = vector
        except sqlite3.DatabaseError as error:
            raise BadArtifact(
                f"the vectors in {self.file} cannot be used ({error}); check the disk, or remove "
                "the file, then the texts are encoded again"
            ) from None
        sizes = {len(vector) for vector in known.values()}
        if len(sizes) > 1:
            raise BadArtifact(
                f"{self.file} has vectors of several lengths by {self.name}, so the model of that "
                "name has changed; remove the file, then the texts are encoded again"
            )
        size = sizes.pop() if sizes else size
        joined = b"".join(known.get(key, bytes(size)) for key in keys)
        return np.frombuffer(joined, np.float32).reshape(len(texts), size // 4)

    def _open(self) -> sqlite3.Connection:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(self.file, timeout=60)
        store.execute("PRAGMA journal_mode = WAL")
        store.execute(TABLE)
        return store

    def _known(self, store: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), CHUNK):
            chunk = keys[start : start + CHUNK]
            marks = ",".join("?" * len(chunk))
            select = f"SELECT text, vector FROM vectors WHERE encoder = ? AND text IN ({marks})"
            found.update(store.execute(select, (self.name, *chunk)))
        return found

    def _encode(
        self, store: sqlite3.Connection, texts_by_key: Mapping[bytes, str], known: Set[bytes]
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
            with store:
                add = "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)"
                store.executemany(add, ((self.name, *pair) for pair in encoded))
            yield from encoded
