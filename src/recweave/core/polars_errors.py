"""What Polars raises when a file or a table is not as it should be."""

import polars as pl

POLARS_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""For `except`: a panic is no `Exception`, so catching that alone would let it through."""
