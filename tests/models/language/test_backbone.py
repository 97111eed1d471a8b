"""The language model in a recommender: what is trained, what is saved, what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_llama  # noqa: E402

from recweave.core.errors import BadArtifact, BadSetting  # noqa: E402
from recweave.models.language.backbone import BackboneSettings  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
BLOCK = 4 * 32 * 32 - 2 * 16 * 32 + 3 * 32 * 64 + 2 * 32
"""Parameters of a block: q and o whole, k and v for half of the heads, the MLP, two norms."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llama.write(tmp_path_factory.mktemp("llama") / "tiny")


def ids(backbone, text="Hello, user"):
    return torch.tensor([backbone.tokenizer(text, add_special_tokens=False)["input_ids"]])


def read(backbone):
    """The logits after a text."""
    with torch.inference_mode():
        return backbone.network(ids(backbone)).logits[0, -1].numpy()


def step(backbone):
    """One step of training; the weights change."""
    adam = torch.optim.SGD(backbone.parameters(), lr=0.5)
    for _ in range(2):  # LoRA's second matrix begins at zero: the first one learns after a step
        adam.zero_grad()
        batch = ids(backbone)
        backbone.network(batch, labels=batch).loss.backward()
        adam.step()


@pytest.mark.parametrize(
    ("trained", "count"),
    [
        ("frozen", 0),
        # q (32 to 32) and v (32 to 16): matrices 4 × 32 and 32 × 4, 4 × 32 and 16 × 4.
        ("lora", 2 * (4 * (32 + 32) + 4 * (32 + 16))),
        ("full", 2 * BLOCK + 32 + 2 * 258 * 32),  # two blocks, the last norm, embeddings and head
    ],
)
def test_parameters_are_those_that_are_trained(folder, trained, count):
    settings = BackboneSettings(backbone=str(folder), layers=2, trained=trained, lora_rank=4)
    backbone = settings.open()
    assert sum(p.numel() for p in backbone.parameters()) == count
    assert all(p.requires_grad for p in backbone.parameters())
    assert {id(p) for p in backbone.parameters()} == {
        id(p) for p in backbone.network.parameters() if p.requires_grad
    }
    assert len(backbone.network.base_model.layers) == 2


@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("trained", ["frozen", "lora", "full"])
def test_what_was_trained_is_saved_and_the_rest_is_found_again(folder, trained, pretrained):
    settings = BackboneSettings(
        backbone=str(folder), trained=trained, pretrained=pretrained, layers=1
    )
    backbone = settings.open(seed=5)
    before = read(backbone)
    if trained != "frozen":
        step(backbone)
        assert np.abs(read(backbone) - before).max() > 1e-3
    saved = backbone.saved()
    again = saved.open(settings)
    np.testing.assert_array_equal(read(again), read(backbone))
    kept = sum(array.size for array in saved.weights.arrays)
    assert kept == sum(p.numel() for p in backbone.parameters())


def test_random_weights_depend_on_the_seed_and_not_on_the_folder(folder):
    settings = BackboneSettings(backbone=str(folder), pretrained=False)
    pretrained = read(BackboneSettings(backbone=str(folder)).open())
    first, second = read(settings.open(seed=1)), read(settings.open(seed=1))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - pretrained).max() > 1e-3
    assert np.abs(first - read(settings.open(seed=2))).max() > 1e-3


def test_another_language_model_is_refused(folder, tmp_path):
    settings = BackboneSettings(backbone=str(folder), trained="lora")
    saved = settings.open().saved()
    other = tiny_llama.write(tmp_path / "other", seed=1)
    with pytest.raises(BadArtifact, match="other is not the language model of the training"):
        saved.open(settings.model_copy(update={"backbone": str(other)}))


def test_random_weights_that_another_torch_draws_are_refused(folder):
    settings = BackboneSettings(backbone=str(folder), pretrained=False)
    saved = settings.open(seed=1).saved()
    with pytest.raises(BadArtifact, match="train again"):
        replace(saved, seed=2).open(settings)


def test_saved_weights_of_another_shape_are_refused(folder):
    settings = BackboneSettings(backbone=str(folder), trained="lora")
    saved = settings.open().saved()
    with pytest.raises(BadArtifact, match="do not fit"):
        saved.open(settings.model_copy(update={"lora_rank": 2}))


def test_states_of_embedded_words_are_those_of_their_ids_wherever_the_padding_is(folder):
    backbone = BackboneSettings(backbone=str(folder)).open()
    body, tokens = backbone.network.base_model, ids(backbone)
    with torch.inference_mode():
        expected = body(tokens).last_hidden_state
        found = backbone.states(backbone.words[tokens])
        torch.testing.assert_close(found, expected)
        padded = torch.cat([torch.zeros(1, 3, dtype=torch.long), tokens], 1)
        mask = torch.arange(padded.shape[1])[None] >= 3
        found = backbone.states(backbone.words[padded], mask)[:, 3:]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_bad_folders_and_names_are_errors_that_say_what_to_do(folder, tmp_path):
    with pytest.raises(BadSetting, match="there is no such folder"):
        BackboneSettings(backbone=str(tmp_path / "none")).open()
    with pytest.raises(BadSetting, match="blocks"):
        BackboneSettings(backbone=str(folder), layers=9).open()
    with pytest.raises(BadSetting, match="lora_targets"):
        BackboneSettings(backbone=str(folder), trained="lora", lora_targets=("nothing",)).open()
    with pytest.raises(BadSetting, match='set trained = "lora"'):
        BackboneSettings.parse({"lora_targets": ["q_proj"]}, "here")
    bare = tiny_llama.write(tmp_path / "bare")
    for file in bare.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(BadSetting, match="tokenizer"):
        BackboneSettings(backbone=str(bare)).open()


def test_a_folder_of_another_kind_of_model_is_refused(folder, tmp_path):
    other = tiny_llama.write(tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    config["model_type"] = "vit"
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadSetting, match="a model of the type vit is no causal language model"):
        BackboneSettings(backbone=str(other), pretrained=False).open()
