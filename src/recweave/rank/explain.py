"""Why an item is in a list, and at its place: what the history adds, and which stage moved it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from recweave.core.arrays import Array, Csr, unit_rows
from recweave.data.dataset import Dataset
from recweave.data.interactions import Histories
from recweave.data.schema import BEHAVIORS
from recweave.models.base import Explaining, Model
from recweave.models.blend import Blend
from recweave.models.kinds import Factors, ItemScores
from recweave.models.reasons import in_lines, no_lines
from recweave.rank.ranking import Ranking, Stage
from recweave.rank.rules import item_table

DID = {
    "impression": "were shown {}",
    "view": "viewed {}",
    "click": "clicked {}",
    "favorite": "liked {}",
    "cart": "put {} in the cart",
    "purchase": "bought {}",
    "rating": "rated {}",
}

Basis = Literal["history", "likeness", "everybody", "unknown"]
"""What an item's score rests on.

history: The sum of what the items of the history add.
likeness: The history, in a way that cannot be shared out; the items of it most like this one are
    named instead.
everybody: The item's own standing, the same for all askers.
unknown: This kind of model gives no reasons item by item.
"""


@dataclass(frozen=True)
class Because:
    """An item of the history that speaks for an item of the list.

    Attributes:
        item: Its row.
        behavior: The strongest thing that the asker did with it.
        share: Of all that the history adds to the score; these sum to 1 over a whole history and
            may be negative. Where the basis is likeness, the cosine of the two items' vectors.
    """

    item: int
    behavior: str
    share: float


@dataclass(frozen=True)
class Move:
    """From which place to which a stage moved an item; places count from 1."""

    stage: str
    before: int
    after: int


@dataclass(frozen=True)
class Explanation:
    """Why an item is in a list.

    Attributes:
        item: Its row.
        place: In the list, from 1.
        score: What the model gave it, before any stage.
        standing: Its place among all items by that score, from 1.
        basis: What the score rests on.
        because: What speaks for it most, strongest first.
        moves: The stages that changed its place, in order.
    """

    item: int
    place: int
    score: float
    standing: int
    basis: Basis
    because: tuple[Because, ...]
    moves: tuple[Move, ...]


def explain(
    model: Model, ranking: Ranking, *, stages: Sequence[Stage] = (), k: int = 10, most: int = 3
) -> list[list[Explanation]]:
    """Why each item is in the lists: one explanation for each place that holds an item.

    Meant for a few askers: it scores the catalogue for all of them at once.

    Args:
        model: What made the ranking.
        ranking: What `recommend` gave without stages.
        stages: Applied here one by one, to see what each of them does.
        k: How many items of each final list are explained.
        most: How many items of the history are named for each.
    """
    trace = [ranking]
    for stage in stages:
        trace.append(stage(trace[-1]))
    names = [name_of(stage) for stage in stages]
    final = trace[-1].top(k)
    scores = model.scores(ranking.query)
    basis, lines = _reasons(model, final)
    explained = []
    for row, items in enumerate(final.item):
        strongest = _strongest(ranking.query.history, row)
        made = []
        for place, item in enumerate(items[items >= 0].tolist()):
            made.append(
                Explanation(
                    item=item,
                    place=place + 1,
                    score=float(scores[row, item]),
                    standing=_standing(scores[row], item),
                    basis=basis[row],
                    because=_because(lines, row * final.k + place, basis[row], strongest, most),
                    moves=_moves(item, [step.item[row] for step in trace], names),
                )
            )
        explained.append(made)
    return explained


def tell(explanations: Sequence[Explanation], dataset: Dataset) -> list[str]:
    """The explanations of one list in words, a line for each item."""
    titles, ids = item_table(dataset)["title"], dataset.item_ids.ids

    def name(item: int) -> str:
        return f"{titles[item]} ({ids[item]})" if titles[item] else str(ids[item])

    told = []
    for e in explanations:
        why = [_why(e, name, len(ids)), *(_moved(move) for move in e.moves)]
        told.append(f"{e.place}. {name(e.item)}: {'; '.join(why)}")
    return told


def name_of(stage: Stage) -> str:
    """What explanations call a stage: its `label`, else its own name."""
    return str(
        getattr(stage, "label", None) or getattr(stage, "__name__", None) or type(stage).__name__
    )


def _reasons(model: Model, ranking: Ranking) -> tuple[list[Basis], Csr]:
    """What each asker's scores rest on, and a line of parts for each of their items."""
    query, item = ranking.query, ranking.item
    nothing = no_lines(query.history.items, item)
    if isinstance(model, ItemScores):
        return ["everybody"] * len(query), nothing
    parts = [member for member, _ in model.asked] if isinstance(model, Blend) else [model]
    if not isinstance(model, Explaining) or not any(isinstance(p, Explaining) for p in parts):
        return ["unknown"] * len(query), nothing
    lines = model.reasons(query, item)
    if not isinstance(model, Factors) or model.weight:
        return ["history"] * len(query), lines
    # A vector that was learned and is kept cannot be shared out: its lines hold zeros alone.
    lines.eliminate_zeros()
    learned = np.diff(lines.indptr).reshape(item.shape).sum(axis=1) == 0
    alike = _likeness(model, query.history, np.where(learned[:, None], item, -1))
    return ["likeness" if kept else "history" for kept in learned], lines + alike


