"""A damaged or malicious bundle is refused; no code of it is run."""

import json
import shutil
import sys
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from planted import ITEMS, planted_shop

from recweave.bundle import Bundle, saved
from recweave.bundle.make import make_bundle
from recweave.bundle.saved import ATTEMPTS, _sha256, with_checksum
from recweave.core.errors import BadArtifact, BadSetting, RecweaveError
from recweave.encode.features import Feature
from recweave.models.factors.ease import EASE
from recweave.models.kinds import ItemScores
from recweave.rank.stages import StageContext, read_stage

EVIL = "evil_part_of_a_bundle"
"""A module that fails the test when it is imported."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A saved bundle with everything in it."""
    dataset = planted_shop()
    log = dataset.interactions()
    settings = {"kind": "popularity", "strength": 1.0}
    feature = Feature(np.eye(8, 3, dtype=np.float32), np.ones(8, bool), "enc/1", "words")
    bundle = make_bundle(
        dataset,
        EASE().fit(log),
        name="ease",
        stages=[read_stage(settings).fit(StageContext(dataset, log))],
        features={"text": feature},
        about={"stages": [settings], "features": {"text": {"kind": "items"}}},
    )
    folder = tmp_path_factory.mktemp("bundle") / "whole"
    bundle.save(folder)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    assert Bundle.load(folder).name == "ease"
    return folder


def files(folder):
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_every_file_of_a_bundle_is_known(whole):
    arrays = [f"{part}/arrays.safetensors" for part in PARTS]
    manifests = [f"{part}/manifest.json" for part in PARTS]
    assert files(whole) == sorted([*arrays, *manifests, "bundle.json", *TABLES])


PARTS = ("fallback", "features", "log", "model", "stages")
USERS = "users.parquet"
TABLES = ("items.parquet", USERS, "removed.parquet")
ALL = [
    *(f"{part}/{file}" for part in PARTS for file in ("arrays.safetensors", "manifest.json")),
    *TABLES,
    "bundle.json",
]


@pytest.mark.parametrize("name", ALL)
def test_a_flipped_bit_in_any_file_is_refused_with_its_name(copy, name):
    file = copy / name
    content = file.read_bytes()
    for position in (0, len(content) // 2, len(content) - 2):
        flipped = bytearray(content)
        flipped[position] ^= 1
        file.write_bytes(bytes(flipped))
        with pytest.raises(BadArtifact) as error:
            Bundle.load(copy)
        assert str(file) in str(error.value)
    file.write_bytes(content)
    assert Bundle.load(copy).name == "ease"


def test_a_bundle_that_is_replaced_while_it_is_read_is_read_again(copy, monkeypatch):
    """The reader has the old manifest when the writer replaces the folder."""
    read, reads = saved._read_manifest, []

    def slow(file):
        manifest = read(file)
        if not reads:
            make_bundle(planted_shop(), ItemScores(np.arange(8.0)), name="second").save(copy)
        reads.append(manifest["name"])
        return manifest

    monkeypatch.setattr(saved, "_read_manifest", slow)
    assert Bundle.load(copy).name == "second"
    assert reads == ["ease", "second"]


@pytest.mark.parametrize(("replaced", "expected"), [(True, ATTEMPTS), (False, 1)])
def test_a_bundle_is_read_again_only_while_it_is_replaced(copy, monkeypatch, replaced, expected):
    reads = []

    def damaged(folder, kind):
        reads.append(folder)
        raise BadArtifact("damaged")

    monkeypatch.setattr(saved, "_load", damaged)
    monkeypatch.setattr(saved, "_version_of", lambda _: (0, len(reads) if replaced else 0))
    with pytest.raises(BadArtifact, match="damaged"):
        Bundle.load(copy)
    assert ATTEMPTS == 3
    assert len(reads) == expected


def test_a_bundle_of_an_older_format_is_refused_with_what_to_do(copy):
    change(copy / "bundle.json", "format", 1)
    with pytest.raises(BadArtifact, match="is of format 1, this version reads 2; fit it again"):
        Bundle.load(copy)


def test_a_missing_file_that_the_manifest_does_not_list_is_an_error(copy):
    (copy / "removed.parquet").unlink()
    manifest = json.loads((copy / "bundle.json").read_text())
    del manifest["files"]["removed.parquet"]
    write(copy / "bundle.json", manifest)
    sign(copy)
    with pytest.raises(BadArtifact, match="does not hold what it says"):
        Bundle.load(copy)


@pytest.mark.parametrize("name", ALL)
def test_a_missing_file_is_refused_with_its_name(copy, name):
    (copy / name).unlink()
    with pytest.raises(BadArtifact) as error:
        Bundle.load(copy)
    assert (copy / name).name in str(error.value)


@pytest.mark.parametrize("name", ALL)
def test_a_file_cut_short_is_refused(copy, name):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-3])
    with pytest.raises(BadArtifact):
        Bundle.load(copy)


@pytest.mark.parametrize(
    ("key", "value"), [("depth", 7), ("name", "other"), ("files", {}), ("checksum", "0")]
)
def test_a_manifest_that_was_changed_is_refused(copy, key, value):
    change(copy / "bundle.json", key, value)
    with pytest.raises(BadArtifact, match=r"bundle\.json was damaged or changed"):
        Bundle.load(copy)


def test_a_manifest_may_hold_keys_that_are_numbers(whole, tmp_path):
    about = {"counts": {10: 1, 9: 2}}
    Bundle.load(whole).replace(about=about).save(tmp_path / "b")
    assert Bundle.load(tmp_path / "b").about == {"counts": {"10": 1, "9": 2}}


