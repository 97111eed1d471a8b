"""What answers for a run folder or a bundle."""

import json
import math
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


@pytest.mark.parametrize(
    ("values", "choose", "best"),
    [
        ([0.1, 0.3, 0.3], "recall@1", "ease"),
        ([math.nan, None, 0.1], "recall@1", "random"),
        ([None, None, None], "recall@1", "popularity"),
        ([3.0, 1.0, 2.0], "rmse", "ease"),
    ],
)
def test_the_best_row_is_that_of_the_choosing_metric(finished, values, choose, best):
    """Larger is better, or smaller for an error; the first of equals; none without a value."""
    summary = json.loads((finished / "metrics.json").read_text())
    for row, value in zip(summary["models"], values, strict=True):
        row["metrics"] = {choose: {"mean": value}}
    (finished / "metrics.json").write_text(json.dumps(summary))
    made_from = json.loads((finished / "made_from.json").read_text())
    made_from["recipe"]["choose"] = choose
    (finished / "made_from.json").write_text(json.dumps(made_from))
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
