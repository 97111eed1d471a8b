"""Similar items (item-to-item): by behaviour, or by text and other features."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from recweave.bundle.base import BundleBase
from recweave.bundle.ids import text_ids
from recweave.bundle.lists import Recommendations
from recweave.core.arrays import Array, unit_rows
from recweave.core.errors import BadSetting, did_you_mean
from recweave.core.lists import top_k_visible, writable
from recweave.core.progress import track
from recweave.data.interactions import Histories, behavior_code
from recweave.encode.features import IMAGES
from recweave.models.base import DotProduct
from recweave.models.query import Query
from recweave.rank.rules import Rule

BATCH = 1024
"""Items whose neighbours are found at a time, at most."""
CELLS = 2**25
"""Scores in memory at a time, if the catalogue is large: 128 MiB."""

BEHAVIOUR, TEXT, LOOK = "behaviour", "text", "look"

NUMBERS = ("numbers/", "categories/", "objects/", "random/")
"""What the encoders of vectors begin with that are neither of texts nor of pictures."""


def similar(
    bundle: BundleBase,
    items: Sequence[str],
    k: int = 10,
    *,
    by: str = BEHAVIOUR,
    where: Sequence[Rule | str] = (),
) -> Recommendations:
    """The items most like each of some items, never the item itself.

    Args:
        bundle: Whose catalogue.
        items: Their ids.
        k: How many for each; fewer where fewer have anything in common with it.
        by: "behaviour": the cosine of the model's item vectors, or for models without them the
            scores of a user whose history is that item. Else the name of a feature, "text" for
            the first feature of a text encoder, or "look" for the first of an image encoder: the
            cosine of its vectors. Of several, "text+look", the mean of their cosines.
        where: Conditions on item fields, all of which must hold.

    Raises:
        UnknownId: for an item that is not in the catalogue.
        BadSetting: if there is no such feature, an item has no vector, an id is not text, or k is
            below 1.
    """
    parts = list(similar_batches(bundle, items, k, by=by, where=where))
    return Recommendations(pl.concat(parts), bundle.titles)


def similar_batches(
    bundle: BundleBase,
    items: Sequence[str] | None,
    k: int = 10,
    *,
    by: str = BEHAVIOUR,
    where: Sequence[Rule | str] = (),
) -> Iterator[pl.DataFrame]:
    """The same, at most a thousand items at a time; all items of the catalogue for None.

    Columns: item_id (asked about), similar_id, rank, score, source.
    """
    if k < 1:
        raise BadSetting(f"k is {k}; it must be 1 or more")
    ids = bundle.dataset.item_ids
    given = None if items is None else text_ids("item", items)
    rows = np.arange(len(ids)) if given is None else np.array([ids.row(item) for item in given])
    measure = _measure(bundle, by, None if given is None else rows)
    allow = bundle.allowed(where)
    size = max(1, min(BATCH, CELLS // max(1, bundle.log.shape[1])))
    total = -(-len(rows) // size)
    parts = (rows[first : first + size] for first in range(0, len(rows), size))
    for part in track(parts, f"similar items by {by}", total=total):
        yield _neighbours(bundle, part, measure(part), k, by, allow)


class _ByVectors:
    """Cosines of vectors; of several kinds the mean, in which a missing vector counts as 0."""

    def __init__(self, *vectors: Float[Array, "items dim"]) -> None:
        self.units = [unit_rows(one) for one in vectors]

    def __call__(self, rows: Int[Array, " rows"]) -> Float[Array, "rows items"]:
        cosines = sum(unit[rows] @ unit.T for unit in self.units)
        return np.asarray(cosines / np.float32(len(self.units)))


class _ByScores:
    """The model's scores for a user whose history is the item."""

    def __init__(self, bundle: BundleBase) -> None:
        self.bundle = bundle

    def __call__(self, rows: Int[Array, " rows"]) -> Float[Array, "rows items"]:
        bundle, count = self.bundle, len(rows)
        now = bundle.last_time + 1
        history = Histories(
            start=np.arange(count + 1),
            item=rows.astype(np.int32),
            behavior=np.full(count, behavior_code(bundle.default_behavior), np.int8),
            value=np.full(count, bundle.default_value, np.float32),
            time=np.full(count, now, np.int64),
            items=bundle.log.shape[1],
        )
        query = Query(np.full(count, -1, np.int32), history, np.full(count, now + 1, np.int64))
        return bundle.model.scores(query)


def _measure(bundle: BundleBase, by: str, rows: Array | None) -> "_ByVectors | _ByScores":
    if by == BEHAVIOUR:
        model = bundle.model
        return _ByVectors(model.item) if isinstance(model, DotProduct) else _ByScores(bundle)
    parts = [by] if by in bundle.features else [part.strip() for part in by.split("+")]
    features = [bundle.features[named_feature(bundle, part)] for part in parts]
    for part, feature in zip(parts, features, strict=True):
        if rows is not None and not feature.present[rows].all():
            item = bundle.dataset.item_ids.ids[int(rows[~feature.present[rows]][0])]
            raise BadSetting(f"item '{item}' has no {part}, so nothing is like it by that")
    return _ByVectors(*(feature.vectors for feature in features))


def named_feature(bundle: BundleBase, by: str) -> str:
    """The name of the feature that items are compared by; see `similar`.

    Raises:
        BadSetting: if there is none.
    """
    if by in (TEXT, LOOK) and by not in bundle.features:
        return _first_feature(bundle, by)
    if by not in bundle.features:
        known = dict.fromkeys((BEHAVIOUR, TEXT, LOOK, *bundle.features))
        raise BadSetting(f"items cannot be compared by '{by}'; {did_you_mean(by, known)}")
    return by


def _first_feature(bundle: BundleBase, by: str) -> str:
    """The first feature of a text encoder, or of an image encoder."""
    for name, feature in bundle.features.items():
        if by == LOOK and feature.encoder.startswith(IMAGES):
            return name
        if by == TEXT and not feature.encoder.startswith((*NUMBERS, IMAGES)):
            return name
    kind, words = ("images", "pictures") if by == LOOK else ("items", "texts")
    raise BadSetting(
        f"the bundle {bundle.name} has no feature of {words}; add a table [features.{by}] with "
        f'kind = "{kind}" to the recipe and fit it again'
    )


def _neighbours(
    bundle: BundleBase,
    rows: Int[Array, " rows"],
    scores: Float[Array, "rows items"],
    k: int,
    by: str,
    allow: Bool[Array, " items"] | None,
) -> pl.DataFrame:
    scores = writable(scores)
    scores[scores == 0] = -np.inf  # nothing in common
    if allow is not None:
        scores[:, ~allow] = -np.inf
    itself = np.arange(len(rows)), rows
    item, score = top_k_visible(scores, itself, min(k, scores.shape[1]))
    row, position = np.nonzero(item >= 0)
    ids = bundle.dataset.item_ids.ids
    source = bundle.name if by == BEHAVIOUR else by
    return pl.DataFrame(
        {
            "item_id": ids.gather(rows[row]),
            "similar_id": ids.gather(item[row, position]),
            "rank": pl.Series(position + 1, dtype=pl.Int32),
            "score": score[row, position],
            "source": pl.repeat(source, len(row), eager=True),
        }
    )
