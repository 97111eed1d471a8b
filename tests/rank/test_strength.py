"""The strength of a stage is the one with the best lists on validation."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.models.kinds import ItemScores
from recweave.models.query import Query
from recweave.models.training import Options
from recweave.rank.popularity import PopularityRecipe, PopularityWeight
from recweave.rank.recommend import recommend
from recweave.rank.stages import StageContext
from recweave.rank.strength import best_strength

USERS, ITEMS = 30, 40
STRENGTHS = (-2.0, 0.0, 2.0)


@pytest.fixture
def context():
    """Item i has as many events in train as i says; half of the held-out events, rated 5, are of
    the most popular items and half, rated 1, of the least popular ones. The model knows nothing."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(ITEMS), np.arange(ITEMS))
    train = Interactions.of(
        rng.integers(0, USERS, len(item)), item, 3.0, np.arange(len(item)), shape=(USERS, ITEMS)
    )
    valid = Interactions.of(
        np.tile(np.arange(USERS), 2),
        np.concatenate([rng.integers(30, ITEMS, USERS), rng.integers(0, 10, USERS)]),
        np.repeat([5.0, 1.0], USERS),
        np.arange(2 * USERS),
        shape=(USERS, ITEMS),
    )
    ids = pl.DataFrame({"item_id": [f"i{n}" for n in range(ITEMS)]})
    model = ItemScores(rng.permutation(ITEMS).astype(np.float32))
    return StageContext(
        Dataset("made", items=ids, numbering="table"), train, valid, model=model, relevant_from=4
    )


def test_popularity_chooses_what_finds_the_events_that_count(context):
    recipe = PopularityRecipe(strengths=STRENGTHS)
    stage = recipe.fit(context)
    assert isinstance(stage, PopularityWeight)
    assert stage.strength == 2.0
    least = replace(context, valid=context.valid[context.valid.value < 4], relevant_from=None)
    assert recipe.fit(least).strength == -2.0
    assert recipe.learns
    assert not PopularityRecipe().learns
    settled = recipe.settled(stage)
    assert settled == PopularityRecipe(strength=2.0)
    assert settled.fit(replace(context, valid=None, model=None)).strength == 2.0


def test_the_first_of_equal_strengths_is_chosen(context):
    assert PopularityRecipe(strengths=(1e6, 1e7, 1e5)).fit(context).strength == 1e6


def test_without_events_that_count_no_strength_is_made_up(context):
    recipe = PopularityRecipe(strengths=STRENGTHS)
    with pytest.raises(BadSetting, match=r"no validation event counts as liked.* from 1 to 5"):
        recipe.fit(replace(context, relevant_from=6))
    for missing in ({"valid": None}, {"model": None}, {"valid": context.valid[:0]}):
        with pytest.raises(BadSetting, match="'popularity': there is no validation part"):
            recipe.fit(replace(context, **missing))


def test_the_stage_is_given_the_lists_alone_that_hold_an_event_that_counts(context):
    given = []

    def with_strength(base):
        given.append(base)
        return lambda strength: PopularityWeight(popularity, strength)(base)

    popularity = PopularityRecipe(strength=1.0).fit(context).popularity
    wanted = context.valid[context.valid.value >= 4]
    whole = recommend(context.model, Query.before(context.train, wanted), 12)
    counts = wanted.matrix(values=False).toarray() > 0
    lists = zip(whole.query.user, whole.item, strict=True)
    hit = [user for user, items in lists if counts[user, items].any()]
    assert 0 < len(hit) < len(whole)
    settings = {"stage": "made", "depth": 12}
    assert best_strength(context, STRENGTHS, with_strength, **settings) == 2.0
    assert given[0].query.user.tolist() == hit

    seeds = [replace(context, options=Options(seed=seed)) for seed in (1, 1, 2)]
    for some in seeds:
        best_strength(some, STRENGTHS, with_strength, users=10, **settings)
    one, same, other = ([*map(int, base.query.user)] for base in given[1:])
    assert one == same != other
    assert set(one) < set(hit) and len(one) <= 10


def test_where_no_list_holds_an_event_the_first_strength_is_taken(context):
    first = recommend(context.model, Query.before(context.train, context.valid), 1).item
    others = context.valid[~np.isin(context.valid.item, first)]
    never = replace(context, valid=others, relevant_from=None)
    assert best_strength(never, (3.0, 0.0), lambda base: None, stage="made", depth=1) == 3.0
