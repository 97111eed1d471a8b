import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from recweave.cli import app
from recweave.core.arrays import digest
from recweave.core.errors import BadArtifact
from recweave.data.dataset import Dataset
from recweave.data.split import TRAIN
from recweave.evaluate import Catalogue
from recweave.experiment.prepare import cut
from recweave.experiment.run import run
from recweave.report.audit import audit
from recweave.runs.provenance import PROVENANCE
from recweave.runs.spec import Experiment, read_recipe

DEMO = Path(__file__).parents[3] / "recipes" / "leak-demo.toml"


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """The run of the planted leak."""
    folder = tmp_path_factory.mktemp("run") / "leak"
    run(read_recipe(DEMO), folder)
    return folder


def test_the_planted_leak_is_found_row_by_row(leaking):
    found = audit(leaking)
    assert [finding.features[0] for finding in found.findings] == ["leaky"]
    leak = found.findings[0]
    dataset, split, _ = cut(read_recipe(DEMO), Path())
    held_out = (
        dataset.events.filter(pl.Series(split.part != TRAIN)).select("user_id", "item_id").rows()
    )
    written = dataset.reviews.select("user_id", "item_id").rows()
    assert leak.evidence["rows"] == [
        row for row, pair in enumerate(written) if pair in set(held_out)
    ]


def test_the_audit_says_how_much_better_the_leak_looks(leaking):
    by_metric = {c.metric: (twin, c) for twin, c in audit(leaking).inflated}
    twin, recall = by_metric["recall@10"]
    assert (twin, recall.row) == ("ease-honest", "ease-leaky")
    assert recall.sure
    assert recall.difference.mean > 0.03


def test_the_command_fails_naming_feature_and_rows(leaking):
    outcome = CliRunner().invoke(app, ["audit", str(leaking)])
    assert outcome.exit_code == 1
    assert "LEAK: the feature 'leaky': it was made from" in outcome.stdout
    assert "what to do: make it from the training part alone" in outcome.stdout
    assert "user user-" in outcome.stdout
    assert "the leak changes recall@10" in outcome.stdout


def test_a_run_without_a_leak_is_clean(tmp_path):
    asked = read_recipe(DEMO).model_dump()
    del asked["features"]["leaky"]
    asked["models"] = asked["models"][:1]
    run(Experiment.parse(asked, "here"), tmp_path / "run")
    outcome = CliRunner().invoke(app, ["audit", str(tmp_path / "run")])
    assert outcome.exit_code == 0
    assert "clean" in outcome.stdout


def test_permuting_a_leaking_feature_does_not_hide_it(tmp_path):
    asked = read_recipe(DEMO).model_dump()
    asked["features"]["permuted"] = {"kind": "shuffled", "feature": "leaky"}
    run(Experiment.parse(asked, "here"), tmp_path / "run")
    assert {f.features[0] for f in audit(tmp_path / "run").findings} == {"leaky", "permuted"}


def test_a_run_whose_provenance_is_gone_is_not_called_clean(leaking, tmp_path):
    shutil.copytree(leaking, tmp_path / "copy")
    (tmp_path / "copy" / PROVENANCE).unlink()
    with pytest.raises(BadArtifact, match="run the recipe again"):
        audit(tmp_path / "copy")


def test_a_model_or_statistic_from_other_events_is_found(leaking, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(leaking, folder)
    cell = folder / "cells" / "ease-honest.0" / "result.json"
    whole = cell.read_text()
    result = json.loads(whole)
    dataset, split, _ = cut(read_recipe(DEMO), Path())
    assert result["learned_from"] == split.train.digest()
    cell.write_text(json.dumps(result | {"learned_from": split.known.digest()}))
    with pytest.raises(BadArtifact, match=r"'ease-honest'.*not fitted on"):
        audit(folder)
    cell.write_text(whole)
    made = json.loads((folder / "made_from.json").read_text())
    leaky = Catalogue.of(dataset.interactions())
    made["data"]["statistics"] = digest(leaky.events, leaky.owners)
    (folder / "made_from.json").write_text(json.dumps(made))
    with pytest.raises(BadArtifact, match="not counted in train alone"):
        audit(folder)


def test_data_that_has_changed_since_is_refused(recipe, shop):
    folder = recipe.parent / "run"
    run(read_recipe(recipe), folder, base_dir=recipe.parent)
    dataset = Dataset.load(shop)
    changed = dataset.replace(events=dataset.events[: len(dataset.events) - 1])
    shop.rename(shop.with_name("before"))
    changed.save(shop)
    with pytest.raises(BadArtifact, match="fingerprint"):
        audit(folder)


def test_what_a_feature_rests_on_is_written_down_whole(leaking):
    behind = pl.read_parquet(leaking / PROVENANCE)
    dataset, _, _ = cut(read_recipe(DEMO), Path())
    leaky = behind.filter(pl.col("feature") == "leaky")
    assert np.array_equal(np.unique(leaky["row"]), np.arange(len(dataset.reviews)))
    items = dataset.item_ids.rows(dataset.reviews["item_id"])
    assert np.array_equal(items[leaky["row"].to_numpy()], leaky["line"].to_numpy())
