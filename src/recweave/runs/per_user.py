"""Every user's own values, with their id: for tests and plots of one's own."""

import polars as pl

from recweave.runs.summary import Summary


def per_user(run: Summary, user_ids: pl.Series) -> pl.DataFrame:
    """A line for each row and user with held-out events, rows in the recipe's order.

    Columns: row, user_id, the counts and metrics of `Report.per_user`; values are means over seeds
    and folds. A metric that a row does not have is null, one that is not defined for a user is NaN.

    Args:
        run: What was found.
        user_ids: The dataset's ids, by row.
    """
    tables = [
        row.report.per_user.select(
            pl.lit(row.name).alias("row"),
            user_ids.gather(row.report.per_user["user"]).alias("user_id"),
            pl.exclude("user"),
        )
        for row in run.rows
    ]
    return pl.concat(tables, how="diagonal_relaxed")
