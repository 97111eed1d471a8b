import json
import re

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting, RecweaveError
from recweave.enrich import KINDS, Extractive, Generative, Material, enrich
from recweave.enrich.answers import SCHEMAS, Notes
from recweave.enrich.writer import Failure
from recweave.llm import Budget, BudgetSpent, LLMClient, Server, Usage
from recweave.llm import Reply as Answered
from recweave.llm.answer import parse
from recweave.llm.choice import Scores

GOOD = {
    "Summary": {"summary": "A fine cable."},
    "Profile": {"summary": "A cable.", "audience": "Players.", "reasoning": "It is cheap."},
    "Price": {"price": "cheap"},
    "Categories": {"categories": ["Cables", "audio", "cables"]},
    "ClosedCategories": {"categories": ["Cable"]},
    "Aspects": {"liked": ["sound"], "disliked": []},
    "Explanation": {"sentences": ["It sounds clear.", "It is cheap."]},
    "Horizon": {"horizon": "evergreen"},
    "Notes": {"notes": ["people like the sound", "it is cheap"]},
}


class Fake:
    """A model that gives good answers, or those of `says`; records the prompts."""

    name = "fake"

    def __init__(self, says=lambda messages, schema: json.dumps(GOOD[schema.__name__])):
        self.says, self.seen = says, []

    async def ask(self, messages, schema):
        self.seen.append((messages, schema))
        text = self.says(messages, schema)
        return Answered(parse(text, schema, Usage(10, 10)), Usage(10, 10))

    def prompts(self):
        return [messages[1].content for messages, _ in self.seen]


@pytest.fixture
def write(cut, tmp_path):
    def run(shop, llm, *kinds, folds=0, **settings):
        material = Material.of(shop, cut(shop), folds=folds)
        writer = Generative(LLMClient(llm, tmp_path / "client"), **settings)
        written = writer.write(material, list(material.tasks(kinds)))
        return {(task.kind, task.id, task.fold): text for task, text in written}

    return run


def test_every_kind_of_text_is_asked_for_and_written(write, talk):
    found = write(talk, Fake(), *KINDS)
    assert found["summary", "u0", None] == "A fine cable."
    assert found["price", "a", None] == "cheap"
    assert found["profile", "a", None] == (
        "Summary: A cable.\nAudience: Players.\nReasoning: It is cheap."
    )
    assert found["categories", "a", None] == "cables; audio"
    assert found["aspects", "a", None] == "liked: sound"
    assert found["explanation", "a", None] == "It sounds clear.\nIt is cheap."
    assert found["interest", "a", None] == "evergreen"
    assert set(SCHEMAS) == set(KINDS)


def test_a_prompt_holds_the_task_s_reviews_the_newest_first_and_no_names(write, talk):
    llm = Fake()
    write(talk, llm, "price")
    prompt = next(p for p in llm.prompts() if "Cable A" in p)
    order = [prompt.index(f"Marker{n}") for n in (2, 1, 0)]
    assert order == sorted(order) and "Marker3" not in prompt
    assert "1 stars: The plug is broken." in prompt and "u0" not in prompt


def test_the_rows_of_a_fold_are_in_no_prompt_of_the_fold(write, talk):
    llm = Fake()
    found = write(talk, llm, "summary", folds=2)
    folds = [fold for _, id, fold in found if id == "a"]
    assert sorted(folds, key=str) == [0, 1, None]
    shown = [set(re.findall(r"Marker(\d)", p)) for p in llm.prompts() if "Cable A" in p]
    parts = sorted(shown, key=len)
    assert parts[0] | parts[1] == parts[2] == {"0", "1", "2"} and not parts[0] & parts[1]


def test_without_texts_nothing_is_asked(write, talk):
    """A model that is asked to summarise no reviews invents some."""
    blank = talk.replace(reviews=talk.reviews.with_columns(text=pl.lit("  ")))
    llm = Fake()
    found = write(blank, llm, "summary", "price", "profile")
    assert found["summary", "a", None] is None and found["price", "a", None] is None
    assert found["profile", "a", None].startswith("Summary: A cable.")
    assert {schema.__name__ for _, schema in llm.seen} == {"Profile"}