def _likeness(model: Factors, history: Histories, item: Int[Array, "batch k"]) -> Csr:
    """Cosines between the vectors of the items in the histories and of those in the lists."""
    unit = unit_rows(model.item)
    seen = history.matrix()
    return in_lines(
        seen, item, lambda entry, of: np.einsum("nd,nd->n", unit[seen.indices[entry]], unit[of])
    )


def _because(
    lines: Csr, line: int, basis: Basis, strongest: dict[int, str], most: int
) -> tuple[Because, ...]:
    inside = slice(lines.indptr[line], lines.indptr[line + 1])
    item, part = lines.indices[inside], lines.data[inside].astype(np.float64)
    whole = part.sum() if basis == "history" else 1.0
    if whole <= 0:
        return ()
    order = np.lexsort((item, -part))[:most]
    return tuple(
        Because(int(item[n]), strongest[int(item[n])], float(part[n] / whole))
        for n in order
        if part[n] > 0
    )


def _strongest(history: Histories, row: int) -> dict[int, str]:
    """The strongest behaviour towards each item of a history."""
    inside = slice(history.start[row], history.start[row + 1])
    found: dict[int, int] = {}
    for item, code in zip(history.item[inside], history.behavior[inside], strict=True):
        found[int(item)] = max(found.get(int(item), 0), int(code))
    return {item: BEHAVIORS[code] for item, code in found.items()}


def _standing(scores: Float[Array, " items"], item: int) -> int:
    """The item's place among all, from 1; ties by item row."""
    before = np.count_nonzero(scores[:item] >= scores[item])
    return int(1 + before + np.count_nonzero(scores[item + 1 :] > scores[item]))


def _moves(item: int, trace: Sequence[Int[Array, " k"]], names: Sequence[str]) -> tuple[Move, ...]:
    places = [int(np.flatnonzero(items == item)[0]) + 1 for items in trace]
    steps = zip(names, places, places[1:], strict=False)
    return tuple(Move(name, before, after) for name, before, after in steps if before != after)


def _why(e: Explanation, name: Callable[[int], str], items: int) -> str:
    if e.basis == "everybody":
        return f"number {e.standing:,} of {items:,} for everybody"
    if e.basis == "unknown":
        return "this kind of model gives no reasons item by item"
    if not e.because:
        return "nothing in the history speaks for it"
    if e.basis == "likeness":
        like = [f"{name(b.item)} ({b.share:.2f}), which you {_did(b, '')}" for b in e.because]
        return f"because it is like {_and(like)}"
    return f"because you {_and([f'{_did(b, name(b.item))} ({b.share:.0%})' for b in e.because])}"


def _did(because: Because, what: str) -> str:
    return " ".join(DID[because.behavior].format(what).split())


def _moved(move: Move) -> str:
    way = "up" if move.after < move.before else "down"
    return f"moved {way} from {move.before} to {move.after} by {move.stage}"


def _and(parts: Sequence[str]) -> str:
    """
    >>> _and(["a", "b", "c"])
    'a, b and c'
    """
    *head, last = parts
    return f"{', '.join(head)} and {last}" if head else last
