"""Fine-tuning a language model: instructions from train alone, and the loss of their answers."""

from dataclasses import replace

import numpy as np
import pytest
from planted_titles import ITEMS, Indifferent, context, gain, query_of

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.models.language.backbone import BackboneSettings
from recweave.models.training import Checkpoints, Options
from recweave.rank.language.keywords import ItemKeywords
from recweave.rank.language.lessons import Lesson, Lessons, Tuning, answer_of
from recweave.rank.language.prompts import Prompts
from recweave.rank.language.recipe import LanguageRecipe
from recweave.rank.recommend import recommend
from recweave.rank.stages import Extensible

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TITLES = ("tea", "cup", "pot", "lid", "tray", "", "jug", "mug")
# User 0: 0 1 2 3; user 1: 2 4; user 2: 3 6; user 3: 7 alone; item 5 has no title.
LOG = Interactions.of([0, 0, 0, 0, 1, 1, 1, 2, 2, 3], [0, 1, 2, 3, 2, 5, 4, 3, 6, 7], shape=(4, 8))


def prompts(history=8):
    kind = np.zeros((8, 2), np.float32)
    kind[[0, 2, 4, 6], 0] = kind[[1, 3, 7], 1] = 1
    feature = Feature(kind, kind.any(axis=1), "made", "made", columns=("even", "odd"))
    return Prompts(TITLES, ItemKeywords.of(feature, LOG), "product", "bought", history, 0)


def lessons(formats=("title",), listed=False, seed=0, **tuning):
    settings = Tuning(**{"share": 1.0, "swap": 0.0, "enrich": False} | tuning)
    return Lessons(prompts(), LOG, settings, formats, listed, seed)


def by_history(made):
    return {one.shown: one for one in made}


def test_the_last_titled_item_of_train_is_the_target_of_a_title():
    found = by_history(lessons().made())
    assert {shown: one.targets for shown, one in found.items()} == {
        (0, 1, 2): (3,),
        (2,): (4,),
        (3,): (6,),
    }
    assert all(one.candidates == () for one in found.values())


def test_several_targets_leave_half_of_the_items_as_history():
    found = by_history(lessons(("recommend",), targets=3).made())
    assert found[(0, 1)].targets == (2, 3)
    assert found[(2,)].targets == (4,)


def test_short_answers_are_filled_with_items_of_users_who_share_items():
    found = by_history(lessons(("recommend",), targets=3, enrich=True).made())
    # User 1 shares item 2 with user 0, who has 0, 1 and 3: all once, by row.
    assert found[(2,)].targets == (4, 0, 1)
    assert found[(0, 1)].targets == (2, 3, 4)


def test_candidates_hold_all_targets_and_negatives_that_the_user_has_not():
    for seed in range(5):
        made = lessons(("recommend_retrieval",), targets=2, candidates=5, seed=seed).made()
        one = by_history(made)[(0, 1)]
        assert {2, 3} <= set(one.candidates) and len(set(one.candidates)) == 5
        assert not {0, 1, 5} & set(one.candidates)
    orders = {
        by_history(lessons(("recommend_retrieval",), seed=seed).made())[(0, 1)].candidates
        for seed in range(8)
    }
    assert len(orders) > 4


def test_negatives_are_of_the_keyword_and_of_the_same_users_first():
    # For user 2 (3, then 6): 0, 2 and 4 share a keyword with 6; 0, 1 and 2 are of user 0.
    for seed in range(5):
        made = lessons(("title",), listed=True, candidates=3, seed=seed).made()
        target, negatives = 6, set(by_history(made)[(3,)].candidates) - {6}
        assert negatives & {0, 2, 4} and negatives <= {0, 1, 2, 4} and target not in negatives


def test_a_swap_exchanges_an_item_of_the_history_and_one_of_the_answer():
    for one in lessons(swap=1.0).made():
        assert one.targets[0] not in one.shown
        assert {*one.shown, *one.targets} in ({0, 1, 2, 3}, {2, 4}, {3, 6})
    plain = {(one.shown, one.targets) for one in lessons().made()}
    assert not plain & {(one.shown, one.targets) for one in lessons(swap=1.0).made()}


