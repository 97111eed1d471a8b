"""What answers for a run folder or a bundle."""

import json
import subprocess
import sys

import pytest
from planted import experiment

from recweave.core.errors import BadArtifact, UnknownName
from recweave.experiment.run import run
from recweave.runs.answering import open_bundle
from recweave.runs.summary import read_run


@pytest.fixture
def finished(planted):
    models = [{"name": "popularity"}, {"name": "ease"}, {"name": "random"}]
    asked = experiment(save=True, models=models, metrics=["recall@1", "ndcg@3"])
    run(asked, planted / "run", base_dir=planted)
    return planted / "run"


def test_the_best_row_answers_and_no_users_values_are_read(finished):
    best = read_run(finished).best_row().name
    for file in finished.rglob("users.parquet"):
        if "cells" in file.parts:
            file.unlink()
    assert open_bundle(finished).name == best
    assert open_bundle(finished, "random").name == "random"
    with pytest.raises(UnknownName, match="did you mean 'ease'"):
        open_bundle(finished, "eas")


def test_the_best_row_is_the_one_that_the_summary_names(finished):
    best = read_run(finished).best_row().name
    summary = json.loads((finished / "metrics.json").read_text())
    assert summary["best"] == best != "ease"
    (finished / "metrics.json").write_text(json.dumps(summary | {"best": "ease"}))
    assert open_bundle(finished).name == "ease"
    for text in (json.dumps({"models": []}), "[]"):  # of an earlier version, or broken
        (finished / "metrics.json").write_text(text)
        assert open_bundle(finished).name == best
    (finished / "metrics.json").unlink()
    assert open_bundle(finished).name == best


def test_a_run_that_is_not_finished_names_what_is_missing(finished):
    (finished / "metrics.json").unlink()
    (finished / "cells" / "ease.0" / "result.json").unlink()
    with pytest.raises(BadArtifact, match="'ease' with seed 0 is not done"):
        open_bundle(finished)


NOT_NEEDED = (
    *("torch", "altair", "optuna", "pandas", "pyarrow", "implicit", "transformers", "openai"),
    *("pydantic_settings", "dotenv", "sqlite3", "multiprocessing", "rich.progress"),
    *(f"scipy.{part}" for part in ("stats", "optimize", "linalg", "special", "spatial")),
    *(f"recweave.{part}" for part in ("evaluate", "experiment", "report", "enrich", "serve")),
    *("recweave.llm.client", "recweave.encode.text", "recweave.core.settings"),
    *(
        "recweave.runs.folder",
        "recweave.runs.summary",
        "recweave.runs.spec",
        "recweave.data.readers",
    ),
)
"""Modules that take long to import, or would bring others along, and that no list needs."""
IMPORTED = """
import sys
from recweave.cli import app
try:
    app(sys.argv[2:])
except SystemExit as stop:
    assert not stop.code
parts = [f"{name}." for name in sys.argv[1].split(",")]
print([n for n in sys.modules if f"{n}.".startswith(tuple(parts))], file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["recommend", "explain"])
@pytest.mark.parametrize("folder", ["run", "run/bundles/ease"])
def test_a_command_for_one_user_imports_only_what_a_list_needs(finished, command, folder):
    """The imports are most of its time."""
    words = [command, str(finished.parent / folder), "--user", "u1", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, ",".join(NOT_NEEDED), *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["items"]
    assert done.stderr.strip() == "[]"
