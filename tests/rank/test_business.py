import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting, UnknownId, UnknownName
from recweave.data.interactions import Interactions
from recweave.rank.stages import StageContext, read_stage


def test_excluded_items_make_room(staged, ranked, ids):
    stage = staged(kind="exclude", where="brand == Raj")
    after = stage(ranked(["pot", "sencha", "assam", "mug"], ["earl", "lid"], ["mint"]))
    assert ids(after) == [["sencha", "mug"], ["lid"], ["mint"]]
    assert after.score[0].tolist() == [3, 1, -np.inf, -np.inf]


def test_a_cap_leaves_the_first_of_each_group(staged, ranked, ids):
    full = ["pot", "sencha", "assam", "matcha", "mug", "earl", "mint", "lid"]
    one = staged(kind="cap", field="brand", n=1)(ranked(full, full[::-1]))
    assert ids(one) == [
        ["pot", "sencha", "mug", "mint", "lid"],
        ["lid", "mint", "earl", "mug", "matcha"],
    ]
    two = staged(kind="cap", field="brand", n=2)(ranked(full))
    assert ids(two) == [["pot", "sencha", "assam", "matcha", "mug", "mint", "lid"]]


def test_a_cap_on_lists_counts_their_finest_member(staged, ranked, ids):
    stage = staged(kind="cap", field="categories", n=1)
    assert ids(stage(ranked(["sencha", "assam", "matcha", "earl", "mint", "pot", "lid"]))) == [
        ["sencha", "assam", "mint", "pot", "lid"]
    ]


def test_a_cap_needs_a_field(staged):
    with pytest.raises(UnknownName, match=r"'brnd'; did you mean 'brand'"):
        staged(kind="cap", field="brnd")
    with pytest.raises(BadSetting, match=r"no item has a 'description'"):
        staged(kind="cap", field="description")


def test_a_boost_multiplies_scaled_scores(staged, ranked, ids):
    before = ranked(["pot", "mug", "sencha", "mint", "lid"], scores=[[90, 80, 50, 20, -10]])
    after = staged(kind="boost", where="organic == true", factor=1.6)(before)
    # Scaled: 1, .9, .6, .3, 0. Sencha gets .96 and mint .48.
    assert ids(after) == [["pot", "sencha", "mug", "mint", "lid"]]
    np.testing.assert_allclose(after.score, [[1, 0.96, 0.9, 0.48, 0]], rtol=1e-6)
    down = staged(kind="boost", where="item_id == pot", factor=0.5)(before)
    assert ids(down) == [["mug", "sencha", "pot", "mint", "lid"]]


def test_pinned_items_take_their_places_and_the_others_keep_their_order(staged, ranked, ids):
    stage = staged(kind="pin", pins=[["lid", 1], ["sencha", 4]])
    before = ranked(["sencha", "mug", "pot", "mint", "earl", "lid"], ["mug", "sencha", "pot"])
    after = stage(before)
    assert ids(after) == [
        ["lid", "mug", "pot", "sencha", "mint", "earl"],
        ["mug", "pot", "sencha"],  # too short for position 4; the lid is not in the list
    ]
    np.testing.assert_array_equal(after.score, before.score)


def test_pins_that_jump_over_each_other_land_where_they_should(staged, ranked, ids):
    stage = staged(kind="pin", pins=[["mug", 2], ["pot", 3], ["lid", 5]])
    assert ids(stage(ranked(["lid", "pot", "mug", "earl", "mint", "assam"]))) == [
        ["earl", "mug", "pot", "mint", "lid", "assam"]
    ]


def test_pins_are_checked(staged):
    with pytest.raises(UnknownId, match="no item has the id 'cup'"):
        staged(kind="pin", pins=[["cup", 1]])
    with pytest.raises(BadSetting, match="an item or a position is named twice"):
        staged(kind="pin", pins=[["mug", 1], ["pot", 1]])
    with pytest.raises(BadSetting, match="an item or a position is named twice"):
        staged(kind="pin", pins=[["mug", 1], ["mug", 2]])
    with pytest.raises(BadSetting, match=r"'pins\.0\.1' is 0"):
        staged(kind="pin", pins=[["mug", 0]])


def test_the_cold_stage_leaves_items_without_events_in_train(shop, ranked, ids):
    rows = shop.item_ids.rows(pl.Series(["pot", "mint", "lid"]))
    train = Interactions.of([0, 1, 1], rows, shape=(2, len(shop.item_ids)))
    stage = read_stage({"kind": "cold"}).fit(StageContext(shop, train))
    after = stage(ranked(["pot", "sencha", "mint", "mug"], ["lid", "mint"]))
    assert ids(after) == [["sencha", "mug"], []]