def test_a_share_of_the_users_is_drawn_by_seed():
    assert len(lessons(share=0.5).made()) == 2 and len(lessons(users=1).made()) == 1
    drawn = {tuple(one.shown for one in lessons(users=1, seed=seed).made()) for seed in range(9)}
    assert len(drawn) > 1


def test_held_out_events_are_in_no_instruction(shop):
    made = context(shop)
    stage = LanguageRecipe(profile=0, by="generation", server="openai:a@http://b/v1", strength=1.0)
    written = stage.fit(made).ranker.prompts
    lessons = Lessons(written, made.train, Tuning(share=1.0, enrich=False), ("title",), False, 0)
    of_user = {user: set(made.train.item[made.train.user == user]) for user in range(60)}
    for one in lessons.made():
        assert any({*one.shown, *one.targets} <= items for items in of_user.values())


def test_the_loss_is_of_the_answer_alone(llama):
    from recweave.rank.language.tuning import answer_loss

    backbone = BackboneSettings(backbone=str(llama)).open()
    tokens = backbone.tokenizer
    texts = [("the user bought tea", " and a cup"), ("tea", " pot"), ("a longer prompt of it", "!")]
    batch = [tuple(tokens(text)["input_ids"] for text in pair) for pair in texts]
    total = count = 0.0
    for prompt, answer in batch:
        logits = backbone.network(torch.tensor([prompt + answer])).logits[0]
        each = torch.log_softmax(logits, 1)[len(prompt) - 1 : -1]
        total -= float(each[torch.arange(len(answer)), answer].sum())
        count += len(answer)
    assert float(answer_loss(backbone, batch)) == pytest.approx(total / count, rel=1e-4)


def test_answers_are_titles_as_prompts_have_them():
    assert answer_of(Lesson("title", (0,), (2,)), prompts()) == 'pot"'
    assert answer_of(Lesson("recommend", (0,), (2, 3)), prompts()) == '"pot", "lid"'


TUNED = {
    "trained": "full",
    "depth": ITEMS,
    "profile": 0,
    "history": 3,
    "tuning": {"share": 1.0, "swap": 0.0, "epochs": 20, "lr": 3e-3, "batch": 16},
}


def test_a_planted_taste_is_learned_and_none_from_permuted_titles(shop, llama):
    recipe = LanguageRecipe(backbone=str(llama), **TUNED)
    stage = recipe.fit(context(shop))
    assert stage.strength > 0 and gain(shop, stage) > 0.1
    rng = np.random.default_rng(0)
    permuted = context(shop, rng.permutation(np.array(shop[4])).tolist())
    assert gain(shop, recipe.fit(permuted)) < 0.05


def test_lora_alone_is_saved_and_the_same_seed_gives_the_same(shop, llama):
    pytest.importorskip("peft")
    recipe = LanguageRecipe(
        backbone=str(llama), **TUNED | {"trained": "lora", "tuning": {"users": 9}, "strength": 1.0}
    )
    one, same = recipe.fit(context(shop)), recipe.fit(context(shop))
    weights = one.ranker.reader.trained.weights
    assert weights.names and all("lora" in name for name in weights.names)
    assert one.ranker.reader.name == same.ranker.reader.name
    other = recipe.fit(context(shop, options=Options(seed=1)))
    assert other.ranker.reader.name != one.ranker.reader.name
    frozen = LanguageRecipe(backbone=str(llama), profile=0, strength=1.0).fit(context(shop))
    assert not frozen.ranker.reader.trained.weights.names
    assert frozen.ranker.reader.name != one.ranker.reader.name


