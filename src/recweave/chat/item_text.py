"""An item in plain sentences, of nothing but what the catalogue and the log hold."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from recweave.core.arrays import Array
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.data.schema import BEHAVIORS

DID = {
    "view": "viewed it",
    "click": "clicked it",
    "favorite": "liked it",
    "cart": "put it in the cart",
    "purchase": "bought it",
    "rating": "rated it",
}
"""Behaviours that say something of an item; being shown does not."""


def describe_item(
    dataset: Dataset,
    train: Interactions,
    item: int,
    vectors: Float[Array, "items dim"] | None = None,
    most: int = 3,
) -> str:
    """An item in sentences: what it is, who likes it, what goes with it. No model of language.

    Every statement is a field of the catalogue, a count over `train`, or the order of cosines of
    the learned vectors; what is not known is left out. The same arguments give the same text.

    Args:
        dataset: Whose catalogue.
        train: Whose people are counted, each once.
        item: Its row.
        vectors: Learned ones of the items (see `learned_vectors`); without them, or where the
            item's is zero, nothing is said of what goes with it.
        most: How many other items are named.
    """
    sentences = [
        _what(dataset, item),
        *_who(train, item),
        *_used_together(dataset, train, item, most),
    ]
    if vectors is not None and vectors[item].any():
        near = _names(dataset, nearest_items(vectors, item, most).tolist())
        sentences.append(f"People's behaviour puts it next to {_listed(near)}.")
    return " ".join(sentences)


def nearest_items(vectors: Float[Array, "items dim"], item: int, k: int) -> Int[Array, " k"]:
    """The items whose vectors point most the same way, best first, ties by row; zeros are not."""
    length = np.linalg.norm(vectors, axis=1)
    cosine = vectors @ vectors[item] / np.maximum(length, 1e-9)
    cosine[(length == 0) | (np.arange(len(length)) == item)] = -np.inf
    order = np.argsort(-cosine, kind="stable")[:k]
    return np.asarray(order[np.isfinite(cosine[order])])


def _what(dataset: Dataset, item: int) -> str:
    """Title, brand, categories and price, of what there is."""
    item_id = dataset.item_ids.ids[item]
    lines = dataset.items.filter(pl.col("item_id") == item_id).to_dicts()
    line = lines[0] if lines else {}
    text = _one_line(line.get("title")) or item_id
    if brand := _one_line(line.get("brand")):
        text += f", by {brand}"
    if categories := [name for part in line.get("categories") or [] if (name := _one_line(part))]:
        text += f", in {' > '.join(categories)}"
    if (price := line.get("price")) is not None:
        text += f", for {price:.2f}"
    return f"{text}."


def _who(train: Interactions, item: int) -> list[str]:
    """How many people did what with it, and how they rated it."""
    mine = train.item == item
    said = []
    for code, name in enumerate(BEHAVIORS):
        some = mine & (train.behavior == code)
        if name in DID and some.any():
            said.append(f"{_people(len(np.unique(train.user[some])))} {DID[name]}")
            if name == "rating" and len(np.unique(train.value)) > 1:
                said[-1] += f" ({train.value[some].mean():.1f} on average)"
    return [f"{_listed(said)}."] if said else ["Nobody had to do with it yet."]


def _used_together(dataset: Dataset, train: Interactions, item: int, most: int) -> list[str]:
    """What else at least two of its people had to do with."""
    people = np.unique(train.user[train.item == item])
    some = np.isin(train.user, people) & (train.item != item)
    pairs = np.unique(np.stack([train.user[some], train.item[some]]), axis=1)
    count = np.bincount(pairs[1], minlength=train.shape[1])
    order = [i for i in np.argsort(-count, kind="stable")[:most].tolist() if count[i] > 1]
    if not order:
        return []
    names = zip(count[order].tolist(), _names(dataset, order), strict=True)
    parts = [f"{number:,} also with {name}" for number, name in names]
    return [f"Of {_people(len(people))} who had to do with it, {_listed(parts)}."]


def _names(dataset: Dataset, items: Sequence[int]) -> list[str]:
    ids = dataset.item_ids.names(np.asarray(items, np.int64))
    title = dict(dataset.items.select("item_id", "title").iter_rows())
    return [_one_line(title.get(item_id)) or item_id for item_id in ids]


def _one_line(text: object) -> str:
    return "" if text is None else " ".join(str(text).split())


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _listed(parts: Sequence[str]) -> str:
    """a; b and c: titles hold commas of their own."""
    *first, last = parts
    return f"{'; '.join(first)} and {last}" if first else last
