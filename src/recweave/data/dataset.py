"""A dataset: tables of what people did and wrote and of what a shop shows, kept in one folder."""

import hashlib
import json
import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from recweave.core.atomic import atomic_folder
from recweave.core.errors import BadArtifact, BadInput
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.core.tables import html_table
from recweave.data.frames import to_polars
from recweave.data.impression_log import number_impressions
from recweave.data.impressions import Impressions
from recweave.data.interactions import Clock, Interactions
from recweave.data.order import order_remark
from recweave.data.parts import impression_rule, impression_times, review_rule
from recweave.data.schema import COLUMNS, conform, empty
from recweave.data.split import DROPPED, PARTS, TRAIN, ImpressionParts, Parts, Split, Splitter
from recweave.data.vocabulary import Vocabulary, in_hash_order

_log = logging.getLogger(__name__)

MANIFEST = "dataset.json"
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Dataset:
    """The tables of a dataset as Polars frames; a missing table has no rows.

    Attributes:
        name: What reports call it.
        events, reviews, items, users, links, impressions: See `schema.COLUMNS`.
        source: Where it came from.
        licence: The publisher's terms.
        numbering: How users and items get their rows. "hash" orders ids by a fixed hash, so that
            equal scores, which go by row, never go by the order of a file. "table" takes the order
            of the tables of users and items, as a bundle does, whose model has its rows already.
    """

    name: str
    events: pl.DataFrame = field(default_factory=lambda: empty("events"))
    reviews: pl.DataFrame = field(default_factory=lambda: empty("reviews"))
    items: pl.DataFrame = field(default_factory=lambda: empty("items"))
    users: pl.DataFrame = field(default_factory=lambda: empty("users"))
    links: pl.DataFrame = field(default_factory=lambda: empty("links"))
    impressions: pl.DataFrame = field(default_factory=lambda: empty("impressions"))
    source: str = ""
    licence: str = "not stated"
    numbering: Literal["hash", "table"] = "hash"

    def __post_init__(self) -> None:
        for name in COLUMNS:
            object.__setattr__(self, name, conform(getattr(self, name), name, self.name))

    def __repr__(self) -> str:
        sizes = (f"{len(table):,} {name}" for name, table in self.tables() if len(table))
        return f"<Dataset {self.name}: {', '.join(sizes) or 'empty'}>"

    @classmethod
    def from_frames(
        cls,
        name: str = "data",
        *,
        events: Any = None,
        items: Any = None,
        reviews: Any = None,
        users: Any = None,
        links: Any = None,
        impressions: Any = None,
    ) -> "Dataset":
        """From frames that are at hand: Polars, pandas, mappings of columns, or paths of files.

        Columns are those of `schema.COLUMNS`; ids of any type become strings. Of events, user_id
        and item_id are needed; behavior is `rating` and value is 1 where they are not given.

        Raises:
            BadInput: for something that is no table, or does not fit.
        """
        given = {
            "events": events,
            "items": items,
            "reviews": reviews,
            "users": users,
            "links": links,
            "impressions": impressions,
        }
        frames: dict[str, Any] = {
            table: to_polars(one) for table, one in given.items() if one is not None
        }
        return cls(name, **frames, source="frames")

    def _repr_html_(self) -> str:
        filled = [(name, frame) for name, frame in self.tables() if len(frame)]
        table = {
            "table": [name for name, _ in filled],
            "rows": [len(frame) for _, frame in filled],
            "columns": [", ".join(frame.columns) for _, frame in filled],
        }
        return html_table(pl.DataFrame(table), self.name)

    def tables(self) -> list[tuple[str, pl.DataFrame]]:
        """The tables by name."""
        return [(name, getattr(self, name)) for name in COLUMNS]

    def replace(self, **changes: Any) -> "Dataset":
        """The same dataset with some tables or fields changed."""
        return replace(self, **changes)

    @cached_property
    def user_ids(self) -> Vocabulary:
        """Rows of users: all that are in the table of users, the events or the impressions."""
        return self._number("user", self.users, self.events, self.impressions)

    @cached_property
    def item_ids(self) -> Vocabulary:
        """Rows of items: all that are in the catalogue or the events."""
        return self._number("item", self.items, self.events)

    @cached_property
    def listed_items(self) -> Vocabulary:
        """Lines of the table of items, which is in an order of its own."""
        return Vocabulary("item", self.items["item_id"])

    def _number(self, kind: str, *tables: pl.DataFrame) -> Vocabulary:
        listed = [table[f"{kind}_id"] for table in tables if f"{kind}_id" in table.columns]
        ids = pl.concat(listed)
        if self.numbering == "table":
            return Vocabulary(kind, ids.unique(maintain_order=True))
        return Vocabulary(kind, in_hash_order(ids))

    @cached_property
    def clock(self) -> Clock:
        """What orders the events: seconds, or the source's own order where it has no times.

        Raises:
            BadInput: if only some of the events have a time.
        """
        timed = len(self.events) - self.events["time"].null_count()
        if 0 < timed < len(self.events):
            raise BadInput(
                f"{self.name}: {len(self.events) - timed:,} of {len(self.events):,} events have no "
                "time; drop them (`recweave data check --skip-bad`) or give all an order instead"
            )
        return "seconds" if timed or not len(self.events) else "order"

    @property
    def declares_order(self) -> bool:
        """Whether the source says in which order its events happened, without times."""
        return bool(len(self.events)) and not self.events["order"].null_count()

    def interactions(self) -> Interactions:
        """The events as rows and numbers, in the order of the table.

        Raises:
            BadInput: if there are no events.
        """
        if not len(self.events):
            raise BadInput(f"{self.name}: there are no events to learn from")
        if self.clock == "seconds":
            time = self.events["time"]
        else:
            time = self.events["order"].fill_null(pl.int_range(pl.len()))
        return Interactions(
            user=self.user_ids.rows(self.events["user_id"]),
            item=self.item_ids.rows(self.events["item_id"]),
            behavior=self.events["behavior"].to_physical().cast(pl.Int8).to_numpy(),
            value=self.events["value"].to_numpy(),
            time=time.to_numpy(),
            shape=(len(self.user_ids), len(self.item_ids)),
            clock=self.clock,
        )

    def impression_log(self) -> Impressions:
        """The impressions as rows and numbers (see `number_impressions`)."""
        return number_impressions(self.impressions, self.user_ids, self.item_ids, self.name)

    def split(self, how: Splitter, *, seed: int = 0) -> Split:
        """Every table cut by a splitter: the rows of train, validation and test of each.

        The splitter cuts the events. Reviews follow the events of their user and item
        (`parts.review_rule`), impressions the events of what was clicked in them
        (`parts.impression_rule`) or, with `global_time`, the same moments as the events. A dataset
        of impressions alone is cut as if each impression were one event of its user; its parts of
        events are empty then.

        Args:
            how: The splitter.
            seed: For random splitters.

        Raises:
            BadInput: if there are neither events nor impressions.
            BadSetting: if nothing is left to train or to test on.
        """
        if not len(self.events) and len(self.impressions):
            return self._split_impressions(how, seed)
        log = self.interactions()
        split = how.cut(log, published=self._published(), seed=seed)
        assert split.part is not None
        remark = ""
        if how.holds_out_last:
            remark = order_remark(log, self.item_ids.ids, declared=self.declares_order)
        if remark:
            _log.warning("warning: %s: %s", self.name, remark)
        return replace(
            split,
            remark=remark,
            reviews=review_rule(self.events, split.part, self.reviews),
            impressions=self._impression_parts(how, log, split.part),
        )

    def whole(self) -> Split:
        """Everything to learn from and nothing held out, in every table."""
        return replace(
            Split.whole(self.interactions()),
            reviews=np.full(len(self.reviews), TRAIN, np.int8),
            impressions=np.full(len(self.impressions), TRAIN, np.int8),
        )

    def _impression_parts(self, how: Splitter, log: Interactions, part: Parts) -> ImpressionParts:
        moments = how.moments(log) if len(self.impressions) else None
        if moments is None:
            return impression_rule(self.events, part, self.impressions)
        return impression_times(self.impressions, moments.valid_from, moments.test_from)

    def _split_impressions(self, how: Splitter, seed: int) -> Split:
        """Each impression as one event of its user, all of one item."""
        time = self.impressions["time"]
        timed = not time.null_count()
        count = len(self.impressions)
        shown = Interactions.of(
            self.user_ids.rows(self.impressions["user_id"]),
            np.zeros(count, np.int32),
            time=time.to_numpy() if timed else np.arange(count),
            behavior="impression",
            clock="seconds" if timed else "order",
        )
        cut = how.cut(shown, seed=seed)
        none = replace(shown[:0], shape=(len(self.user_ids), len(self.item_ids)))
        return Split(
            train=none,
            valid=none,
            test=none,
            how=cut.how,
            part=np.empty(0, np.int8),
            between=none,
            reviews=np.full(len(self.reviews), DROPPED, np.int8),
            impressions=cut.part,
        )

    def _published(self) -> Parts:
        codes = self.events["part"].replace_strict(PARTS, default=DROPPED, return_dtype=pl.Int8)
        return np.asarray(codes.to_numpy())

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of every table and of how rows are numbered, the same on every machine."""
        digest = hashlib.sha256(self.numbering.encode())
        for name, table in self.tables():
            digest.update(f"\n{name}\n".encode())
            for part in table.iter_slices(200_000):
                digest.update(part.write_ndjson().encode())
        return digest.hexdigest()[:16]

    def save(self, folder: Path | str) -> None:
        """Write as Parquet files and a manifest; the folder appears whole or not at all.

        Raises:
            BadInput: if the folder exists already.
        """
        with atomic_folder(Path(folder), replace=False) as draft:
            counts = {}
            for name, table in self.tables():
                if len(table):
                    table.write_parquet(draft / f"{name}.parquet")
                    counts[name] = len(table)
            manifest = {
                "format": FORMAT,
                "name": self.name,
                "source": self.source,
                "licence": self.licence,
                "numbering": self.numbering,
                "counts": counts,
                "fingerprint": self.fingerprint,
            }
            (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path | str) -> "Dataset":
        """Read what `save` wrote.

        Raises:
            BadArtifact: if the manifest or a table is missing, broken or not of this format.
        """
        try:
            folder = Path(folder)
            manifest = json.loads((folder / MANIFEST).read_text())
            if manifest["format"] != FORMAT:
                raise BadArtifact(
                    f"{folder} is of format {manifest['format']}, this version reads {FORMAT}; "
                    "read the source again with `recweave data read`"
                )
            tables: dict[str, Any] = {
                name: pl.read_parquet(folder / f"{name}.parquet", glob=False)
                for name in COLUMNS
                if name in manifest["counts"]
            }
            counts = {name: len(table) for name, table in tables.items()}
            if counts != manifest["counts"]:
                raise ValueError(f"it holds {counts} rows instead of {manifest['counts']}")
            about = [str(manifest[key]) for key in ("name", "source", "licence")]
            numbering = manifest.get("numbering", "hash")
            if numbering not in ("hash", "table"):
                raise ValueError(f"its numbering is {numbering!r}")
        except (FileNotFoundError, NotADirectoryError) as error:
            missing = error.filename or error  # Polars puts the name into its message
            raise BadArtifact(f"{folder} is no dataset folder: {missing} is missing") from None
        except (KeyError, TypeError, ValueError, *POLARS_ERRORS) as error:
            raise BadArtifact(
                f"{folder} cannot be read ({error}); "
                "read the source again with `recweave data read`"
            ) from None
        name, source, licence = about
        return cls(name, **tables, source=source, licence=licence, numbering=numbering)