def test_a_closed_set_is_in_the_prompt_and_limits_the_answer(write, talk):
    llm = Fake()
    found = write(talk, llm, "categories", categories=("Cable", "Lamp"))
    assert found["categories", "a", None] == "Cable"
    assert '["Cable", "Lamp"]' in llm.prompts()[0]


def test_long_inputs_are_noted_in_parts_and_asked_about_once(write, talk):
    long = talk.replace(
        reviews=talk.reviews.with_columns(
            text=pl.concat_str("text", pl.lit(" It goes on and on.").repeat_by(40).list.join(""))
        )
    )
    many = pl.concat([long.reviews] * 4).with_columns(user_id=pl.lit("u0"))
    long = long.replace(reviews=pl.concat([long.reviews, many]))
    llm = Fake()
    found = write(long, llm, "summary", window=5_000)
    assert found["summary", "a", None] == "A fine cable."
    noting = [m for m, schema in llm.seen if schema is Notes]
    assert len(noting) >= 4 and all(len(m[1].content) < 6_500 for m in noting)
    last = llm.prompts()[-1]
    assert "Notes on reviews" in last and "people like the sound" in last


def test_a_text_of_which_no_part_has_notes_has_nothing_to_say(write, talk, cut, tmp_path):
    """The task is settled: left out, it would count as failed and be tried again for ever."""
    long = talk.replace(
        reviews=pl.concat([talk.reviews.with_columns(text=pl.lit("It hums. " * 100))] * 9)
    )

    def says(messages, schema):
        return json.dumps({"notes": []} if schema is Notes else GOOD[schema.__name__])

    llm = Fake(says)
    found = write(long, llm, "summary", "profile", window=5_000)
    assert found["summary", "a", None] is None
    assert found["profile", "a", None].startswith("Summary: A cable."), "by the catalogue alone"
    assert {schema.__name__ for _, schema in llm.seen} == {"Notes", "Profile"}
    writer = Generative(LLMClient(Fake(says), tmp_path / "again"), window=5_000)
    profiles = enrich(long, cut(long), writer, tmp_path / "out", kinds=["summary", "profile"])
    assert profiles.table["writer"].unique().to_list() == [writer.name], "none has failed"


def test_a_failed_answer_is_left_out_and_the_others_are_kept(write, talk, caplog):
    def says(messages, schema):
        lamp = "Lamp B" in messages[1].content
        return "I cannot help with that." if lamp else json.dumps(GOOD[schema.__name__])

    found = write(talk, Fake(says), "price")
    assert found["price", "a", None] == "cheap"
    assert found["price", "b", None].reason.startswith("the answer is not Price: there is no JSON")


def test_a_note_that_failed_fails_its_text_once_with_the_reason(write, talk):
    long = talk.replace(
        reviews=pl.concat([talk.reviews.with_columns(text=pl.lit("It hums. " * 100))] * 9)
    )

    def says(messages, schema):
        return "no" if schema is Notes else json.dumps(GOOD[schema.__name__])

    found = write(long, Fake(says), "summary", window=5_000)
    reasons = {key: one.reason for key, one in found.items() if isinstance(one, Failure)}
    assert ("summary", "a", None) in reasons
    assert all(reason.startswith("the answer is not Notes") for reason in reasons.values())


def test_a_job_of_which_everything_failed_says_why_and_writes_nothing(talk, cut, tmp_path):
    """Equal reasons are counted together, the commonest first."""

    def says(messages, schema):
        return "" if "Lamp B" in messages[1].content else "I cannot help."

    client = LLMClient(Fake(says), tmp_path / "client")
    asked = {"kinds": ["price", "summary"], "folds": 2}
    with pytest.raises(RecweaveError) as caught:
        enrich(talk, cut(talk), Generative(client), tmp_path / "out", **asked)
    first, *reasons = str(caught.value).splitlines()
    assert re.fullmatch(r"no text was written: (\d+) of \d+ texts failed; .* --retry", first)
    counts = [int(re.match(r"  (\d+) times: the answer is not ", line)[1]) for line in reasons]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) > 1
    assert sum(counts) == int(first.split()[4])
    assert not (tmp_path / "out" / "profiles.parquet").exists()
    good = Generative(LLMClient(Fake(), tmp_path / "client", retry=True))
    profiles = enrich(talk, cut(talk), good, tmp_path / "out", **asked)
    assert profiles.texts("price", "item", ["a"])[0] == "cheap"


