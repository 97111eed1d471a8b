"""A job as a whole: each answer is stored once, and is there when the job is run again."""

import asyncio
import json
import sqlite3

import pytest
from llm.conftest import Fake, Mood, request, requests, rows, says, status
from pydantic import BaseModel

from recweave.core.errors import BadArtifact, RecweaveError
from recweave.core.progress import show_progress
from recweave.llm import Limits, LLMClient, Message, Prices, Quarantined, Reply, Request
from recweave.llm.base import digest
from recweave.llm.store import FILE, Store


def test_every_request_gets_its_own_answer(vendor, tmp_path):
    answers = dict(LLMClient(vendor.server(), tmp_path).run(requests(30)))
    assert {key: reply.value.number for key, reply in answers.items()} == {
        f"item {number}": number for number in range(30)
    }
    assert sorted(vendor.calls) == list(range(30))
    assert not any(reply.cached for reply in answers.values())


def test_the_second_run_asks_nothing_and_gives_the_same(vendor, tmp_path):
    client = LLMClient(vendor.server(), tmp_path)
    first, second = dict(client.run(requests(10))), dict(client.run(requests(10)))
    assert len(vendor.calls) == 10
    assert all(reply.cached for reply in second.values())
    for key, reply in first.items():
        assert (second[key].value, second[key].usage) == (reply.value, reply.usage)


def test_an_answer_is_on_disk_before_it_is_handed_on(vendor, tmp_path):
    client = LLMClient(vendor.server(), tmp_path, Limits(concurrency=3))
    for count, _ in enumerate(client.run(requests(20)), 1):
        assert len(rows(tmp_path, "answers")) >= count


def test_a_job_runs_no_further_ahead_than_its_reader(vendor, tmp_path):
    client = LLMClient(vendor.server(), tmp_path, Limits(concurrency=2))
    answers = client.run(iter(requests(1000)))
    assert vendor.calls == []
    for _ in range(10):
        next(answers)
    answers.close()
    assert len(vendor.calls) <= 10 + 2 * 2 + 2
    assert len(dict(client.run(requests(20)))) == 20  # the folder is free again


def test_equal_questions_are_asked_once_whatever_their_keys(tmp_path):
    fake = Fake()
    same = [Request(str(key), request(7).messages, Mood) for key in range(20)]
    answers = dict(LLMClient(fake, tmp_path).run(same))
    assert len(fake.asked) == 1
    assert len(answers) == 20 and sum(not reply.cached for reply in answers.values()) == 1


class Other(BaseModel):
    number: int
    mood: str = "none"


def test_what_an_answer_depends_on_is_part_of_its_address(vendor):
    asked = request(1).messages
    names = {
        vendor.server().name,
        vendor.server(parameters={"temperature": 1.0}).name,
        vendor.server(structured=False).name,
    }
    addresses = {digest(name, asked, schema) for name in names for schema in (Mood, Other)}
    role = (Message("system", asked[0].content),)
    split = (Message("user", asked[0].content[:5]), Message("user", asked[0].content[5:]))
    addresses |= {digest(vendor.server().name, other, Mood) for other in (role, split)}
    assert len(addresses) == 3 * 2 + 2


def test_an_address_stays_the_same_between_versions():
    """With another address everybody pays again; a change needs a reason and a changelog line."""
    asked = (Message("system", "Be short."), Message("user", "How is it? Größe 😀"))
    expected = "8f01046e84ecf6ca2e479dbeaa50dbe593d257f2e32dbfde05486e4a28bdbdf3"
    assert digest('tiny {"temperature":0.0}', asked, Mood) == expected


def test_quarantine_is_left_alone_until_a_retry_is_asked_for(vendor, tmp_path, still):
    vendor.plan[1] = [says("no")] * 3
    list(LLMClient(vendor.server(), tmp_path, clock=still.clock).run(requests(3)))
    before = len(vendor.calls)
    again = dict(LLMClient(vendor.server(), tmp_path).run(requests(3)))
    assert isinstance(again["item 1"], Quarantined) and again["item 1"].raw == "no"
    assert len(vendor.calls) == before
    retried = dict(LLMClient(vendor.server(), tmp_path, retry=True).run(requests(3)))
    assert retried["item 1"].value.number == 1
    assert rows(tmp_path, "quarantine") == []
    assert dict(LLMClient(vendor.server(), tmp_path).run(requests(3)))["item 1"].cached


def test_the_ledger_tells_each_call_with_its_tokens_seconds_and_outcome(vendor, tmp_path, still):
    vendor.plan = {0: [status(500)], 1: [says("no", prompt=30, answered=1)]}
    list(LLMClient(vendor.server(), tmp_path, clock=still.clock).run(requests(2)))
    ledger = rows(tmp_path, "ledger")
    told = sorted(
        (row["outcome"], row["prompt_tokens"], row["completion_tokens"]) for row in ledger
    )
    assert told == [
        ("answered", 20, 10),
        ("answered", 20, 10),
        ("the answer is not Mood: there is no JSON in it", 30, 1),
        ("the server answered 500: no", 0, 0),
    ]
    assert all(row["seconds"] >= 0 and row["model"].startswith("tiny") for row in ledger)
    answered = {row["digest"] for row in rows(tmp_path, "answers")}
    asked = [row["digest"] for row in ledger]
    assert sorted(map(asked.count, answered)) == [1, 2]  # a repair is another question
    assert len(set(asked)) == 3


