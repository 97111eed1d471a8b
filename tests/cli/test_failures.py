"""What the operating system refuses, Ctrl-C, brackets in paths: met at the command line itself."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from recweave.cli import main
from recweave.cli.failures import in_words
from recweave.data.readers import read

LOG = "user_id,item_id,value,time\n" + "".join(
    f"u{u},i{(3 * u + d) % 8},{(u + d) % 5 + 1},{100 * u + n}\n"
    for u in range(12)
    for n, d in enumerate((0, 1, 3, 6, 4))
)
RECIPE = """
data = "shop"
metrics = ["recall@3"]
choose = "recall@3"
[[models]]
kind = "ease"
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a log, a dataset of it and a recipe, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})
    (tmp_path / "log.csv").write_text(LOG)
    read("table", tmp_path / "log.csv").save(tmp_path / "shop")
    (tmp_path / "r.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def call(here, monkeypatch, capsys):
    """Run a command line in this process; its exit code, stdout and stderr."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["recweave", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code or 0, *capsys.readouterr()

    return run


def start(*words, **how):
    """The same in a process of its own."""
    command = [sys.executable, "-m", "recweave", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **how)


def test_a_file_in_place_of_the_run_folder_is_an_error_before_any_work(call, here):
    code, out, err = call("run", "r.toml", "--out", "log.csv")
    assert (code, out) == (2, "")
    assert err == "error: log.csv is a file, and a run needs a folder; choose another with --out\n"
    assert (here / "log.csv").read_text() == LOG


def test_a_folder_that_cannot_be_made_is_one_line(call):
    code, _, err = call("run", "r.toml", "--out", "/proc/nope/x")
    assert code == 2
    assert err == "error: /proc/nope: no such file or directory; check the path\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="of Linux")
def test_a_full_disk_behind_the_output_is_one_line(here):
    with open("/dev/full", "w") as full:
        process = start("show", "ease", stdout=full)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.startswith("error: ")
    assert "no space left on device; free some space" in err
    assert err.count("\n") == 1


def test_a_reader_of_the_output_who_has_gone_is_no_error(here):
    with start("show", stdout=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENOTDIR, 9999])
def test_a_draft_is_called_by_the_name_it_is_to_have(number):
    error = OSError(number, "Some Reason", "runs/.a.json.0123abcd-1-2.draft")
    assert in_words(error).startswith("runs/a.json: some Reason; ")


def test_ctrl_c_ends_with_130_and_not_a_word_and_what_is_done_stays(here):
    (here / "r.toml").write_text(RECIPE + '[[models]]\nkind = "slow_plugin:Slow"\n')
    (here / "slow_plugin.py").write_text(
        "import time\nfrom recweave.models.base import Recipe\n"
        "class Slow(Recipe):\n    trainer = 'slow_plugin:fit'\n"
        "def fit(recipe, data, options):\n    time.sleep(600)\n"
    )
    paths = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
    process = start(
        "run",
        "r.toml",
        "--out",
        "o",
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths},
    )
    done = here / "o/cells/ease.0/result.json"
    until = time.monotonic() + 120
    while not done.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err and "rror" not in err
    assert json.loads(done.read_text())["row"] == "ease"


def test_brackets_in_paths_are_no_pattern(call, here):
    dataset = "shop[1]"
    assert call("data", "read", "table", "log.csv", dataset)[0] == 0
    payload = json.loads(call("data", "describe", dataset, "--json")[1])
    assert (payload["tables"], payload["users"]) == ({"events": 60}, 12)
    (here / "x[1]").mkdir()
    (here / "x[1]/l.jsonl").write_text('{"user_id": "1", "item_id": "a"}\n')
    code, _, err = call("data", "check", "table", "x[1]/l.jsonl")
    assert (code, err) == (0, "0 errors, 0 notes\n")
    (here / "r[1].toml").write_text(RECIPE.replace("shop", dataset))
    code, out, err = call("run", "r[1].toml", "--out", "o[1]", "--json")
    assert (code, [m["name"] for m in json.loads(out)["models"]]) == (0, ["ease"])
    assert "report: o[1]/report.html" in err
    items = json.loads(call("recommend", "o[1]", "--user", "u1", "--json")[1])["items"]
    assert items
    assert call("recommend", "o[1]", "--all", "--out", "lists[1].parquet")[0] == 0
    assert call("compare", "o[1]")[0] == 0


def test_lists_in_each_make_rows_that_are_found_again(call, here):
    each = '[[models]]\nkind = "biased_mf"\neach = { scale = [[1, 5], [1, 10]] }\n'
    (here / "r.toml").write_text(RECIPE + each)
    code, out, _ = call("run", "r.toml", "--out", "o", "--json")
    assert code == 0
    names = [model["name"] for model in json.loads(out)["models"]]
    assert names == ["ease", "biased_mf-scale=[1, 5]", "biased_mf-scale=[1, 10]"]
    shown = call("run", "r.toml", "--out", "o")[1]
    assert all(name in shown for name in names)


def test_a_value_that_leaves_no_user_to_evaluate_is_named_with_its_line(call, here):
    (here / "r.toml").write_text("relevant_from = 99\n" + RECIPE)
    code, _, err = call("run", "r.toml")
    assert code == 2
    assert err.startswith("error: r.toml:1: 'relevant_from' is 99, and no test event has such")
    assert "from 1 to 5" in err


def test_the_version_is_printed(call):
    from recweave import __version__

    assert call("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), 2, "connection refused; run the"),
        (OSError("no such device"), 2, "no such device; run the command again"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "no space left on device; free"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 2, "cannot allocate memory; take less"),
        (TimeoutError(), 2, "TimeoutError; run the command again"),
        (pl.exceptions.PanicException("index"), 4, "unexpected PanicException: index. This is"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_no_file_is_not_called_one_of_the_output(call, monkeypatch, error, code, said):
    def broken(*_):
        print("printed before")
        raise error

    monkeypatch.setattr("recweave.cli.models.print_table", broken)
    found = call("show")
    assert found[:2] == (code, "printed before\n")
    assert found[2].startswith(f"error: {said}")
    assert found[2].count("\n") == 1


def test_a_fault_of_ours_is_one_line_and_its_place_is_shown_when_asked(call, monkeypatch):
    def broken(*_):
        raise KeyError("x")

    monkeypatch.setattr("recweave.cli.models.print_table", broken)
    code, _, err = call("show")
    assert code == 4
    assert err.startswith("error: unexpected KeyError: 'x'. This is probably a fault of recweave")
    monkeypatch.setenv("RECWEAVE_TRACEBACK", "1")
    monkeypatch.setattr("sys.argv", ["recweave", "show"])
    with pytest.raises(KeyError):
        main()
