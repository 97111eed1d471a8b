"""Recipe files and files of ids as people's editors save them."""

import json

import polars as pl
import pytest

from recweave.cli import main
from recweave.data.dataset import Dataset

RECIPE = """
data = "shop"
metrics = ["recall@2"]
choose = "recall@2"
filters = [{ kind = "drop_ids", users = ["u1"] }, { kind = "k_core", users = 4, items = 1 }]
[[models]]
kind = "popularity"
"""
MARK = b"\xef\xbb\xbf"
"""What Excel and Notepad write before UTF-8."""


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run a command line in a folder with a shop and a recipe; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})
    events = pl.DataFrame(
        [(f"u{u}", f"i{(u + d) % 8}", u * 10 + d) for u in range(12) for d in range(5 - u % 3)],
        schema=["user_id", "item_id", "time"],
        orient="row",
    )
    Dataset("shop", events=events).save(tmp_path / "shop")
    (tmp_path / "r.toml").write_text(RECIPE)

    def run(*words):
        monkeypatch.setattr("sys.argv", ["recweave", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run


def test_users_that_filters_removed_are_counted_by_filter(call, tmp_path):
    """u1 is dropped by its id; u2, u5, u8 and u11 have 3 events, fewer than 4."""
    assert call("run", "r.toml", "--out", "run")[0] == 0
    (tmp_path / "ids.txt").write_text("u0\nu1\nu2\nu5\nnobody\n")
    code, _, err = call("recommend", "run", "--users", "ids.txt", "-k", "1", "--json")
    assert code == 0
    assert err.startswith("4 of 5 users are not known (removed: 1 by the filter drop_ids (")
    assert "), 2 by the filter k_core (users = 4, items = 1)), the first is 'u1'; they" in err


@pytest.mark.parametrize("mark", [b"", MARK])
def test_a_file_of_ids_may_begin_with_the_mark_of_utf_8(call, tmp_path, mark):
    assert call("run", "r.toml", "--out", "run")[0] == 0
    (tmp_path / "ids.txt").write_bytes(mark + b"u3\r\n u0 \r\n\r\nu3\r\n")
    code, out, err = call("recommend", "run", "--users", "ids.txt", "-k", "1", "--json")
    assert (code, err) == (0, "")
    assert [line["user_id"] for line in json.loads(out)["items"]] == ["u3", "u0"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n \n", " holds no user id; write one per line"),
        (b"caf\xe9\n", ": cannot be read (it is not UTF-8)"),
    ],
)
def test_a_file_without_ids_is_an_error_with_what_to_do(call, tmp_path, content, said):
    assert call("run", "r.toml", "--out", "run")[0] == 0
    (tmp_path / "ids.txt").write_bytes(content)
    code, _, err = call("recommend", "run", "--users", "ids.txt")
    assert code == 2
    assert f"ids.txt{said}" in err


@pytest.mark.parametrize("command", [["run"], ["fit"], ["tune"]])
def test_a_recipe_file_may_begin_with_the_mark_of_utf_8(call, tmp_path, command):
    if command == ["tune"]:
        pytest.importorskip("optuna")
    (tmp_path / "r.toml").write_bytes(MARK + RECIPE.encode())
    assert call(*command, "r.toml", "--out", "made")[0] == 0


DEEP = "data = 'shop'\nfilters = " + 2000 * "[" + 2000 * "]" + "\n[[models]]\nkind = 'popularity'\n"
LESS_DEEP = RECIPE.replace('data = "shop"', f"title = {200 * '['}{200 * ']'}")


@pytest.mark.parametrize("command", ["run", "fit", "tune"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title = 'Bücher'\n".encode("latin-1") + RECIPE.encode(), "it is not encoded in UTF-8"),
        (None, "cannot be read (Is a directory); name a recipe file"),
        (DEEP.encode(), "more than 50 levels deep; check its brackets"),
        (LESS_DEEP.encode(), "more than 50 levels deep; check its brackets"),
    ],
    ids=["Latin-1", "a folder", "2,000 brackets", "200 brackets"],
)
def test_a_recipe_that_cannot_be_read_is_one_line(call, tmp_path, command, content, said):
    if content is None:
        (tmp_path / "r.toml").unlink()
        (tmp_path / "r.toml").mkdir()
    else:
        (tmp_path / "r.toml").write_bytes(content)
    code, out, err = call(command, "r.toml", "--out", "made")
    assert (code, out) == (2, "")
    assert err.startswith("error: r.toml: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_recipe_may_be_as_deep_as_we_say(call, tmp_path):
    """The file is a level too."""
    (tmp_path / "r.toml").write_text(f"title = {49 * '['}{49 * ']'}" + RECIPE)
    _, _, err = call("run", "r.toml", "--out", "made")
    assert "levels deep" not in err
    assert "r.toml:1: 'title' is" in err
    (tmp_path / "r.toml").write_text(f"title = {50 * '['}{50 * ']'}" + RECIPE)
    assert "levels deep" in call("run", "r.toml", "--out", "made")[2]
