"""A few users of a run: what they did, what they would be shown next, and why."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from recweave.bundle import Bundle
from recweave.data.schema import BEHAVIORS
from recweave.rank.explain import DID, Explanation, moved

SHORT, LONG = 4, 40
"""Lengths of history among which users are picked: enough for reasons, and readable."""


@dataclass(frozen=True)
class Shown:
    """An item of a history or a list.

    Attributes:
        item_id, title: The item; the title is its id where the catalogue has none.
        text: Of a history: what the user did with it ("bought"). Of a list: why it is there.
        image: The item's first image, a path or an address; "" without one.
    """

    item_id: str
    title: str
    text: str
    image: str = ""


@dataclass(frozen=True)
class Person:
    """A user with the newest items of the history, newest first, and the list, best first."""

    user_id: str
    events: int
    history: tuple[Shown, ...]
    recommended: tuple[Shown, ...]


def people(bundle: Bundle, count: int = 3, *, recent: int = 5, k: int = 5) -> list[Person]:
    """Some users of a bundle, picked by a hash of their ids, so that nobody can pick nice ones.

    Users with 4 to 40 events come first, then the others; users without events are left out.

    Args:
        bundle: What answers.
        count: How many users.
        recent: How many items of the history are named.
        k: Length of the lists.
    """
    lengths = bundle.histories.lengths
    ids = bundle.dataset.user_ids.ids
    usual = np.flatnonzero((lengths >= SHORT) & (lengths <= LONG))
    found = usual if len(usual) >= count else np.flatnonzero(lengths > 0)
    by_hash = sorted(found.tolist(), key=lambda row: hashlib.sha256(ids[row].encode()).digest())
    return [_person(bundle, row, recent, k) for row in by_hash[:count]]


def because(bundle: Bundle, one: Explanation) -> str:
    """Why an item is in a list, as a shop would say it: "Because you bought X and viewed Y"."""
    if one.basis == "everybody":
        return "Because many users chose it"
    if not one.because:
        return "No item of the history explains it"
    if one.basis == "likeness":
        similar = " and ".join(_title(bundle, b.item) for b in one.because[:2])
        return f"Because it is similar to {similar}"
    verbs = dict.fromkeys(b.behavior for b in one.because[:2])
    parts = [
        DID[verb].format(
            " and ".join(_title(bundle, b.item) for b in one.because[:2] if b.behavior == verb)
        )
        for verb in verbs
    ]
    return f"Because you {' and '.join(parts)}"


def _reason(bundle: Bundle, one: Explanation) -> str:
    """Why the model chose an item, and what the stages that give reasons did to it."""
    stages = [moved(move, partial(_title, bundle)) for move in one.moves if move.reasons]
    return "; ".join([because(bundle, one), *stages])


def _person(bundle: Bundle, row: int, recent: int, k: int) -> Person:
    user_id = bundle.dataset.user_ids.ids[row]
    listed = bundle.explanations(user_id, k)
    inside = slice(*bundle.histories.start[row : row + 2])
    items = bundle.histories.item[inside][::-1].tolist()
    codes = bundle.histories.behavior[inside][::-1].tolist()
    return Person(
        user_id=user_id,
        events=len(items),
        history=_recent(bundle, items, codes, recent),
        recommended=tuple(_shown(bundle, one.item, _reason(bundle, one)) for one in listed),
    )


def _recent(
    bundle: Bundle, items: Sequence[int], codes: Sequence[int], count: int
) -> tuple[Shown, ...]:
    """The newest different items, each with the strongest thing done with it."""
    strongest: dict[int, int] = {}
    for item, code in zip(items, codes, strict=True):
        strongest[item] = max(strongest.get(item, 0), code)
    newest = list(strongest.items())[:count]
    return tuple(_shown(bundle, item, _verb(BEHAVIORS[code])) for item, code in newest)


def _verb(behavior: str) -> str:
    """What the user did, without the item: "bought", "put in the cart"."""
    return " ".join(DID[behavior].format("").split())


def _shown(bundle: Bundle, item: int, text: str) -> Shown:
    return Shown(
        bundle.dataset.item_ids.ids[item], _title(bundle, item), text, _image(bundle, item)
    )


def _title(bundle: Bundle, item: int) -> str:
    item_id = bundle.dataset.item_ids.ids[item]
    return bundle.title(item_id) or item_id


def _image(bundle: Bundle, item: int) -> str:
    table = bundle.dataset.items
    if "images" not in table.columns or item >= len(table):
        return ""
    images = table["images"][item]
    return str(images[0]) if images is not None and len(images) else ""
