import shutil

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadInput, BadSetting, Unavailable
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.data.split import Split
from recweave.features.images import ItemImages
from recweave.features.spec import FEATURES, FeatureContext

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("skimage")

COLOURS = {"red": (200, 30, 40), "blue": (20, 40, 210), "green": (30, 160, 60)}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (30, 30), colour).save(tmp_path / "pictures" / f"{name}.png")
    items = pl.DataFrame(
        {"item_id": ["red", "blue", "none"], "images": [["red.png"], ["blue.png"], []]},
        schema={"item_id": pl.String, "images": pl.List(pl.String)},
    )
    return Dataset("shop", items=items)


def context(shop, folder):
    log = Interactions.of([0], [0], shape=(1, len(shop.item_ids)))
    return FeatureContext(shop, Split.whole(log), base_dir=folder)


def test_pictures_are_found_by_their_paths_from_the_folder_of_the_recipe(shop, tmp_path):
    spec = FEATURES["images"](folder="pictures", encoder="colour")
    feature = spec.build(context(shop, tmp_path))
    rows = shop.item_ids.rows(pl.Series(["red", "blue", "none"]))
    assert feature.present[rows].tolist() == [True, True, False]
    assert feature.vectors[rows[0]] @ feature.vectors[rows[1]] < 0.7
    assert feature.encoder == "images/colour/1"


@pytest.mark.parametrize("packed", [False, True])
def test_or_by_the_ids_of_items_in_a_folder_or_a_zip(packed, shop, tmp_path):
    bare = shop.replace(items=shop.items.drop("images"))
    folder = "pictures"
    if packed:
        shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "pictures")
        folder = "all.zip"
    by_id = ItemImages(folder=folder, by_id=True, encoder="colour")
    by_path = ItemImages(folder="pictures", encoder="colour")
    np.testing.assert_array_equal(
        by_id.build(context(bare, tmp_path)).vectors, by_path.build(context(shop, tmp_path)).vectors
    )


def test_a_folder_that_is_not_there_is_an_error_that_names_it(shop, tmp_path):
    with pytest.raises(BadSetting, match=r"none of the 2 pictures.*check the folder .*gone"):
        ItemImages(folder="gone", encoder="colour").build(context(shop, tmp_path))
    with pytest.raises(BadInput, match="gone"):
        ItemImages(folder="gone", by_id=True, encoder="colour").build(context(shop, tmp_path))


def test_new_items_get_vectors_from_absolute_paths_or_none(shop, tmp_path):
    spec = ItemImages(folder="pictures", encoder="colour")
    known = spec.build(context(shop, tmp_path))
    new = pl.DataFrame(
        {"item_id": ["new", "bare"], "images": [[str(tmp_path / "pictures" / "red.png")], []]},
        schema={"item_id": pl.String, "images": pl.List(pl.String)},
    )
    feature = spec.of_new_items(new)
    assert feature.present.tolist() == [True, False]
    np.testing.assert_array_equal(feature.vectors[0], known.vectors[shop.item_ids.row("red")])
    assert spec.of_new_items(new.drop("images")) is None
    assert ItemImages(by_id=True).of_new_items(new) is None


class Painted:
    """Finds how red a picture is."""

    name, dim, side, classes, threshold = "images/objects/painted/0.25", 1, 4, ("red",), 0.25

    def prepare(self, picture):
        return np.asarray(picture.resize((1, 1)), float)[0, 0, 0] / 255

    def encode(self, prepared):
        return np.array(prepared, np.float32)[:, None]


def test_objects_are_a_feature_whose_numbers_have_names(shop, tmp_path, monkeypatch):
    monkeypatch.setattr("recweave.features.objects.detector", lambda *_: Painted())
    spec = FEATURES["objects"](folder="pictures")
    feature = spec.build(context(shop, tmp_path))
    rows = shop.item_ids.rows(pl.Series(["red", "blue", "none"]))
    np.testing.assert_allclose(feature.vectors[rows, 0], [200 / 255, 20 / 255, 0], atol=1e-3)
    assert feature.present[rows].tolist() == [True, True, False]
    assert feature.columns == ("red",)
    assert feature.encoder == "objects/painted/0.25"


def test_a_detector_s_file_is_looked_for_from_the_folder_of_the_recipe(shop, tmp_path):
    spec = FEATURES["objects"](folder="pictures", detector="yolox:models/own.onnx")
    with pytest.raises(Unavailable, match=str(tmp_path / "models" / "own.onnx")):
        spec.build(context(shop, tmp_path))


def test_objects_of_new_items_are_found_by_detectors_of_a_listed_name_alone(
    shop, tmp_path, monkeypatch
):
    monkeypatch.setattr("recweave.features.objects.detector", lambda *_: Painted())
    new = pl.DataFrame(
        {"item_id": ["new", "bare"], "images": [[str(tmp_path / "pictures" / "red.png")], []]},
        schema={"item_id": pl.String, "images": pl.List(pl.String)},
    )
    feature = FEATURES["objects"](folder="pictures").of_new_items(new)
    np.testing.assert_allclose(feature.vectors, [[200 / 255], [0]], atol=1e-3)
    assert feature.present.tolist() == [True, False]
    assert feature.encoder == "objects/painted/0.25"
    assert FEATURES["objects"](folder="pictures").of_new_items(new.drop("images")) is None
    for path in ("yolox:models/own.onnx", "evil.module:function"):
        assert FEATURES["objects"](detector=path).of_new_items(new) is None
