"""Batches and caches of a causal language model give what one text at a time gives."""

import numpy as np
import pytest

from recweave.core.errors import BadInput, BadSetting
from recweave.llm.causal import CausalLM, batches

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROMPTS = ["The user liked tea and now wants", "The user liked tea, cups and books; now", "Go"]
ANSWERS = [[" tea", " a cup of tea", " b"], [" books"], [" on and on", " x", " yes", " no"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random Llama with a tokenizer of bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("llama")
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<s>", "</s>"], initial_alphabet=letters)
    bpe.train_from_iterator([], trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>"
    ).save_pretrained(path)
    config = LlamaConfig(
        vocab_size=bpe.get_vocab_size(), hidden_size=32, intermediate_size=64, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=96,
        bos_token_id=0, eos_token_id=1, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def lm(folder):
    return CausalLM(folder)


def by_hand(lm, prompt, answer):
    """The log-probability of an answer, from one pass over prompt and answer without a cache."""
    start, end = lm._tokens(prompt, "prompt"), lm._tokens(answer, "answer")
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
    assert read[0] == len(lm._tokens(long, "prompt"))
    assert sum(read) < 2 * read[0]


def test_generated_texts_are_those_of_one_prompt_at_a_time(lm):
    together = lm.generate(PROMPTS, 12)
    assert together == [lm.generate([prompt], 12)[0] for prompt in PROMPTS]
    assert any(together)


def test_fewer_blocks_are_another_model_and_too_many_are_refused(folder):
    short = CausalLM(folder, layers=1)
    assert len(short.model.base_model.layers) == 1
    one, other = (m.log_likelihoods(["Go"], [[" x"]])[0][0] for m in (short, CausalLM(folder)))
    assert abs(one - other) > 1e-3
    with pytest.raises(BadSetting, match="has 3 blocks, not 9"):
        _ = CausalLM(folder, layers=9).model


def test_bf16_is_near(folder, lm):
    (exact, _), (near, _) = (
        m.log_likelihoods(["Go"], [[" on", " off"]])[0]
        for m in (lm, CausalLM(folder, precision="bf16"))
    )
    np.testing.assert_allclose(near, exact, rtol=0.1)


def test_what_cannot_be_read_is_refused(lm, folder, tmp_path):
    with pytest.raises(BadInput, match="reads 96 at most; shorten"):
        lm.log_likelihoods(["a" * 95], [[" no"]])
    with pytest.raises(BadInput, match="reads 96 at most"):
        lm.generate(["a" * 90], 7)
    with pytest.raises(BadInput, match="empty prompt"):
        lm.generate([""], 5)
    with pytest.raises(BadInput, match="empty answer"):
        lm.log_likelihoods(["a"], [[""]])
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(BadSetting, match="no language model that can be read"):
        _ = CausalLM(tmp_path).tokenizer


def test_batches_hold_every_row_once_and_no_more_tokens_than_fit():
    lengths = np.random.default_rng(0).integers(1, 50, 100).tolist()
    made = list(batches(lengths, 200))
    assert sorted(row for rows in made for row in rows) == list(range(100))
    assert all(len(rows) * max(lengths[row] for row in rows) <= 200 for rows in made)
    assert [len(rows) for rows in batches([500], 200)] == [1]


def test_weights_in_a_pickle_are_not_read(lm, folder, tmp_path):
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save(lm.model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(BadSetting, match=r"no language model that can be read.*safetensors"):
        _ = CausalLM(tmp_path).model
