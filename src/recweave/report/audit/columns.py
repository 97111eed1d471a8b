"""Every number, flag, word and order that a run has of its items, as columns of numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import polars as pl
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.errors import RecweaveError
from recweave.data.split import TEST, VALID
from recweave.encode.features import AnyFeature, CategoricalFeature, EventFeature, TextFeature
from recweave.experiment.features import make_features
from recweave.features import FeatureContext
from recweave.rank.business import BoostRecipe, ExcludeRecipe, PinRecipe
from recweave.rank.stages import StageContext, StageRecipe
from recweave.report.audit.case import Case, is_plug_in
from recweave.report.audit.finding import Finding
from recweave.report.audit.written import Texts, all_texts

FEWEST = 10
"""A word or a flag of fewer items is not looked at, nor one that fewer lack."""
WORDS = 60
"""The commonest words of each column of texts."""
DIMENSIONS = 64
"""The first ones of a feature's vectors."""
DECIDED = (BoostRecipe, ExcludeRecipe, PinRecipe)
"""Stages that do what the recipe file says of items; the others count train's events."""


@dataclass(frozen=True, eq=False)
class Column:
    """A number for each item.

    Attributes:
        where: What it is.
        values: No gaps.
        features, stages: Of the run, that read it.
        read: Whether anything of the run may read it.
        remedy: What to do if it knows held-out events.
    """

    where: str
    values: Float[Array, " items"]
    features: tuple[str, ...] = ()
    stages: tuple[tuple[str, int], ...] = ()
    read: bool = True
    remedy: str = "make it from the training part alone, or take it out of the data, and run again"

    def example(self, case: Case, part: str) -> str:
        """Held-out events of the tenth of the items with the highest, or lowest, values."""
        items = case.split.train.shape[1]
        counts = np.bincount(case.pairs[TEST if part == "test" else VALID] % items, minlength=items)
        sign = 1 if np.corrcoef(self.values, counts)[0, 1] >= 0 else -1
        top = np.argsort(-sign * self.values, kind="stable")[: max(1, items // 10)]
        end = "highest" if sign > 0 else "lowest"
        return (
            f"the tenth of the items with the {end} values has {counts[top].mean():.2f} {part} "
            f"events each, all items have {counts.mean():.2f}"
        )


def all_columns(case: Case) -> list[Column]:
    """Columns that vary, of every source."""
    sources = (_order, _numbers, _words, _stage_columns, _feature_columns)
    found = (column for source in sources for column in source(case))
    return [column for column in found if np.ptp(column.values) > 0]


def _order(case: Case) -> Iterator[Column]:
    """The items' rows, the order of their table, and numbers in their ids.

    Rows are read by whatever breaks ties. They do not follow the table, unless the dataset is
    numbered by it, so the table's order and the ids can only be read by other packages.
    """
    remedy = (
        "put the items in an order that knows no held-out events, and give them ids that say "
        'nothing, or number the rows by a hash (Dataset numbering = "hash"); then run again'
    )
    dataset = case.dataset
    count = len(dataset.item_ids)
    yield Column("the order of the items", np.arange(count, dtype=float), remedy=remedy)
    plug_ins = case.has_plug_ins
    if dataset.numbering == "hash" and len(dataset.items) == count:
        lines = dataset.listed_items.rows(dataset.item_ids.ids).astype(float)
        yield Column("the order of the table of items", lines, read=plug_ins, remedy=remedy)
    number = dataset.item_ids.ids.str.extract(r"(\d{1,15})$").cast(pl.Float64)
    if not number.null_count():
        values = number.to_numpy()
        yield Column("the numbers in the items' ids", values, read=plug_ins, remedy=remedy)


def _numbers(case: Case) -> Iterator[Column]:
    """Numbers, flags and dates of the items' table; texts that are numbers; and what is missing."""
    table, ids = case.dataset.items, case.dataset.item_ids
    rows = ids.rows(table["item_id"]) if len(table) else np.empty(0, np.int64)
    for name in table.columns:
        given = _as_number(table[name])
        if name == "item_id" or given is None:
            continue
        values = np.full(len(ids), np.nan)
        values[rows] = given.fill_null(np.nan).to_numpy()
        missing = ~np.isfinite(values)
        if missing.all():
            continue
        read = _read_by(case, name)
        filled = np.where(missing, np.median(values[~missing]), values)
        yield Column(f"the column '{name}' of the items", filled, *read)
        if FEWEST <= missing.sum() <= len(ids) - FEWEST:
            yield Column(f"which items lack '{name}'", missing.astype(float), *read)


def _read_by(case: Case, column: str) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...], bool]:
    return case.features_reading(column), case.stages_reading(column), case.is_read(column)


