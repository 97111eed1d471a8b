"""What a job takes is told before it is paid, within a tenth of what the server will charge."""

import json
import re

import httpx2
import numpy as np
import pytest
from llm.conftest import Mood, Vendor, completion, number_of, requests, status
from pydantic import BaseModel

from recweave.core.errors import BadSetting
from recweave.llm import LLMClient, Message, Prices, Request, Usage
from recweave.llm.base import characters
from recweave.llm.tokens import Sums, Tokens

LONG = 200


class Counting(Vendor):
    """Charges by pieces of words, which characters alone do not tell, and 25 for its template."""

    def __init__(self):
        super().__init__()
        self.charged = 0

    def __call__(self, http):
        self.bodies.append(json.loads(http.content))
        asked = " ".join(message["content"] for message in self.bodies[-1]["messages"])
        number = number_of(self.bodies[-1])
        if number % 10 == 3 and len(self.bodies[-1]["messages"]) == 1:
            return self.told("Certainly!", asked)  # a tenth needs a repair
        mood = "fine " * (3 + number % 4)
        return self.told(json.dumps({"number": number, "mood": mood}), asked)

    def told(self, text, asked):
        prompt, answered = pieces(asked) + 25, pieces(text)
        self.charged += prompt + answered
        return httpx2.Response(200, json=completion(text, prompt=prompt, answered=answered))


def pieces(text):
    return len(re.findall(r"\w{1,5}|[^\w\s]", text))


def texts(n, seed=0):
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("abcdefgh"), rng.integers(1, 13))) for _ in range(500)]
    return [
        Request(
            str(number),
            (
                Message(
                    "user", f"Number {number}. " + " ".join(rng.choice(words, rng.integers(5, 200)))
                ),
            ),
            Mood,
        )
        for number in range(n)
    ]


def error(told, charged):
    return abs((told.prompt_tokens + told.completion_tokens) / charged - 1)


@pytest.fixture
def vendor():
    return Counting()


def test_learned_from_the_ledger_it_is_within_a_tenth(vendor, tmp_path):
    client, asked = LLMClient(vendor.server(), tmp_path), texts(LONG)
    list(client.run(asked[:60]))
    told, before = client.estimate(asked), vendor.charged
    list(client.run(asked))
    assert error(told, vendor.charged - before) < 0.05
    assert told.basis == "66 earlier calls"
    assert (told.requests, told.stored, told.calls) == (LONG, 60, 150)


def test_a_probe_of_a_few_calls_is_enough_and_its_answers_are_kept(vendor, tmp_path):
    client, asked = LLMClient(vendor.server(), tmp_path), texts(LONG)
    told, before = client.estimate(asked, probe=20), vendor.charged
    assert 20 <= len(vendor.bodies) <= 26
    assert told.stored == 20
    list(client.run(asked))
    assert error(told, vendor.charged - before) < 0.1
    assert sorted(set(map(number_of, vendor.bodies))) == list(range(LONG))
    assert sum(len(body["messages"]) == 1 for body in vendor.bodies) == LONG


def test_without_a_probe_nothing_is_asked_and_the_prior_is_told(vendor, tmp_path):
    told = LLMClient(vendor.server(), tmp_path).estimate(texts(10))
    assert vendor.bodies == []
    assert "no earlier calls: 4 characters a token, 100 an answer" in told.basis
    assert told.prompt_tokens == round(sum(characters(r.messages) for r in texts(10)) / 4)
    assert (told.calls, told.completion_tokens, told.cost) == (10, 1000, None)
    assert "not known (no prices given)" in str(told)


def test_cached_answers_and_equal_requests_count_nothing(vendor, tmp_path):
    client, asked = (
        LLMClient(vendor.server(), tmp_path, prices=Prices(input=1, output=1)),
        texts(10),
    )
    list(client.run(asked))
    told = client.estimate([*asked, *asked])
    assert (told.requests, told.stored, told.calls) == (10, 10, 0)
    assert (told.prompt_tokens, told.completion_tokens, told.cost) == (0, 0, 0)
    assert told.basis == "all is settled"


def test_cost_follows_the_prices(vendor, tmp_path):
    told = LLMClient(vendor.server(), tmp_path, prices=Prices(input=2.0, output=10.0)).estimate(
        texts(9)
    )
    assert told.cost == pytest.approx((2 * told.prompt_tokens + 9000) / 1e6, rel=1e-3)
    assert f"{told.cost:,.4f}" in str(told)


class Long(BaseModel):
    essay: str


def test_tasks_are_learned_apart_once_there_is_enough_of_them():
    tokens = Tokens()
    asked = [Message("user", "x" * 100)]
    for _ in range(4):
        tokens.observe(asked, Mood, Usage(50, 10), True)
        tokens.observe(asked, Long, Usage(50, 1000), True)
    assert tokens.expect(asked, Mood) == (50, 505)
    assert "of other kinds" in tokens.basis(Mood)
    tokens.observe(asked, Mood, Usage(50, 10), True)
    assert tokens.expect(asked, Mood) == (50, 10)
    assert tokens.expect(asked, Long)[1] == pytest.approx((5 * 10 + 4 * 1000) / 9)


def test_a_line_is_fitted_with_the_template_as_its_foot():
    rng = np.random.default_rng(0)
    x = rng.integers(50, 5000, 200)
    sums = sum((Sums(1, 1, a, 30 + a / 4, a * a, a * (30 + a / 4), 5) for a in map(int, x)), Sums())
    assert sums.prompt(0) == pytest.approx(30)
    assert sums.prompt(10_000) == pytest.approx(2530)


@pytest.mark.parametrize(
    "points", [[(100, 25)] * 3, [(100, 90), (200, 50)], [(100, 10), (200, 50)]]
)
def test_points_that_give_no_sensible_line_give_a_ratio(points):
    sums = sum((Sums(1, 1, x, y, x * x, x * y, 0) for x, y in points), Sums())
    mean = sum(y for _, y in points) / sum(x for x, _ in points)
    assert sums.prompt(1000) == pytest.approx(1000 * mean)


@pytest.mark.slow  # imports transformers
def test_a_tokenizer_counts_prompts_exactly(vendor, tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    template = "{% for m in messages %}{{ m.role }} : {{ m.content }} {% endfor %}"
    for name, chat, extra in (("plain", None, 0), ("chat", template, 2)):
        made = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
        made.chat_template = chat
        made.save_pretrained(tmp_path / name)
        client = LLMClient(vendor.server(), tmp_path / "client", tokenizer=tmp_path / name)
        told = client.estimate(requests(7))
        split = re.compile(r"\w+|[^\w\s]+")
        exact = sum(len(split.findall(r.messages[0].content)) + extra for r in requests(7))
        assert told.prompt_tokens == exact
        assert told.basis.startswith("prompts counted; answers by")


@pytest.mark.slow  # imports transformers
def test_a_folder_without_a_tokenizer_is_told(vendor, tmp_path):
    with pytest.raises(BadSetting, match="holds no tokenizer"):
        LLMClient(vendor.server(), tmp_path, tokenizer=tmp_path).estimate(requests(1))


def test_calls_that_told_nothing_teach_nothing(tmp_path, still):
    plain = Vendor()
    plain.plan["all"] = [status(500)] * 1000
    client = LLMClient(plain.server(), tmp_path, clock=still.clock)
    list(client.run(requests(3)))
    assert (
        "no earlier calls"
        in LLMClient(plain.server(), tmp_path, retry=True).estimate(requests(3)).basis
    )
