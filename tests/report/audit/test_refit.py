"""`--refit`: what the training part does not give again was made from something else."""

import json
import shutil

import polars as pl
import pytest
from planted_shop import audited, honest_shop, only
from typer.testing import CliRunner

from recweave.bundle.saved import MODEL
from recweave.cli import app
from recweave.models.artifact import model_hash, save_model
from recweave.models.factors.ease import EASE
from recweave.report.audit import audit
from recweave.runs.layout import read_json
from recweave.runs.provenance import PROVENANCE

WORDS = {"words": {"kind": "reviews", "encoder": "tfidf"}}
ROWS = [
    {"name": "ease", "reg": 10.0},
    {"name": "content_knn", "feature": "words"},
    {"name": "blend", "members": ["ease", "content_knn"]},
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refit")
    audited(honest_shop(), folder, save=True, features=WORDS, models=ROWS)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy" / "run"


def test_a_run_comes_out_the_same_again(finished):
    found = audit(finished / "run", refit=True)
    assert found.findings == []
    assert found.checked[-1].startswith("3 models trained again")
    assert CliRunner().invoke(app, ["audit", "--refit", str(finished / "run")]).exit_code == 0


def test_a_model_of_all_events_is_found_though_its_hash_was_forged_too(run):
    """A person who swaps the model can write its hash into the cell as well."""
    swapped = EASE(reg=10.0).fit(honest_shop().interactions())
    save_model(swapped, run / "bundles" / "ease" / MODEL)
    cell = run / "cells" / "ease.0" / "result.json"
    cell.write_text(json.dumps(read_json(cell) | {"model_hash": model_hash(swapped)}))
    assert audit(run).findings == []
    leak = only(audit(run, refit=True))
    assert (leak.check, leak.where) == ("trained again", "the saved model of 'ease'")
    assert leak.evidence["standard_deviations"] > 0.1


def test_numbers_that_do_not_come_out_again_are_found(run):
    users = run / "cells" / "ease.0" / "users.parquet"
    pl.read_parquet(users).with_columns(pl.col("recall@10") * 0 + 1).write_parquet(users)
    leak = only(audit(run, refit=True))
    assert leak.where == "the numbers of 'ease' (seed 0)"
    assert leak.evidence["reported"] == 1
    assert leak.evidence["again"] < 0.9


def test_provenance_that_was_changed_is_found(run):
    written = pl.read_parquet(run / PROVENANCE)
    written[7:].write_parquet(run / PROVENANCE)
    assert audit(run).findings == []
    leak = only(audit(run, refit=True))
    assert leak.where == "the feature 'words'"
    assert leak.evidence == {"not_written_down": 7, "not_behind_it": 0}
