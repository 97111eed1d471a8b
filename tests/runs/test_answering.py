"""What answers for a run folder or a bundle."""

import json
import subprocess
import sys

import pytest
from planted import experiment, planted_shop

from recweave.bundle.make import make_bundle
from recweave.core.errors import BadArtifact, UnknownName
from recweave.experiment.run import run
from recweave.models.popularity import Popularity
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


def test_a_bundle_answers_without_importing_what_reads_runs(tmp_path):
    dataset = planted_shop()
    make_bundle(dataset, Popularity().fit(dataset.interactions()), name="m").save(tmp_path / "b")
    code = (
        "import sys; from pathlib import Path; from recweave.runs.answering import open_bundle; "
        "open_bundle(Path(sys.argv[1])).recommend(['u1']); "
        "print([name for name in sys.modules if name.startswith('recweave.evaluate')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "b")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_command_that_answers_does_not_import_what_reads_runs():
    """The command line is imported whole for each command, so none may bring all others along."""
    code = (
        "import sys, recweave.cli; "
        "print([n for n in sys.modules if n.startswith(('recweave.evaluate', 'scipy.stats'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
