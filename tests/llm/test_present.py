"""What `recweave doctor` says of the language models on this machine."""

import json
import shutil

import pytest

from recweave.core.settings import Settings
from recweave.llm import packaged, present
from recweave.llm.present import language_models


@pytest.fixture
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Settings(home=tmp_path / "home")


def model(folder, size, kind="LlamaForCausalLM"):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": [kind]}))
    (folder / "model.safetensors").write_bytes(bytes(size))


def test_smollm2_is_missing_ready_or_de_quantized(settings, monkeypatch):
    monkeypatch.setattr(present, "is_installed", lambda: False)
    assert language_models(settings) == {"smollm2": f"missing; run: {packaged.INSTALL}"}
    monkeypatch.setattr(present, "is_installed", lambda: True)
    assert "de-quantized at the first use" in language_models(settings)["smollm2"]
    model(settings.home / "weights" / f"smollm2-135m-instruct-{packaged.SHA256[:16]}", 3_000_000)
    assert language_models(settings)["smollm2"].startswith("ready; 3 MB, read in 0.")


def test_models_of_hugging_faces_cache_are_listed_by_name(settings, tmp_path):
    cache = tmp_path / "hub"
    model(cache / "models--tea--pot" / "snapshots" / "abc", 2_000_000)
    model(cache / "models--an--encoder" / "snapshots" / "abc", 2_000_000, "BertForMaskedLM")
    model(cache / "models--old--one" / "snapshots" / "abc", 0, "GPT2LMHeadModel")
    broken = cache / "models--no--json" / "snapshots" / "abc"
    shutil.copytree(cache / "models--tea--pot" / "snapshots" / "abc", broken)
    (broken / "config.json").write_text("{")
    found = language_models(settings)
    assert list(found) == ["smollm2", "old/one", "tea/pot"]
    assert found["tea/pot"].startswith("ready; 2 MB")
    assert found["old/one"] == "its weights are not safetensors, so it is not read"


def test_the_time_is_that_of_all_weights_although_few_are_read(settings, tmp_path, monkeypatch):
    clock = iter([0.0, 0.5] * 4)
    monkeypatch.setattr(present.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(present, "SAMPLE", 2**22)
    folder = tmp_path / "hub" / "models--tea--pot" / "snapshots" / "abc"
    model(folder, 10 * 2**22)
    assert language_models(settings)["tea/pot"] == "ready; 42 MB, read in 5.0 s"
