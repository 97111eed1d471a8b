"""Parts that nobody listed, named by `package.module:Class` in a recipe file or an option."""

import json
import re
import shutil

import numpy as np
import plugin_parts
import polars as pl
import pytest
from pydantic import TypeAdapter

from recweave.bundle import Bundle
from recweave.core.errors import BadArtifact, BadSetting, RecweaveError, UnknownName
from recweave.core.settings import Settings
from recweave.data.filters import FILTERS, KCore
from recweave.data.readers import READERS, read
from recweave.data.split import SPLITTERS, AnySplitter, Given
from recweave.encode.numeric import CODES, Code, LogBucket
from recweave.encode.text import ENCODERS, text_encoder
from recweave.enrich.choose import WRITERS, writer_of
from recweave.evaluate import METRICS, SLICES, Report, parse_metric
from recweave.experiment.run import run
from recweave.features.spec import FEATURES
from recweave.models import RECIPES
from recweave.rank import STAGES
from recweave.rank.stages import read_stage
from recweave.report.page import page
from recweave.runs.answering import open_bundle
from recweave.runs.spec import Experiment, read_recipe
from recweave.runs.summary import read_run
from recweave.runs.toml import to_toml

HERE = "plugin_parts:"
MODEL = {"name": "popularity"}

PARTS = {
    "model": {"models": [{"name": HERE + "Buys", "power": 0.5}]},
    "split": {"split": {"kind": HERE + "EveryNth", "n": 4}},
    "split with a kind of its own": {"split": {"kind": HERE + "OwnKind", "n": 4}},
    "split within a split": {"split": {"kind": "given", "valid": {"kind": HERE + "EveryNth"}}},
    "filter": {"filters": [{"kind": "k_core"}, {"kind": HERE + "FirstEvents", "count": 9}]},
    "feature": {"features": {"row": {"kind": HERE + "RowNumber", "scale": 0.1}}},
    "number code": {
        "features": {"p": {"kind": "number", "field": "price", "code": {"kind": HERE + "Roots"}}}
    },
    "stage": {"models": [MODEL | {"stages": [{"kind": HERE + "Upside", "times": 2}]}]},
    "metric": {"metrics": ["ndcg@5", HERE + "GAIN@5"], "choose": HERE + "GAIN@5"},
    "slice": {"slices": [HERE + "by_parity", "item"]},
}
"""What a recipe file may name by a path."""


def of(**keys):
    return Experiment.parse({"data": "shop", "models": [MODEL]} | keys, "recipe.toml")


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_recipe_with_a_path_reads_back_from_json_and_toml(part, tmp_path):
    experiment = of(**part)
    for entry in experiment.models:
        entry.recipes()
    whole = experiment.model_dump(mode="json")
    assert Experiment.parse(json.loads(json.dumps(whole)), "again") == experiment
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment
    file = tmp_path / "recipe.toml"
    file.write_text(to_toml(experiment))
    assert read_recipe(file) == experiment
    assert read_recipe(file).key() == experiment.key()
    assert HERE in experiment.model_dump_json()


def test_the_json_of_a_part_holds_its_path_whatever_kind_it_has_of_its_own():
    for made in (plugin_parts.OwnKind(n=4), plugin_parts.EveryNth(n=4)):
        name = f"{HERE}{type(made).__name__}"
        assert made.model_dump(mode="json") == {"kind": name, "n": 4}
        assert type(made).model_validate_json(made.model_dump_json()) == made
        whole = of(split=made).model_dump(mode="json")
        assert type(of(split=whole["split"]).split) is type(made)


