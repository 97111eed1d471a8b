"""`recweave demo`: the first command a newcomer types, and the ones it names next."""

import json
import shlex
import sys

import pytest

from recweave.cli import main
from recweave.experiment import demo


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "find", lambda *_: None)
    monkeypatch.setattr(demo, "SHOP", "synthetic:small")
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["recweave", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, capsys.readouterr().err
        return capsys.readouterr()

    return run


def test_the_demo_shows_tables_users_and_similar_items_and_its_commands_work_as_printed(call):
    shown = call("demo").out
    assert "a synthetic shop" in shown
    assert " users, the next purchase was among the first ten items that " in shown
    assert "\n  ease-text:     the same model, which also reads the texts" in shown
    assert shown.count("Because you ") >= 3
    assert shown.count("\n  User user-") == 3
    assert "\n  by text:" in shown
    named = [line.strip() for line in shown.splitlines() if line.startswith("  recweave ")]
    assert len(named) >= 5
    assert shown.count("\n  # ") == len(named)
    for line in named:
        program, *words = shlex.split(line)
        assert program == "recweave"
        assert call(*words).out, line


def test_the_demo_gives_machines_the_same_as_json(call):
    found = json.loads(call("demo", "--json").out)
    (table,) = found["tables"]
    assert {row["name"] for row in table["models"]} > {"popularity", "ease", "ease-text"}
    assert len(found["users"]) == 3
    assert all(one["text"].startswith("Because") for one in found["users"][0]["recommended"])
