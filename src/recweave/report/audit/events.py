"""Whether the vector of a training event was made from that very event."""

import numpy as np
import polars as pl
from jaxtyping import Int

from recweave.core.arrays import Array
from recweave.data.dataset import Dataset
from recweave.data.parts import PAIR

KEY = ["line", "row"]


def reads_itself(
    behind: pl.DataFrame,
    table: str,
    whole: pl.DataFrame,
    dataset: Dataset,
    train: Int[Array, " events"],
) -> Int[Array, " rows"]:
    """Rows of a table that a training event's own vector was made from and that belong to it.

    An event's own rows are the event itself, or the reviews of its user and item.

    Args:
        behind: The provenance of one feature of events.
        table: The table that is looked at: events or reviews.
        whole: Those lines of `behind` that say what whole vectors were made from in this table.
        dataset: Whose rows.
        train: Rows of the training events.
    """
    events = _own(table, dataset, train).join(_map(behind, "entity_of", "entity"), on="event")
    events = events.join(_map(behind, "variant_of", "variant"), on="event", how="left")
    of_table = behind.filter(pl.col("table") == table)
    # Only rows that had a part in the whole vector can be in a variant.
    bound = events.join(whole.select(KEY), left_on=["entity", "row"], right_on=KEY, how="semi")
    has_variant = bound.filter(pl.col("variant").is_not_null())
    left_out = of_table.filter(pl.col("part") == "left_out").select(KEY)
    used = of_table.filter(pl.col("part") == "variant").select(KEY)
    own = ["variant", "row"]
    # A feature says of each table what its variants were made from, or what they leave out; one
    # that says neither is taken to leave out nothing.
    if len(used):
        caught = has_variant.join(used, left_on=own, right_on=KEY, how="semi")
    else:
        caught = has_variant.join(left_out, left_on=own, right_on=KEY, how="anti")
    whole_one = bound.filter(pl.col("variant").is_null())
    found = pl.concat([caught["row"], whole_one["row"]]).unique().sort()
    return np.asarray(found.cast(pl.Int64).to_numpy())


def _own(table: str, dataset: Dataset, train: Int[Array, " events"]) -> pl.DataFrame:
    """The rows of a table that belong to each training event."""
    event = pl.Series("event", train, dtype=pl.UInt32)
    if table == "events":
        return pl.DataFrame({"event": event, "row": event})
    pairs = dataset.events[train].select(PAIR).with_columns(event)
    reviews = dataset.reviews.select(PAIR).with_row_index("row")
    return pairs.join(reviews, on=PAIR).select("event", pl.col("row").cast(pl.UInt32))


def _map(behind: pl.DataFrame, part: str, called: str) -> pl.DataFrame:
    """What each event has, of one part of the provenance."""
    return behind.filter(pl.col("part") == part).select(
        event=pl.col("row"), **{called: pl.col("line")}
    )