def test_merged_lora_scores_as_the_network_that_was_trained(shop, llama):
    pytest.importorskip("peft")
    recipe = LanguageRecipe(
        backbone=str(llama),
        **TUNED | {"trained": "lora", "tuning": {"lr": 0.05, "share": 1.0}, "strength": 1.0},
    )
    reader = recipe.fit(context(shop)).ranker.reader
    open_again = reader.trained.open(BackboneSettings.model_validate_json(reader.settings))
    prompt, answer = reader.tokens("A user bought tea"), reader.tokens("car 12")
    with torch.inference_mode():
        logits = open_again.network(torch.tensor([prompt + answer])).logits[0]
    each = torch.log_softmax(logits, 1)[len(prompt) - 1 : -1]
    expected = float(each[torch.arange(len(answer)), answer].sum())
    (found,) = reader.log_likelihoods(prompt, [answer])
    assert found == pytest.approx(expected, rel=1e-3)
    plain = LanguageRecipe(backbone=str(llama), profile=0, strength=1.0).fit(context(shop))
    assert abs(plain.ranker.reader.log_likelihoods(prompt, [answer])[0] - expected) > 0.01


def test_generation_is_fine_tuned_on_the_two_formats_of_the_paper(shop, llama, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "recweave.rank.language.tuning.train", lambda net, batches, *_, **__: seen.append(batches)
    )
    recipe = LanguageRecipe(backbone=str(llama), by="generation", **TUNED | {"strength": 1.0})
    reader = recipe.fit(context(shop)).ranker.writer.reader
    texts = [
        reader.tokenizer.decode(prompt + answer)
        for batch in seen[0](np.random.default_rng(0))
        for prompt, answer in batch
    ]
    assert sum("from the candidate list" in text for text in texts) == 60 == len(texts) / 2
    assert all(text.endswith('"</s>') for text in texts)


def test_instructions_longer_than_the_context_are_left_out_and_counted(llama, monkeypatch, caplog):
    from recweave.models.language.backbone_net import Backbone
    from recweave.rank.language.tuning import tuned

    seen = []
    monkeypatch.setattr(
        "recweave.rank.language.tuning.train", lambda net, batches, *_, **__: seen.append(batches)
    )
    made = lessons().made()
    settings = BackboneSettings(backbone=str(llama), trained="full")

    def learned():
        tuned(settings, made, prompts(), Tuning(), Options())
        return [one for batch in seen.pop()(np.random.default_rng(0)) for one in batch]

    lengths = sorted(len(prompt) + len(answer) for prompt, answer in learned())
    assert not caplog.records and lengths[0] < lengths[-1]
    monkeypatch.setattr(Backbone, "context", lengths[-1] - 1)
    assert len(learned()) < len(lengths)
    assert "1 of 3 instructions are left out" in caplog.text


def test_nothing_to_learn_from_is_an_error(shop, llama):
    recipe = LanguageRecipe(backbone=str(llama), **TUNED | {"strength": 1.0})
    empty = context(shop)
    with pytest.raises(BadSetting, match="none fits into the"):
        recipe.fit(replace(empty, train=empty.train[:1]))
    with pytest.raises(BadSetting, match="nothing is fine-tuned"):
        LanguageRecipe.parse({"kind": "language", "tuning": {"share": 0.1}}, "the stage")


def test_rows_that_fine_tune_alike_share_what_was_learned(shop, llama, tmp_path):
    settings = TUNED | {"tuning": {"users": 5}}
    made = [Checkpoints(tmp_path / "kept") for _ in range(3)]
    rows = [{"strength": 1.0}, {"alone": True}, {"strength": 1.0, "history": 2}]
    stages = [
        LanguageRecipe(backbone=str(llama), **settings | row).fit(
            context(shop, options=Options(checkpoints=checkpoints))
        )
        for row, checkpoints in zip(rows, made, strict=True)
    ]
    assert made[0].seconds == made[2].seconds == 0 < made[1].seconds
    names = [stage.ranker.reader.name for stage in stages]
    assert names[0] == names[1] != names[2]


def test_a_tuned_stage_is_used_on_lists(shop, llama):
    recipe = LanguageRecipe(
        backbone=str(llama), **TUNED | {"tuning": {"users": 5}, "strength": 1.0}
    )
    stage, base = recipe.fit(context(shop)), recommend(Indifferent(), query_of(shop), 5)
    found = stage(base)
    assert sorted(found.item[0]) == sorted(base.item[0])
    assert found.costs[-1].fallbacks == 0
    assert isinstance(stage, Extensible) and stage.with_items({}, 3) is stage
