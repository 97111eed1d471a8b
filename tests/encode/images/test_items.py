"""Pictures of items: vectors, the cache, and pictures that cannot be used."""

import logging
import zipfile
from io import BytesIO

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadArtifact, BadSetting
from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.encode.images.items import encode_images, encode_pictures
from recweave.parallel import Processes, Serial

Image = pytest.importorskip("PIL.Image")


class MeanColour:
    """The mean of each colour; it counts what it is asked."""

    name, dim, side = "images/mean/1", 3, 8

    def __init__(self):
        self.encoded = 0

    def prepare(self, picture):
        return np.asarray(picture.resize((8, 8)), np.float32)

    def encode(self, prepared):
        self.encoded += len(prepared)
        return np.stack([one.reshape(-1, 3).mean(axis=0) for one in prepared])


def jpeg(colour, size=(40, 40), kind="PNG"):
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", threads=2)


@pytest.fixture
def folder(tmp_path):
    """Two good pictures and four that are broken, in a folder and in a zip."""
    place = tmp_path / "shop"
    place.mkdir()
    (place / "red.png").write_bytes(jpeg((255, 0, 0)))
    (place / "blue.png").write_bytes(jpeg((0, 0, 255)))
    (place / "empty.png").write_bytes(b"")
    (place / "page.png").write_bytes(b"<html>")
    with zipfile.ZipFile(place / "more.zip", "w") as archive:
        archive.writestr("green.png", jpeg((0, 255, 0)))
        archive.writestr("small.png", jpeg((0, 255, 0), size=(4, 4)))
    return place


NAMES = ["red.png", "empty.png", "gone.png", "more.zip!/green.png", "more.zip!/no.png", "page.png",
         "no.zip!/1.png", "more.zip!/small.png", "blue.png"]  # fmt: skip


def test_each_broken_picture_is_named_and_none_stops_the_others(folder, settings):
    found = encode_pictures(NAMES, folder, MeanColour(), settings=settings)
    assert found.present.tolist() == [
        name in {NAMES[0], NAMES[3], NAMES[7], NAMES[8]} for name in NAMES
    ]
    np.testing.assert_allclose(found.vectors[[0, 3, 8]], 255 * np.eye(3))
    assert not found.vectors[~found.present].any()
    assert [(f.picture, f.what, f.used) for f in found.findings] == [
        ("empty.png", "is empty", False),
        ("gone.png", "is not there", False),
        ("more.zip!/no.png", "is not there", False),
        ("page.png", "is not a picture that can be read", False),
        ("no.zip!/1.png", "is not there", False),
        ("more.zip!/small.png", "is smaller than 16 pixels", True),
    ]


def test_a_picture_is_encoded_once_whatever_its_name_and_remarks_stay(folder, settings):
    first, again = MeanColour(), MeanColour()
    found = encode_pictures(NAMES, folder, first, settings=settings)
    (folder / "copy.png").write_bytes((folder / "red.png").read_bytes())
    more = encode_pictures([*NAMES, "copy.png"], folder, again, settings=settings)
    assert (first.encoded, again.encoded) == (4, 0)
    np.testing.assert_array_equal(more.vectors[:-1], found.vectors)
    np.testing.assert_array_equal(more.vectors[-1], found.vectors[0])
    assert more.findings == found.findings


def test_a_picture_that_changed_is_encoded_again(folder, settings):
    encoder = MeanColour()
    encode_pictures(["red.png"], folder, encoder, settings=settings)
    (folder / "red.png").write_bytes(jpeg((10, 20, 30)))
    found = encode_pictures(["red.png"], folder, encoder, settings=settings)
    np.testing.assert_allclose(found.vectors, [[10, 20, 30]])
    assert encoder.encoded == 2


@pytest.mark.parametrize("pool", [Serial(), Processes(2)])
def test_any_pool_gives_the_same(pool, folder, tmp_path):
    here = encode_pictures(
        NAMES, folder, MeanColour(), settings=Settings(home=tmp_path / "a", threads=1)
    )
    there = encode_pictures(
        NAMES, folder, MeanColour(), pool=pool, settings=Settings(home=tmp_path / "b")
    )
    np.testing.assert_array_equal(there.vectors, here.vectors)
    assert there.findings == here.findings


def shop(images):
    ids = [f"i{n}" for n in range(len(images))]
    items = pl.DataFrame({"item_id": ids, "images": pl.Series(images, dtype=pl.List(pl.String))})
    return Dataset("shop", items=items)


def test_the_vector_of_an_item_is_the_mean_of_those_of_its_usable_pictures(folder, settings):
    (folder / "dim.png").write_bytes(jpeg((0, 0, 90)))  # its vector is short, and counts as much
    dataset = shop([["red.png", "dim.png"], ["gone.png", "blue.png"], None, ["empty.png"], []])
    feature = encode_images(dataset, folder, MeanColour(), settings=settings)
    row = [dataset.item_ids.row(f"i{n}") for n in range(5)]
    half = np.sqrt(0.5)
    expected = [[half, 0, half], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(feature.vectors[row], expected, atol=1e-6)
    assert feature.present[row].tolist() == [True, True, False, False, False]
    assert feature.encoder == "images/mean/1"
    assert not feature.used


def test_the_log_names_kinds_of_faults_and_a_few_pictures(folder, settings, caplog):
    many = [f"gone-{n}.png" for n in range(5)]
    with caplog.at_level(logging.WARNING):
        encode_images(
            shop([["red.png", *many], ["empty.png"]]), folder, MeanColour(), settings=settings
        )
    assert caplog.messages == [
        "1 of 7 pictures cannot be used: it is empty (empty.png)",
        "5 of 7 pictures cannot be used: each is not there (gone-0.png, gone-1.png, gone-2.png, …)",
    ]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([None, []], "no item of shop has a picture"),
        (
            [["gone.png"], ["empty.png"]],
            "none of the 2 pictures of shop can be used: .*is not there",
        ),
    ],
)
def test_a_shop_without_any_usable_picture_is_refused(images, words, folder, settings):
    with pytest.raises(BadSetting, match=words):
        encode_images(shop(images), folder, MeanColour(), settings=settings)


def test_a_missing_path_among_others_shifts_no_picture_to_another_item(folder, settings):
    dataset = shop([["red.png", None], [None], ["blue.png"]])
    feature = encode_images(dataset, folder, MeanColour(), settings=settings)
    row = [dataset.item_ids.row(f"i{n}") for n in range(3)]
    np.testing.assert_allclose(feature.vectors[row], [[1, 0, 0], [0, 0, 0], [0, 0, 1]], atol=1e-6)


class Wide(MeanColour):
    """Gives float64, and one number too many if asked for it."""

    name = "images/wide/1"

    def __init__(self, more=0):
        super().__init__()
        self.more = more

    def encode(self, prepared):
        means = super().encode(prepared).astype(np.float64)
        return np.hstack([means, np.zeros((len(means), self.more))])


def test_an_encoder_of_one_s_own_may_give_any_floats_but_the_promised_number_of_them(
    folder, settings, unchecked
):
    for _ in range(2):  # the second time from the disk
        found = encode_pictures(["red.png"], folder, Wide(), settings=settings)
        np.testing.assert_allclose(found.vectors, [[255, 0, 0]])
    with pytest.raises(BadSetting, match=r"images/wide/1 gave an array of \(1, 4\).*3 numbers"):
        encode_pictures(["blue.png"], folder, Wide(more=1), settings=settings)
    short = Wide()
    short.dim = 2
    with pytest.raises(BadArtifact, match="several lengths by images/wide/1"):
        encode_pictures(["red.png"], folder, short, settings=settings)
