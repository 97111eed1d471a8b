"""Items found by words: in texts, and in pictures by a joint text-image model."""

import json
import sys

import numpy as np
import polars as pl
import pytest

from recweave.bundle import Bundle
from recweave.bundle.make import make_bundle
from recweave.cli import main
from recweave.core.errors import BadSetting
from recweave.core.settings import Settings
from recweave.data.dataset import Dataset
from recweave.encode.features import Feature
from recweave.encode.images import encode_images
from recweave.models.kinds import Factors

Image = pytest.importorskip("PIL.Image")

COLOURS = {
    "red": (230, 20, 20), "wine": (150, 30, 60), "blue": (20, 20, 230), "grey": (90, 90, 90)
}  # fmt: skip


class Painter:
    """A joint model: pictures by their mean colour, words by the colour that they name."""

    name, dim, side = "images/painter/1", 3, 8

    def prepare(self, picture):
        return np.asarray(picture.resize((1, 1)), np.float32)[0, 0]

    def encode(self, prepared):
        return np.stack(prepared)

    def encode_words(self, words):
        vectors = [["red" in text, "green" in text, "blue" in text] for text in words]
        return np.array(vectors, np.float32)


class Writer:
    """A text encoder of colours."""

    name, dim = "writer/1", 2

    def encode(self, texts):
        return np.array([["red" in text, "blue" in text] for text in texts], np.float32)


def painter(settings):
    return Painter()


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (20, 20), colour).save(folder / f"{name}.png")
    items = pl.DataFrame(
        {
            "item_id": [*COLOURS, "bare"],
            "price": [10.0, 50.0, 20.0, 30.0, 5.0],
            "images": [*([f"{name}.png"] for name in COLOURS), []],
        },
        schema_overrides={"images": pl.List(pl.String)},
    )
    events = pl.DataFrame({"user_id": ["u"] * 5, "item_id": [*COLOURS, "bare"]}).with_columns(
        time=pl.int_range(5, dtype=pl.Int64)
    )
    shop = Dataset("shop", items=items, events=events)
    look = encode_images(shop, folder, Painter(), settings=Settings(home=tmp_path / "home"))
    rows = shop.item_ids.rows(pl.Series(["blue", "bare"]))
    words, present = np.zeros((5, 2), np.float32), np.zeros(5, bool)
    words[rows], present[rows] = [[0, 1], [0.6, 0.8]], True
    features = {"poster": look, "title": Feature(words, present, "writer/1", "items.title")}
    model = Factors(np.zeros((1, 1), np.float32), np.zeros((5, 1), np.float32))
    return make_bundle(shop, model, name="planted", features=features)


def test_pictures_are_found_by_words_through_the_joint_model(bundle):
    found = bundle.search("a red dress", 3, by="look", encoder=Painter()).to_frame()
    assert found["item_id"].to_list() == ["red", "wine", "grey"]
    assert found["rank"].to_list() == [1, 2, 3]
    red = np.array(COLOURS["red"])
    assert found["score"][0] == pytest.approx(red[0] / np.linalg.norm(red), abs=1e-4)
    assert set(found["words"]) == {"a red dress"} and set(found["source"]) == {"look"}
    blue = bundle.search("blue", 1, by="poster", encoder=Painter()).to_frame()
    assert blue["item_id"].to_list() == ["blue"]


def test_items_without_a_vector_and_those_that_conditions_hide_are_never_found(bundle):
    everything = bundle.search("red", 9, by="look", encoder=Painter()).to_frame()
    assert sorted(everything["item_id"]) == sorted(COLOURS)
    cheap = bundle.search("red", 9, by="look", encoder=Painter(), where=["price <= 20"])
    assert cheap.to_frame()["item_id"].to_list() == ["red", "blue"]


def test_texts_are_found_by_words_too(bundle):
    found = bundle.search("blue", 9, encoder=Writer()).to_frame()
    assert found["item_id"].to_list() == ["blue", "bare"]
    assert found["score"].to_list() == pytest.approx([1, 0.8])


def test_the_listed_encoder_of_a_text_feature_is_used_by_itself(bundle, monkeypatch):
    monkeypatch.setattr("recweave.bundle.search.text_encoder", lambda name: Writer())
    about = {"features": {"title": {"kind": "items", "encoder": "minilm"}}}
    listed = bundle.replace(about={**bundle.about, **about})
    assert listed.search("red", 1).to_frame()["item_id"].to_list() == ["bare"]
    with pytest.raises(BadSetting, match=r"'title' was made by writer/1; give that encoder"):
        bundle.search("red")


class PicturesAlone:
    name, dim, side = "images/painter/1", 3, 8

    def prepare(self, picture):
        return picture

    def encode(self, prepared):
        return np.zeros((len(prepared), 3), np.float32)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (dict(words="red", by="look"), r"'poster' was made by images/painter/1; give that encoder"),
        (dict(words="red", by="look", encoder=Writer()), "cannot be compared"),
        (dict(words="red", by="text", encoder=Painter()), "cannot be compared"),
        (dict(words="red", by="look", encoder=PicturesAlone()), "encodes pictures alone"),
        (dict(words=" ", by="look", encoder=Painter()), "no words"),
        (dict(words="red", k=0, by="look", encoder=Painter()), "k is 0"),
        (dict(words="red", by="lok", encoder=Painter()), "did you mean 'look'"),
    ],
)
def test_what_cannot_be_searched_is_refused(asked, words, bundle):
    with pytest.raises(BadSetting, match=words):
        bundle.search(**asked)


def test_the_command_takes_words(bundle, tmp_path, monkeypatch, capsys):
    bundle.save(tmp_path / "b")
    assert Bundle.load(tmp_path / "b").search("red", 1, by="look", encoder=Painter())

    def call(*words):
        monkeypatch.setattr("sys.argv", ["recweave", "similar", str(tmp_path / "b"), *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return (code, *capsys.readouterr())

    by = ("--encoder", "bundle.test_search:painter")
    monkeypatch.setitem(sys.modules, "bundle.test_search", sys.modules[__name__])
    code, out, _ = call("--words", "red dress", *by, "-k", "2", "--json")
    assert code == 0
    assert [item["item_id"] for item in json.loads(out)["items"]] == ["red", "wine"]
    assert call("red", "--words", "red")[0] == 2
    assert "--encoder is of words" in call("red", *by)[2]
    assert call("--words", "red", *by, "--out", str(tmp_path / "found.csv"))[0] == 0
    assert pl.read_csv(tmp_path / "found.csv")["item_id"][0] == "red"
