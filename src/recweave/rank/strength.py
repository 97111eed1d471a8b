"""How strong a stage should be: the strength with the best lists on validation."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.errors import BadSetting
from recweave.core.lists import ndcg_of_pairs, pair_keys
from recweave.data.interactions import Histories, Interactions, some_users
from recweave.models.query import Query
from recweave.rank.ranking import Ranking
from recweave.rank.recommend import recommend
from recweave.rank.stages import StageContext

JUDGED_AT = 10
"""Lists are compared by the NDCG of so many items."""


def best_strength(
    context: StageContext,
    strengths: Sequence[float],
    with_strength: Callable[[Ranking], Callable[[float], Ranking]],
    *,
    stage: str,
    depth: int,
    liked: Callable[[Interactions], Bool[Array, " n"]] | None = None,
    users: int | None = None,
) -> float:
    """The strength whose lists have the best mean NDCG@10 on validation; the first of equals.

    Args:
        context: With validation events, and a model that was fitted without them.
        strengths: To try, in order.
        with_strength: Given the model's lists, what makes the stage's lists of each strength.
        stage: What errors call it.
        depth: Items of a list that the stage is given.
        liked: Which validation events count; those of the recipe's `relevant_from`, or all,
            without it.
        users: Users with such events that the lists are made for, at most, drawn by the seed of
            the context; all of them without it.

    Raises:
        BadSetting: if there are no validation events, or none of them counts.
    """
    valid, model = context.valid, context.model
    if model is None or valid is None or not len(valid):
        raise BadSetting(
            f"stage '{stage}': there is no validation part to choose the strength on; give "
            "`strength`, such as the one that a run has chosen"
        )
    least = context.relevant_from
    if least is not None:
        counts = valid.value >= least
    else:
        counts = np.ones(len(valid), bool) if liked is None else liked(valid)
    if not counts.any():
        raise BadSetting(
            f"stage '{stage}': no validation event counts as liked, so no strength can be chosen: "
            f"their values go from {valid.value.min():g} to {valid.value.max():g}; set "
            "`relevant_from` within these"
        )
    wanted = some_users(valid[counts], users, context.options.seed)
    query = Query.before(context.train, wanted)
    base = recommend(model, query, min(depth, context.train.shape[1]), pool=context.pool)
    held_out = Histories.of(wanted, query.user)
    items = held_out.items
    # A list without any of the events has the value 0 at each strength, and a stage may be slow.
    hit = np.isin(_pairs(base.item, items), _relevant(held_out)).any(axis=1)
    rows = np.flatnonzero(hit)
    if not len(rows):
        return strengths[0]
    base, relevant = base.rows(rows), _relevant(held_out.rows(rows))
    made = with_strength(base)
    lists = [made(strength).top(JUDGED_AT) for strength in strengths]
    values = [ndcg_of_pairs(_pairs(r.item, items), relevant, items) for r in lists]
    return strengths[int(np.argmax([value.mean() for value in values]))]


def _pairs(item: Int[Array, "users k"], items: int) -> Int[Array, "users k"]:
    return pair_keys(np.arange(len(item))[:, None], item, items)


def _relevant(held_out: Histories) -> Int[Array, " pairs"]:
    return np.unique(pair_keys(held_out.row_numbers(), held_out.item, held_out.items))