def test_the_json_of_our_own_parts_holds_their_listed_name():
    assert KCore(users=3).model_dump_json() == '{"kind":"k_core","users":3,"items":5}'
    assert LogBucket().model_dump()["kind"] == "log_bucket"
    assert of(split={"kind": "recweave.data.split:Given"}).split == Given()
    assert Given().model_dump()["kind"] == "given"


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        (RECIPES, "Buys"),
        (SPLITTERS, "EveryNth"),
        (FILTERS, "FirstEvents"),
        (FEATURES, "RowNumber"),
        (STAGES, "Upside"),
        (CODES, "Roots"),
        (METRICS, "GAIN"),
        (SLICES, "by_parity"),
        (ENCODERS, "make_encoder"),
        (WRITERS, "Copies"),
        (READERS, "read_lines"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_every_registry_is_open_to_its_own_kind_alone(registry, name):
    assert registry[HERE + name] is getattr(plugin_parts, name)
    assert HERE + name not in list(registry)
    with pytest.raises(BadSetting, match=f"but a {registry.kind} must be "):
        registry["math:tau"]
    with pytest.raises(BadSetting, match="has no 'Nothing'"):
        registry[HERE + "Nothing"]
    with pytest.raises(BadSetting, match="there is no module no_such_package"):
        registry["no_such_package.module:Thing"]
    with pytest.raises(UnknownName):
        registry.named(HERE + name)


RECIPE = f"""
data = "shop"
split = {{ kind = "{HERE}EveryNth", n = 3 }}
filters = [{{ kind = "{HERE}FirstEvents", count = 700 }}]
metrics = ["recall@5", "{HERE}GAIN@5", "coverage@5"]
choose = "{HERE}GAIN@5"
slices = ["{HERE}by_parity", "item"]
baseline = "popularity"
save = false

[features.row]
kind = "{HERE}RowNumber"
scale = 0.5

[[models]]
name = "popularity"

[[models]]
name = "{HERE}Buys"
variant = "searched"
search = {{ power = [0.5, 2.0] }}
feature = "row"
stages = [{{ kind = "{HERE}Upside", times = 2 }}]
"""


def test_a_recipe_of_foreign_parts_runs_and_its_folder_is_read_back(recipe, tmp_path):
    recipe.write_text(RECIPE)
    summary = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    again = read_run(tmp_path / "run")
    assert again.experiment == read_recipe(recipe)
    assert [row.name for row in again.rows] == ["popularity", "Buys-searched"]
    row = again.rows[1]
    assert (row.model, row.variant, row.tried) == (HERE + "Buys", "searched", 2)
    assert again.drawn_on("Buys-searched") == ("row",)
    assert row.value(HERE + "GAIN@5") == summary.rows[1].value(HERE + "GAIN@5")
    per_user = row.report.per_user
    hits = per_user["recall@5"] * per_user["relevant"]
    assert hits.to_list() == pytest.approx(per_user[HERE + "GAIN@5"].to_list())
    assert set(row.report.slices["parity"]["label"]) <= {"even", "odd"}
    assert json.loads(again.data["split"]) == {"kind": HERE + "EveryNth", "n": 3}
    assert HERE + "GAIN@5" in page(again)
    # A finished run is not done again.
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "cells").rglob("*")}
    run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "cells").rglob("*")}


def test_a_row_that_no_registry_lists_keeps_its_numbers_and_a_warning_says_why_it_has_no_bundle(
    recipe, tmp_path, caplog
):
    for name, stages in (
        (HERE + "OwnModel", ""),
        ("popularity", f"stages = [{{ kind = '{HERE}Upside' }}]"),
    ):
        recipe.write_text(f"data = 'shop'\n[[models]]\nname = '{name}'\n{stages}\n")
        caplog.clear()
        summary = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
        assert summary.rows[0].value("ndcg@10") > 0
        assert re.search("keeps no bundle: .* entry point of the group", caplog.text)
        with pytest.raises(BadArtifact, match="kept no bundle"):
            open_bundle(tmp_path / "run")
        shutil.rmtree(tmp_path / "run")


def test_a_recipe_by_path_that_gives_a_listed_model_is_saved_and_answers(recipe, tmp_path):
    recipe.write_text(f"data = 'shop'\n[[models]]\nname = '{HERE}Buys'\npower = 2.0\n")
    run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    bundle = Bundle.load(tmp_path / "run/bundles/Buys")
    counts = bundle.log.item_counts()
    (best,) = bundle.recommend(["u0"], 1, hide="none").table["item_id"]
    assert counts[bundle.dataset.item_ids.row(best)] == counts.max()
    assert bundle.about["recipe"]["name"] == HERE + "Buys"


