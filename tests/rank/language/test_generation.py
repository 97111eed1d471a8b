"""Lists that a language model writes: what is done with good, wrong and no answers."""

import json
import re

import httpx2
import numpy as np
import pytest
from planted_titles import ITEMS, Indifferent, context, gain, query_of

from recweave.core.errors import BadSetting
from recweave.llm import Failed, Reply, Server, Usage
from recweave.rank.language.reader import Recent
from recweave.rank.language.recipe import LanguageRecipe
from recweave.rank.language.tally import Asked, Tally
from recweave.rank.language.writers import Written
from recweave.rank.recommend import recommend


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))


class Fake:
    """A language model that answers by a function of the question; it notes the questions."""

    def __init__(self, answer, name="fake"):
        self.answer, self.asked, self.name = answer, [], name

    async def ask(self, messages, schema):
        text = messages[-1].content
        self.asked.append(text)
        return Reply(schema(items=self.answer(text)), Usage(100, 20))


def candidates_of(text):
    return re.findall(r'"([^"]+)"', text.split("The candidates are ")[1].split("\n")[0])


def history_of(text):
    return re.findall(r'"([^"]+)"', text.split("The user bought ")[1].split("\n")[0])


def of_the_last_kind(text):
    kind = history_of(text)[-1][:3]
    return [title for title in candidates_of(text) if title.startswith(kind)]


def fitted(shop, llm, **settings):
    settings = {"depth": ITEMS, "profile": 0, "by": "generation", "strength": 1.0} | settings
    return LanguageRecipe(**settings).fit(context(shop, llm=llm))


def base_of(shop, k=10):
    return recommend(Indifferent(), query_of(shop), k)


def test_a_planted_taste_is_found_and_a_model_that_lists_at_random_is_left_out(shop):
    stage = fitted(shop, Fake(of_the_last_kind), strength=None)
    assert stage.strength >= 0.5 and gain(shop, stage) > 0.1
    rng, gains = np.random.default_rng(0), []
    for name in ("one", "two", "three"):
        wild = Fake(lambda text: rng.permutation(candidates_of(text)).tolist(), name)
        gains.append(gain(shop, fitted(shop, wild, strength=None)))
    assert abs(np.mean(gains)) < 0.03


def test_a_server_is_asked_for_json_alone_and_examples_answer_in_it(shop):
    llm = Fake(of_the_last_kind)
    fitted(shop, llm, shots=1)(base_of(shop))
    example, asked = llm.asked[0].split("\n\n")
    assert "in quotes" not in llm.asked[0]
    assert "JSON" in asked and len(json.loads(example.split("Answer: ")[1])["items"]) == 1


def test_candidates_are_shuffled_and_all_are_of_the_list(shop):
    llm = Fake(of_the_last_kind)
    base = base_of(shop)
    fitted(shop, llm)(base)
    order = [[shop[4].index(title) for title in candidates_of(text)] for text in llm.asked]
    assert sorted(map(sorted, order)) == sorted(sorted(row.tolist()) for row in base.item)
    where = [row.index(sorted(row, key=lambda i: -i)[0]) for row in order]
    assert len(set(where)) > 5


class Wrote:
    """A writer of fixed answers, one after the other."""

    def __init__(self, *texts):
        self.texts = texts

    def write(self, prompts, tally):
        return [Written(text) if text else Written(failure="refused") for text in self.texts]


def scored(shop, *texts, orders=1, candidates=(3, 7, 9)):
    stage = fitted(shop, Fake(of_the_last_kind))
    ranker = stage.ranker
    object.__setattr__(ranker, "writer", Wrote(*texts))
    object.__setattr__(ranker, "orders", orders)
    tally = Tally()
    (found,) = ranker.scores([Asked([0], list(candidates))], tally)
    return found, tally


