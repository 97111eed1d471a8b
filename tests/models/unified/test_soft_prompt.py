"""What soft prompts promise: the vector decides the text, and only what may change does."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from recweave.core.errors import BadArtifact, BadSetting
from recweave.models.nn.weights import Weights
from recweave.models.training import Options
from recweave.models.unified.language import Language
from recweave.models.unified.soft_prompt import SoftPrompt, Speaker, TextTargets

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
TITLES = ("red silk scarf", "blue tea pot", "small garden lamp", "old brass bell")
HINTS = ("one", "two", "three", "four")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only wait for each other with so small a net
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    """A Llama of 30,000 parameters that writes the title that a word of number stands for."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = [
        "<s>",
        "</s>",
        "<unk>",
        *sorted({w for t in TITLES for w in t.split()} | {*HINTS, "it", "is"}),
    ]
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.decoder = decoders.WordPiece()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
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
    """Vectors around four centres, the last row zero; which centre each is of."""
    rng = np.random.default_rng(seed)
    kind = np.arange(rows) % 4
    vectors = rng.standard_normal((4, 8))[kind] + 0.2 * rng.standard_normal((rows, 8))
    vectors[-1] = 0
    return vectors.astype(np.float32), kind


VECTORS, KIND = clusters()
TITLE = np.array(TITLES)[KIND]
FITTED, HELD = np.arange(24), np.arange(24, 39)


def settings(language, **more):
    return SoftPrompt(path=language, epochs=15, batch=8, lr=1e-2, length=8, **more)


def told(rows):
    return TextTargets(TITLE[rows].tolist(), rows)


@pytest.fixture(scope="module")
def speaker(language):
    return settings(language, words="it is").fit(told(FITTED), VECTORS)


def test_the_right_title_is_written_for_items_that_were_not_learned_from(speaker):
    assert speaker.write(HELD) == TITLE[HELD].tolist()


def test_a_prompt_from_dealt_vectors_is_right_by_chance_alone(language):
    dealt = VECTORS[np.random.default_rng(1).permutation(39)]
    found = settings(language).fit(told(FITTED), dealt).write(HELD)
    assert np.mean(np.array(found) == TITLE[HELD]) < 0.6


def test_who_has_no_vector_is_not_described(speaker):
    assert speaker.write(np.array([39, 0])) == ["", TITLES[0]]


def numbers(language):
    return Weights.of(Language(language).network(trained=True))


def test_a_language_model_that_is_kept_keeps_its_numbers(language, speaker):
    net = speaker._net
    for before, after in zip(
        numbers(language).arrays, Weights.of(net.language).arrays, strict=True
    ):
        np.testing.assert_array_equal(before, after)
    assert not any(name.startswith("network") for name in speaker.weights.names)
    np.testing.assert_array_equal(speaker.item, VECTORS)


def test_one_that_is_trained_changes_and_is_kept_with_the_rest(language, tmp_path):
    model = settings(language, tune="all").fit(told(FITTED), VECTORS)
    changed = dict(zip(model.weights.names, model.weights.arrays, strict=True))
    before = numbers(language)
    told_apart = [
        np.abs(changed[f"network.{name}"] - value).max()
        for name, value in zip(before.names, before.arrays, strict=True)
    ]
    assert max(told_apart) > 1e-3
    model.save(tmp_path / "m")
    assert Speaker.load(tmp_path / "m").write(HELD) == model.write(HELD) == TITLE[HELD].tolist()


def test_linked_vectors_move_toward_what_is_written(language):
    """Two items lie around each other's centres; among six of a kind they would be outvoted."""
    wrong = VECTORS.copy()
    wrong[[0, 1]] = VECTORS[[1, 0]]
    recipe = settings(language, link=3.0).model_copy(update={"epochs": 40})
    model = recipe.fit(told(FITTED), wrong)
    assert (model.item[:24] != wrong[:24]).any(axis=1).all()
    assert model.write(FITTED) == TITLE[FITTED].tolist()
    toward = [np.linalg.norm(v[[0, 1]] - VECTORS[[0, 1]]) for v in (model.item, wrong)]
    assert toward[0] < toward[1]
    assert not model.item[39].any()


def test_linked_vectors_go_back_into_their_network(language):
    from recweave.data.interactions import Interactions
    from recweave.models import Query
    from recweave.models.unified.recipe import Unified

    user, item = np.divmod(np.arange(400), 40)
    log = Interactions.of(user, (item * 3 + user) % 40, shape=(10, 41))
    network = Unified(dim=8, epochs=1, negatives=8).fit(log).members[0]
    rows = np.arange(24)
    model = settings(language, link=1.0).fit(TextTargets(TITLE[rows].tolist(), rows), network.item)
    back = model.link_back(network)
    length = np.linalg.norm(back.item, axis=1)
    np.testing.assert_allclose(length[:40], 1, atol=1e-5)
    assert length[40] == 0
    assert (back.scores(Query.of(log)) != network.scores(Query.of(log))).any()


def test_the_user_may_decide_the_text(language):
    rng = np.random.default_rng(0)
    item, user = rng.integers(0, 39, 80), rng.integers(0, 39, 80)
    pairs = TextTargets(TITLE[user].tolist(), item, user)
    model = settings(language).fit(pairs, VECTORS, VECTORS)
    asked = np.array([0, 1, 2, 3])
    assert model.write(asked, asked[::-1].copy()) == list(TITLES[::-1])
    with pytest.raises(BadSetting, match="if and only if"):
        model.write(asked)
    with pytest.raises(BadSetting, match="users"):
        settings(language).fit(pairs, VECTORS)


def test_what_is_saved_writes_the_same_beside_the_same_language_model(speaker, tmp_path):
    speaker.save(tmp_path / "m")
    assert Speaker.load(tmp_path / "m").write(HELD) == speaker.write(HELD)
    names = [path.name for path in (tmp_path / "m").iterdir()]
    assert sorted(names) == ["arrays.safetensors", "manifest.json"]
    moved = tmp_path / "elsewhere"
    shutil.copytree(speaker.recipe.path, moved)
    assert Speaker.load(tmp_path / "m", moved).write(HELD) == speaker.write(HELD)
    (moved / "config.json").write_text((moved / "config.json").read_text() + " ")
    with pytest.raises(BadArtifact, match="is not the language model"):
        Speaker.load(tmp_path / "m", moved)


@pytest.mark.parametrize("broken", [{}, {"format": 2}, {"recipe": {"token": 1}}, {"recipe": 3}])
def test_a_broken_folder_is_told(speaker, tmp_path, broken):
    speaker.save(tmp_path / "m")
    file = tmp_path / "m" / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | broken if broken else {}))
    with pytest.raises(BadArtifact, match=r"holds no (soft prompt|object)"):
        Speaker.load(tmp_path / "m")


def test_a_folder_without_a_model_and_texts_without_vectors_are_told(language, tmp_path):
    with pytest.raises(BadSetting, match="holds no language model"):
        SoftPrompt(path=tmp_path).fit(told(FITTED), VECTORS)
    with pytest.raises(BadSetting, match="no text is left"):
        settings(language).fit(told(np.array([39])), VECTORS)


def test_the_same_seed_writes_the_same_numbers(language):
    short = settings(language).model_copy(update={"epochs": 2})
    a, b = (
        short.fit(told(FITTED), VECTORS, valid=told(HELD), options=Options(seed=3))
        for _ in range(2)
    )
    for one, other in zip(a.weights.arrays, b.weights.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
