"""Why an item is in a list, and at its rank: what the history adds, and which stage moved it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.data.dataset import Dataset
from recweave.data.interactions import Histories
from recweave.data.schema import BEHAVIORS
from recweave.models.base import Basis, Model
from recweave.models.query import Query
from recweave.rank.ranking import Ranking, Stage, stage_label
from recweave.rank.reasons import Reasoned, Reasons, StageReason, and_
from recweave.rank.rules import item_table

TRIED = 50
"""Items of a history that are left out in turn, where a model gives no reasons of its own."""

DID = {
    "impression": "were shown {}",
    "view": "viewed {}",
    "click": "clicked {}",
    "favorite": "liked {}",
    "cart": "put {} in the cart",
    "purchase": "bought {}",
    "rating": "rated {}",
}


@dataclass(frozen=True)
class Because:
    """An item of the history that supports an item of the list.

    Attributes:
        item: Its row.
        behavior: The strongest behaviour of the user towards it.
        share: Its part of all that supports the item, in (0, 1]; the shares of all supporting
            items of the history sum to 1. What counts against the item is left out. Where the basis
            is "likeness", the cosine of the two items' vectors instead.
    """

    item: int
    behavior: str
    share: float


@dataclass(frozen=True)
class Move:
    """From which rank to which a stage moved an item; ranks count from 1.

    Attributes:
        stage: What the stage is called.
        before, after: Equal where the stage kept an item that it has reasons for.
        reasons: What the stage says of it, strongest first; None if the stage gives no reasons.
    """

    stage: str
    before: int
    after: int
    reasons: tuple[StageReason, ...] | None = None


@dataclass(frozen=True)
class Explanation:
    """Why an item is in a list.

    Attributes:
        item: Its row.
        rank: In the list, from 1.
        score: What the model gave it, before any stage.
        catalogue_rank: Its rank among all items by that score, from 1.
        basis: What the score rests on.
        because: The items of the history that support it most, strongest first.
        moves: The stages that changed its rank, or have reasons to keep it, in order.
    """

    item: int
    rank: int
    score: float
    catalogue_rank: int
    basis: Basis
    because: tuple[Because, ...]
    moves: tuple[Move, ...]


def explain(
    model: Model, ranking: Ranking, *, stages: Sequence[Stage] = (), k: int = 10, most: int = 3
) -> list[list[Explanation]]:
    """Why each item is in the lists: one explanation for each item of each list.

    Meant for a few users: it scores the catalogue for all of them at once. Where a model gives no
    reasons of its own, the history is tried without each of its items, which works for every kind
    of model; one that does not react to the history has no reasons.

    Args:
        model: The model of the ranking.
        ranking: The result of `recommend` without stages.
        stages: Applied here one by one, to see what each of them does.
        k: How many items of each final list are explained.
        most: How many items of the history are named for each.
    """
    trace = [ranking]
    for stage in stages:
        trace.append(stage(trace[-1]))
    final = trace[-1].top(k)
    steps = [
        (stage_label(stage), before.item, after.item, _stage_reasons(stage, before, final))
        for stage, before, after in zip(stages, trace, trace[1:], strict=False)
    ]
    scores = model.scores(ranking.query)
    basis, lines = _reasons(model, final)
    explained = []
    for row, items in enumerate(final.item):
        strongest = _strongest(ranking.query.history, row)
        explanations = []
        for position, item in enumerate(items[items >= 0].tolist()):
            line = row * final.k + position
            explanations.append(
                Explanation(
                    item=item,
                    rank=position + 1,
                    score=float(scores[row, item]),
                    catalogue_rank=_rank_of(scores[row], item),
                    basis=basis[row],
                    because=_because(lines, line, basis[row], strongest, most),
                    moves=tuple(_moves(item, row, position, steps)),
                )
            )
        explained.append(explanations)
    return explained


def sentences(explanations: Sequence[Explanation], dataset: Dataset) -> list[str]:
    """The explanations of one list in words, a line for each item."""
    titles, ids = item_table(dataset)["title"], dataset.item_ids.ids

    def name(item: int) -> str:
        return f"{titles[item]} ({ids[item]})" if titles[item] else str(ids[item])

    lines = []
    for e in explanations:
        why = [_why(e, name, len(ids)), *(moved(move, name) for move in e.moves)]
        lines.append(f"{e.rank}. {name(e.item)}: {'; '.join(why)}")
    return lines


def _reasons(model: Model, ranking: Ranking) -> tuple[list[Basis], Csr]:
    """What each user's scores rest on, and a line of parts for each of their items."""
    query, item = ranking.query, ranking.item
    basis = model.basis(query)
    lines = model.reasons(query, item)
    similar = np.array([one == "likeness" for one in basis], bool)
    if similar.any():
        lines = lines + model.likeness(query, np.where(similar[:, None], item, -1))
    for row in (row for row, one in enumerate(basis) if one == "unknown"):
        effect = _by_leaving_out(model, query, row, item)
        if effect.nnz:
            basis[row] = "history"
            lines = lines + effect
    return basis, lines


