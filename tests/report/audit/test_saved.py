"""A saved model that is not the one whose numbers are reported."""

import json
import shutil

import pytest
from planted_shop import audited, exit_code, honest_shop, only

from recweave.bundle import Bundle
from recweave.models.artifact import load_model, model_hash, save_model
from recweave.models.popularity import Popularity
from recweave.report.audit import audit
from recweave.runs.layout import read_json

ROWS = {"save": True, "models": [{"name": "popularity"}, {"name": "ease"}]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    assert audited(honest_shop(), folder, **ROWS).findings == []
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def test_untouched_models_are_the_ones_that_were_evaluated(finished):
    found = audit(finished / "run")
    assert found.exit_code == exit_code(finished) == 0
    assert any(line.startswith("2 saved models") for line in found.checked)


def test_a_model_fitted_on_all_events_in_the_place_of_the_saved_one_is_found(copy):
    bundle = copy / "run" / "bundles" / "popularity"
    Popularity().fit_bundle(honest_shop(), name="popularity").save(bundle)
    leak = only(audit(copy / "run"))
    assert (leak.check, leak.where) == ("saved models", "the saved model of 'popularity'")
    model = Bundle.load(bundle).model
    assert leak.evidence["hash"] == model_hash(model) != leak.evidence["hash_in_summary"]
    assert exit_code(copy) == 1


def test_a_run_that_wrote_down_no_hash_is_not_verified(copy):
    cell = copy / "run" / "cells" / "ease.0" / "result.json"
    result = read_json(cell)
    del result["model_hash"]
    cell.write_text(json.dumps(result))
    assert only(audit(copy / "run"), "unverified").where == "the saved model of 'ease'"
    assert exit_code(copy) == 3


def test_the_hash_is_in_the_summary_and_survives_saving(finished, tmp_path):
    result = read_json(finished / "run" / "metrics.json")["models"]
    model = Bundle.load(finished / "run" / "bundles" / "ease").model
    assert result[1]["model_hash"] == model_hash(model)
    save_model(model, tmp_path / "again")
    assert model_hash(load_model(tmp_path / "again")[0]) == model_hash(model)
