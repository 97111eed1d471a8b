"""The command line as people and machines meet it: output, exit codes, messages."""

import json

import polars as pl
import pytest

from recweave.cli import main
from recweave.data.dataset import Dataset

RECIPE = """
data = "shop"
metrics = ["recall@2", "ndcg@2"]
choose = "ndcg@2"
[[models]]
name = "popularity"
[[models]]
name = "item_knn"
shrinkage = 0
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a shop and a recipe; no pictures are drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RECWEAVE_DATA", raising=False)
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})
    users, items = range(12), range(8)
    events = pl.DataFrame(
        [(f"u{u}", f"i{(u + d) % 8}", u * 10 + d) for u in users for d in range(5)],
        schema=["user_id", "item_id", "time"],
        orient="row",
    )
    shown = pl.DataFrame(
        {"item_id": [f"i{i}" for i in items], "title": [f"Title {i}" for i in items]}
    )
    Dataset("shop", events=events, items=shown.with_columns(price=pl.lit(1.0))).save(
        tmp_path / "shop"
    )
    (tmp_path / "r.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def call(here, monkeypatch, capsys):
    """Run a command line; its exit code, stdout and stderr."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["recweave", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_run_prints_json_alone_on_stdout_and_the_report_on_stderr(call):
    code, out, err = call("run", "r.toml", "--json")
    told = json.loads(out)
    assert code == 0
    assert [m["name"] for m in told["models"]] == ["popularity", "item_knn"]
    assert "report.html" in err


def test_run_prints_a_table_for_people(call):
    _, out, _ = call("run", "r.toml", "--out", "run")
    assert "popularity (baseline)" in out
    assert "ndcg@2" in out


def test_run_prints_markdown_for_a_readme(call):
    _, out, _ = call("run", "r.toml", "--out", "run", "--markdown")
    lines = out.splitlines()
    assert lines[0].startswith("| model | recall@2 | ndcg@2 | fit, s |")
    assert len({line.count("|") for line in lines}) == 1


def test_compare_reads_what_run_wrote(call):
    call("run", "r.toml", "--out", "run")
    code, out, _ = call("compare", "run", "--baseline", "item_knn", "--json")
    assert code == 0
    assert json.loads(out)["baseline"] == "item_knn"


def test_recommend_gives_items_the_user_does_not_have(call, here):
    call("run", "r.toml", "--out", "run")
    code, out, _ = call("recommend", "run", "--user", "u1", "-k", "3", "--json")
    assert code == 0
    told = json.loads(out)
    events = Dataset.load(here / "shop").events.filter(pl.col("user_id") == "u1")
    assert told["events"] == 5
    assert told["items"]
    assert not {item["item_id"] for item in told["items"]} & set(events["item_id"])


def test_recommend_heeds_conditions(call):
    call("run", "r.toml", "--out", "run")
    _, out, _ = call("recommend", "run", "--user", "u1", "--where", "title == 'Title 5'", "--json")
    assert {item["title"] for item in json.loads(out)["items"]} <= {"Title 5"}


def test_explain_says_why(call):
    call("run", "r.toml", "--out", "run")
    code, out, _ = call("explain", "run", "--user", "u1", "--row", "item_knn", "-k", "1")
    assert code == 0
    assert "because" in out.lower()
    assert "Title" in out


def test_show_lists_models_and_tells_settings(call):
    assert "item_knn" in call("show")[1]
    told = json.loads(call("show", "item_knn", "--json")[1])
    assert {s["setting"] for s in told["settings"]} >= {"k", "shrinkage"}


def test_doctor_tells_the_machine_and_what_is_missing(call):
    told = json.loads(call("doctor", "--json")[1])
    assert told["machine"]["cores"] >= 1
    assert told["data"]["ml-100k"] is None


def test_data_read_describe_check(call, here):
    (here / "log.csv").write_text("user_id,item_id,time\na,x,1\nb,y,2\n")
    assert call("data", "read", "table", "log.csv", "mine")[0] == 0
    assert json.loads(call("data", "describe", "mine", "--json")[1])
    assert call("data", "check", "mine")[0] == 0
    assert call("data", "check", "table", "log.csv")[0] == 0


def test_data_check_ends_with_1_and_names_the_line(call, here):
    (here / "log.csv").write_text("user_id,item_id,time\na,x,1\nb,y,soon\n")
    code, out, _ = call("data", "check", "table", "log.csv")
    assert code == 1
    assert "log.csv:3" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "none.toml"], "cannot be read"),
        (["show", "esae"], "no model is called 'esae'"),
        (["compare", "shop"], "made_from.json"),
        (["recommend", "shop", "--user", "u1"], "made_from.json"),
        (["data", "describe", "nowhere"], "no dataset is called 'nowhere'"),
        (["data", "read", "tabel", "x", "y"], "did you mean 'table'"),
        (["data", "read", "table", "none.csv", "y"], "none.csv"),
        (["data", "read", "table", "r.toml", "y", "--option", "time"], "not KEY=VALUE"),
        (["data", "get", "ml-100"], "did you mean 'ml-100k'"),
    ],
)
def test_a_user_s_mistake_is_one_line_and_exit_code_2(call, words, said):
    code, out, err = call(*words)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--user", "nobody"], "no user has the id 'nobody'"),
        (["--user", "u1", "--row", "itemknn"], "did you mean 'item_knn'"),
        (["--user", "u1", "--where", "colour = red"], "colour"),
        (["--user", "u1", "--where", "price <="], "no rule"),
    ],
)
def test_a_mistaken_question_is_told(call, words, said):
    call("run", "r.toml", "--out", "run")
    code, _, err = call("recommend", "run", *words)
    assert code == 2
    assert said in err