def _by_leaving_out(model: Model, query: Query, user: int, item: Int[Array, "users k"]) -> Csr:
    """How much lower one user's scores are without each item of the history; a line as above.

    Only the `TRIED` items that were used last are left out in turn, as each asks the model again.
    """
    one, listed = query.rows(np.array([user])), item[user : user + 1]
    whole = model.score(one, listed)[0]
    lines = sparse.lil_array((item.size, query.history.items), dtype=np.float32)
    for left_out in list(dict.fromkeys(one.history.item[::-1].tolist()))[:TRIED]:
        rest = one.history.only(one.history.item != left_out)
        without = model.score(Query(one.user, rest, one.now), listed)[0]
        finite = np.isfinite(whole) & np.isfinite(without)
        for position in np.flatnonzero(finite & (whole != without)).tolist():
            lines[user * item.shape[1] + position, left_out] = whole[position] - without[position]
    return lines.tocsr()


def _because(
    lines: Csr, line: int, basis: Basis, strongest: dict[int, str], most: int
) -> tuple[Because, ...]:
    inside = slice(lines.indptr[line], lines.indptr[line + 1])
    item, part = lines.indices[inside], lines.data[inside].astype(np.float64)
    item, part = item[part > 0], part[part > 0]
    # Not the sum of all parts: with parts against the item it can be near 0, or below.
    whole = part.sum() if basis == "history" else 1.0
    return tuple(
        Because(int(item[n]), strongest[int(item[n])], float(part[n] / whole))
        for n in np.lexsort((item, -part))[:most]
    )


def _strongest(history: Histories, row: int) -> dict[int, str]:
    """The strongest behaviour towards each item of a history."""
    inside = slice(history.start[row], history.start[row + 1])
    found: dict[int, int] = {}
    for item, code in zip(history.item[inside], history.behavior[inside], strict=True):
        found[int(item)] = max(found.get(int(item), 0), int(code))
    return {item: BEHAVIORS[code] for item, code in found.items()}


def _rank_of(scores: Float[Array, " items"], item: int) -> int:
    """The item's rank among all, from 1; ties by item row."""
    before = np.count_nonzero(scores[:item] >= scores[item])
    return int(1 + before + np.count_nonzero(scores[item + 1 :] > scores[item]))


_Step = tuple[str, Int[Array, "users k"], Int[Array, "users k"], Reasons | None]
"""A stage: its name, the lists before and after it, and its reasons for the final items."""


def _stage_reasons(stage: Stage, before: Ranking, final: Ranking) -> Reasons | None:
    return stage.reasons(before, final.item) if isinstance(stage, Reasoned) else None


def _moves(item: int, row: int, position: int, steps: Sequence[_Step]) -> Iterator[Move]:
    for name, before, after, reasons in steps:
        ranks = [int(np.flatnonzero(items[row] == item)[0]) + 1 for items in (before, after)]
        given = None if reasons is None else tuple(reasons[row][position])
        if ranks[0] != ranks[1] or any(reason.value > 0 for reason in given or ()):
            yield Move(name, ranks[0], ranks[1], given)


def _why(e: Explanation, name: Callable[[int], str], items: int) -> str:
    if e.basis == "everybody":
        return f"number {e.catalogue_rank:,} of {items:,} for everybody"
    if e.basis == "unknown":
        return "this model does not use the history item by item"
    if not e.because:
        return "nothing in the history supports it"
    if e.basis == "likeness":
        like = [f"{name(b.item)} ({b.share:.2f}), which you {_did(b, '')}" for b in e.because]
        return f"because it is like {and_(like)}"
    return f"because you {and_([f'{_did(b, name(b.item))} ({b.share:.0%})' for b in e.because])}"


def _did(because: Because, what: str) -> str:
    return " ".join(DID[because.behavior].format(what).split())


def moved(move: Move, name: Callable[[int], str]) -> str:
    """What a stage did to an item, and why, as a part of a sentence.

    Args:
        move: By one stage.
        name: What an item (a row) is called.
    """
    up = move.after <= move.before
    if move.after == move.before:
        said = f"kept at {move.after} by {move.stage}"
    else:
        way = "up" if up else "down"
        said = f"moved {way} from {move.before} to {move.after} by {move.stage}"
    if move.reasons is None:
        return said
    fitting = [reason.in_words(name) for reason in move.reasons if (reason.value > 0) == up]
    return f"{said}: {'; '.join(fitting)}" if fitting else f"{said}, as other items moved"
