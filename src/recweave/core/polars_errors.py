"""What Polars raises when a file or a table is not as it should be."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import RLock

import polars as pl

POLARS_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""For `except`: a panic is no `Exception`, so catching that alone would let it through."""

_ONE_AT_A_TIME = RLock()
_PANIC = re.compile(rb"\n?thread [^\n]* panicked at .*?(?:note: run with [^\n]*\n|\Z)", re.DOTALL)


@contextmanager
def without_panic_reports() -> Iterator[None]:
    """Keep the reports of panics off stderr, where Rust writes them; all else comes out after.

    A panic is an error like others (see `POLARS_ERRORS`), and its trace says nothing to people.
    """
    if not _has_stderr():
        yield
        return
    with _ONE_AT_A_TIME, TemporaryFile() as caught:
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            os.dup2(caught.fileno(), 2)
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            text = caught.read()
            if others := _PANIC.sub(b"", text):
                os.write(2, others)


def _has_stderr() -> bool:
    """Whether there is one: a service may have closed it."""
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None
