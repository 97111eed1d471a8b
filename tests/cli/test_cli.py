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
    payload = json.loads(out)
    assert code == 0
    assert [m["name"] for m in payload["models"]] == ["popularity", "item_knn"]
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
    code, out, _ = call("compare", "run", "--latex")
    assert code == 0
    assert r"\begin{tabular}" in out
    assert r"item\_knn" in out
    code, out, _ = call("compare", "run", "--csv")
    assert code == 0
    assert out.startswith("row,metric,mean,low,high,difference,p,fit_seconds,stage_ms\n")
    code, out, _ = call("compare", "run", "--slices", "--csv")
    assert code == 0
    assert out.startswith("slice,label,row,users,metric,mean,low,high\n")
    code, out, _ = call("compare", "run", "--slices", "--markdown")
    assert out.startswith("| slice | label | model | users | ")
    code, _, err = call("compare", "run", "--csv", "--latex")
    assert code == 2
    assert "--latex and --csv cannot be given together" in err


@pytest.fixture
def ran(call):
    """The same, with the recipe run into `run`."""
    assert call("run", "r.toml", "--out", "run")[0] == 0
    return call


def test_recommend_gives_items_the_user_does_not_have(ran, here):
    code, out, _ = ran("recommend", "run", "--user", "u1", "-k", "3", "--json")
    assert code == 0
    payload = json.loads(out)
    assert payload["row"] in ("popularity", "item_knn")
    assert [item["rank"] for item in payload["items"]] == [1, 2, 3]
    assert {item["user_id"] for item in payload["items"]} == {"u1"}
    assert {item["source"] for item in payload["items"]} == {payload["row"]}
    scores = [item["score"] for item in payload["items"]]
    assert scores == sorted(scores, reverse=True)
    for item in payload["items"]:
        assert item["title"] == item["item_id"].replace("i", "Title ")
    events = Dataset.load(here / "shop").events.filter(pl.col("user_id") == "u1")
    assert not {item["item_id"] for item in payload["items"]} & set(events["item_id"])
    assert "after 5 events" in ran("recommend", "run", "--user", "u1")[1]


def test_a_list_with_nothing_left_says_why(ran):
    words = ("--user", "u1", "--where", "item_id in i1, i2")
    why = "no item is left to show to user u1: the history holds all 2 items that fulfil"
    for command in ("recommend", "explain"):
        code, out, err = ran(command, "run", *words)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {why}")
    payload = json.loads(ran("recommend", "run", *words, "--json")[1])
    assert payload["items"] == []
    assert payload["note"].startswith(why)
    assert json.loads(ran("explain", "run", *words, "--json")[1])["items"] == []
    assert len(ran("explain", "run", *words, "--hide", "none")[1].splitlines()) == 2


def test_an_unknown_user_is_an_error_with_what_to_do(ran):
    code, out, err = ran("recommend", "run", "--user", "nobody")
    assert (code, out) == (2, "")
    assert "no user has the id 'nobody'; there are 12 known ones" in err
    assert "--history" in err


def test_what_does_not_fit_a_screen_goes_to_a_file(ran, here, monkeypatch):
    monkeypatch.setattr("recweave.cli.bundles.SHOWN", 30)
    code, _, err = ran("recommend", "run", "--all", "-k", "3")
    assert code == 2
    assert "these are up to 36 lines, and at most 30 are printed" in err
    assert ran("recommend", "run", "--all", "-k", "2", "--json")[0] == 0
    assert ran("recommend", "run", "--all", "-k", "3", "--out", "all.csv")[0] == 0
    assert ran("similar", "run", "--all", "-k", "9")[0] == 2
    monkeypatch.setattr("recweave.cli.lines.LARGEST_FILE", 3)
    (here / "some.txt").write_text("u1\nu2\n")
    code, _, err = ran("recommend", "run", "--users", "some.txt")
    assert code == 2
    assert "split it into several files" in err


def test_recommend_reads_conditions(ran):
    _, out, _ = ran("recommend", "run", "--user", "u1", "--where", "title == Title 7", "--json")
    assert [item["title"] for item in json.loads(out)["items"]] == ["Title 7"]


def test_recommend_gives_the_lists_of_a_file_of_users(ran, here):
    (here / "some.txt").write_text("u3\n\nu1\nu3\n")
    payload = json.loads(ran("recommend", "run", "--users", "some.txt", "-k", "1", "--json")[1])
    assert [item["user_id"] for item in payload["items"]] == ["u3", "u1"]


