"""What every stage promises. A stage that is registered is tested here without a line more."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import tiny_llama
from hypothesis import given, settings
from hypothesis import strategies as st

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.value import Value
from recweave.encode.features import Feature
from recweave.models import Query
from recweave.models.kinds import ItemScores
from recweave.rank import STAGES, AnyStage, Ranking, recommend
from recweave.rank.ranking import StageCost
from recweave.rank.reasons import Reasoned
from recweave.rank.stages import StageContext, read_stage

LOGISTIC = {"kind": "logistic", "features": ["dense"]}
SETTINGS = [
    {"kind": "exclude", "where": "price <= 10"},
    {"kind": "cap", "field": "brand", "n": 1},
    {"kind": "cap", "field": "categories", "n": 2},
    {"kind": "boost", "where": "organic == true", "factor": 3.0},
    {"kind": "boost", "where": "categories contains Tea", "factor": 0.0},
    {"kind": "pin", "pins": [["pot", 1], ["mint", 3], ["lid", 8]]},
    {"kind": "cold"},
    {"kind": "mmr", "trade": 0.5, "k": 3},
    {"kind": "mmr", "trade": 0.0},
    {"kind": "popularity", "strength": -0.5},
    {"kind": "freshness", "strength": 0.5, "half_life": 2.0},
    {"kind": "freshness", "strength": -0.5, "since": "last"},
    {"kind": "interest", "strength": 0.5},
    {"kind": "vision", "feature": "categories", "strength": 0.5},
    {"kind": "vision", "feature": "categories", "operator": "tier"},
    {"kind": "vision", "feature": "categories", "operator": "filter"},
    {"kind": "vision", "feature": "dense", "strength": 0.5},
    {"kind": "clicks", "model": LOGISTIC, "positive_from": 2, "strength": 2.0},
    {"kind": "language", "backbone": "LLAMA", "strength": 0.5},
    {"kind": "language", "backbone": "LLAMA", "alone": True, "depth": 3},
]
NOTHING = [
    {"kind": "vision", "feature": "categories", "strength": 0.0},
    {"kind": "vision", "feature": "dense", "strength": 0.0},
    {"kind": "clicks", "model": LOGISTIC, "positive_from": 2, "strength": 0.0},
    {"kind": "language", "backbone": "LLAMA", "strength": 0.0},
    {"kind": "exclude", "where": "price > 1000"},
    {"kind": "cap", "field": "brand", "n": 100},
    {"kind": "boost", "where": "organic == true", "factor": 1.0},
    {"kind": "mmr", "trade": 1.0},
    {"kind": "popularity", "strength": 0.0},
    {"kind": "freshness", "strength": 0.0},
    {"kind": "interest", "strength": 0.0},
]
NEXT_TO_NOTHING = [
    {"kind": "boost", "where": "organic == true", "factor": 1 + 1e-12},
    {"kind": "mmr", "trade": 1 - 1e-12},
    {"kind": "popularity", "strength": 1e-12},
    {"kind": "freshness", "strength": 1e-12},
    {"kind": "clicks", "model": LOGISTIC, "positive_from": 2, "strength": 1e-12},
    {"kind": "language", "backbone": "LLAMA", "strength": 1e-12},
]
REASONED = ("mmr", "popularity", "freshness", "interest", "vision", "clicks", "language")
"""Kinds that say why they move items; of the others the label says all."""
RULES = [s for s in SETTINGS if s["kind"] in ("exclude", "cap", "pin", "cold")]


@pytest.fixture(scope="session")
def built(shop, train, tmp_path_factory):
    """Stages made from settings, with what to call them."""

    vectors = np.random.default_rng(0).normal(size=(len(shop.item_ids), 3)).astype(np.float32)
    dense = Feature(vectors, np.arange(len(vectors)) != 2, "dense/1", "made")
    pytest.importorskip("transformers")
    llama = tiny_llama.write(tmp_path_factory.mktemp("language") / "tiny", context=2048)
    value = np.where(np.arange(len(train)) % 2, 1.0, 3.0).astype(np.float32)  # some are disliked
    rated = replace(train, value=value)
    context = StageContext(shop, rated, features={"dense": dense})

    @cache
    def build(settings):
        return read_stage(json.loads(settings.replace("LLAMA", str(llama)))).fit(context)

    return lambda many: [(json.dumps(s), build(json.dumps(s))) for s in many]


@st.composite
def lists(draw):
    """Lists without repetition of some of eight items, by scores that never rise.

    Items, scores and times: a `Ranking` is made outside, as the check of its types draws at random.
    """
    levels = st.sampled_from([-3.0, 0.0, 0.5, 1.0, 1e30, np.inf])
    users, k = draw(st.integers(0, 4)), draw(st.integers(1, 8))
    item = np.full((users, k), -1, np.int32)
    score = np.full((users, k), -np.inf, np.float32)
    for row in range(users):
        found = draw(st.permutations(range(8)))[: draw(st.integers(0, k))]
        item[row, : len(found)] = found
        given_scores = sorted((draw(levels) for _ in found), reverse=True)
        score[row, : len(found)] = given_scores
    now = np.array([draw(st.integers(0, 20 * 86_400)) for _ in range(users)], np.int64)
    return item, score, now


def ranking_of(log, sampled):
    item, score, now = sampled
    rows = np.arange(len(item), dtype=np.int32) % 3
    return Ranking(Query.of(log, rows, now), item, score)


def copied(ranking):
    return Ranking(ranking.query, ranking.item.copy(), ranking.score.copy())


def assert_same(one, other, name):
    np.testing.assert_array_equal(one.item, other.item, err_msg=name)
    np.testing.assert_array_equal(one.score, other.score, err_msg=name)


def test_every_registered_stage_is_tested_here():
    assert {s["kind"] for s in SETTINGS} == set(STAGES)


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_stage_permutes_or_shortens_lists_and_adds_nothing(train, built, data):
    before = ranking_of(train, data.draw(lists()))
    copy = copied(before)
    for name, stage in built(SETTINGS):
        after = stage(before)
        assert_same(before, copy, name)  # the one that came in is as it was
        assert after.query is before.query, name
        assert after.k <= before.k, name
        for was, now in zip(before.item.tolist(), after.item.tolist(), strict=True):
            found = [item for item in now if item >= 0]
            assert now == found + [-1] * (len(now) - len(found)), name
            assert len(set(found)) == len(found), name
            assert set(found) <= set(was), name
        assert (np.isneginf(after.score) == (after.item < 0)).all(), name
        assert (after.score[:, :-1] >= after.score[:, 1:]).all(), name
        assert (after.item.dtype, after.score.dtype) == (np.int32, np.float32), name


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_stage_without_strength_changes_nothing(train, built, data):
    before = ranking_of(train, data.draw(lists()))
    for name, stage in built(NOTHING):
        assert_same(stage(before), before, name)


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_reasons_are_of_the_items_asked_for_and_of_none_without_strength(train, built, data):
    before = ranking_of(train, data.draw(lists()))
    item = before.item[:, ::-1]
    for name, stage in built([one for one in SETTINGS + NOTHING if one["kind"] in REASONED]):
        assert isinstance(stage, Reasoned), name
        reasons = stage.reasons(before, item)
        assert [len(row) for row in reasons] == [item.shape[1]] * len(item), name
        for listed, row in zip(item, reasons, strict=True):
            for one, given_reasons in zip(listed, row, strict=True):
                values = [abs(reason.value) for reason in given_reasons]
                assert values == sorted(values, reverse=True), name
                assert 0 not in values, name
                assert one >= 0 or not values, name
                assert not values or json.loads(name) not in NOTHING, name


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_next_to_no_strength_keeps_the_order_of_unequal_scores(train, built, data):
    before = ranking_of(train, data.draw(lists()))
    before = replace(before, score=np.where(before.filled, -np.arange(before.k), -np.inf))
    for name, stage in built(NEXT_TO_NOTHING):
        np.testing.assert_array_equal(stage(before).item, before.item, err_msg=name)


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_rule_that_was_followed_asks_for_nothing_more(train, built, data):
    before = ranking_of(train, data.draw(lists()))
    for name, stage in built(RULES):
        once = stage(before)
        assert_same(stage(once), once, name)


@pytest.mark.parametrize("settings", SETTINGS, ids=json.dumps)
def test_settings_survive_a_recipe_file(settings):
    class Recipe(Value):
        stages: tuple[AnyStage, ...]

    recipe = Recipe.parse({"stages": [settings]}, "here")
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert hash(recipe.stages[0]) == hash(read_stage(settings))


def test_a_mistake_in_a_recipe_file_is_named():
    with pytest.raises(UnknownName, match=r"no stage is called 'mrm'; did you mean 'mmr'\?"):
        read_stage({"kind": "mrm"})
    with pytest.raises(BadSetting, match=r"stage 'mmr': unknown key 'trad', did you mean 'trade'"):
        read_stage({"kind": "mmr", "trad": 0.5})
    with pytest.raises(BadSetting, match=r"stage 'mmr': 'trade' is 2"):
        read_stage({"kind": "mmr", "trade": 2})
    with pytest.raises(BadSetting, match=r"a stage is a table with a 'kind' \(exclude, cap, "):
        read_stage({"trade": 2})
    with pytest.raises(BadSetting, match=r"stage 'exclude': the key 'where' is missing"):
        read_stage({"kind": "exclude"})
    with pytest.raises(BadSetting, match=r"'price, 3' cannot be read at character 6"):
        read_stage({"kind": "exclude", "where": "price, 3"})


def test_lists_tell_what_each_stage_took_and_where_it_fell_back(shop, train):
    def careful(ranking):
        cost = StageCost("careful", 0.0, len(ranking), fallbacks=2, usage={"tokens": 40})
        return replace(ranking, costs=(*ranking.costs, cost))

    model = ItemScores(np.arange(len(shop.item_ids), dtype=np.float32))
    found = recommend(model, Query.of(train), 3, stages=[careful, lambda lists: lists]).costs
    assert [(cost.lists, cost.fallbacks, dict(cost.usage)) for cost in found] == [
        (len(shop.user_ids), 2, {"tokens": 40}),
        (len(shop.user_ids), 0, {}),
    ]
    assert found[0].stage == "careful"
    assert all(cost.seconds > 0 for cost in found)
