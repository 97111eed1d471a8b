"""Examples of other users: their last training item is the answer."""

from planted_titles import context

from recweave.data.interactions import Interactions
from recweave.models.training import Options
from recweave.rank.language.examples import Example, Examples
from recweave.rank.language.recipe import LanguageRecipe

LOG = Interactions.of([0, 0, 0, 1, 1, 2], [0, 1, 2, 3, 0, 1], shape=(4, 4))


def prompts(shop, llama, titles):
    recipe = LanguageRecipe(backbone=str(llama), profile=0, strength=1.0)
    return recipe.fit(context(shop, titles)).ranker.prompts


def test_an_example_is_a_history_and_the_item_after_it(shop, llama):
    made = prompts(shop, llama, ["tea", "cup", "pot", "lid", *shop[4][4:]])
    drawn = Examples.drawn(made, LOG, 9, seed=0)
    assert sorted(drawn.of, key=lambda one: one.target) == [Example([3], 0), Example([0, 1], 2)]
    assert len(Examples.drawn(made, LOG, 1, seed=0).of) == 1
    assert Examples.drawn(made, LOG, 0, seed=0).continuations() == ""
    one = Examples(made, (Example([0, 1], 2),))
    assert one.continuations() == f'{made.continuation([0, 1])}pot"\n\n'
    assert one.requests().endswith('Answer: "pot"\n\n')


def test_items_without_a_title_are_in_no_example(shop, llama):
    made = prompts(shop, llama, ["tea", "", "pot", "", *shop[4][4:]])
    assert Examples.drawn(made, LOG, 9, seed=0).of == (Example([0], 2),)


def test_examples_stand_before_the_prompt_and_come_from_train_alone(shop, by_kind, llama):
    recipe = LanguageRecipe(backbone=str(llama), profile=0, strength=1.0, shots=2)
    made = context(shop)
    stage = recipe.fit(made)
    assert stage.ranker.shots.count("A user bought these") == 2
    held_out = recipe.fit(context(shop, train=made.train[:0])).ranker.shots
    assert held_out == ""


def test_the_seed_of_the_run_draws_the_examples_and_the_orders_of_candidates(shop, llama):
    recipe = LanguageRecipe(
        backbone=str(llama), profile=0, strength=1.0, shots=2, listed=True, orders=2
    )
    one, same, other = (
        recipe.fit(context(shop, options=Options(seed=seed))).ranker for seed in (1, 1, 2)
    )
    assert one.shots == same.shots != other.shots
    assert one.seed == same.seed == 1 and other.seed == 2