def test_points_fall_with_the_rank_in_the_answer_and_are_averaged_over_orders(shop):
    titles = shop[4]
    one, _ = scored(shop, f'"{titles[9]}", "{titles[3]}"')
    np.testing.assert_array_equal(one, [2, 0, 3])
    two, tally = scored(shop, f'"{titles[9]}"', f'"{titles[3]}", "{titles[9]}"', orders=2)
    np.testing.assert_array_equal(two, [1.5, 0, 2.5])
    assert len(tally.correlations) == 2
    half, tally = scored(shop, "no idea", f'"{titles[3]}"', orders=2)
    np.testing.assert_array_equal(half, [3, 0, 0])
    assert tally.unreadable == 1 and not tally.reasons


def test_what_is_invented_repeated_or_consumed_is_counted(shop):
    titles = shop[4]
    answer = f'"{titles[9]}", "{titles[9]}", "{titles[0]}", "moon 77", "{titles[3]}"'
    found, tally = scored(shop, answer)
    np.testing.assert_array_equal(found, [2, 0, 3])
    counts = tally.usage()
    assert [counts[n] for n in ("invented", "consumed", "repeated", "unreadable")] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda text: [], "no candidate in the answer"),
        (lambda text: ["Ich empfehle Ihnen gar nichts"], "no candidate in the answer"),
        (lambda text: ["the same again"] * 900, "no candidate in the answer"),
    ],
)
def test_answers_of_no_use_leave_the_lists_and_are_counted(shop, answer, reason):
    base = base_of(shop)
    found = fitted(shop, Fake(answer))(base)
    np.testing.assert_array_equal(found.item, base.item)
    np.testing.assert_array_equal(found.score, base.score)
    cost = found.costs[-1]
    assert cost.fallbacks == len(base) == cost.usage[f"left: {reason}"]
    assert cost.usage["unreadable"] == len(base)


def test_a_model_that_refuses_some_questions_leaves_these_lists_alone(shop):
    def answer(text):
        if history_of(text)[-1].startswith("car"):
            raise Failed("I cannot help with that")
        return of_the_last_kind(text)

    base = base_of(shop)
    found = fitted(shop, Fake(answer))(base)
    likes_cars = base.query.user % 2 == 1
    np.testing.assert_array_equal(found.item[likes_cars], base.item[likes_cars])
    assert (found.item[~likes_cars] != base.item[~likes_cars]).any(axis=1).all()
    cost = found.costs[-1]
    assert cost.fallbacks == likes_cars.sum()
    assert cost.usage["left: the language model gave no usable answer"] == likes_cars.sum()
    assert cost.usage["prompt_tokens"] == 100 * (~likes_cars).sum()


def test_the_same_question_is_paid_for_once(shop):
    llm = Fake(of_the_last_kind)
    stage, base = fitted(shop, llm), base_of(shop)
    first = stage(base)
    asked = len(llm.asked)
    again = stage(base)
    assert len(llm.asked) == asked
    assert again.costs[-1].usage["prompt_tokens"] == 0
    np.testing.assert_array_equal(again.item, first.item)


def test_a_spent_budget_leaves_the_other_lists_as_they_were(shop):
    llm = Fake(of_the_last_kind)
    stage = fitted(shop, llm, budget=2_000)
    found = stage(base_of(shop))
    cost = found.costs[-1]
    assert 0 < len(llm.asked) < len(found)
    assert cost.fallbacks == len(found) - len(llm.asked)
    with pytest.raises(BadSetting, match="no list could be re-ranked"):
        fitted(shop, llm, budget=1, strength=None)


def served(shop, response, **settings):
    def answer(http):
        return response(json.loads(http.content))

    server = Server(
        "tiny", "http://vendor.test/v1", transport=httpx2.MockTransport(answer), **settings
    )
    return fitted(shop, server)


