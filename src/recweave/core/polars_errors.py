"""What Polars raises when a file or a table is not as it should be."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import RLock

import polars as pl

POLARS_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""For `except`: a panic is no `Exception`, so catching that alone would let it through."""

_ONE_AT_A_TIME = RLock()


@contextmanager
def without_panic_reports() -> Iterator[None]:
    """Keep the reports of panics off stderr, where Rust writes them; all else comes out after.

    A panic is an error like others (see `POLARS_ERRORS`), and its trace says nothing to people.
    """
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
            if text and b"panicked at" not in text:
                os.write(2, text)