def test_a_job_of_which_a_part_failed_counts_the_reasons(talk, cut, tmp_path, caplog):
    def says(messages, schema):
        lamp = "Lamp B" in messages[1].content
        return "I cannot help." if lamp else json.dumps(GOOD[schema.__name__])

    writer = Generative(LLMClient(Fake(says), tmp_path / "client"))
    profiles = enrich(talk, cut(talk), writer, tmp_path / "out", kinds=["price"])
    assert profiles.texts("price", "item", ["a", "b"]).to_list() == ["cheap", None]
    said = caplog.text
    assert "1 of 2 texts failed; fix the cause, then run the same command with --retry" in said
    assert "1 times: the answer is not Price: there is no JSON in it (answers: 3)" in said


def test_a_failed_text_keeps_its_row_and_is_tried_again(talk, cut, tmp_path):
    """Otherwise the row that it leaves out would get a text that contains the row."""
    split = cut(talk)

    def says(messages, schema):
        lamp = "Lamp B" in messages[1].content
        return json.dumps(GOOD[schema.__name__]) if lamp else "I cannot help."

    bad = Generative(LLMClient(Fake(says), tmp_path / "client"))
    first = enrich(talk, split, bad, tmp_path / "out", kinds=["price"], folds=2)
    fold = first.folds("price", "item", np.array([0]), "reviews")
    assert first.texts("price", "item", ["a"], fold)[0] is None
    good = Generative(LLMClient(Fake(), tmp_path / "client", retry=True))
    again = enrich(talk, split, good, tmp_path / "out", kinds=["price"], folds=2)
    assert again.texts("price", "item", ["a"], fold)[0] == "cheap"
    assert first.table.select("reviews").equals(again.table.select("reviews"))


def test_an_interrupted_job_resumes_and_asks_nothing_twice(talk, cut, tmp_path):
    split, llm = cut(talk), Fake()
    poor = Generative(LLMClient(llm, tmp_path / "client", budget=Budget(calls=9)))
    with pytest.raises(BudgetSpent):
        enrich(talk, split, poor, tmp_path / "out", folds=2)
    rich = Generative(LLMClient(llm, tmp_path / "client"))
    profiles = enrich(talk, split, rich, tmp_path / "out", folds=2)
    asked = [messages[1].content for messages, _ in llm.seen]
    assert len(asked) == len(set(asked))
    silent = profiles.table.filter(pl.col("text").is_null())
    assert silent["reviews"].list.len().max() == 0, "who wrote once has nothing left without it"
    assert profiles.table["writer"].unique().to_list() == [rich.name]


def test_an_estimate_counts_missing_answers_and_asks_nothing(talk, cut, tmp_path):
    material = Material.of(talk, cut(talk), folds=2)
    tasks = list(material.tasks(["summary"]))
    llm = Fake()
    writer = Generative(LLMClient(llm, tmp_path / "client"))
    different = writer.estimate(material, tasks)
    assert different.calls == different.requests > 0 and not llm.seen
    list(writer.write(material, tasks))
    assert writer.estimate(material, tasks).calls == 0


