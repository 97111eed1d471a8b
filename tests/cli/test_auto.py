"""What `recweave auto` prints, for people and for machines."""

import json
from pathlib import Path

import pytest

from recweave.cli.runs import auto
from recweave.experiment.auto import auto as module
from recweave.experiment.auto.auto import Found
from recweave.experiment.run import run
from recweave.runs.answering import open_bundle
from recweave.runs.spec import Experiment


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Arguments that `auto` was called with; it finds popularity to be best."""
    content = {
        "data": "synthetic:small",
        "split": {"kind": "leave_last_out", "target": ["purchase"], "fresh": True},
        "metrics": ["ndcg@10"],
        "models": [{"kind": "popularity"}, {"kind": "random"}],
    }
    summary = run(Experiment.parse(content, "here"), tmp_path / "run")
    bundle = open_bundle(tmp_path / "run", "popularity")
    recipe = tmp_path / "run" / "recipe.toml"
    found = Found("popularity", summary, bundle, recipe, ("mind the gap",))
    seen = []

    def find(*given, **named):
        seen.append((given, named))
        return found

    monkeypatch.setattr(module, "auto", find)
    return seen


def test_a_table_a_verdict_and_what_is_to_be_known(asked, tmp_path, capsys):
    auto("shop", tmp_path / "bundle", budget="90s", target="purchase", seed=3)
    said = capsys.readouterr()
    assert "Use popularity: on synthetic" in said.out
    assert "random" in said.out
    assert "note: mind the gap" in said.err
    assert f"bundle: {tmp_path / 'bundle'}; recipe with reasons:" in said.err
    assert Path(tmp_path / "run" / "report.html").exists()
    named = {"target": "purchase", "out": tmp_path / "bundle", "seed": 3}
    assert asked == [(("shop", "90s"), named)]


def test_json_is_that_of_run_with_the_chosen_row(asked, tmp_path, capsys):
    auto("shop", tmp_path / "bundle", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["chosen"] == "popularity"
    assert found["notes"] == ["mind the gap"]
    assert [row["name"] for row in found["models"]] == ["popularity", "random"]
