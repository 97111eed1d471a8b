"""An edited recipe in the folder of the old one gives what it gives in a folder of its own."""

import json

import numpy as np
import polars as pl
import pytest

from recweave.bundle import Bundle
from recweave.core.errors import BadArtifact
from recweave.data.dataset import Dataset
from recweave.experiment.prepare import Prepared
from recweave.experiment.run import run
from recweave.runs.answering import open_bundle
from recweave.runs.spec import read_recipe

RECIPE = """
title = "Edits"
data = "rated"
metrics = ["recall@5", "ndcg@5", "ild@5"]
choose = "ndcg@5"
seeds = [0, 1]
slices = ["popularity"]

[features.text]
kind = "items"
fields = ["title"]
encoder = "tfidf"

[features.categories]
kind = "items"
fields = ["title"]
encoder = "tfidf"

[[models]]
kind = "popularity"
search = { days = [0.0001, 0.001] }

[[models]]
kind = "content_knn"
k = 3
feature = "text"

[[models]]
kind = "blend"
members = ["popularity", "content_knn"]
"""
SEARCH = ["Popularity", "Popularity"]
BLEND = ["Popularity", "ContentKNN"]
ALL = [*SEARCH, "ContentKNN", *BLEND]


@pytest.fixture
def recipe(tmp_path):
    """A recipe file beside a shop with ratings from 1 to 5 and titles in two languages."""
    rng = np.random.default_rng(0)
    weight = 1 / np.arange(1, 31) ** 1.2
    bought = [rng.choice(30, 6, replace=False, p=weight / weight.sum()) for _ in range(120)]
    events = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user in range(120) for _ in range(6)],
            "item_id": [f"i{item}" for row in bought for item in row],
            "value": rng.integers(1, 6, 720).astype(np.float32),
            "time": list(range(720)),
        }
    )
    words = ["red", "blue", "warm", "cold", "large", "small"]
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(30)],
            "title": [" ".join(rng.choice(words, 3, replace=False)) for _ in range(30)],
            "brand": [f"brand{item % 4} of {words[item % 5]}" for item in range(30)],
            "categories": [["even" if item % 2 == 0 else "odd"] for item in range(30)],
        }
    )
    Dataset("rated", events=events, items=items).save(tmp_path / "rated")
    path = tmp_path / "edits.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def fitted(monkeypatch):
    """The names of the recipes that are fitted, in order."""
    names = []
    real = Prepared.fit

    def fit(self, recipe, *, seed, final):
        names.append(type(recipe).__name__)
        return real(self, recipe, seed=seed, final=final)

    monkeypatch.setattr(Prepared, "fit", fit)
    return names


@pytest.fixture
def go(recipe):
    def run_in(folder, **how):
        return run(read_recipe(recipe), folder, base_dir=recipe.parent, **how)

    return run_in


def numbers(summary):
    """What `metrics.json` says, without times and memory."""
    found = json.loads((summary.path / "metrics.json").read_text())
    for model in found["models"]:
        model.pop("fit_seconds")
        model.pop("peak_mb")
        model.pop("stage_ms")
    for feature in found["features"].values():
        feature.pop("seconds")
    return found


CATEGORIES = """[features.categories]
kind = "items"
fields = ["title"]"""
TEXT = CATEGORIES.replace("categories", "text")
EDITS = {
    "title": ("Edits", "Edited", []),
    "metrics": ('"recall@5", ', '"recall@3", "coverage@5", ', []),
    "slices": ('["popularity"]', '["popularity", "history"]', []),
    "a feature that metrics read": (CATEGORIES, CATEGORIES.replace("title", "brand"), []),
    "a feature that a row reads": (
        TEXT,
        TEXT.replace("title", "brand"),
        ["ContentKNN", *BLEND],
    ),
    "a setting": ("k = 3", "k = 9", ["ContentKNN", *BLEND]),
    "what counts as liked": ("choose =", "relevant_from = 4\nchoose =", ALL),
    "the choosing metric": ('choose = "ndcg@5"', 'choose = "ild@5"', ALL),
    "the length of lists": ("choose =", "depth = 7\nchoose =", ALL),
}
SAME_NUMBERS = ("Edited", "depth = 7\nchoose =")
"""A title changes none, nor do longer lists where no stage is handed them."""


