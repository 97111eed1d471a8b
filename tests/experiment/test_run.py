import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from recweave.bundle import Bundle
from recweave.core.errors import BadArtifact, BadSetting, UnknownName
from recweave.data.catalogue import load
from recweave.evaluate import evaluate_model
from recweave.experiment.fit import fit
from recweave.experiment.prepare import Prepared, prepare
from recweave.experiment.run import run
from recweave.models.popularity import Popularity
from recweave.models.training import TrainingData
from recweave.report.compare import compare
from recweave.runs.answering import open_bundle
from recweave.runs.spec import Experiment, read_recipe
from recweave.runs.summary import read_run


def numbers(summary):
    """What must not change between runs: everything but time and memory."""
    payload = summary.to_json()
    for model in payload["models"]:
        model.pop("fit_seconds")
        model.pop("peak_mb")
        model.pop("stage_ms")
    return payload


@pytest.fixture
def go(recipe):
    def run_in(folder):
        return run(read_recipe(recipe), folder, base_dir=recipe.parent)

    return run_in


def test_the_folder_holds_what_is_promised(go, tmp_path):
    go(tmp_path / "run")
    there = {str(p.relative_to(tmp_path / "run")) for p in (tmp_path / "run").rglob("*")}
    for name in (
        "made_from.json",
        "environment.json",
        "metrics.json",
        "cells/popularity.0/users.parquet",
        "bundles/popularity/bundle.json",
        "bundles/popularity/model/arrays.safetensors",
        "bundles/random/model/arrays.safetensors",
    ):
        assert name in there


def test_each_row_s_bundle_answers_with_the_model_that_was_evaluated(go, tmp_path, shop):
    found = go(tmp_path / "run")
    split = load(str(shop)).split(read_recipe(shop.parent / "floors.toml").split)
    for row in ("popularity", "random"):
        bundle = Bundle.load(found.path / "bundles" / row)
        report = evaluate_model(bundle.model, split, ["ndcg@5"])
        (evaluated,) = [one for one in found.rows if one.name == row]
        assert report.means()["ndcg@5"].mean == evaluated.value("ndcg@5")
        assert len(bundle.recommend(["u0"], 3).table) == 3


def test_a_recipe_may_keep_no_bundles(recipe, tmp_path):
    recipe.write_text(recipe.read_text().replace("title =", "save = false\ntitle =", 1))
    run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    assert not (tmp_path / "run/bundles").exists()


def test_numbers_are_those_of_the_library_call(go, tmp_path, shop):
    found = go(tmp_path / "run")
    split = load(str(shop)).split(read_recipe(shop.parent / "floors.toml").split)
    report = evaluate_model(Popularity().fit(split.train), split, ["recall@5", "ndcg@5"])
    row = found.rows[0]
    assert row.name == "popularity"
    assert row.value("ndcg@5") == report.means()["ndcg@5"].mean
    assert row.value("recall@5") == report.means()["recall@5"].mean


def test_a_feature_that_is_not_there_is_refused_before_any_row(recipe, tmp_path):
    """Not after the rows above, which may take hours."""
    text = recipe.read_text() + '\n[[models]]\nkind = "ease"\nfeatures = ["txet"]\n'
    recipe.write_text(text + '\n[features.text]\nkind = "items"\nfields = ["title"]\n')
    with pytest.raises(BadSetting, match=r"row 'ease' reads the feature 'txet', .* mean 'text'\?"):
        run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    assert not (tmp_path / "run/cells").exists()


def test_the_same_recipe_gives_the_same_numbers(go, tmp_path):
    assert numbers(go(tmp_path / "a")) == numbers(go(tmp_path / "b"))


