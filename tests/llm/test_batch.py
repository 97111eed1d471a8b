"""Files of a vendor's Batch API: written whole, read line by line, nothing in them trusted."""

import json

import pytest
from llm.conftest import Fake, Mood, answer_of, completion, request, requests, rows

from recweave.core.errors import BadInput, BadSetting
from recweave.llm import Budget, BudgetSpent, LLMClient, Prices, Quarantined
from recweave.llm.batch import Imported
from recweave.llm.store import Store


@pytest.fixture
def client(vendor, tmp_path):
    return LLMClient(vendor.server(), tmp_path / "client", prices=Prices(input=1.0, output=2.0))


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def result(line, text=None, status=200, error=None, **kind):
    """What a vendor gives back for a line of the exported file."""
    number = int(line["body"]["messages"][0]["content"].split()[-1].rstrip("."))
    body = completion(answer_of(number) if text is None else text, **kind)
    return {
        "id": "batch_req_1",
        "custom_id": line["custom_id"],
        "response": {"status_code": status, "request_id": "r", "body": body},
        "error": error,
    }


def write(file, results):
    lines = (line if isinstance(line, str) else json.dumps(line) for line in results)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_what_has_no_answer_is_written_in_the_vendors_form(client, vendor, tmp_path):
    list(client.run(requests(2)))
    file = tmp_path / "batch.jsonl"
    assert client.export_batch([*requests(5), request(4)], file) == 3
    lines = lines_of(file)
    assert len({line["custom_id"] for line in lines}) == 3
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    assert [line["body"]["messages"][0]["content"] for line in lines] == [
        request(number).messages[0].content for number in (2, 3, 4)
    ]
    assert lines[0]["body"].keys() == vendor.bodies[0].keys()
    assert list(tmp_path.glob(".*draft")) == []


def test_answers_come_back_in_any_order_and_are_not_asked_again(client, vendor, tmp_path):
    file = tmp_path / "batch.jsonl"
    client.export_batch(requests(6), file)
    results = [result(line) for line in lines_of(file)][::-1]
    told = client.import_batch(write(tmp_path / "out.jsonl", results), requests(6))
    assert told == Imported(6, 0, 0, 0, 0, 0)
    answers = dict(client.run(requests(6)))
    assert vendor.calls == []
    assert {key: reply.value.number for key, reply in answers.items()} == {
        f"item {number}": number for number in range(6)
    }


def test_a_part_may_come_first_and_nothing_is_counted_twice(client, tmp_path):
    file = tmp_path / "batch.jsonl"
    client.export_batch(requests(6), file)
    results = [result(line) for line in lines_of(file)]
    first = write(tmp_path / "first.jsonl", results[:2])
    assert client.import_batch(first, requests(6)) == Imported(2, 0, 0, 0, 0, 4)
    everything = write(tmp_path / "all.jsonl", results + results[:1])
    assert client.import_batch(everything, requests(6)) == Imported(4, 3, 0, 0, 0, 0)
    ledger = rows(tmp_path / "client", "ledger")
    assert len(ledger) == 6
    assert sum(row["cost"] for row in ledger) == pytest.approx(6 * (20 + 2 * 10) / 1e6)