BROKEN = {
    "there is no module no_such_package; install": "no_such_package.split:Mine",
    "there is no module plugin_parts.more;": "plugin_parts.more:Mine",
    "the module plugin_parts has no 'EveryNt'; did you mean 'EveryNth'": HERE + "EveryNt",
    "is the class Unrelated, but a split must be a subclass": HERE + "Unrelated",
    "is of the type function, but a split must be a subclass": HERE + "gain",
    "is the class RowNumber, but a split": HERE + "RowNumber",
    "is abstract: it lacks parts": HERE + "Unfinished",
    "is no path; write it as package.module:Class": "two-words:Mine",
    "importing plugin_that_raises failed with ZeroDivisionError": "plugin_that_raises:Mine",
    "importing plugin_that_exits failed with SystemExit": "plugin_that_exits:Mine",
    "importing plugin_that_lacks failed with ModuleNotFoundError": "plugin_that_lacks:Mine",
    "importing plugin_that_is_no_python failed with SyntaxError": "plugin_that_is_no_python:Mine",
}


@pytest.mark.parametrize(("said", "kind"), BROKEN.items(), ids=BROKEN.values())
def test_a_path_that_leads_nowhere_is_named_with_its_line(said, kind, tmp_path, monkeypatch):
    for name, text in (
        ("raises", "1 / 0"),
        ("exits", "raise SystemExit(3)"),
        ("lacks", "import no_such_package"),
        ("is_no_python", "class :"),
    ):
        (tmp_path / f"plugin_that_{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "recipe.toml"
    file.write_text(f"data = 'x'\nsplit = {{ kind = '{kind}' }}\n[[models]]\nname = 'popularity'\n")
    with pytest.raises(BadSetting) as error:
        read_recipe(file)
    assert str(error.value).startswith(f"{file}:2: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[features.row]\nkind = '{HERE}RowNumber'\nscal = 1", "row.plugin_parts:RowNumber.scal'"),
        (f"[[filters]]\nkind = '{HERE}FirstEvents'\n\n\ncout = 1", "did you mean 'count'"),
        ("[[filters]]\nkind = 'k_core'\nusrs = 1", "'filters.0.k_core.usrs', did you mean 'users'"),
        ("[split.valid]\nkind = 'ratio_user'\nvald = 1\n[split]\nkind = 'given'", "mean 'valid'"),
        (
            "[features.p]\nkind = 'number'\nfield = 'a'\ncode = { kind = 'digits', hole = 1 }",
            "mean 'whole'",
        ),
        ("[[filters]]\nkind = 'k_core'\nusers = -1", "'filters.0.k_core.users' is -1"),
        ("[features.row]\nkind = 'itms'", "no feature is called 'itms'; did you mean 'items'"),
        ("[features]\nrow = 3", "a feature is a table with a 'kind'"),
        ("[features.row]\nkind = 3", "the 'kind' of a feature is a text, not 3"),
        (f"[[models]]\nname = '{HERE}Bys'", "did you mean 'Buys'"),
        (f"[[models]]\nname = '{HERE}Buys'\npwer = 1", "did you mean 'power'"),
    ],
)
def test_a_mistake_within_a_part_is_told_with_key_and_line(text, said, tmp_path):
    file = tmp_path / "recipe.toml"
    more = "" if "[[models]]" in text else "\n[[models]]\nname = 'popularity'\n"
    file.write_text(f"data = 'x'\n{text}{more}")
    lines = text.splitlines()
    line = 2 + (2 if "split.valid" in text else len(lines) - 1)
    with pytest.raises(BadSetting) as error:
        read_recipe(file)
    assert str(error.value).startswith(f"{file}:{line}: "), error.value
    assert said in str(error.value)


