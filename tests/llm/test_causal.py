"""Batches and caches of a causal language model give what one text at a time gives."""

import numpy as np
import pytest

from recweave.core.errors import BadInput
from recweave.llm.batches import batches
from recweave.llm.causal import CausalLM
from recweave.llm.pretrained import LanguageModel

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROMPTS = ["The user liked tea and now wants", "The user liked tea, cups and books; now", "Go"]
ANSWERS = [[" tea", " a cup of tea", " b"], [" books"], [" on and on", " x", " yes", " no"]]


@pytest.fixture(scope="module")
def lm(tiny_llama):
    return CausalLM(LanguageModel(tiny_llama))


def by_hand(lm, prompt, answer):
    """The log-probability of an answer, from one pass over prompt and answer without a cache."""
    start, end = lm.tokens(prompt, "prompt"), lm.tokens(answer, "answer")
    with torch.inference_mode():
        logits = lm.model(torch.tensor([start + end])).logits[0]
    each = torch.log_softmax(logits, 1)[len(start) - 1 : -1]
    return float(each[torch.arange(len(end)), end].sum()), len(end)


@pytest.mark.parametrize("prompts", [slice(0, 3), slice(0, 2), slice(2, 3)])
def test_likelihoods_are_those_of_one_text_at_a_time(lm, prompts):
    found = lm.log_likelihoods(PROMPTS[prompts], ANSWERS[prompts])
    for prompt, answers, (likelihood, length) in zip(
        PROMPTS[prompts], ANSWERS[prompts], found, strict=True
    ):
        expected = [by_hand(lm, prompt, answer) for answer in answers]
        np.testing.assert_allclose(likelihood, [one for one, _ in expected], rtol=1e-4)
        assert length.tolist() == [count for _, count in expected]


def test_prompts_that_begin_alike_are_read_once(lm, monkeypatch):
    read = []
    real = type(lm.model).forward

    def counted(self, input_ids, **more):
        read.append(input_ids.numel())
        return real(self, input_ids, **more)

    monkeypatch.setattr(type(lm.model), "forward", counted)
    long = "A beginning that all prompts share: "
    lm.log_likelihoods([long + "a", long + "b", long + "c"], [[" x"]] * 3)
    assert read[0] == len(lm.tokens(long, "prompt"))
    assert sum(read) < 2 * read[0]


def test_generated_texts_are_those_of_one_prompt_at_a_time(lm):
    together = lm.generate(PROMPTS, 12)
    assert together == [lm.generate([prompt], 12)[0] for prompt in PROMPTS]
    assert any(together)


def test_bf16_is_near(lm):
    half = CausalLM(lm.language, "bf16")
    assert half.model.dtype == torch.bfloat16
    (exact, _), (near, _) = (m.log_likelihoods(["Go"], [[" on", " off"]])[0] for m in (lm, half))
    np.testing.assert_allclose(near, exact, rtol=0.1)


def test_what_cannot_be_read_is_refused(lm):
    with pytest.raises(BadInput, match="reads 96 at most; shorten"):
        lm.log_likelihoods(["a" * 95], [[" no"]])
    with pytest.raises(BadInput, match="reads 96 at most"):
        lm.generate(["a" * 90], 7)
    with pytest.raises(BadInput, match="empty prompt"):
        lm.generate([""], 5)
    with pytest.raises(BadInput, match="empty answer"):
        lm.log_likelihoods(["a"], [[""]])


def test_batches_hold_every_row_once_and_no_more_tokens_than_fit():
    lengths = np.random.default_rng(0).integers(1, 50, 100).tolist()
    made = list(batches(lengths, 200))
    assert sorted(row for rows in made for row in rows) == list(range(100))
    assert all(len(rows) * max(lengths[row] for row in rows) <= 200 for rows in made)
    assert [len(rows) for rows in batches([500], 200)] == [1]
