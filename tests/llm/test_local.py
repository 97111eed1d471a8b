"""Questions to a local model that are answered together get the answers of one at a time."""

import asyncio
import json
import threading
import time
from typing import Annotated, Literal

import numpy as np
import pytest
import tiny_llama as tiny_llama_file
from pydantic import BaseModel, Field

from recweave.core.errors import BadSetting
from recweave.llm import BadAnswer, Budget, BudgetSpent, Failed, LLMClient, Local, Message, Request
from recweave.llm.choice import among, can_choose
from recweave.llm.pretrained import LanguageModel

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("outlines_core")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TEMPLATE = (
    "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


class Verdict(BaseModel):
    price: Literal["fair", "cheap", "overpriced"]
    stars: Literal[1, 2, 3]


class Said(BaseModel):
    mood: str = Field(min_length=1, max_length=9)
    words: list[str] = Field(min_length=1, max_length=2)


class Moods(BaseModel):
    mood: str = Field(min_length=1, max_length=9)
    others: list[Annotated[str, Field(max_length=5)]] = Field(max_length=3)


class Names(BaseModel):
    names: list[Literal["tea", "pot"]] = Field(max_length=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "tiny"
    return tiny_llama_file.write(path, context=600, template=TEMPLATE)


@pytest.fixture(scope="module")
def local(folder):
    return Local(folder, 80)


@pytest.fixture(scope="module")
def single(local):
    """The answers to `QUESTIONS`, asked one at a time."""
    return [alone(local, *question) for question in QUESTIONS]


def asked(words, system="You say what shops are like."):
    return (Message("system", system), Message("user", words))


QUESTIONS = [
    (asked(words), schema)
    for words in ("A tea pot.", "A tea pot with a lid, in blue; who would buy it?", "Go", "é😀")
    for schema in (Verdict, Said, Moods, Names)
] + [(asked("Go", "Be short."), Verdict), ([Message("user", "?")], Names)]


def outcome(answer):
    return answer if isinstance(answer, Exception) else (answer.value, answer.usage)


def alone(local, messages, schema):
    try:
        return asyncio.run(local.ask(messages, schema))
    except Failed as failure:
        return failure


def together(local, questions):
    async def all_():
        return await asyncio.gather(
            *(local.ask(*question) for question in questions), return_exceptions=True
        )

    return asyncio.run(all_())


def same(one, other):
    if isinstance(one, Exception):
        return (type(one), str(one), one.raw) == (type(other), str(other), other.raw)
    return (one.value, one.usage) == (other.value, other.usage)


def test_answers_of_several_schemas_at_once_are_those_of_one_at_a_time(local, single):
    answers = together(local, QUESTIONS)
    assert all(map(same, answers, single))
    good = [answer for answer in answers if not isinstance(answer, Exception)]
    assert {type(answer.value) for answer in good} == {Verdict, Moods, Names}
    assert len(good) < len(QUESTIONS)  # the others are cut short, alike


def test_more_questions_than_rows_are_all_answered_and_join_what_is_under_way(
    local, single, monkeypatch
):
    from recweave.llm import generation

    monkeypatch.setattr(generation, "ROWS", 4)
    joined = []
    add = generation.Generation.add

    def counted(self, new):
        joined.append((len(self.under_way), len(new)))
        add(self, new)

    monkeypatch.setattr(generation.Generation, "add", counted)
    answers = together(local, QUESTIONS)
    assert all(map(same, answers, single))
    assert sum(new for _, new in joined) == len(QUESTIONS)
    assert all(before + new <= 4 for before, new in joined)
    assert any(before for before, _ in joined)


def test_a_plain_generate_with_the_schemas_regex_gives_the_same(local):
    """Against transformers' own loop, held to the schema by a full match of each prefix."""
    messages, schema = QUESTIONS[0]
    reply = alone(local, messages, schema)
    tokenizer, model = local._lm.tokenizer, local._lm.model
    ids = torch.tensor([local._prompt(messages)])
    constraint = local._grammars[schema].begin()
    said = []
    with torch.inference_mode():
        while not constraint.complete:
            logits = model(torch.cat([ids, torch.tensor([said], dtype=torch.int64)], 1)).logits
            allowed = torch.from_numpy(constraint.allowed())
            said.append(int(logits[0, -1].masked_fill(~allowed, -torch.inf).argmax()))
            constraint.advance(said[-1])
    assert schema.model_validate_json(tokenizer.decode(said)) == reply.value
    assert reply.usage.completion_tokens == len(said) + 1


def test_a_string_ends_at_its_bound(local):
    answers = together(local, [(asked(f"Question {n}"), Moods) for n in range(12)])
    values = [answer.value for answer in answers]  # none was cut short or is outside the schema
    assert max(len(value.mood) for value in values) == 9
    assert max(len(other) for value in values for other in value.others) == 5


def test_a_question_that_is_too_long_fails_and_the_others_are_answered(local):
    questions = [QUESTIONS[0], (asked("long " * 200), Verdict), QUESTIONS[6]]
    answers = together(local, questions)
    assert isinstance(answers[1], Failed) and not isinstance(answers[1], BadAnswer)
    assert "the question is too long: with an answer it has 1,0" in str(answers[1])
    assert "tiny reads 600" in str(answers[1])
    assert same(answers[0], alone(local, *questions[0]))
    assert same(answers[2], alone(local, *questions[2]))


def test_a_cancelled_question_loses_no_other_one(local, single, monkeypatch):
    from recweave.llm import local_queue
    from recweave.llm.generation import Generation

    monkeypatch.setattr(local_queue, "GATHER", 0.3)  # all are in the first batch
    started, cancelled_one, sizes = threading.Event(), threading.Event(), []
    step = Generation.step

    def waits(self):
        sizes.append(len(self.under_way))
        done = step(self)
        started.set()
        assert cancelled_one.wait(30)
        return done

    monkeypatch.setattr(Generation, "step", waits)

    async def cancelled():
        tasks = [asyncio.ensure_future(local.ask(*question)) for question in QUESTIONS]
        assert await asyncio.to_thread(started.wait, 30)
        tasks[0].cancel()
        await asyncio.sleep(0)  # the cancellation reaches the queue
        cancelled_one.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(cancelled())
    assert isinstance(answers[0], asyncio.CancelledError)
    assert sizes[:2] == [len(QUESTIONS), len(QUESTIONS) - 1]
    assert all(map(same, answers[1:], single[1:]))


def test_an_error_of_the_model_reaches_all_who_wait_and_the_next_question_is_answered(
    local, monkeypatch
):
    from recweave.llm.generation import Generation

    def fails(self):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(Generation, "step", fails)
        answers = together(local, QUESTIONS[:3])
    assert [str(answer) for answer in answers] == ["out of memory"] * 3
    assert same(alone(local, *QUESTIONS[0]), together(local, QUESTIONS[:1])[0])


def test_an_error_while_choices_are_scored_reaches_them_and_those_who_wait(local, monkeypatch):
    from recweave.llm.scoring import Tree

    def fails(*_):
        raise RuntimeError("out of memory")

    choices = among(("yes", "no"))
    questions = [(asked(words), choices) for words in ("A", "B")] + QUESTIONS[:1]
    with monkeypatch.context() as broken:
        broken.setattr(Tree, "log_likelihoods", fails)

        async def all_():
            asks = (asyncio.wait_for(local.ask(*question), 30) for question in questions)
            return await asyncio.gather(*asks, return_exceptions=True)

        answers = asyncio.run(all_())
    assert [str(answer) for answer in answers] == ["out of memory"] * 3
    assert not any(thread.name == "recweave-local" for thread in threading.enumerate())
    assert alone(local, *questions[0]).value.tokens == (4, 3)


def test_the_weights_are_read_once_though_the_first_questions_come_together(folder, monkeypatch):
    loaded = []
    network = LanguageModel.network

    def slow(self, **settings):
        loaded.append(threading.current_thread().name)
        time.sleep(0.2)
        return network(self, **settings)

    monkeypatch.setattr(LanguageModel, "network", slow)
    for questions in ([among(("yes", "no"))], [among(("yes", "no")), Names]):
        loaded.clear()
        together(Local(folder, 5), [(asked("A"), schema) for schema in questions])
        assert len(loaded) == 1  # Python 3.12 has no lock in cached_property,
        assert loaded != ["recweave-local"]  # so the thread of the queue must not load


def test_long_texts_that_are_done_do_not_keep_others_out(local, monkeypatch):
    from recweave.llm import generation

    monkeypatch.setattr(generation, "POSITIONS", 100)
    under_way = local._lm.generation()
    with local._lm.inference():
        under_way.add([local._lm.continuation([70] * 50, 1)])
        assert under_way.room([5] * 4) == 1  # two rows of 50 positions
        under_way.step()
    assert not under_way.under_way
    assert under_way.room([5] * 4) == 4


def test_choices_are_scored_by_their_likelihood(local):
    schema = among(('{"price": "fair"}', '{"price": "cheap"}', "no"))
    messages = asked("A tea pot.")
    reply, other = together(local, [(messages, schema), (asked("Go"), schema)])
    lm = local._lm
    end = lm.tokenizer.eos_token
    prompt = lm.tokenizer.decode(local._prompt(messages))
    ((expected, tokens),) = lm.log_likelihoods([prompt], [[c + end for c in schema.choices]])
    np.testing.assert_allclose(reply.value.values, expected, rtol=1e-5)
    assert reply.value.tokens == tuple(tokens.tolist()) == (18, 19, 3)
    assert reply.usage.completion_tokens == 40
    assert not np.allclose(other.value.values, expected)
    assert can_choose(local)


def test_scores_are_stored_and_have_an_address_by_choices(local, tmp_path):
    requests = [
        Request(key, asked("A tea pot."), among(choices))
        for key, choices in (("one", ("yes", "no")), ("two", ("yes", "nay")))
    ]
    first = dict(LLMClient(local, tmp_path).run(requests))
    again = dict(LLMClient(local, tmp_path).run(requests))
    assert first["one"].value != first["two"].value
    assert all(again[key].cached and again[key].value == first[key].value for key in first)


def test_a_budget_of_calls_is_kept_although_questions_are_answered_together(local, tmp_path):
    requests = [Request(str(n), asked(f"A tea pot, {n}."), Verdict) for n in range(9)]
    answers = []
    with pytest.raises(BudgetSpent):
        answers.extend(LLMClient(local, tmp_path, budget=Budget(calls=5)).run(requests))
    assert len(answers) == 5
    rest = dict(LLMClient(local, tmp_path).run(requests))
    assert sum(answer.cached for answer in rest.values()) == 5


def test_as_many_questions_are_asked_at_once_as_suits_the_model(local, tmp_path, monkeypatch):
    sizes = []
    work = type(local._queue)._take

    def seen(self, fit, *, scored):
        sizes.append(len(self._waiting))
        return work(self, fit, scored=scored)

    monkeypatch.setattr(type(local._queue), "_take", seen)
    requests = [Request(str(n), asked(f"A tea pot, {n}."), Verdict) for n in range(30)]
    assert len(dict(LLMClient(local, tmp_path).run(requests))) == 30
    assert max(sizes) == 30


def test_a_model_that_repeats_itself_is_stopped_and_set_aside(folder, tmp_path, monkeypatch):
    from recweave.llm.generation import Generation

    class Free(BaseModel):
        text: str

    local = Local(folder, 500)
    a_and_b = local._lm.tokenizer("ab", add_special_tokens=False)["input_ids"]

    def favourite(one):
        allowed, wanted = one.constraint.allowed(), a_and_b[len(one.tokens) % 2]
        return wanted if allowed[wanted] else int(np.flatnonzero(allowed)[0])

    def same_again(self):
        return torch.tensor([favourite(one) for one in self.under_way])

    monkeypatch.setattr(Generation, "_chosen", same_again)
    failure = alone(local, asked("Go"), Free)
    assert isinstance(failure, BadAnswer) and failure.reason == "the model repeats itself"
    assert failure.raw.endswith("babababa") and failure.usage.completion_tokens < 100


def test_precision_and_layers_are_part_of_the_models_name(folder):
    names = {Local(folder, precision=p, layers=n).name for p in ("fp32", "bf16") for n in (0, 2)}
    assert len(names) == 4
    assert json.loads(Local(folder).name.split(maxsplit=1)[1]).keys() == {"max_tokens", "sha256"}
    assert len(Local(folder, layers=2)._lm.model.base_model.layers) == 2


@pytest.mark.parametrize(("multiplies", "exact"), [("on", "bf16"), ("off", "fp32")])
def test_auto_is_the_precision_that_the_processor_is_faster_in(
    folder, monkeypatch, multiplies, exact
):
    monkeypatch.setenv("RECWEAVE_BF16", multiplies)
    automatic, same = Local(folder, precision="auto"), Local(folder, precision=exact)
    assert automatic.name == same.name
    assert automatic._lm.model.dtype == same._lm.model.dtype


def test_states_other_than_keys_and_values_are_refused(tmp_path, folder):
    from transformers import MambaConfig, MambaForCausalLM

    MambaForCausalLM(
        MambaConfig(vocab_size=300, hidden_size=8, num_hidden_layers=1)
    ).save_pretrained(tmp_path)
    for file in folder.glob("tokenizer*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(BadSetting, match=r"keeps other states than keys and values \(mamba\)"):
        asyncio.run(Local(tmp_path).ask(asked("Go"), Verdict))
