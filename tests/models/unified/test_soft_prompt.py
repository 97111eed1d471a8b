"""Soft prompts: the vector determines the text, and a frozen language model stays frozen."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from recweave.core.errors import BadArtifact, BadSetting
from recweave.llm.pretrained import LanguageModel
from recweave.models.nn.weights import Weights
from recweave.models.training import Options
from recweave.models.unified.soft_prompt import SoftPrompt, SoftPromptModel, TextTargets

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
TITLES = ("red silk scarf", "blue tea pot", "small garden lamp", "old brass bell")
HINTS = ("one", "two", "three", "four")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several threads are slower with such a small network
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    """A Llama of 30,000 parameters that writes one of four titles after one of four words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = [
        "<s>",
        "</s>",
        "<unk>",
        *sorted({w for t in TITLES for w in t.split()} | {*HINTS, "it", "is"}),
    ]
    word_level = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    word_level.pre_tokenizer = pre_tokenizers.Whitespace()
    word_level.decoder = decoders.WordPiece()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=word_level, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    torch.manual_seed(0)
    size = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
    ids = dict(bos_token_id=0, eos_token_id=1)
    net = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **size, **ids))
    pairs = [f"{hint} {title}" for hint, title in zip(HINTS, TITLES, strict=True)]
    batch = torch.tensor([[0, *tokenizer(pair)["input_ids"], 1] for pair in pairs])
    labels = batch.clone()
    labels[:, :2] = -100
    adam = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(60):
        net(input_ids=batch, labels=labels).loss.backward()
        adam.step()
        adam.zero_grad()
    folder = tmp_path_factory.mktemp("language") / "tiny"
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def clusters(rows=40, seed=0):
    """Vectors around four centres, with a last row of zeros; and the centre of each."""
    rng = np.random.default_rng(seed)
    kind = np.arange(rows) % 4
    vectors = rng.standard_normal((4, 8))[kind] + 0.2 * rng.standard_normal((rows, 8))
    vectors[-1] = 0
    return vectors.astype(np.float32), kind


VECTORS, KIND = clusters()
TITLE = np.array(TITLES)[KIND]
FITTED, HELD_OUT = np.arange(24), np.arange(24, 39)


def settings(language, **more):
    return SoftPrompt(path=language, epochs=15, batch=8, lr=1e-2, length=8, **more)


def targets(rows):
    return TextTargets(TITLE[rows].tolist(), rows)


@pytest.fixture(scope="module")
def titles_model(language):
    return settings(language, words="it is").fit(targets(FITTED), VECTORS)


def test_the_right_title_is_written_for_held_out_items(titles_model):
    assert titles_model.write(HELD_OUT) == TITLE[HELD_OUT].tolist()


def test_permuted_vectors_are_no_better_than_chance(language):
    permuted = VECTORS[np.random.default_rng(1).permutation(39)]
    texts = settings(language).fit(targets(FITTED), permuted).write(HELD_OUT)
    assert np.mean(np.array(texts) == TITLE[HELD_OUT]) < 0.6


def test_an_item_without_a_vector_gets_an_empty_text(titles_model):
    assert titles_model.write(np.array([39, 0])) == ["", TITLES[0]]


def weights(language):
    return Weights.of(LanguageModel(language).network(trained=True))


def test_a_frozen_language_model_does_not_change(language, titles_model):
    net = titles_model._net
    for before, after in zip(
        weights(language).arrays, Weights.of(net.language).arrays, strict=True
    ):
        np.testing.assert_array_equal(before, after)
    assert not any(name.startswith("network") for name in titles_model.weights.names)
    np.testing.assert_array_equal(titles_model.item, VECTORS)


def test_a_trained_language_model_changes_and_is_saved(language, tmp_path):
    model = settings(language, tune="all").fit(targets(FITTED), VECTORS)
    changed = dict(zip(model.weights.names, model.weights.arrays, strict=True))
    before = weights(language)
    differences = [
        np.abs(changed[f"network.{name}"] - value).max()
        for name, value in zip(before.names, before.arrays, strict=True)
    ]
    assert max(differences) > 1e-3
    model.save(tmp_path / "m")
    assert (
        SoftPromptModel.load(tmp_path / "m").write(HELD_OUT)
        == model.write(HELD_OUT)
        == TITLE[HELD_OUT].tolist()
    )