BROKEN = {
    "no JSON": "{",
    "no object": "[1, 2]",
    "no id": '{"response": null}',
    "a number for an id": '{"custom_id": 7}',
    "a text for a response": '{"custom_id": "x", "response": "ok"}',
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_line_is_set_aside_with_its_number(client, tmp_path, case):
    file = tmp_path / "batch.jsonl"
    client.export_batch(requests(2), file)
    good = [result(line) for line in lines_of(file)]
    out = write(tmp_path / "out.jsonl", [good[0], "", BROKEN[case], good[1]])
    assert client.import_batch(out, requests(2)) == Imported(2, 0, 0, 0, 1, 0)
    (aside,) = rows(tmp_path / "client", "quarantine")
    assert aside["digest"] == f"{out}:3" and "out.jsonl:3" in aside["reason"]
    assert aside["raw"].strip() == BROKEN[case]


def test_bytes_that_are_no_text_are_a_broken_line(client, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_bytes(b'{"custom_id": "\xff\xfe"}\n')
    assert client.import_batch(out, requests(1)).broken == 1


def test_a_foreign_answer_is_set_aside_and_never_used(client, tmp_path):
    file = tmp_path / "batch.jsonl"
    client.export_batch(requests(3), file)
    out = write(tmp_path / "out.jsonl", [result(line) for line in lines_of(file)])
    assert client.import_batch(out, requests(2)) == Imported(2, 0, 0, 1, 0, 0)
    (aside,) = rows(tmp_path / "client", "quarantine")
    assert "out.jsonl:3" in aside["reason"] and "no question of this job" in aside["reason"]
    with Store(tmp_path / "client") as store:
        assert store.counts()["answers"] == 2


def test_a_changed_question_does_not_take_the_old_ones_answer(client, tmp_path):
    file = tmp_path / "batch.jsonl"
    client.export_batch([request(1)], file)
    out = write(tmp_path / "out.jsonl", [result(line) for line in lines_of(file)])
    told = client.import_batch(out, [request(1, words="Was it good")])
    assert (told.stored, told.foreign, told.missing) == (0, 1, 1)


USELESS = {
    "an expired request": (dict(error={"code": "batch_expired"}), "batch_expired"),
    "an error of the server": (dict(status=500), "server answered 500"),
    "prose": (dict(text="Gladly."), "no JSON"),
    "a wrong type": (dict(text='{"number": "x", "mood": "y"}'), "number"),
    "cut short": (dict(text='{"number"', finish="length"), "cut short"),
    "a refusal": (dict(text="", refusal="No."), "refused: No."),
}


@pytest.mark.parametrize("case", USELESS)
def test_a_useless_answer_is_set_aside_and_retried_when_asked(client, vendor, tmp_path, case):
    kind, reason = USELESS[case]
    file = tmp_path / "batch.jsonl"
    client.export_batch(requests(2), file)
    first, second = lines_of(file)
    out = write(tmp_path / "out.jsonl", [result(first, **kind), result(second)])
    assert client.import_batch(out, requests(2)) == Imported(1, 0, 1, 0, 0, 1)
    aside = dict(client.run(requests(2)))["item 0"]
    assert isinstance(aside, Quarantined)
    assert reason in aside.reason and "out.jsonl:1" in aside.reason
    assert vendor.calls == []
    assert client.export_batch(requests(2), file) == 0
    retried = dict(LLMClient(client.llm, client.folder, retry=True).run(requests(2)))
    assert retried["item 0"].value == Mood(number=0, mood="fine")


def test_a_good_line_wins_over_a_useless_one_before_or_after_it(client, tmp_path):
    file = tmp_path / "batch.jsonl"
    client.export_batch(requests(2), file)
    one, two = lines_of(file)
    mixed = [result(one, text="no"), result(one), result(two), result(two, text="no")]
    assert client.import_batch(write(tmp_path / "o.jsonl", mixed), requests(2)) == Imported(
        2, 1, 1, 0, 0, 0
    )
    assert rows(tmp_path / "client", "quarantine") == []


def test_what_a_batch_cost_counts_against_the_budget(client, tmp_path):
    file = tmp_path / "batch.jsonl"
    client.export_batch(requests(5), file)
    client.import_batch(
        write(tmp_path / "o.jsonl", [result(line) for line in lines_of(file)]), requests(5)
    )
    with pytest.raises(BudgetSpent, match="5 calls took 150 tokens"):
        list(LLMClient(client.llm, client.folder, budget=Budget(calls=5)).run(requests(6)))


def test_a_file_that_is_not_there_is_told(client, tmp_path):
    with pytest.raises(BadInput, match=r"nowhere\.jsonl cannot be read: No such file"):
        client.import_batch(tmp_path / "nowhere.jsonl", requests(1))


def test_only_a_server_has_batch_files(tmp_path):
    with pytest.raises(BadSetting, match="only a model behind a server"):
        LLMClient(Fake(), tmp_path).export_batch(requests(1), tmp_path / "x.jsonl")
