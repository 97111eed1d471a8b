"""Saved models: what is loaded, and what is refused without running any code of the folder."""

import json
import pickle
import shutil
from dataclasses import dataclass

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy import sparse

from recweave.core.errors import BadArtifact, BadSetting, UnknownName
from recweave.data.interactions import Interactions
from recweave.models import Query, load_model, save_model
from recweave.models.blend import Blend
from recweave.models.kinds import Factors, ItemScores, ItemWeights
from recweave.store.arrays import ARRAYS, HASH, MANIFEST

rng = np.random.default_rng(0)
FACTORS = Factors(
    rng.standard_normal((3, 2)).astype(np.float32), rng.standard_normal((4, 2)).astype(np.float32)
)
SPARSE = sparse.csr_array(np.array([[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 0], [0] * 4], np.float32))
LOG = Interactions.of([0, 0, 1], [0, 2, 2], shape=(3, 4))


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "model"
    save_model(FACTORS, folder, {"seed": 3})
    return folder


def edit(folder, change):
    """Change the manifest in place."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "model",
    [
        FACTORS,
        ItemScores(np.array([3.0, 1.0, 0.0, 2.0], np.float32)),
        ItemWeights(SPARSE, decay=0.5),
        ItemWeights(SPARSE.toarray()[:2, :2], 0.5, np.ones(7, np.float32), np.array([3, 0])),
        Blend((FACTORS, ItemWeights(SPARSE)), np.array([0.25, 0.75])),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_saved_model_is_loaded_with_the_same_scores_and_about(model, tmp_path):
    save_model(model, tmp_path / "a" / "model", {"seed": 3, "recipe": {"reg": 0.5}})
    loaded, about = load_model(tmp_path / "a" / "model")
    assert type(loaded) is type(model)
    assert about == {"seed": 3, "recipe": {"reg": 0.5}}
    query = Query.of(LOG)
    np.testing.assert_array_equal(loaded.scores(query), model.scores(query))


def test_an_older_model_of_the_name_is_replaced_whole(saved):
    (saved / "left.over").write_text("")
    save_model(ItemScores(np.zeros(2, np.float32)), saved)
    loaded, about = load_model(saved)
    assert (type(loaded), about) == (ItemScores, {})
    assert {path.name for path in saved.iterdir()} == {ARRAYS, MANIFEST}


def test_no_temporary_file_is_left(saved):
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_arrays_that_are_views_are_saved_as_they_look(tmp_path):
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    save_model(Factors(table.T, table[::-1].T), tmp_path / "m")
    loaded, _ = load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.user, table.T)
    np.testing.assert_array_equal(loaded.item, table[::-1].T)


@pytest.mark.parametrize("name", [ARRAYS, MANIFEST])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(BadArtifact, match=name.replace(".", r"\.") + " is missing"):
        load_model(saved)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(BadArtifact, match="holds no model"):
        load_model(tmp_path / "nothing")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(BadArtifact):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    "keep", [0, 4, 30, -1], ids=["empty", "in the length", "in the header", "in the data"]
)
@pytest.mark.parametrize("hashed", [True, False])
def test_arrays_cut_short_are_refused(saved, keep, hashed):
    if not hashed:
        edit(saved, lambda m: m.pop(HASH))
    whole = (saved / ARRAYS).read_bytes()
    (saved / ARRAYS).write_bytes(whole[:keep])
    with pytest.raises(BadArtifact, match="cannot be read"):
        load_model(saved)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "3", "\x00\x01"])
def test_a_manifest_that_is_not_an_object_is_refused(saved, text):
    (saved / MANIFEST).write_text(text)
    with pytest.raises(BadArtifact):
        load_model(saved)


def test_a_manifest_that_is_not_text_is_refused(saved):
    (saved / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadArtifact):
        load_model(saved)


def test_a_manifest_nested_too_deep_is_refused(saved):
    edit(saved, lambda m: m.update(model=[]))
    deep = '{"tuple": [' * 5_000 + "1" + "]}" * 5_000
    text = (saved / MANIFEST).read_text().replace('"model": []', f'"model": {deep}')
    (saved / MANIFEST).write_text(text)
    with pytest.raises(BadArtifact):
        load_model(saved)


def test_another_format_is_refused_with_both_numbers(saved):
    edit(saved, lambda m: m.update(format=99))
    with pytest.raises(BadArtifact, match="is of format 99, this version reads 1"):
        load_model(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("model"),
        lambda m: m.pop("about"),
        lambda m: m["model"].pop("fields"),
        lambda m: m["model"]["fields"].pop("user"),
        lambda m: m["model"]["fields"].update(unknown_field={"array": True}),
        lambda m: m["model"]["fields"].update(user={"csr": [3, 2]}),
        lambda m: m["model"]["fields"].update(user={"nonsense": 1}),
        lambda m: m["model"]["fields"].update(user=["a", "list"]),
        lambda m: m["model"].update(fields=[1]),
        lambda m: m.update(model=7),
        lambda m: m.update(model={"array": True}),
        lambda m: m.update(model=None),
    ],
)
def test_a_manifest_that_does_not_fit_its_arrays_is_refused(saved, change):
    edit(saved, change)
    with pytest.raises(BadArtifact, match=r"manifest\.json does not fit .+; train and save"):
        load_model(saved)


@pytest.mark.parametrize("kind", ["os:system", "pathlib:Path", "Factors", "", None, ["factors"]])
def test_a_kind_that_is_not_registered_is_refused_and_nothing_is_imported(saved, kind):
    edit(saved, lambda m: m["model"].update(kind=kind))
    with pytest.raises((BadArtifact, UnknownName)):
        load_model(saved)


@pytest.mark.parametrize(
    "part",
    [
        {"kind": "never_imported:Thing", "fields": {}},
        {"recipe": "never_imported:Thing", "settings": {}},
        {"tuple": [{"recipe": "never_imported:Thing", "settings": {}}]},
        {
            "recipe": "unified",
            "settings": {"scorers": [{"name": "never_imported:Thing", "settings": {}}]},
        },
    ],
    ids=["kind", "recipe", "within a tuple", "within a recipe"],
)
def test_a_path_in_a_manifest_is_refused_and_not_imported(saved, part, tmp_path, monkeypatch):
    (tmp_path / "never_imported.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    edit(saved, lambda m: m["model"]["fields"].update(user=part))
    with pytest.raises(BadArtifact, match="is called 'never_imported:Thing'"):
        load_model(saved)
    assert not (tmp_path / "ran").exists()


def test_a_sparse_matrix_whose_parts_disagree_is_refused(tmp_path):
    save_model(ItemWeights(SPARSE), tmp_path / "m")
    arrays = load_file(tmp_path / "m" / ARRAYS)
    arrays["/weights.indices"] = arrays["/weights.indices"] + 100
    save_file(arrays, tmp_path / "m" / ARRAYS)
    edit(tmp_path / "m", lambda m: m.pop(HASH))
    with pytest.raises(BadArtifact, match="does not fit its arrays"):
        load_model(tmp_path / "m")


def test_a_pickle_in_place_of_the_arrays_is_not_run(saved, tmp_path):
    class Boom:
        def __reduce__(self):
            return (shutil.copy, (str(saved / MANIFEST), str(tmp_path / "ran")))

    (saved / ARRAYS).write_bytes(pickle.dumps(Boom()))
    edit(saved, lambda m: m.pop(HASH))
    with pytest.raises(BadArtifact):
        load_model(saved)
    assert not (tmp_path / "ran").exists()


def test_a_model_that_cannot_be_saved_is_refused_before_anything_is_written(tmp_path):
    @dataclass(frozen=True)
    class Mine(ItemScores):
        pass

    odd = ItemScores(np.ones(4, np.float32))
    object.__setattr__(odd, "value", {1, 2})
    mine = Mine(np.ones(4, np.float32))
    for model, message in (
        (mine, "Mine cannot be saved.*recweave.kinds"),
        (odd, "a set .*cannot"),
    ):
        with pytest.raises(BadSetting, match=message):
            save_model(Blend((FACTORS, model), np.ones(2)), tmp_path / "m")
    assert not list(tmp_path.iterdir())