def test_names_only_refuses_a_path_at_any_depth_without_importing_it(tmp_path, monkeypatch):
    (tmp_path / "never_imported.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = "never_imported:Mine"
    for keys in (
        {"split": {"kind": path}},
        {"split": {"kind": "given", "valid": {"kind": path}}},
        {"models": [MODEL | {"stages": [{"kind": path}]}]},
    ):
        with pytest.raises(BadSetting, match="is called 'never_imported:Mine'"):
            Experiment.parse({"data": "x", "models": [MODEL]} | keys, "f", names_only=True)
    assert Experiment.parse({"data": "x", "models": [MODEL]}, "f", names_only=True)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (HERE + "GAIN", BadSetting, "is written plugin_parts:GAIN@k"),
        (HERE + "GAIN@", BadSetting, "k must be a whole number"),
        (HERE + "WORST@5", BadSetting, "is written plugin_parts:WORST$"),
        (HERE + "DRAWN@5", BadSetting, "sampled, which is for built-in metrics only"),
        (HERE + "gain@5", BadSetting, "is of the type function, but a metric must be"),
        ("a b:c@5", UnknownName, "no metric is called"),
    ],
)
def test_a_metric_by_path_is_written_with_the_cut_off_of_its_kind(text, error, said):
    assert parse_metric(HERE + "GAIN@10").k == 10
    assert parse_metric(HERE + "WORST").sign == -1
    with pytest.raises(error, match=said):
        parse_metric(text)


def test_a_metric_by_path_is_a_column_of_parquet_and_a_key_of_json(tmp_path):
    table = pl.DataFrame({"user": [0, 1], "relevant": [1, 1], HERE + "GAIN@5": [1.0, 0.0]})
    table.write_parquet(tmp_path / "users.parquet")
    report = Report(pl.read_parquet(tmp_path / "users.parquet"))
    assert json.loads(json.dumps(report.to_json()))["metrics"][HERE + "GAIN@5"]["mean"] == 0.5


def test_an_encoder_by_path_is_made_and_kept_like_ours(tmp_path):
    made = text_encoder(HERE + "make_encoder", Settings(home=tmp_path))
    np.testing.assert_array_equal(made.encode(["a", ""]), [[1, 0], [0, 0]])
    assert (tmp_path / "vectors.sqlite").exists()
    with pytest.raises(BadSetting, match="gives a int, which is no text encoder"):
        text_encoder(HERE + "nothing_of_the_kind", Settings(home=tmp_path))


def test_a_writer_by_path_is_handed_the_options():
    made = writer_of(HERE + "Copies", categories=("a",), retry=True)
    assert (made.options.categories, made.options.client) == (("a",), {"retry": True})
    with pytest.raises(BadSetting, match="gives a int, which is no writer"):
        writer_of(HERE + "nothing_of_the_kind")
    with pytest.raises(BadSetting, match="is no URL"):
        writer_of("server")


def test_a_reader_by_path_reads_a_source_with_its_options(tmp_path):
    (tmp_path / "log.txt").write_text("u a b\nv b c\n")
    found = read(HERE + "read_lines", tmp_path / "log.txt", behavior="view")
    assert found.events["behavior"].unique().to_list() == ["view"]
    with pytest.raises(BadSetting, match="has no option 'behaviour'; did you mean 'behavior'"):
        read(HERE + "read_lines", tmp_path / "log.txt", behaviour="view")


def test_parts_stand_alone_too():
    stage = read_stage({"kind": HERE + "Upside", "times": 3})
    assert stage == plugin_parts.Upside(times=3)
    assert read_stage(stage) is stage
    with pytest.raises(BadSetting, match="stage 'plugin_parts:Upside': unknown key 'time'"):
        read_stage({"kind": HERE + "Upside", "time": 3})
    assert TypeAdapter(Code).validate_python({"kind": HERE + "Roots"}) == plugin_parts.Roots()
    assert TypeAdapter(AnySplitter).validate_python(plugin_parts.EveryNth()).n == 3
    with pytest.raises(RecweaveError):
        read_stage({"kind": HERE + "EveryNth"})