def test_a_finished_run_is_not_run_again(go, tmp_path, monkeypatch):
    first = go(tmp_path / "run")

    def refuse(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(Prepared, "fit", refuse)
    assert numbers(go(tmp_path / "run")) == numbers(first)


def test_other_test_users_are_reported_on_and_nothing_is_fitted_again(
    recipe, tmp_path, monkeypatch
):
    def found(file, out):
        return numbers(run(read_recipe(file), tmp_path / out, base_dir=recipe.parent))

    fewer = recipe.with_name("fewer.toml")
    fewer.write_text(recipe.read_text().replace("title =", "test_users = 7\ntitle =", 1))
    whole, asked = found(recipe, "run"), found(fewer, "fewer")
    assert whole != asked

    def refuse(*_, **__):
        raise AssertionError("fitted again")

    monkeypatch.setattr(Prepared, "fit", refuse)
    assert found(fewer, "run") == asked
    assert found(recipe, "fewer") == whole


def test_a_killed_run_is_resumed_and_ends_with_the_same_numbers(recipe, tmp_path, go):
    whole = numbers(go(tmp_path / "whole"))
    dies = f"""
import os
from pathlib import Path
from recweave.experiment import run as module
from recweave.runs.folder import RunFolder
keep = RunFolder.keep_cell
def keep_and_die(self, row, *rest):
    keep(self, row, *rest)
    os.kill(os.getpid(), 9)
RunFolder.keep_cell = keep_and_die
from recweave.runs.spec import read_recipe
module.run(read_recipe(Path({str(recipe)!r})), Path({str(tmp_path / "cut")!r}),
           base_dir=Path({str(recipe.parent)!r}))
"""
    assert subprocess.run([sys.executable, "-c", dies], check=False).returncode == -9
    assert (tmp_path / "cut/cells/popularity.0/result.json").exists()
    with pytest.raises(BadArtifact, match="'random' with seed 0 is not done"):
        read_run(tmp_path / "cut")
    assert numbers(go(tmp_path / "cut")) == whole


def test_a_half_written_cell_is_done_again(go, tmp_path):
    first = numbers(go(tmp_path / "run"))
    (tmp_path / "run/cells/random.0/result.json").unlink()
    (tmp_path / "run/cells/random.0/users.parquet").write_bytes(b"PAR1")
    assert numbers(go(tmp_path / "run")) == first


def test_a_run_resumed_on_another_machine_records_both(go, tmp_path):
    go(tmp_path / "run")
    file = tmp_path / "run/environment.json"
    here = json.loads(file.read_text())
    assert "resumed_in" not in here
    began = here | {"python": "2.7"}
    file.write_text(json.dumps(began))
    go(tmp_path / "run")
    payload = json.loads(file.read_text())
    assert payload.pop("resumed_in") == [here]
    assert payload == began


def test_a_run_is_resumed_with_other_threads_and_without_bf16(go, tmp_path, monkeypatch):
    first = numbers(go(tmp_path / "run"))
    (tmp_path / "run/cells/random.0/result.json").unlink()
    monkeypatch.setenv("RECWEAVE_THREADS", "7")
    monkeypatch.setenv("RECWEAVE_BF16", "off")
    assert numbers(go(tmp_path / "run")) == first
    payload = json.loads((tmp_path / "run/environment.json").read_text())
    assert payload["resumed_in"][0]["threads"]["recweave"] == 7


def test_a_folder_of_other_things_is_left_alone(go, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    with pytest.raises(BadSetting, match="not empty"):
        go(tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_changed_data_are_refused_before_features_are_made(go, shop, tmp_path, monkeypatch):
    go(tmp_path / "run")
    monkeypatch.setattr("recweave.experiment.prepare.make_features", pytest.fail)
    events = pl.read_parquet(shop / "events.parquet")
    events.with_columns(value=pl.lit(2.0, pl.Float32)).write_parquet(shop / "events.parquet")
    with pytest.raises(BadSetting, match="belongs to a run on other data"):
        go(tmp_path / "run")


def test_settings_are_chosen_on_validation_alone(recipe, shop, tmp_path):
    """Days that are best on validation must win even where others are better on test."""
    text = recipe.read_text().replace(
        '[[models]]\nname = "popularity"',
        '[[models]]\nname = "popularity"\nsearch = { days = [0.0001, 0.001, 0.002] }',
    )
    recipe.write_text(text)
    found = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    split = load(str(shop)).split(read_recipe(recipe).split)
    value = {
        days: evaluate_model(Popularity(days=days).fit(split.train), split, ["ndcg@5"], on="valid")
        .means()["ndcg@5"]
        .mean
        for days in (0.0001, 0.001, 0.002)
    }
    assert found.rows[0].settings["days"] == max(value, key=value.get)
    assert found.rows[0].tried == 3
    assert len(list((tmp_path / "run/trials").iterdir())) == 3


def test_seeds_are_averaged_per_user(recipe, tmp_path):
    recipe.write_text(recipe.read_text().replace("choose =", "seeds = [0, 1, 2]\nchoose ="))
    found = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    single = [
        pl.read_parquet(tmp_path / f"run/cells/random.{seed}/users.parquet")["recall@5"].mean()
        for seed in range(3)
    ]
    assert found.rows[1].value("recall@5") == pytest.approx(sum(single) / 3)


def test_json_has_the_promised_shape(go, tmp_path):
    payload = json.loads(Path(go(tmp_path / "run").path / "metrics.json").read_text())
    assert payload["protocol"] == "rigorous"
    assert payload["data"]["name"] == "shop"
    first = payload["models"][0]
    assert first["name"] == "popularity"
    assert first["fit_seconds"] >= 0
    assert set(first["metrics"]["ndcg@5"]) >= {"mean", "low", "high"}
    low, mean, high = (first["metrics"]["ndcg@5"][end] for end in ("low", "mean", "high"))
    assert low <= mean <= high
    assert first["metrics"]["coverage@5"]["mean"] <= 1


def test_a_blend_weighs_the_rows_above_it_on_validation(recipe, tmp_path):
    recipe.write_text(
        recipe.read_text() + '[[models]]\nname = "blend"\nmembers = ["popularity", "random"]\n'
    )
    found = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    assert found.rows[2].settings["weights"] == {"popularity": 1.0, "random": 0.0}
    assert found.rows[2].value("ndcg@5") == found.rows[0].value("ndcg@5")


def test_a_blend_takes_the_weights_that_are_written(recipe, tmp_path):
    blend = '[[models]]\nkind = "blend"\nmembers = ["popularity", "random"]\nweights = [0.0, 2.0]\n'
    recipe.write_text(recipe.read_text() + blend)
    experiment = read_recipe(recipe)
    found = run(experiment, tmp_path / "run", base_dir=recipe.parent)
    assert found.rows[2].settings["weights"] == {"popularity": 0.0, "random": 2.0}
    assert found.rows[2].value("ndcg@5") == found.row("random").value("ndcg@5")
    bundle = fit(experiment, "blend", base_dir=recipe.parent, run=found.path)
    assert bundle.model.weights.tolist() == [0.0, 2.0]
    assert len(bundle.model.members) == 2


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("[1.0]", "'weights' has 1 values for 2 members; write one for each, or none"),
        ("[0.0, 0.0]", "all 'weights' are 0, so no member counts; raise one of them"),
        ("[-1.0, 1.0]", "greater than or equal to 0"),
        ("[nan, 1.0]", "nan"),
    ],
)
def test_weights_that_do_not_fit_their_members_are_refused(recipe, weights, said):
    blend = '[[models]]\nkind = "blend"\nmembers = ["popularity", "random"]\n'
    recipe.write_text(recipe.read_text() + blend + f"weights = {weights}\n")
    with pytest.raises(BadSetting, match=re.escape(said)):
        read_recipe(recipe)


def test_rows_go_by_their_own_names_in_folders_blends_comparisons_bundles_and_errors(
    recipe, tmp_path
):
    named = recipe.read_text().replace('name = "popularity"', 'kind = "popularity"\nrow = "base"')
    named = named.replace('baseline = "random"', 'baseline = "base"')
    blend = '[[models]]\nkind = "blend"\nrow = "both"\nmembers = ["base", "random"]\n'
    recipe.write_text(named + blend)
    experiment = read_recipe(recipe)
    found = run(experiment, tmp_path / "run", base_dir=recipe.parent)
    assert found.names() == ["base", "random", "both"]
    assert [(row.model, row.variant) for row in found.rows][0::2] == [
        ("popularity", ""),
        ("blend", ""),
    ]
    assert found.row("both").settings["weights"] == {"base": 1.0, "random": 0.0}
    table = compare([found.path])
    assert table.baseline.name == "base"
    assert table.find("random", "ndcg@5") is not None
    assert set(pl.read_parquet(found.path / "per_user.parquet")["row"]) == set(found.names())
    assert open_bundle(found.path, "both").name == "both"
    assert fit(experiment, base_dir=recipe.parent, run=found.path).name == found.best_row().name
    with pytest.raises(UnknownName, match="popularity"):
        open_bundle(found.path, "popularity")


def test_the_model_that_was_chosen_is_not_fitted_again(recipe, tmp_path, monkeypatch):
    fitted = []
    real = Prepared.fit
    monkeypatch.setattr(Prepared, "fit", lambda *a, **b: fitted.append(a[1]) or real(*a, **b))
    text = recipe.read_text() + '\n[[models]]\nname = "item_knn"\nsearch = { k = [3, 9] }\n'
    recipe.write_text(text)
    whole = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    assert [r.k for r in fitted if hasattr(r, "k")] == [3, 9]
    # Without the tried models at hand, as after a kill, the numbers are the same.
    for cell in (tmp_path / "run" / "cells").glob("item_knn*"):
        (cell / "result.json").unlink()
    again = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    assert numbers(again) == numbers(whole)
    assert len([r for r in fitted if hasattr(r, "k")]) == 3


def test_a_killed_training_is_resumed_and_ends_with_the_same_numbers(recipe, tmp_path, go):
    pytest.importorskip("torch")
    recipe.write_text(
        recipe.read_text() + '\n[[models]]\nname = "sasrec"\ndim = 8\nepochs = 4\npatience = 0\n'
    )
    whole = numbers(go(tmp_path / "whole"))
    assert not (tmp_path / "whole/checkpoints").exists()
    dies = f"""
import os
from pathlib import Path
from recweave.experiment import run as module
from recweave.experiment import prepare
from recweave.models.nn.checkpoint import Checkpoint
prepare.CHECKPOINT_EVERY = 0
save = Checkpoint.save
def save_and_die(self, epoch, *rest):
    save(self, epoch, *rest)
    if epoch == 2:
        os.kill(os.getpid(), 9)
Checkpoint.save = save_and_die
from recweave.runs.spec import read_recipe
module.run(read_recipe(Path({str(recipe)!r})), Path({str(tmp_path / "cut")!r}),
           base_dir=Path({str(recipe.parent)!r}))
"""
    assert subprocess.run([sys.executable, "-c", dies], check=False).returncode == -9
    (kept,) = (tmp_path / "cut/checkpoints").glob("*/epoch-2/*.json")
    payload = json.loads(kept.read_text())
    payload["progress"]["seconds"] += 1000  # as if the first process had taken longer
    kept.write_text(json.dumps(payload))
    ended = go(tmp_path / "cut")
    assert numbers(ended) == whole
    assert 1000 < ended.rows[-1].fit_seconds < 1500


def test_a_model_that_is_not_random_is_fitted_once_for_all_seeds(recipe, tmp_path, go, monkeypatch):
    recipe.write_text(recipe.read_text().replace("title =", "seeds = [0, 1, 2]\ntitle =", 1))
    fitted = []
    real = Prepared.fit

    def fit(self, one, *, seed, final):
        fitted.append((type(one).__name__, seed))
        return real(self, one, seed=seed, final=final)

    monkeypatch.setattr(Prepared, "fit", fit)
    found = go(tmp_path / "run")
    assert fitted.count(("Popularity", 0)) == 1
    assert ("Popularity", 1) not in fitted
    assert {("Random", seed) for seed in range(3)} <= set(fitted)
    cells = [tmp_path / f"run/cells/popularity.{seed}" for seed in range(3)]
    assert [json.loads((c / "result.json").read_text())["seed"] for c in cells] == [0, 1, 2]
    alone = pl.read_parquet(cells[2] / "users.parquet")
    assert alone.equals(found.rows[0].report.per_user)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_warning_says_where_most_held_out_events_cannot_be_found(fresh, caplog):
    asked = {
        "data": "synthetic:small",
        "split": {"kind": "leave_last_out", "target": ["purchase"], "fresh": fresh},
        "models": [{"name": "popularity"}],
    }
    prepare(Experiment.model_validate(asked), Path())
    assert ("test events are of an item that their user had before" in caplog.text) is not fresh


def test_stages_are_handed_lists_of_the_recipes_depth(recipe, monkeypatch):
    recipe.write_text(recipe.read_text().replace("title =", "depth = 7\ntitle =", 1))
    experiment = read_recipe(recipe)
    prepared = prepare(experiment, recipe.parent)
    seen = []

    def noted(ranking):
        seen.append(ranking.k)
        return ranking

    model, _ = prepared.fit(Popularity(), seed=0, final=True)
    prepared.evaluate(model, [noted], on="valid", metrics=("ndcg@5",))
    assert seen == [7]


@pytest.mark.parametrize("refit", ["train", "train+valid"])
def test_reported_models_are_fitted_on_the_events_that_refit_names(
    recipe, tmp_path, monkeypatch, refit
):
    """Settings that are tried are fitted on train alone and may stop by validation."""
    fitted = []
    real = Popularity.fit

    def fit(self, data, options=None):
        if isinstance(data, TrainingData):  # not the fallback that bundles get
            fitted.append((len(data.train), data.valid is not None))
        return real(self, data, options)

    monkeypatch.setattr(Popularity, "fit", fit)
    text = recipe.read_text().replace("choose =", f'refit = "{refit}"\nchoose =')
    text = text.replace('name = "popularity"', 'name = "popularity"\nsearch = { days = [1, 9] }')
    text += '[[models]]\nname = "blend"\nmembers = ["popularity", "random"]\n'
    recipe.write_text(text + '[[models]]\nname = "popularity"\nvariant = "plain"\n')
    experiment = read_recipe(recipe)
    run(experiment, tmp_path / "run", base_dir=recipe.parent)
    split = prepare(experiment, recipe.parent).split
    tried, final = (len(split.train), True), (len(split.train) + len(split.valid), False)
    again = refit == "train+valid"
    searched, member = [tried, tried, *[final] * again], [tried, *[final] * again]
    assert fitted == [*searched, *member, final if again else tried]


def test_hits_are_compared_by_mcnemars_test_too(recipe, tmp_path):
    text = re.sub(r"(metrics|seeds) = .*\n", "", recipe.read_text())
    recipe.write_text('metrics = ["hit@5", "ndcg@5"]\n' + text)
    found = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    table = compare([found.path]).to_json()
    cells = {model["name"]: model["metrics"] for model in table["models"]}
    ours, theirs = (
        found.row(row).report.per_user.sort("user")["hit@5"] for row in ("popularity", "random")
    )
    seen = cells["popularity"]["hit@5"]["mcnemar"]
    assert seen["only_ours"] == (ours > theirs).sum() > 0
    assert seen["only_theirs"] == (ours < theirs).sum()
    assert 0 < seen["p"] <= 1
    assert "mcnemar" not in cells["popularity"]["ndcg@5"]
    assert "mcnemar" not in cells["random"]["hit@5"]


def test_test_users_are_drawn_for_all_rows_alike(recipe, tmp_path):
    recipe.write_text("test_users = 3\n" + recipe.read_text())
    found = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    users = [row.report.per_user["user"].to_list() for row in found.rows]
    assert all(one == users[0] for one in users) and len(users[0]) == 3
    assert "drawn by seed 0" in found.data["remark"]