def test_a_server_that_fails_or_is_too_slow_leaves_the_lists(shop, monkeypatch):
    monkeypatch.setattr("recweave.rank.language.writers.PAUSE", 0.001)
    base = base_of(shop, 4).rows(np.arange(3))
    broken = served(shop, lambda body: httpx2.Response(500, json={"error": "down"}))(base)
    np.testing.assert_array_equal(broken.item, base.item)
    assert broken.costs[-1].fallbacks == 3

    async def hang(http):
        import asyncio

        await asyncio.sleep(30)

    server = Server(
        "slow", "http://vendor.test/v1", transport=httpx2.MockTransport(hang), timeout=0.05
    )
    slow = fitted(shop, server)(base)
    np.testing.assert_array_equal(slow.item, base.item)
    assert slow.costs[-1].fallbacks == 3


def test_a_server_that_fails_is_named_once_with_the_reason(shop, caplog):
    stage = served(shop, lambda body: httpx2.Response(400, json={"error": {"message": "no tea"}}))
    base = base_of(shop)
    for _ in range(2):
        assert stage(base).costs[-1].fallbacks == len(base)
    (warning,) = [r.getMessage() for r in caplog.records if "as they were" in r.getMessage()]
    assert warning.startswith(f"{stage.label}: lists stay as they were: ") and "no tea" in warning


def test_a_server_that_refuses_the_key_is_not_asked_again_and_again(shop, caplog):
    calls = []

    def refuse(body):
        calls.append(body)
        return httpx2.Response(401, json={"error": {"message": "no"}})

    base = base_of(shop)
    found = served(shop, refuse)(base)
    np.testing.assert_array_equal(found.item, base.item)
    assert len(calls) <= 8 < len(base)
    assert found.costs[-1].fallbacks == len(base)
    assert "lists stay as they were" in caplog.text and "refuses the key" in caplog.text


def test_a_local_model_writes_and_its_answers_are_matched(shop, llama, monkeypatch):
    def write(self, prompts, most):
        assert all(most == 30 and self.chat("s", "q") == "s\n\nq\nAnswer: " for _ in prompts)
        return [", ".join(f'"{title}"' for title in of_the_last_kind(text)) for text in prompts]

    monkeypatch.setattr("recweave.rank.language.reader.Reader.write", write)
    stage = fitted(shop, None, backbone=str(llama), tokens=30, strength=None)
    assert stage.strength >= 0.5 and gain(shop, stage) > 0.1


def test_answers_are_those_of_the_call_however_few_a_process_keeps(shop, llama, monkeypatch):
    def write(self, prompts, most):
        return [", ".join(f'"{title}"' for title in of_the_last_kind(text)) for text in prompts]

    monkeypatch.setattr("recweave.rank.language.reader.Reader.write", write)
    stage, base = fitted(shop, None, backbone=str(llama)), base_of(shop)
    expected = stage(base)
    assert expected.costs[-1].fallbacks == 0
    monkeypatch.setattr("recweave.rank.language.writers._WRITTEN", Recent(1))
    found = stage(base)
    np.testing.assert_array_equal(found.item, expected.item)


def test_a_random_local_model_writes_nothing_of_use_and_the_lists_stay(shop, llama):
    base = base_of(shop, 5).rows(np.arange(2))
    found = fitted(shop, None, backbone=str(llama), tokens=8)(base)
    np.testing.assert_array_equal(found.item, base.item)
    assert found.costs[-1].fallbacks == 2
    assert found.costs[-1].usage["answer_tokens"] > 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"server": "gpt"}, "not of the form openai:MODEL@http"),
        ({"by": "likelihood", "server": "openai:a@http://x/v1"}, "gives no likelihoods"),
        ({"by": "likelihood", "orders": 3}, "lists no candidates"),
        ({"listed": True}, "leave 'listed' out"),
        ({"alone": True, "strength": 1.0}, "uses no strength"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(shop, settings, words):
    given = {"kind": "language", "by": "generation"} | settings
    with pytest.raises((BadSetting, ValueError), match=words):
        LanguageRecipe.parse(given, "the stage").fit(context(shop))
