"""Answers, quarantine and ledger in one SQLite file: what was paid for survives a kill.

Each write is one transaction of the write-ahead log, done before the answer is handed on. Several
processes may read at once; a job has the folder to itself (`alone`).
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from recweave.core.errors import BadArtifact, RecweaveError
from recweave.llm.base import (
    Message,
    Quarantined,
    Reply,
    T,
    Usage,
    characters,
    digest,
    task_of,
)
from recweave.llm.tokens import Sums

FILE = "answers.sqlite"
VERSION = 1
ANSWERED = "answered"
OPEN = "open"
"""The outcome of a call that is under way, or whose process was killed."""
TABLES = """
CREATE TABLE answers (
    digest TEXT PRIMARY KEY, value TEXT NOT NULL, model TEXT NOT NULL, at REAL NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE quarantine (
    digest TEXT PRIMARY KEY, reason TEXT NOT NULL, raw TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, digest TEXT NOT NULL, model TEXT NOT NULL,
    task TEXT NOT NULL, characters INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, cost REAL NOT NULL, seconds REAL, outcome TEXT NOT NULL
);
"""


class Store:
    """The file of one folder. Close it, or use it in a `with`.

    Raises:
        BadArtifact: if the file is broken, or of another version of recweave.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = _opened(self.path)
        except (OSError, sqlite3.Error) as error:
            raise BadArtifact(
                f"{self.path} cannot be read or made: {error}; move it away, or choose another "
                "folder"
            ) from None

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other jobs out of the folder; a killed one lets go by dying.

        Raises:
            RecweaveError: if another job has it.
        """
        lock = sqlite3.connect(self.path.with_name("job.lock"), timeout=0, isolation_level=None)
        with closing(lock):
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                raise RecweaveError(
                    f"another job is at work in {self.path.parent}; wait for it, or choose another "
                    "folder"
                ) from None
            yield

    def answer(self, address: str, schema: type[T]) -> Reply[T] | None:
        """The stored answer, if there is one.

        Raises:
            BadArtifact: if it no longer fits its schema (a validator was changed).
        """
        row = self._one(
            "SELECT value, prompt_tokens, completion_tokens, cost FROM answers WHERE digest = ?",
            address,
        )
        if row is None:
            return None
        try:
            return Reply(schema.model_validate_json(row[0]), Usage(*row[1:]), cached=True)
        except ValidationError:
            raise BadArtifact(
                f"{self.path}: the stored answer {address} is not {schema.__name__} any more; "
                "rename the class or choose another folder"
            ) from None

    def quarantined(self, address: str) -> Quarantined | None:
        """Why this has no answer, if it was set aside."""
        row = self._one("SELECT reason, raw FROM quarantine WHERE digest = ?", address)
        return None if row is None else Quarantined(*row)

    def settled(self, address: str) -> bool:
        """Whether there is an answer."""
        return self._one("SELECT 1 FROM answers WHERE digest = ?", address) is not None

    def keep(self, address: str, model: str, reply: Reply[Any]) -> None:
        """Store an answer; it leaves the quarantine."""
        value = reply.value.model_dump_json(by_alias=True, round_trip=True)
        with self._durably():
            self._do(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (address, value, model, time.time(), *astuple(reply.usage)),
            )
            self._do("DELETE FROM quarantine WHERE digest = ?", (address,))

    def set_aside(self, address: str, reason: str, raw: str = "") -> None:
        """Put a request, or a line of a file, into quarantine."""
        self._do(
            "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)",
            (address, _storable(reason), _storable(raw), time.time()),
        )

    def begin(
        self, model: str, messages: Sequence[Message], schema: type[BaseModel], expected: Usage
    ) -> int:
        """Enter a call before it is made, with what it will take as far as one knows; its row."""
        asked = digest(model, messages, schema), model, task_of(schema), characters(messages)
        written = self._do(
            "INSERT INTO ledger VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            (time.time(), *asked, *astuple(expected), OPEN),
        )
        return int(written.lastrowid or 0)

    def settle(self, row: int, usage: Usage, seconds: float, outcome: str) -> None:
        """Complete a call's row."""
        self._do(
            "UPDATE ledger SET prompt_tokens = ?, completion_tokens = ?, cost = ?, seconds = ?, "
            "outcome = ? WHERE id = ?",
            (*astuple(usage), seconds, _storable(outcome), row),
        )

    def spent(self) -> tuple[int, Usage]:
        """Calls, and what they took; those that a kill left open at what was expected of them."""
        row = self._one(
            "SELECT count(*), coalesce(sum(prompt_tokens), 0), "
            "coalesce(sum(completion_tokens), 0), coalesce(sum(cost), 0.0) FROM ledger"
        )
        assert row is not None
        return row[0], Usage(*row[1:])

    def counts(self) -> dict[str, int]:
        """Rows of each table."""
        tables = ("answers", "quarantine", "ledger")
        rows = [self._one(f"SELECT count(*) FROM {table}") for table in tables]
        return {table: row[0] for table, row in zip(tables, rows, strict=True) if row}

    def seen(self, model: str) -> list[tuple[str, Sums]]:
        """What calls of a model took, by task; only those for which the server reported usage."""
        rows = self._do(
            "SELECT task, count(*), sum(outcome = ?), sum(characters), sum(prompt_tokens), "
            "sum(1.0 * characters * characters), sum(1.0 * characters * prompt_tokens), "
            "sum(completion_tokens) FROM ledger "
            "WHERE model = ? AND prompt_tokens > 0 AND outcome != ? GROUP BY task",
            (ANSWERED, model, OPEN),
        )
        return [(task, Sums(*sums)) for task, *sums in rows]

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._do(query, values).fetchone()
        return row

    def _do(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise RecweaveError(
                f"{self.path}: {error}; what was stored before is safe, mend that and run again"
            ) from None

    @contextmanager
    def _durably(self) -> Iterator[None]:
        """One transaction that is on the disk, with all before it, when this is left.

        The others survive a kill but wait for this one to survive a power cut: one sync a call.
        """
        self._do("PRAGMA synchronous = FULL")
        self._do("BEGIN IMMEDIATE")
        try:
            yield
            self._do("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.rollback()
            raise
        finally:
            self._do("PRAGMA synchronous = NORMAL")


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to the file, its tables made if it is new.

    It is used by one thread at a time: the caller's before and after a job, the loop's during it.
    """
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise BadArtifact(
                f"{path} is of version {version} and this recweave reads {VERSION}; choose another "
                "folder"
            )
        if version == 0:
            for statement in TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _storable(text: str) -> str:
    """Without halves of characters, which JSON can hold and UTF-8 can't."""
    return text.encode(errors="replace").decode()