def write(file, manifest):
    file.write_text(json.dumps(manifest))


def sign(folder):
    """Give the changed files of a bundle the checksums that they have now."""
    manifest = json.loads((folder / "bundle.json").read_text())
    for name in manifest["files"]:
        manifest["files"][name] = _sha256(folder / name)
    write(folder / "bundle.json", with_checksum(manifest))


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that leaves a mark when it is imported, and a class that does when it is made."""
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'w').close()\n\ndef make(**_):\n    pass\n\nclass Part: pass\n"
    (tmp_path / f"{EVIL}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield mark
    assert not mark.exists()
    assert EVIL not in sys.modules


def change(file, key, value):
    """Set a key, such as "model.kind", in a JSON file."""
    manifest = json.loads(file.read_text())
    inside = manifest
    *path, last = key.split(".")
    for part in path:
        inside = inside[int(part)] if isinstance(inside, list) else inside[part]
    inside[int(last) if isinstance(inside, list) else last] = value
    write(file, manifest)


COMMAND = {"kind": "os:system", "fields": {"command": "touch mark"}}
IMPORT = {"kind": f"{EVIL}:make", "fields": {}}
SETTINGS = {"recipe": f"{EVIL}:Part", "settings": {}}


@pytest.mark.parametrize("part", [COMMAND, IMPORT, SETTINGS])
@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("model/manifest.json", "model"),
        ("fallback/manifest.json", "model"),
        ("stages/manifest.json", "stages.tuple.0"),
        ("model/manifest.json", "model.fields.weight"),
    ],
)
def test_no_code_named_in_a_manifest_is_run_or_imported(
    copy, evil, monkeypatch, tmp_path, file, key, part
):
    monkeypatch.chdir(tmp_path)
    change(copy / file, key, part)
    sign(copy)
    with pytest.raises(BadArtifact):
        Bundle.load(copy)


@dataclass(frozen=True, eq=False)
class PlacesNewItems(ItemScores):
    """Puts new items last."""

    def with_items(self, features, count):
        return PlacesNewItems(np.append(self.value, np.full(count, -9, np.float32)))


NEW = pl.DataFrame({"item_id": ["brand new"], "title": ["New"]})


def able_to_place(folder):
    """The bundle with a model that can place new items."""
    return Bundle.load(folder).replace(
        model=PlacesNewItems(np.arange(8, dtype=np.float32)), features={}
    )


def test_a_bundle_that_can_place_new_items_fits_its_stages_for_them(copy):
    grown = able_to_place(copy).with_items(NEW)
    assert (len(grown.dataset.item_ids), len(grown.stages[0].popularity)) == (9, 9)
    last = grown.recommend(["u0"], 9, hide="none").to_frame()["item_id"].to_list()[-1]
    assert last == "brand new"


@pytest.mark.parametrize("key", ["about.stages.0.kind", "about.features.text.kind"])
def test_new_items_import_nothing_that_a_manifest_names(copy, evil, key):
    change(copy / "bundle.json", key, f"{EVIL}:Part")
    sign(copy)
    bundle = able_to_place(copy)
    if "features" in key:
        bundle = bundle.replace(features=Bundle.load(copy).features)
    with pytest.raises(RecweaveError, match=EVIL):
        bundle.with_items(NEW)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname"])
def test_a_manifest_cannot_name_files_outside_of_its_folder(copy, name):
    (copy.parent / "outside").write_text("x")
    manifest = json.loads((copy / "bundle.json").read_text())
    manifest["files"][name] = _sha256(copy / name)
    write(copy / "bundle.json", manifest)
    sign(copy)
    with pytest.raises(BadArtifact, match="outside"):
        Bundle.load(copy)


@pytest.mark.parametrize(
    ("key", "value"), [("format", 99), ("depth", "many"), ("data", {}), ("known_users", None)]
)
def test_a_manifest_with_impossible_values_is_refused(copy, key, value):
    change(copy / "bundle.json", key, value)
    sign(copy)
    with pytest.raises(BadArtifact):
        Bundle.load(copy)


@pytest.mark.parametrize("file", ["items.parquet", USERS])
def test_tables_that_do_not_fit_the_histories_are_refused(copy, file):
    table = pl.read_parquet(copy / file)
    table.head(len(table) - 1).write_parquet(copy / file)
    sign(copy)
    with pytest.raises(BadArtifact, match="histories"):
        Bundle.load(copy)


def test_a_bundle_never_replaces_other_files(whole, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    bundle = Bundle.load(whole)
    with pytest.raises(BadArtifact, match="no bundle"):
        bundle.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "diary.txt").read_text() == "dear"


def test_a_bundle_replaces_an_older_bundle(copy):
    log = planted_shop().interactions()
    model = ItemScores(np.zeros(len(ITEMS), np.float32))
    make_bundle(planted_shop(), model, name="second").save(copy)
    assert (Bundle.load(copy).name, len(Bundle.load(copy).log)) == ("second", len(log))
    assert Bundle.load(copy).stages == ()


def test_a_part_that_no_registry_lists_cannot_be_saved(tmp_path):
    from planted import Asked

    bundle = make_bundle(planted_shop(), Asked([]), name="x")
    with pytest.raises(BadSetting, match="cannot be saved"):
        bundle.save(tmp_path / "b")
    assert not (tmp_path / "b").exists()