def test_batch_files_come_in_rounds_until_all_is_written(talk, cut, tmp_path):
    """Questions about notes are exported after the notes are imported."""
    text = talk.reviews["text"] + " It goes on and on." * 40
    reviews = pl.concat([talk.reviews.with_columns(text=text)] * 6)
    shop = talk.replace(
        reviews=reviews.with_columns(
            pl.Series("text", [f"{i} {t}" for i, t in enumerate(reviews["text"])])
        )
    )
    material = Material.of(shop, cut(shop))
    tasks = [t for t in material.tasks(["summary"]) if t.entity == "item"]
    server = Server("m", "http://localhost:1/v1")
    writer = Generative(LLMClient(server, tmp_path / "client"), window=5_000)
    expected = writer.estimate(material, tasks).calls
    rounds = []
    while count := writer.client.export_batch(writer.requests(material, tasks), tmp_path / "ask"):
        rounds.append(count)
        lines = [json.loads(line) for line in (tmp_path / "ask").read_text().splitlines()]
        with (tmp_path / "answers").open("w") as out:
            for line in reversed(lines):
                form = line["body"]["response_format"]["json_schema"]["name"]
                message = {"role": "assistant", "content": json.dumps(GOOD[form])}
                body = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
                response = {
                    "status_code": 200,
                    "body": body
                    | {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
                }
                out.write(json.dumps({"custom_id": line["custom_id"], "response": response}) + "\n")
        done = writer.client.import_batch(tmp_path / "answers", writer.requests(material, tasks))
        assert done.stored == count
    assert len(rounds) == 2 and rounds[1] == 2 and sum(rounds) == expected
    found = {task.id: text for task, text in writer.write(material, tasks)}
    assert found == {"a": "A fine cable.", "b": "A fine cable."}


def test_a_window_that_notes_would_fill_is_refused(tmp_path):
    with pytest.raises(BadSetting, match="too small"):
        Generative(LLMClient(Fake(), tmp_path), window=1_000)


def test_both_families_write_the_same_tasks(talk, cut, encoder, tmp_path):
    split = cut(talk)
    by = [Extractive(encoder), Generative(LLMClient(Fake(), tmp_path / "client"))]
    first, second = (
        enrich(talk, split, writer, tmp_path / f"out{n}", folds=2).table
        for n, writer in enumerate(by)
    )
    key = ["entity", "id", "kind", "fold", "reviews", "events"]
    assert first.select(key).equals(second.select(key))


class Choosing(Fake):
    """A model that finds the second of all choices likeliest, and writes the others."""

    can_choose = True

    async def ask(self, messages, schema):
        if not issubclass(schema, Scores):
            return await super().ask(messages, schema)
        self.seen.append((messages, schema))
        values = [-2.0, -1.0, *[-3.0] * (len(schema.choices) - 2)]
        found = schema(log_likelihoods=values, tokens=[5] * len(schema.choices))
        return Answered(found, Usage(10, 40))


def test_a_model_that_can_choose_scores_all_labels_of_a_closed_set(write, talk):
    llm = Choosing()
    kinds = ("price", "categories", "interest", "summary")
    settings = {"labels": "likelihood", "categories": ["Drum", "Cable"]}
    found = write(talk, llm, *kinds, **settings)
    assert found["price", "a", None] == "fair"
    assert found["categories", "a", None] == "Cable"
    assert found["interest", "a", None] == "weeks"
    assert found["summary", "a", None] == "A fine cable."
    asked = {schema.choices for _, schema in llm.seen if issubclass(schema, Scores)}
    assert ('{"categories": ["Drum"]}', '{"categories": ["Cable"]}') in asked
    assert {len(choices) for choices in asked} == {2, 4}


def test_open_categories_and_written_labels_are_not_scored(write, talk):
    llm = Choosing()
    found = write(talk, llm, "categories", labels="likelihood")
    assert found["categories", "a", None] == "cables; audio"
    assert write(talk, llm, "price")["price", "a", None] == "cheap"
    assert not any(issubclass(schema, Scores) for _, schema in llm.seen)


def test_writers_that_find_labels_differently_have_different_names(tmp_path):
    client = LLMClient(Choosing(), tmp_path)
    assert Generative(client).name != Generative(client, labels="likelihood").name
    server = LLMClient(Fake(), tmp_path)
    assert Generative(server, labels="likelihood").name == Generative(server).name


def test_an_answer_in_another_script_is_a_counted_failure(write, talk):
    llm = Fake(lambda messages, schema: json.dumps({"summary": "Отличный кабель"}))
    found = write(talk, llm, "summary")
    reason = "the answer is in another script than the texts (cyrillic)"
    assert set(found.values()) == {Failure(reason)}


@pytest.mark.parametrize("kind", ["summary", "categories"])
def test_dots_copied_from_the_question_are_no_answer(write, talk, kind):
    said = {"summary": "..."} if kind == "summary" else {"categories": ["Cables", "... "]}
    found = write(talk, Fake(lambda messages, schema: json.dumps(said)), kind)
    failures = [answer for answer in found.values() if answer is not None]  # asked about
    assert failures
    assert all("there are no words in it" in failure.reason for failure in failures)
