"""Answers that are read together have the likelihood that each has by itself."""

from dataclasses import replace

import numpy as np
import pytest

from recweave.llm.causal import CausalLM
from recweave.llm.pretrained import LanguageModel
from recweave.models.language.backbone import BackboneSettings, TrainedBackbone
from recweave.models.nn.weights import Weights
from recweave.rank.language.reader import Reader, Recent

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

ANSWERS = ["tea", "a cup of tea", "b", "books on tea", "tea"]


def reader_of(folder, **settings):
    backbone = BackboneSettings(backbone=str(folder), **settings)
    trained = TrainedBackbone(backbone.language.sha256, 0, Weights((), ()))
    return Reader(backbone.model_dump_json(), trained)


def by_hand(reader, prompt, answer):
    start, end = reader.tokens(prompt), reader.tokens(answer)
    with torch.inference_mode():
        logits = reader.backbone.network(torch.tensor([start + end])).logits[0]
    each = torch.log_softmax(logits, 1)[len(start) - 1 : -1]
    return float(each[torch.arange(len(end)), end].sum())


def test_likelihoods_are_those_of_one_text_at_a_time(tiny_llama):
    reader = reader_of(tiny_llama)
    prompt = 'The user bought "tea" and then "'
    found = reader.log_likelihoods(reader.tokens(prompt), [reader.tokens(one) for one in ANSWERS])
    expected = [by_hand(reader, prompt, answer) for answer in ANSWERS]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert len(set(np.round(expected, 3))) == 4


@pytest.mark.parametrize("layers", [0, 2])
def test_likelihoods_are_those_of_causal_lm(tiny_llama, layers):
    reader = reader_of(tiny_llama, layers=layers)
    prompt = 'The user bought "tea" and then "'
    found = reader.log_likelihoods(reader.tokens(prompt), [reader.tokens(one) for one in ANSWERS])
    ((expected, _),) = CausalLM(LanguageModel(tiny_llama, layers)).log_likelihoods(
        [prompt], [ANSWERS]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_one_network_serves_all_stages_of_a_model_and_another_has_another_name(tiny_llama):
    one, same, short = reader_of(tiny_llama), reader_of(tiny_llama), reader_of(tiny_llama, layers=2)
    assert one.backbone is same.backbone
    assert one.name == same.name != short.name
    assert len(short.backbone.network.base_model.layers) == 2


@pytest.mark.parametrize(("multiplies", "exact"), [("on", "bf16"), ("off", "fp32")])
def test_auto_is_the_precision_that_the_processor_is_faster_in(
    tiny_llama, monkeypatch, multiplies, exact
):
    monkeypatch.setenv("RECWEAVE_BF16", multiplies)
    automatic = replace(reader_of(tiny_llama), precision="auto")
    assert automatic.name == replace(automatic, precision=exact).name
    dtype = next(automatic.backbone.network.parameters()).dtype
    assert dtype == {"bf16": torch.bfloat16, "fp32": torch.float32}[exact]


def test_only_the_newest_results_are_kept():
    kept = Recent(2)
    made = []
    for key in "abacb":
        kept.get(key, lambda key=key: made.append(key))
    assert made == ["a", "b", "c", "b"]