def test_unknown_users_of_a_file_get_the_most_popular_items_and_the_others_their_lists(ran, here):
    (here / "some.txt").write_text("u3\nunknown\nu1\n")
    code, out, err = ran("recommend", "run", "--users", "some.txt", "-k", "1", "--json")
    payload = {item["user_id"]: item["source"] for item in json.loads(out)["items"]}
    assert code == 0
    assert list(payload) == ["u3", "unknown", "u1"]
    assert payload["unknown"] == "popularity (no usable history)"
    assert "popularity (" not in payload["u1"]
    assert "1 of 3 users are not known, the first is 'unknown'" in err


@pytest.mark.parametrize("file", ["lists.parquet", "lists.csv"])
def test_recommend_writes_the_lists_of_all_users_as_they_would_be_shown(ran, here, file):
    code, out, _ = ran("recommend", "run", "--all", "-k", "2", "--out", file)
    assert (code, out) == (0, "")
    read = pl.read_parquet if file.endswith("parquet") else pl.read_csv
    lists = read(here / file)
    assert lists.columns == ["user_id", "item_id", "rank", "score", "source"]
    assert set(lists["user_id"]) == {f"u{u}" for u in range(12)}
    one = json.loads(ran("recommend", "run", "--user", "u7", "-k", "2", "--json")[1])["items"]
    items = lists.filter(user_id="u7").sort("rank")["item_id"].to_list()
    assert items == [item["item_id"] for item in one]


def test_recommend_makes_a_list_for_a_new_user_from_a_history(ran):
    words = ("--history", "i1,i2", "--row", "item_knn", "-k", "3", "--json")
    payload = json.loads(ran("recommend", "run", *words)[1])
    assert len(payload["items"]) == 3
    assert not {item["item_id"] for item in payload["items"]} & {"i1", "i2"}
    assert {item["user_id"] for item in payload["items"]} == {""}
    assert {item["source"] for item in payload["items"]} == {"item_knn"}


def test_explain_says_why(ran):
    code, out, _ = ran("explain", "run", "--user", "u1", "--row", "item_knn", "-k", "1")
    assert code == 0
    assert "because" in out.lower()
    assert "Title" in out


def test_explain_gives_machines_the_parts_of_the_reason(ran, here):
    words = ("explain", "run", "--user", "u1", "--row", "item_knn", "-k", "2", "--json")
    payload = json.loads(ran(*words)[1])
    assert (payload["row"], payload["user_id"]) == ("item_knn", "u1")
    assert [item["rank"] for item in payload["items"]] == [1, 2]
    keys = {"item_id", "title", "rank", "score", "catalogue_rank", "basis", "because", "moves"}
    history = set(Dataset.load(here / "shop").events.filter(user_id="u1")["item_id"])
    for item in payload["items"]:
        assert set(item) == keys
        assert item["basis"] == "history"
        assert item["because"]
        assert {one["item_id"] for one in item["because"]} <= history
        assert all(0 < one["share"] <= 1 for one in item["because"])
        assert item["moves"] == []
        assert all(one["title"] and one["behavior"] == "rating" for one in item["because"])
    shown = json.loads(ran("recommend", *words[1:])[1])["items"]
    assert [item["item_id"] for item in shown] == [item["item_id"] for item in payload["items"]]


def test_show_lists_models_and_their_settings(call):
    assert "item_knn" in call("show")[1]
    payload = json.loads(call("show", "item_knn", "--json")[1])
    assert {s["setting"] for s in payload["settings"]} >= {"k", "shrinkage"}


def test_doctor_shows_the_machine_and_what_is_missing(call):
    payload = json.loads(call("doctor", "--json")[1])
    assert payload["machine"]["cores"] >= 1
    assert payload["data"]["ml-100k"] is None


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
        (
            ["recommend", "shop", "--user", "u1"],
            "neither a bundle (it has no bundle.json) nor a run",
        ),
        (["explain", "shop", "--user", "u1"], "nor a run (no made_from.json)"),
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
        (["--user", "u1", "--where", "price <="], "at character 9: a value is missing"),
        (["--user", "u1", "--where", "price > 5"], "loosen --where"),
        (["--history", "i1,i99"], "no item has the id 'i99'"),
        (["--users", "none.txt"], "none.txt: cannot be read"),
        (["--all", "--out", "lists.docx"], "lists.docx"),
        (["--all", "--user", "u1"], "not --user and --all"),
        ([], "none was given"),
    ],
)
def test_a_mistake_in_recommend_is_one_line_and_exit_code_2(ran, words, said):
    code, out, err = ran("recommend", "run", *words)
    assert (code, out) == (2, "")
    assert said in err