def test_a_folder_is_for_one_job_at_a_time(vendor, tmp_path):
    client = LLMClient(vendor.server(), tmp_path)
    answers = client.run(requests(3))
    next(answers)
    with pytest.raises(RecweaveError, match=f"another job is at work in {tmp_path}"):
        next(client.run(requests(3)))
    answers.close()
    assert len(list(client.run(requests(3)))) == 3


def test_an_error_in_the_callers_requests_comes_through_after_what_was_under_way(tmp_path):
    def broken():
        yield from requests(5)
        raise KeyError("mine")

    fake, got = Fake(), []
    with pytest.raises(KeyError, match="mine"):
        for answer in LLMClient(fake, tmp_path, Limits(concurrency=2)).run(broken()):
            got.append(answer)
    assert len(got) == len(fake.asked) == len(rows(tmp_path, "answers")) == 5


def test_it_works_inside_a_running_event_loop(vendor, tmp_path):
    async def notebook():
        return list(LLMClient(vendor.server(), tmp_path).run(requests(3)))

    assert len(asyncio.run(notebook())) == 3


def test_single_questions_go_through_the_same_wrappers(vendor, tmp_path):
    async def chat():
        server = vendor.server()
        with LLMClient(server, tmp_path).opened() as llm:
            replies = [await llm.ask(request(1).messages, Mood) for _ in range(2)]
        await server.close()
        return replies

    assert [reply.cached for reply in asyncio.run(chat())] == [False, True]


def test_the_bar_counts_and_tells_the_cost_of_this_run(vendor, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("recweave.core.progress._on_a_terminal", lambda: True)
    prices = Prices(input=1000, output=1000)
    list(LLMClient(vendor.server(), tmp_path, prices=prices).run(requests(2)))
    with show_progress():
        list(LLMClient(vendor.server(), tmp_path, prices=prices).run(requests(5)))
    err = capsys.readouterr().err
    assert "asking tiny, cost 0.0900" in err and "5/5" in err


def test_who_stops_reading_under_a_bar_leaves_all_in_order(vendor, tmp_path):
    client = LLMClient(vendor.server(), tmp_path, Limits(concurrency=2))
    with show_progress():
        answers = client.run(requests(50))
        next(answers)
        answers.close()
    open_rows = [row for row in rows(tmp_path, "ledger") if row["outcome"] != "answered"]
    assert len(open_rows) <= 2
    assert len(dict(client.run(requests(50)))) == 50


def test_trouble_with_the_file_stops_the_job_and_what_is_stored_is_safe(vendor, tmp_path):
    client = LLMClient(vendor.server(), tmp_path, Limits(concurrency=1))
    answers, got = client.run(requests(50)), []
    with pytest.raises(RecweaveError, match=r"answers\.sqlite: .*safe, mend that and run again"):
        for answer in answers:
            got.append(answer)
            if len(got) == 5:
                db = sqlite3.connect(tmp_path / FILE)
                db.execute("DROP TABLE ledger")
                db.close()
    assert len(rows(tmp_path, "answers")) >= len(got) >= 5


def test_the_schema_goes_to_servers_that_can_hold_to_one(vendor, tmp_path):
    list(LLMClient(vendor.server(), tmp_path / "a").run([request(0)]))
    list(LLMClient(vendor.server(structured=False), tmp_path / "b").run([request(0)]))
    form = vendor.bodies[0]["response_format"]["json_schema"]
    assert form == {"name": "Mood", "schema": Mood.model_json_schema()}
    assert "response_format" not in vendor.bodies[1]
    assert vendor.bodies[0]["temperature"] == 0.0 and vendor.bodies[0]["model"] == "tiny"


def test_a_broken_file_is_told_and_left_as_it_is(vendor, tmp_path):
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(BadArtifact, match=r"answers\.sqlite cannot be read or made: file is not"):
        list(LLMClient(vendor.server(), tmp_path).run(requests(1)))
    assert (tmp_path / FILE).read_bytes().startswith(b"no database")


def test_a_folder_that_cannot_be_made_is_told(vendor, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadArtifact, match=r"taken/answers\.sqlite cannot be read or made"):
        LLMClient(vendor.server(), tmp_path / "taken").estimate(requests(1))


def test_a_file_of_another_version_is_told(vendor, tmp_path):
    Store(tmp_path).close()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(BadArtifact, match="version 99"):
        list(LLMClient(vendor.server(), tmp_path).run(requests(1)))


def test_answers_survive_aliases_and_computed_fields(tmp_path):
    from pydantic import ConfigDict, Field, computed_field

    class Odd(BaseModel):
        model_config = ConfigDict(extra="forbid")
        kind: str = Field(alias="class")

        @computed_field
        def twice(self) -> str:
            return self.kind * 2

    class Says(Fake):
        async def ask(self, messages, schema):
            return Reply(schema.model_validate(json.loads('{"class": "a"}')))

    asked = [Request("x", request(0).messages, Odd)]
    for cached in (False, True):
        ((_, reply),) = LLMClient(Says(), tmp_path).run(asked)
        assert reply.cached is cached and reply.value.twice == "aa"