@pytest.mark.parametrize(("old", "new", "again"), EDITS.values(), ids=EDITS)
def test_an_edit_gives_the_numbers_of_a_folder_of_its_own(
    go, recipe, tmp_path, fitted, old, new, again
):
    before = numbers(go(tmp_path / "run"))
    assert RECIPE.count(old) == 1
    recipe.write_text(RECIPE.replace(old, new))
    del fitted[:]
    edited = go(tmp_path / "run")
    assert fitted == again
    fresh = go(tmp_path / "fresh")
    assert numbers(edited) == numbers(fresh)
    assert (numbers(edited) == before) is (new in SAME_NUMBERS)


def test_an_edit_of_a_feature_that_the_choosing_metric_reads_chooses_again(
    go, recipe, tmp_path, fitted
):
    by_ild = RECIPE.replace('choose = "ndcg@5"', 'choose = "ild@5"')
    recipe.write_text(by_ild)
    go(tmp_path / "run")
    recipe.write_text(by_ild.replace(CATEGORIES, CATEGORIES.replace("title", "brand")))
    del fitted[:]
    edited = go(tmp_path / "run")
    assert fitted == ALL
    assert numbers(edited) == numbers(go(tmp_path / "fresh"))


def test_a_kept_model_is_measured_in_a_new_folder_of_the_same_recipe_file(
    go, recipe, tmp_path, fitted
):
    """The folder's name holds a hash of the recipe, so the edit makes another folder."""
    first = go(tmp_path / "runs/r-1", family="r")
    recipe.write_text(RECIPE.replace('"recall@5", ', '"mrr@5", '))
    del fitted[:]
    edited = go(tmp_path / "runs/r-2", family="r")
    assert fitted == []
    assert numbers(edited) == numbers(go(tmp_path / "fresh"))
    assert [row.fit_seconds for row in edited.rows] == [row.fit_seconds for row in first.rows]
    assert [row.tried for row in edited.rows] == [2, 0, 0]


@pytest.mark.parametrize("damage", ["no bundle", "a damaged bundle", "the model of another row"])
def test_a_row_without_its_own_model_at_hand_is_fitted(go, recipe, tmp_path, fitted, damage):
    go(tmp_path / "run")
    bundles = tmp_path / "run/bundles"
    if damage == "the model of another row":
        Bundle.load(bundles / "popularity").save(bundles / "content_knn")
    else:
        (bundles / "content_knn/bundle.json").unlink()
        if damage == "a damaged bundle":
            (bundles / "content_knn/bundle.json").write_text("{}")
    recipe.write_text(RECIPE.replace('"recall@5", ', '"mrr@5", '))
    del fitted[:]
    edited = go(tmp_path / "run")
    assert fitted == ["ContentKNN"]  # and neither the other rows nor the blend
    assert numbers(edited) == numbers(go(tmp_path / "fresh"))
    assert Bundle.load(bundles / "content_knn").name == "content_knn"


def test_what_is_random_is_fitted_for_the_seeds_that_no_bundle_holds(recipe, tmp_path, fitted, go):
    recipe.write_text(RECIPE.partition("[[models]]")[0] + '[[models]]\nkind = "random"\n')
    go(tmp_path / "run")
    recipe.write_text(recipe.read_text().replace('"recall@5", ', '"mrr@5", '))
    del fitted[:]
    edited = go(tmp_path / "run")
    assert fitted == ["Random"]
    assert numbers(edited) == numbers(go(tmp_path / "fresh"))


def test_nothing_of_the_old_recipe_answers_after_an_edit(go, recipe, tmp_path, monkeypatch):
    go(tmp_path / "run")
    (tmp_path / "run/report.html").write_text("of the old recipe")
    recipe.write_text(RECIPE.replace("k = 3", "k = 9"))

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Prepared, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "run")
    there = {path.name for path in (tmp_path / "run").iterdir()}
    assert not there & {"metrics.json", "per_user.parquet", "report.html"}
    assert [path.name for path in (tmp_path / "run/bundles").iterdir()] == ["popularity"]
    with pytest.raises(BadArtifact, match="'content_knn' with seed 0 is not done"):
        open_bundle(tmp_path / "run", "content_knn")


def test_a_row_that_comes_back_with_other_settings_has_no_old_bundle(go, recipe, tmp_path):
    recipe.write_text(RECIPE.partition('[[models]]\nkind = "blend"')[0])
    go(tmp_path / "run")
    whole = recipe.read_text()
    recipe.write_text(whole.partition('[[models]]\nkind = "content_knn"')[0])
    go(tmp_path / "run")
    recipe.write_text(
        whole.replace("k = 3", "k = 9").replace("title =", "save = false\ntitle =", 1)
    )
    go(tmp_path / "run")
    with pytest.raises(BadArtifact, match="kept no bundle of 'content_knn'"):
        open_bundle(tmp_path / "run", "content_knn")
