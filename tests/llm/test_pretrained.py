"""A language model is opened by folder or name, cut to its first blocks, and read safely."""

import json
import shutil

import pytest

from recweave.core.errors import BadSetting
from recweave.llm.pretrained import LanguageModel

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def copy(tiny_llama, tmp_path):
    """A copy of the folder, to be spoilt."""
    return shutil.copytree(tiny_llama, tmp_path / "llama")


def change(folder, **settings):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def test_fewer_blocks_are_the_first_ones(tiny_llama):
    whole = LanguageModel.named(tiny_llama).network(trained=False)
    short = LanguageModel.named(tiny_llama, layers=2).network(trained=False)
    assert (len(whole.base_model.layers), len(short.base_model.layers)) == (3, 2)
    blocks = whole.base_model.layers[:2].state_dict()
    assert all(torch.equal(w, blocks[n]) for n, w in short.base_model.layers.state_dict().items())
    ids = torch.arange(5)[None]
    whole.base_model.layers = whole.base_model.layers[:2]
    assert torch.equal(short(ids).logits, whole(ids, use_cache=False).logits)


def test_the_kinds_of_blocks_are_cut_with_them(tmp_path):
    config = transformers.Qwen2Config(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, use_sliding_window=True, max_window_layers=1,
    )  # fmt: skip
    transformers.Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    assert len(LanguageModel(tmp_path, 1).network(trained=False).base_model.layers) == 1


@pytest.mark.parametrize("layers", [4, -1])
def test_blocks_that_it_does_not_have_are_refused(tiny_llama, layers):
    with pytest.raises(BadSetting, match=f"has 3 blocks, not {layers}"):
        LanguageModel(tiny_llama, layers).network(trained=False)


def test_every_network_is_a_new_copy_with_a_gradient_if_it_is_trained(tiny_llama):
    language = LanguageModel(tiny_llama)
    one, other = (language.network(trained=trained) for trained in (True, False))
    assert all(p.requires_grad for p in one.parameters())
    assert not any(p.requires_grad for p in other.parameters())
    with torch.no_grad():
        for weight in one.parameters():
            weight.zero_()
    assert all(weight.abs().sum() for weight in other.parameters())


def test_a_network_has_the_numbers_of_the_files_or_those_asked_for(tiny_llama, tmp_path):
    LanguageModel(tiny_llama).network(trained=False, dtype="bfloat16").save_pretrained(tmp_path)
    stored = LanguageModel(tmp_path)
    assert stored.network(trained=False).dtype == torch.bfloat16
    assert stored.network(trained=True).dtype == torch.float32
    assert stored.network(trained=True, dtype="bfloat16").dtype == torch.bfloat16


def test_the_context_is_known_before_the_weights_are_read(copy):
    (copy / "model.safetensors").unlink()
    assert LanguageModel(copy).context == 96
    transformers.BloomConfig().save_pretrained(copy)
    assert LanguageModel(copy).context == 2**20  # neither it nor its tokenizer names a limit


def test_a_configuration_that_is_wrong_is_refused(copy):
    change(copy, max_position_embeddings="many")
    with pytest.raises(BadSetting, match=r"no language model that can be read: .*max_position_emb"):
        _ = LanguageModel(copy).context


def test_the_hash_is_that_of_weights_configuration_and_tokenizer(copy):
    hashes = [LanguageModel(copy).sha256]
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        with (copy / name).open("ab") as file:
            file.write(b" ")
        hashes.append(LanguageModel(copy).sha256)
    assert len(set(hashes)) == 4
    (copy / "README.md").write_text("Read me")
    assert LanguageModel(copy).sha256 == hashes[-1]


def test_a_folder_without_a_tokenizer_is_refused(copy):
    for file in copy.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(BadSetting, match="llama holds no tokenizer that can be read") as refused:
        _ = LanguageModel(copy).tokenizer
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith("tokenizer.json is missing: copy it from the same model")


def test_a_tokenizer_without_an_end_of_text_token_is_refused(copy):
    file = copy / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token": None}))
    with pytest.raises(BadSetting, match="has no end-of-text token"):
        _ = LanguageModel(copy).tokenizer


def test_weights_that_are_missing_are_not_made_up(copy):
    change(copy, num_hidden_layers=4)
    with pytest.raises(BadSetting, match=r"no whole .*: 9 weights are missing \(model\.layers\.3"):
        LanguageModel(copy).network(trained=False)


def test_weights_of_another_size_are_refused(copy):
    change(copy, intermediate_size=48)
    with pytest.raises(BadSetting, match="no language model that can be read"):
        LanguageModel(copy).network(trained=False)


def test_weights_in_a_pickle_are_not_read(copy):
    torch.save(LanguageModel(copy).network(trained=False).state_dict(), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(
        BadSetting,
        match=r"pytorch_model\.bin is of a format that can run code: save",
    ):
        LanguageModel(copy).network(trained=False)


def test_a_model_of_hugging_faces_cache_is_found_by_its_name(copy, tmp_path, monkeypatch):
    repository = tmp_path / "hub" / "models--tea--llama"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    shutil.copytree(copy, repository / "snapshots" / "abc")
    import huggingface_hub

    real = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download",
        lambda name, **more: real(name, cache_dir=tmp_path / "hub", **more),
    )  # fmt: skip
    assert LanguageModel.named("tea/llama").sha256 == LanguageModel(copy).sha256
    with pytest.raises(BadSetting, match=r"neither a folder tea/pot nor .*: hf download tea/pot"):
        LanguageModel.named("tea/pot")