def test_linked_vectors_move_toward_the_vectors_of_their_text(language):
    """Two items have swapped vectors; each of the four titles has six items."""
    wrong = VECTORS.copy()
    wrong[[0, 1]] = VECTORS[[1, 0]]
    recipe = settings(language, link=3.0).model_copy(update={"epochs": 40})
    model = recipe.fit(targets(FITTED), wrong)
    assert (model.item[:24] != wrong[:24]).any(axis=1).all()
    assert model.write(FITTED) == TITLE[FITTED].tolist()
    distance = [np.linalg.norm(v[[0, 1]] - VECTORS[[0, 1]]) for v in (model.item, wrong)]
    assert distance[0] < distance[1]
    assert not model.item[39].any()


def test_link_back_puts_the_vectors_into_the_network(language):
    from recweave.data.interactions import Interactions
    from recweave.models import Query
    from recweave.models.unified.recipe import Unified

    user, item = np.divmod(np.arange(400), 40)
    log = Interactions.of(user, (item * 3 + user) % 40, shape=(10, 41))
    network = Unified(dim=8, epochs=1, negatives=8).fit(log).members[0]
    rows = np.arange(24)
    model = settings(language, link=1.0).fit(TextTargets(TITLE[rows].tolist(), rows), network.item)
    linked = model.link_back(network)
    length = np.linalg.norm(linked.item, axis=1)
    np.testing.assert_allclose(length[:40], 1, atol=1e-5)
    assert length[40] == 0
    assert (linked.scores(Query.of(log)) != network.scores(Query.of(log))).any()


def test_the_user_can_determine_the_text(language):
    rng = np.random.default_rng(0)
    item, user = rng.integers(0, 39, 80), rng.integers(0, 39, 80)
    pairs = TextTargets(TITLE[user].tolist(), item, user)
    model = settings(language).fit(pairs, VECTORS, VECTORS)
    items = np.array([0, 1, 2, 3])
    assert model.write(items, items[::-1].copy()) == list(TITLES[::-1])
    with pytest.raises(BadSetting, match="if and only if"):
        model.write(items)
    with pytest.raises(BadSetting, match="users"):
        settings(language).fit(pairs, VECTORS)


def test_a_loaded_model_writes_the_same_texts_with_the_same_language_model(titles_model, tmp_path):
    titles_model.save(tmp_path / "m")
    assert SoftPromptModel.load(tmp_path / "m").write(HELD_OUT) == titles_model.write(HELD_OUT)
    names = [path.name for path in (tmp_path / "m").iterdir()]
    assert sorted(names) == ["arrays.safetensors", "manifest.json"]
    moved = tmp_path / "elsewhere"
    shutil.copytree(titles_model.recipe.path, moved)
    assert SoftPromptModel.load(tmp_path / "m", moved).write(HELD_OUT) == titles_model.write(
        HELD_OUT
    )
    (moved / "config.json").write_text((moved / "config.json").read_text() + " ")
    with pytest.raises(BadArtifact, match="is not the language model"):
        SoftPromptModel.load(tmp_path / "m", moved)


@pytest.mark.parametrize("broken", [{}, {"format": 2}, {"recipe": {"token": 1}}, {"recipe": 3}])
def test_a_broken_folder_is_an_error(titles_model, tmp_path, broken):
    titles_model.save(tmp_path / "m")
    file = tmp_path / "m" / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | broken if broken else {}))
    with pytest.raises(BadArtifact, match=r"(contains no soft prompt|holds no object)"):
        SoftPromptModel.load(tmp_path / "m")


def test_a_folder_without_a_model_and_texts_without_vectors_are_errors(language, tmp_path):
    with pytest.raises(BadSetting, match="holds no language model"):
        SoftPrompt(path=tmp_path).fit(targets(FITTED), VECTORS)
    with pytest.raises(BadSetting, match="no text is left"):
        settings(language).fit(targets(np.array([39])), VECTORS)


def test_the_same_seed_writes_the_same_weights(language):
    short = settings(language).model_copy(update={"epochs": 2})
    a, b = (
        short.fit(targets(FITTED), VECTORS, valid=targets(HELD_OUT), options=Options(seed=3))
        for _ in range(2)
    )
    for one, other in zip(a.weights.arrays, b.weights.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
