"""The language-model re-ranker: its arithmetic by hand, its fallbacks, and a planted taste."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_llama as tiny_llama_file
from planted_taste import listed, rated
from planted_titles import ITEMS, Indifferent, context, gain, query_of

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.rank.explain import explain, moved
from recweave.rank.language.keywords import ItemKeywords
from recweave.rank.language.prompts import Prompts
from recweave.rank.language.recipe import LanguageRecipe
from recweave.rank.language.stage import Language, standard
from recweave.rank.language.tally import Asked, Tally
from recweave.rank.ranking import PAD
from recweave.rank.recommend import recommend

TITLES = ("one", "two", "three", "four", "five", "", "seven")


class Fixed:
    """A ranker whose scores do not depend on the history."""

    def __init__(self, score=(0, 9, 3, 1, 2, 8, 5), titles=TITLES):
        none = ItemKeywords.of(None, Interactions.of([0], [0], shape=(1, len(titles))))
        self.prompts = Prompts(titles, none, "product", "bought", 3, 2)
        self.score, self.asked = score, []

    def scores(self, asked, tally):
        self.asked += [(list(one.shown), list(one.candidates)) for one in asked]
        return [np.array([self.score[i] for i in one.candidates], float) for one in asked]


HISTORY = rated([0, 0], [0, 1], [5.0, 5.0], items=7)


def test_the_standardized_scores_of_both_are_added():
    base = listed(HISTORY, [2, 3, 4, 6, PAD])
    ranker = Fixed()
    found = Language(ranker, 5, 0.8)(base)
    score = base.standardized()[0, :4] + 0.8 * standard(np.array([3.0, 1, 2, 5]))
    order = np.argsort(-score)
    assert found.item[0].tolist() == [*np.array([2, 3, 4, 6])[order], PAD]
    np.testing.assert_allclose(found.score[0, :4], score[order], rtol=1e-6)
    assert ranker.asked == [([0, 1], [2, 3, 4, 6])]
    assert found.costs[-1].fallbacks == 0


def test_without_strength_nothing_changes_and_nobody_is_asked():
    base, ranker = listed(HISTORY, [2, 3, 4, 6, PAD]), Fixed()
    assert Language(ranker, 5, 0.0)(base) is base
    assert ranker.asked == []


def test_alone_orders_by_the_language_model_and_equal_scores_keep_their_order():
    base = listed(HISTORY, [2, 3, 4, 6, PAD])
    assert Language(Fixed(), 5, 0.0, alone=True)(base).item[0].tolist() == [6, 2, 4, 3, PAD]
    same = Language(Fixed([7] * 7), 5, 0.0, alone=True)(base)
    assert same.item[0].tolist() == [2, 3, 4, 6, PAD]


def test_items_after_the_depth_stay_behind_in_their_order():
    base = listed(HISTORY, [2, 3, 4, 6, PAD])
    found = Language(Fixed(), 2, 0.0, alone=True)
    assert found(base).item[0].tolist() == [2, 3, 4, 6, PAD]
    turned = replace(found, ranker=Fixed([0, 0, 1, 2, 0, 0, 9]))(base)
    assert turned.item[0].tolist() == [3, 2, 4, 6, PAD]
    assert (np.diff(turned.score[0, :4]) <= 0).all()


def test_an_item_without_a_title_keeps_its_place_and_is_counted():
    base = listed(HISTORY, [2, 5, 3, PAD])
    ranker = Fixed()
    found = Language(ranker, 3, 100.0)(base)
    assert found.item[0].tolist() == [2, 5, 3, PAD]  # 5 is between the better and the worse one
    assert ranker.asked == [([0, 1], [2, 3])]
    assert found.costs[-1].usage["untitled"] == 1


def test_lists_without_a_titled_history_or_two_titled_candidates_stay_and_count_as_fallbacks():
    query = rated([0, 1, 3], [5, 0, 0], [5.0] * 3, items=7, users=4)
    base = listed(query, [2, 3, 4], [5, 2, PAD], [2, 3, 4], [3, 2, 4])
    found = Language(Fixed(), 3, 0.0, alone=True)(base)
    assert found.item.tolist() == [[2, 3, 4], [5, 2, PAD], [2, 3, 4], [2, 4, 3]]
    cost = found.costs[-1]
    assert cost.fallbacks == 3
    assert cost.usage["left: no titled history"] == 2
    assert cost.usage["left: fewer than two titled candidates"] == 1
    np.testing.assert_array_equal(found.score[:3], base.score[:3])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("alone", [False, True])
def test_scores_that_are_no_numbers_leave_the_list_and_are_counted(wrong, alone):
    history = rated([0, 1], [0, 0], [5.0] * 2, items=7, users=2)
    base = listed(history, [2, 3, 4], [3, 4, 6])
    found = Language(Fixed([0, 9, wrong, 1, 2, 8, 5]), 3, 0.8, alone=alone)(base)
    assert found.item[0].tolist() == [2, 3, 4]
    np.testing.assert_array_equal(found.score[0], base.score[0])
    cost = found.costs[-1]
    assert cost.fallbacks == cost.usage["left: a score is no finite number"] == 1
    assert found.item[1].tolist() != [3, 4, 6]


@pytest.mark.parametrize("trained", ["frozen"])
def test_a_planted_taste_is_found_and_none_in_permuted_titles(shop, by_kind, llama, trained):
    recipe = LanguageRecipe(backbone=str(llama), depth=ITEMS, profile=0, trained=trained)
    stage = recipe.fit(context(shop))
    assert stage.strength >= 0.5 and stage.label == f"language {stage.strength:g}"
    assert gain(shop, stage) > 0.1
    rng = np.random.default_rng(0)
    controls = [
        recipe.fit(context(shop, rng.permutation(np.array(shop[4])).tolist())) for _ in range(6)
    ]
    assert abs(np.mean([gain(shop, control) for control in controls])) < 0.03


def test_the_likelihood_without_a_history_is_asked_for_once_an_item(shop, by_kind, llama):
    recipe = LanguageRecipe(backbone=str(llama), depth=ITEMS, profile=0, strength=1.0)
    stage = recipe.fit(context(shop))
    base = recommend(Indifferent(), query_of(shop), 10)
    first = stage(base)
    alone = [title for text, titles in by_kind if "these" not in text for title in titles]
    assert sorted(alone) == sorted({shop[4][item] for item in base.item.ravel()})
    asked = len(by_kind)
    assert first.costs[-1].usage["asked"] == asked
    again = stage(base)
    assert len(by_kind) == asked and again.costs[-1].usage["asked"] == 0
    np.testing.assert_array_equal(again.item, first.item)


def test_scores_are_averaged_over_orders_of_the_listed_candidates(shop, by_kind, llama):
    recipe = LanguageRecipe(
        backbone=str(llama), profile=0, strength=1.0, depth=6, listed=True, orders=4
    )
    ranker = recipe.fit(context(shop)).ranker
    shown, candidates = [0, 3], [5, 7, 9, 11, 13, 15]
    tally = Tally()
    (found,) = ranker.scores([Asked(shown, candidates)], tally)
    prompts = [text for text, _ in by_kind if "candidates" in text]
    assert len(set(prompts)) == 4
    expected = np.zeros(6)
    for text in prompts:
        listed = [text.index(f'"{shop[4][item]}"') for item in candidates]
        last = shop[3][candidates[int(np.argmax(listed))]]  # the model likes what it read last
        expected += np.where(shop[3][candidates] == last, -5, -10) / np.sqrt(6) / 4
    np.testing.assert_allclose(found, expected + 10 / np.sqrt(6))
    assert len(tally.correlations) == 4 and "order_bias" in tally.usage()


def test_the_oldest_items_of_a_history_that_is_too_long_are_left_out_and_counted(
    shop, by_kind, tmp_path
):
    # The model's tokens are bytes. A prompt has 81, and 13 for each title of 10.
    titles = tuple(f"{title} {'x' * 3}" for title in shop[4])
    folder = tiny_llama_file.write(tmp_path / "short", context=81 + 3 * 13 + 10)
    recipe = LanguageRecipe(backbone=str(folder), profile=0, strength=1.0, history=6, noun="item")
    stage = recipe.fit(context(shop, titles))
    base = recommend(Indifferent(), query_of(shop), 10)
    found = stage(base)
    shown = [text.count("xxx") for text, _ in by_kind if "these" in text]
    assert set(shown) == {3}
    assert found.costs[-1].usage["dropped"] == 3 * len(base)
    assert found.costs[-1].fallbacks == 0


def test_a_prompt_that_is_too_long_with_one_item_leaves_the_list_and_is_counted(
    shop, by_kind, tiny_llama
):
    stage = LanguageRecipe(backbone=str(tiny_llama), strength=1.0).fit(context(shop))
    base = recommend(Indifferent(), query_of(shop), 10)  # reads 96 tokens, which are bytes
    found = stage(base)
    np.testing.assert_array_equal(found.item, base.item)
    assert found.costs[-1].fallbacks == len(base)
    assert found.costs[-1].usage["left: the prompt is longer than the context"] == len(base)


def test_the_strength_is_kept_with_the_settings(shop, by_kind, llama):
    recipe = LanguageRecipe(backbone=str(llama), depth=ITEMS, profile=0)
    assert recipe.learns and not LanguageRecipe(alone=True).learns
    stage = recipe.fit(context(shop))
    again = recipe.settled(stage)
    assert again.strength == stage.strength and not again.learns
    assert again.fit(context(shop, valid=None)).strength == stage.strength
    with pytest.raises(BadSetting, match="no validation part"):
        recipe.fit(context(shop, valid=None))


def test_reasons_say_that_a_title_follows_from_the_history(shop, by_kind, llama):
    recipe = LanguageRecipe(backbone=str(llama), depth=ITEMS, profile=0, strength=2.0)
    stage = recipe.fit(context(shop))
    base = recommend(Indifferent(), query_of(shop), ITEMS)
    found = explain(Indifferent(), base, stages=[stage], k=ITEMS)[0]
    said = [moved(move, lambda item: f"item {item}") for one in found for move in one.moves]
    assert any("by its title it follows from the last 6 items" in one for one in said)
    for one in found:
        for move in one.moves:
            for reason in move.reasons:
                assert (reason.value > 0) == (shop[3][one.item] == 0)  # user 0 likes tea


def test_a_catalogue_without_titles_is_refused(shop, llama):
    recipe = LanguageRecipe(backbone=str(llama), strength=1.0)
    with pytest.raises(BadSetting, match="no item of made has a title"):
        recipe.fit(context(shop, [""] * ITEMS))
