"""`recweave enrich` as people and machines meet it."""

import json

import pytest

from recweave.cli import main
from recweave.data.profiles import Profiles
from recweave.enrich.writer import Failure


@pytest.fixture
def call(talk, encoder, tmp_path, monkeypatch, capsys):
    """Run `recweave enrich shop …` with a saved shop; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("recweave.enrich.choose.text_encoder", lambda name: encoder)
    talk.save(tmp_path / "shop")

    def run(*words, data="shop"):
        monkeypatch.setattr("sys.argv", ["recweave", "enrich", data, *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return (code, *capsys.readouterr())

    return run


def test_it_writes_profiles_and_prints_a_table(call, tmp_path):
    code, out, _ = call("--kinds", "price, summary", "--folds", "2", "--json")
    assert code == 0
    texts = {(row["entity"], row["kind"]): row["texts"] for row in json.loads(out)["texts"]}
    assert set(texts) == {("item", "price"), ("item", "summary"), ("user", "summary")}
    profiles = Profiles.load(tmp_path / "profiles" / "profiles.parquet")
    assert profiles.texts("price", "item", ["a"])[0] == "cheap"
    assert profiles.folds("price", "item", [0], "reviews")[0] is not None
    assert call("--kinds", "price,summary", "--folds", "2")[1].count("extractive/1") == 3


def test_a_recipe_says_what_is_split_and_how(call, tmp_path):
    recipe = 'data = "shop"\nsplit = { kind = "leave_last_out", n = 2, valid = 0 }\n'
    (tmp_path / "r.toml").write_text(recipe + '[[models]]\nname = "popularity"\n')
    assert call("--kinds", "price", data="r.toml")[0] == 0
    split = Profiles.load(tmp_path / "profiles" / "profiles.parquet").split
    assert '"n":2' in split and '"valid":0' in split
    code, _, err = call("--split", "given", data="r.toml")
    assert code == 2 and "leave --split out" in err


def test_an_estimate_makes_no_call(call, tmp_path):
    server = ("--writer", "http://localhost:1/v1", "--model", "m", "--prices", "1,2")
    code, out, _ = call(*server, "--estimate", "--json")
    found = json.loads(out)
    assert code == 0 and found["calls"] == found["requests"] > 10 and found["cost"] > 0
    assert not (tmp_path / "profiles").exists()
    assert "texts: " in call("--estimate")[1]


def test_a_batch_file_goes_out_and_comes_back(call, tmp_path):
    server = ("--writer", "http://localhost:1/v1", "--model", "m", "--kinds", "price")
    code, out, _ = call(*server, "--export-batch", "ask.jsonl", "--json")
    assert code == 0 and json.loads(out) == {"requests": 2}
    answers = []
    for line in map(json.loads, (tmp_path / "ask.jsonl").read_text().splitlines()):
        message = {"role": "assistant", "content": '{"price": "fair"}'}
        body = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
        response = {"status_code": 200, "body": body}
        answers.append(json.dumps({"custom_id": line["custom_id"], "response": response}))
    (tmp_path / "answers.jsonl").write_text("\n".join(answers))
    code, out, _ = call(*server, "--import-batch", "answers.jsonl", "--json")
    assert code == 0 and json.loads(out)["stored"] == 2
    code, _, err = call(*server)
    assert code == 0, "all is answered, so no server is needed"
    assert "spent so far: " in err
    profiles = Profiles.load(tmp_path / "profiles" / "profiles.parquet")
    assert profiles.texts("price", "item", ["a", "b"]).to_list() == ["fair", "fair"]


def test_a_closed_set_comes_from_a_file(call, tmp_path):
    (tmp_path / "kinds.txt").write_text("cable\n\nlamp\ncable\n")
    assert call("--kinds", "categories", "--categories", "kinds.txt")[0] == 0
    profiles = Profiles.load(tmp_path / "profiles" / "profiles.parquet")
    assert profiles.texts("categories", "item", ["a", "b"]).to_list() == ["cable", "lamp"]


class Refused:
    """A writer that fails at some kinds of text."""

    name = "refused/1"

    def __init__(self, *kinds):
        self.kinds = kinds

    def write(self, material, tasks):
        for task in tasks:
            yield task, Failure("the server answered 400") if task.kind in self.kinds else "fine"


def test_when_every_text_failed_the_reason_is_shown_and_the_exit_code_is_not_0(
    call, tmp_path, monkeypatch
):
    monkeypatch.setattr("recweave.enrich.choose.writer_of", lambda *_, **__: Refused("price"))
    code, out, err = call("--kinds", "price")
    assert (code, out) == (2, "")
    assert "no text was written: 2 of 2 texts failed" in err
    assert "2 times: the server answered 400" in err
    assert not (tmp_path / "profiles" / "profiles.parquet").exists()


def test_when_some_texts_failed_the_table_counts_them(call, monkeypatch, caplog):
    monkeypatch.setattr("recweave.enrich.choose.writer_of", lambda *_, **__: Refused("price"))
    code, out, _ = call("--kinds", "price,summary", "--json")
    assert code == 0
    assert "2 times: the server answered 400" in caplog.text
    rows = {(row["entity"], row["kind"]): row for row in json.loads(out)["texts"]}
    price = rows["item", "price"]
    assert (price["texts"], price["failed"], price["writer"]) == (0, 2, None)
    summary = rows["item", "summary"]
    assert (summary["failed"], summary["writer"]) == (0, "refused/1")
    assert summary["texts"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--writer", "gpt"], "no writer is called 'gpt'"),
        (["--writer", "http://localhost:1/v1"], "name it with --model"),
        (["--kinds", "prise"], "did you mean 'price'"),
        (["--split", "weekly"], "--split weekly: "),
        (["--prices", "1"], "give two numbers"),
        (["--export-batch", "x"], "name a server"),
        (["--categories", "none.txt"], "none.txt: cannot be read"),
        (["--folds", "1"], "two or more"),
    ],
)
def test_mistakes_end_with_2_and_say_what_to_do(call, words, said):
    code, _, err = call(*words)
    assert code == 2 and said in err