def _as_number(column: pl.Series) -> pl.Series | None:
    """A column as numbers; None if most of its values are none."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64)
    if column.dtype.is_temporal():
        return column.to_physical().cast(pl.Float64)
    if column.dtype == pl.String:
        there = len(column) - column.null_count()
        number = column.cast(pl.Float64, strict=False)
        if there and len(number) - number.null_count() >= 0.9 * there:
            return number
    return None


def _words(case: Case) -> Iterator[Column]:
    """The number of words of each text, and which texts hold one of the commonest words."""
    items = case.split.train.shape[1]
    for texts in all_texts(case):
        if texts.of != "item":
            continue
        read = (texts.features, texts.stages, texts.read)
        words = _words_of(texts)
        count = np.bincount(words["row"].to_numpy(), minlength=items).astype(float)
        yield Column(f"the number of words in {texts.where}", count, *read)
        once = words.unique()
        common = (
            once.group_by("word")
            .len()
            .filter(pl.col("len").is_between(FEWEST, items - FEWEST))
            .sort(["len", "word"], descending=[True, False])
            .head(WORDS)
        )
        rows_of_words = once.join(common, on="word").group_by("word").agg("row").sort("word")
        for word, rows in rows_of_words.iter_rows():
            flag = np.zeros(items)
            flag[rows] = 1
            yield Column(f"the word '{word}' in {texts.where}", flag, *read)


def _words_of(texts: Texts) -> pl.DataFrame:
    table = pl.DataFrame({"row": texts.row, "word": texts.text.str.to_lowercase()})
    split = table.with_columns(pl.col("word").str.extract_all(r"\w+"))
    return split.explode("word").drop_nulls()


def _stage_columns(case: Case) -> Iterator[Column]:
    """What stages that the recipe file decides on, or of another package, hold of each item."""
    remedy = "choose what it moves by train, or by what was known before the held-out events"
    for row, position, stage in _examined_stages(case):
        try:
            arrays = _item_arrays(case, stage)
        except RecweaveError:
            continue  # `unreadable_stages` says so
        for values in arrays:
            where = f"stage {position + 1} ({stage.kind_name()}) of '{row}'"
            yield Column(where, values, stages=((row, position),), remedy=remedy)


def unreadable_stages(case: Case) -> Iterator[Finding]:
    """Stages of other packages that cannot be looked at, as they hold no numbers of items."""
    for row, position, stage in _examined_stages(case):
        try:
            arrays = _item_arrays(case, stage)
        except RecweaveError:
            arrays = []
        if not arrays:
            yield Finding(
                check="held-out popularity",
                level="unverified",
                where=f"stage {position + 1} ({stage.kind_name()}) of '{row}'",
                what="it is of another package and holds no numbers of items that could be "
                "compared with the held-out events",
                count=1,
                remedy="give it as a dataclass whose fields are arrays over the items",
                stages=((row, position),),
            )


def _examined_stages(case: Case) -> Iterator[tuple[str, int, StageRecipe]]:
    for row, position, stage in case.stages():
        if isinstance(stage, DECIDED) or is_plug_in(stage):
            yield row, position, stage


def _item_arrays(case: Case, stage: StageRecipe) -> list[Float[Array, " items"]]:
    context = StageContext(
        dataset=case.dataset,
        train=case.split.train,
        valid=case.split.valid,
        base_dir=case.base_dir,
    )
    fitted = stage.fit(context)
    items = case.split.train.shape[1]
    if not is_dataclass(fitted):
        return []
    values = (getattr(fitted, one.name) for one in fields(fitted))
    arrays = [one for one in values if isinstance(one, np.ndarray) and one.shape == (items,)]
    # A position or group of -1 is none at all, so whether an item has one is a column of its own.
    known = [one >= 0 for one in arrays if one.dtype.kind == "i"]
    return [one.astype(float) for one in (*arrays, *known)]


def _feature_columns(case: Case) -> Iterator[Column]:
    """The vectors of items that features of other packages make."""
    specs = case.summary.experiment.features
    if not any(is_plug_in(spec) for spec in specs.values()):
        return
    context = FeatureContext(case.dataset, case.split, base_dir=case.base_dir)
    needed = _needed(case)
    features, _ = make_features({name: specs[name] for name in specs if name in needed}, context)
    for name, feature in features.items():
        if name in specs and is_plug_in(specs[name]):
            yield from _dimensions(name, feature)


def _needed(case: Case) -> set[str]:
    """Features of other packages, and those that they are made from."""
    specs = case.summary.experiment.features
    found = {name for name, spec in specs.items() if is_plug_in(spec)}
    for name in reversed(list(specs)):
        if name in found:
            found |= set(specs[name].made_from())
    return found


def _dimensions(name: str, feature: AnyFeature) -> Iterator[Column]:
    if isinstance(feature, TextFeature):
        return  # it has no numbers
    if isinstance(feature, CategoricalFeature):
        feature = feature.one_hot()
    whole = feature.whole if isinstance(feature, EventFeature) else feature
    if whole.of != "item":
        return
    for at, values in enumerate(whole.vectors.T[:DIMENSIONS]):
        where = f"column {at + 1} of the feature '{name}'"
        yield Column(where, values.astype(float), features=(name,))
