"""Prompts are read as a tree of common beginnings; the states are those of each prompt alone."""

import pytest

from recweave.llm.causal import CausalLM
from recweave.llm.pretrained import LanguageModel

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SHOP, ITEM = "What people say of a shop: ", "A tea pot of clay. "
PROMPTS = [
    SHOP + ITEM + "Dear?",
    SHOP + "A book.",
    SHOP + ITEM + "Good? Say why.",
    SHOP + ITEM + "Dear?",
    SHOP + "Cups, six of them, blue.",
    SHOP + ITEM,
]


@pytest.fixture
def lm(tiny_llama):
    return CausalLM(LanguageModel(tiny_llama))


@pytest.fixture
def read(lm, monkeypatch):
    """How many tokens are read at each pass."""
    counts = []
    forward = type(lm.model).forward

    def counted(self, input_ids, **more):
        counts.append(input_ids.numel())
        return forward(self, input_ids, **more)

    monkeypatch.setattr(type(lm.model), "forward", counted)
    return counts


def check(lm, prompts, together=512):
    tokens = [lm.tokens(prompt) for prompt in prompts]
    seen = []
    with torch.inference_mode():
        for rows, states, after in lm.reader.read(tokens, together):
            following = states.read(lm.model, torch.full((len(rows), 1), 70))
            for line, row in enumerate(rows):
                whole = lm.model(torch.tensor([[*tokens[row], 70]])).logits[0]
                torch.testing.assert_close(after[line], whole[-2], rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(following[line], whole[-1], rtol=1e-4, atol=1e-4)
            seen += rows
    assert sorted(seen) == list(range(len(prompts)))


@pytest.mark.parametrize("together", [0, 30, 512])
def test_every_prompt_is_read_as_if_it_were_alone(lm, together):
    check(lm, PROMPTS, together)
    check(lm, PROMPTS[::-1], together)  # with what is kept of the first call
    check(lm, ["Else", "Another beginning", PROMPTS[0]], together)
    check(lm, PROMPTS[:1], together)


def test_what_prompts_begin_with_is_read_once_at_each_level(lm, read):
    tokens = [lm.tokens(prompt) for prompt in PROMPTS]
    with torch.inference_mode():
        list(lm.reader.read(tokens, 0))
        first = list(read)
        read.clear()
        list(lm.reader.read([lm.tokens(SHOP + "A new one.")]))
    own = ["Dear?", "Dear?", "Good? Say why.", ""]
    assert first[0] == len(SHOP)
    assert sorted(first[1:]) == sorted(
        [
            len("A book."),
            len("Cups, six of them, blue."),
            len(ITEM) - 1,  # the last token of the shortest is read by itself, for its output
            *(1 + len(text) for text in own),
        ]
    )
    assert read == [len("A new one.")]


def test_generated_tokens_are_those_of_transformers(lm):
    prompts = [prompt[-20:] for prompt in PROMPTS]
    pad = lm.tokenizer.eos_token_id
    for prompt, text in zip(prompts, lm.generate(prompts, 30), strict=True):
        ids = torch.tensor([lm.tokens(prompt)])
        plain = lm.model.generate(ids, max_new_tokens=30, do_sample=False, pad_token_id=pad)
        said = plain[0, ids.shape[1] :].tolist()
        assert text == lm.tokenizer.decode(said, skip_special_tokens=True)
