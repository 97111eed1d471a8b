"""Why stages move items, as they say it themselves."""

import numpy as np
import pytest

from recweave.data.interactions import Interactions
from recweave.models import Query
from recweave.models.kinds import ItemScores
from recweave.rank import recommend
from recweave.rank.diversity import MMR
from recweave.rank.explain import Move, explain, moved, sentences
from recweave.rank.freshness import DAY, FreshnessWeight
from recweave.rank.popularity import PopularityWeight
from recweave.rank.ranking import PAD, Ranking
from recweave.rank.reasons import Reasoned, StageReason

SENCHA, MATCHA, ASSAM, EARL, MINT, MUG, POT, LID = range(8)


def name(item):
    return f"<{item}>"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (StageReason("12 days old", 1.0), "12 days old"),
        (StageReason("mask", 1.0, ((3, "liked"),)), "mask, as in 1 item you liked"),
        (
            StageReason("mask", 1.0, ((3, "liked"), (5, "viewed"), (4, "liked"))),
            "mask, as in 2 items you liked and 1 item you viewed",
        ),
        (StageReason("similar to", -1.0, ((3, ""),), named=True), "similar to <3>"),
        (
            StageReason("looks like", 1.0, ((3, "liked"), (5, "liked"), (4, "viewed")), named=True),
            "looks like <3> and <5>, which you liked and <4>, which you viewed",
        ),
    ],
)
def test_a_reason_counts_its_items_or_names_them(reason, words):
    assert reason.in_words(name) == words


FOR, AGAINST = StageReason("mask", 0.5, ((3, "liked"),)), StageReason("car", -0.2)


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (
            Move("v", 9, 2, (FOR, AGAINST)),
            "moved up from 9 to 2 by v: mask, as in 1 item you liked",
        ),
        (Move("v", 2, 9, (FOR, AGAINST)), "moved down from 2 to 9 by v: car"),
        (Move("v", 2, 2, (FOR, AGAINST)), "kept at 2 by v: mask, as in 1 item you liked"),
        (Move("v", 2, 9, (FOR,)), "moved down from 2 to 9 by v, as other items moved"),
        (Move("v", 9, 2, ()), "moved up from 9 to 2 by v, as other items moved"),
        (Move("v", 9, 2), "moved up from 9 to 2 by v"),
        (
            Move("v", 9, 2, (FOR, StageReason("red", 0.1))),
            "moved up from 9 to 2 by v: mask, as in 1 item you liked; red",
        ),
    ],
)
def test_a_move_gives_the_reasons_that_go_its_way(move, words):
    assert moved(move, name) == words


def listed(*items, now=0):
    log = Interactions.of([0], [LID], shape=(1, 8))
    query = Query.of(log, np.zeros(1, np.int32), np.array([now], np.int64))
    score = -np.arange(len(items), dtype=np.float32)[None]
    item = np.array([items], np.int32)
    return Ranking(query, item, np.where(item == PAD, -np.inf, score))


def said(stage, before, *items):
    """The reasons for each item, as (text, value)."""
    assert isinstance(stage, Reasoned)
    (row,) = stage.reasons(before, np.array([items], np.int32))
    return [[(one.text, round(one.value, 4)) for one in reasons] for reasons in row]


def test_popularity_says_the_rank_of_an_item_against_the_mean_of_its_list():
    popularity = np.array([1.0, 0.5, 0.5, 0.1, 0, 0, 0, 0])
    before = listed(SENCHA, MATCHA, EARL, PAD)  # the mean is 1.6 / 3
    stage = PopularityWeight(popularity, -0.3)
    assert said(stage, before, EARL, SENCHA, PAD) == [
        [("number 4 of 8 in popularity", 0.13)],
        [("number 1 of 8 in popularity", -0.14)],
        [],
    ]
    assert said(stage, before, ASSAM) == [[("number 2 of 8 in popularity", 0.01)]]
    assert said(PopularityWeight(popularity, 0.0), before, EARL, SENCHA) == [[], []]


def test_freshness_says_the_age_of_an_item():
    now = 40 * DAY
    first = np.array([0, 10, 39, 39.9, 50]) * DAY  # mint only after the query
    stage = FreshnessWeight(
        np.array([0, 1, 2, 3, 4, 5, 5, 5, 5]), first.astype(np.int64), "first", 10.0 * DAY, 1.0
    )
    texts = [
        one[0][0]
        for one in said(stage, listed(SENCHA, MATCHA, now=now), SENCHA, ASSAM, EARL, MINT, MUG)
    ]
    assert texts == [
        "40 days since its first event",
        "1 day since its first event",
        "less than a day since its first event",
        "no event so far",
        "no event so far",
    ]
    before = listed(SENCHA, MATCHA, now=now)  # 2^-4 and 2^-3
    assert said(stage, before, MATCHA, SENCHA) == [
        [("30 days since its first event", 0.0312)],
        [("40 days since its first event", -0.0312)],
    ]


def test_diversity_names_the_item_above_that_is_most_alike():
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]] + [[0, 0]] * 4, np.float32)
    stage = MMR(vectors, 0.5)
    before = listed(SENCHA, MATCHA, ASSAM, EARL)
    order = stage(before).item[0].tolist()
    assert order[0] == SENCHA
    (reasons,) = stage.reasons(before, np.array([[SENCHA, MATCHA, EARL, PAD]], np.int32))
    above = order[: order.index(MATCHA)]
    nearest = max(above, key=lambda i: vectors[i] @ vectors[MATCHA])
    assert [one.items for one in reasons[1]] == [((nearest, ""),)]
    assert reasons[1][0].value == pytest.approx(-0.5 * vectors[nearest] @ vectors[MATCHA])
    assert reasons[0] == reasons[2] == reasons[3] == []  # the first; unlike all above; no item


def test_an_explanation_says_what_stages_did_and_why(shop):
    log = Interactions.of([0], [LID], shape=(1, 8))
    model = ItemScores(np.array([8, 7, 6, 5, 4, 3, 2, 1], np.float32))
    popularity = PopularityWeight(np.array([0.9, 0.1, 0.2, 1, 0, 0, 0, 0]), 1.0)
    (found,) = explain(model, recommend(model, Query.of(log), 7), stages=[popularity], k=3)
    assert [one.split(": ", 1)[0] for one in sentences(found, shop)] == [
        "1. Sencha (sencha)",
        "2. Earl Grey (earl)",
        "3. Matcha (matcha)",
    ]
    assert [line.partition("everybody; ")[2] for line in sentences(found, shop)] == [
        "kept at 1 by popularity: number 2 of 8 in popularity",
        "moved up from 4 to 2 by popularity: number 1 of 8 in popularity",
        "moved down from 2 to 3 by popularity: number 4 of 8 in popularity",
    ]
