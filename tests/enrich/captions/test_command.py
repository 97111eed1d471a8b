"""`recweave pictures` as people and machines meet it."""

import json

import pytest

from recweave.cli import main

BY = ("--captioner", "enrich.captions.doubles:colours")
FINDER = ("--detector", "enrich.captions.doubles:reds")


@pytest.fixture
def call(shop, folder, tmp_path, monkeypatch, capsys):
    """Run `recweave pictures shop …` with a saved shop; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))
    shop.save(tmp_path / "shop")

    def run(*words):
        monkeypatch.setattr("sys.argv", ["recweave", "pictures", "shop", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return (code, *capsys.readouterr())

    return run


def test_captions_and_objects_are_written_for_people(call, tmp_path, caplog):
    code, out, _ = call("--folder", "pictures", *BY, *FINDER, "--json")
    assert code == 0
    assert json.loads(out) == {
        "folder": "pictures",
        "written": [
            {"file": "captions.json", "by": "colours/1", "coverage": 0.5},
            {"file": "objects.json", "by": "objects/reds/0.25", "coverage": 0.25},
        ],
        "objects": {
            "items": 4,
            "pictured": 2,
            "coverage": 0.25,
            "entropy": 0.0,
            "classes": 1,
            "found": {"red": 1},
        },
    }
    captions = json.loads((tmp_path / "pictures" / "captions.json").read_text())["captions"]
    objects = json.loads((tmp_path / "pictures" / "objects.json").read_text())["objects"]
    assert captions["blue"] == [{"picture": "blue.png", "caption": "a blue thing"}]
    assert objects == {"both": {"red": pytest.approx(200 / 255, abs=1e-3)}}
    assert "empty.png" in caplog.text
    said = call("--folder", "pictures", *BY, *FINDER, "--out", "again")[1]
    assert "items with any" in said
    assert "1 of 1 classes of objects found, entropy 0.00 bits; most often: red 1" in said


def test_an_estimate_asks_nothing_and_writes_nothing(call, tmp_path):
    server = ("--captioner", "openai:seer@http://localhost:1/v1", "--prices", "1,2")
    code, out, _ = call("--folder", "pictures", "--out", "o", *server, "--estimate", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["requests"], found["calls"]) == (2, 2) and found["cost"] > 0.002
    assert not (tmp_path / "o").exists()
    code, _, err = call("--folder", "pictures", *BY, "--estimate")
    assert code == 2 and "captions by colours/1 cost nothing" in err


def test_a_mistake_is_one_line(call):
    code, _, err = call("--folder", "gone", *BY, *FINDER)
    assert code == 2 and "none of the 4 pictures of shop can be used" in err
    code, _, err = call("--folder", "pictures", "--captioner", "lables")
    assert code == 2 and "no captioner" in err and "Traceback" not in err
