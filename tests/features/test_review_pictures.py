"""Pictures in reviews: each training event has the mean without those of its own review."""

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.split import TRAIN, RandomWarm
from recweave.features import FeatureContext
from recweave.features.review_pictures import ReviewCaptions, ReviewImages

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("skimage")

COLOURS = [(220, 20, 20), (20, 220, 20), (20, 20, 220), (220, 220, 20), (20, 20, 20)]
N = 24


class Sides:
    """A captioner that says how wide a picture is; an encoder that reads the number."""

    name, side, dim = "sides/1", 16, 1

    def prepare(self, picture):
        return picture.size[0]

    def caption(self, prepared):
        return [str(width) for width in prepared]

    def encode(self, texts):
        return np.array([[float(text or 0)] for text in texts], np.float32)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))


@pytest.fixture
def restaurants(tmp_path):
    """24 reviews of 6 users and 4 restaurants; each third has two pictures, some have none."""
    for number, colour in enumerate(COLOURS):
        Image.new("RGB", (10 + number, 20), colour).save(tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    pictures = [
        ["0.png", f"{n % 5}.png"] if n % 3 == 0 else [f"{n % 5}.png"] if n % 3 == 1 else []
        for n in range(N)
    ]
    pictures[4] = ["broken.png"]
    table = pl.DataFrame(
        {
            "user_id": [f"u{n % 6}" for n in range(N)],
            "item_id": [f"b{n // 6}" for n in range(N)],
            "time": range(N),
        }
    )
    reviews = table.with_columns(images=pl.Series(pictures, dtype=pl.List(pl.String)), rating=4.0)
    return Dataset("food", events=table.with_columns(value=4.0), reviews=reviews)


def build(spec, dataset, tmp_path):
    split = dataset.split(RandomWarm(test=0.2, keep=1))
    return spec.build(FeatureContext(dataset, split, base_dir=tmp_path)), split


@pytest.mark.parametrize("of", ["item", "user"])
def test_captions_are_averaged_over_the_pictures_of_others(
    of, restaurants, tmp_path, monkeypatch, caplog
):
    module = "recweave.features.review_pictures"
    monkeypatch.setattr(f"{module}.captioner", lambda options: Sides())
    monkeypatch.setattr(f"{module}.text_encoder", lambda name: Sides())
    feature, split = build(ReviewCaptions(of=of, for_events=True), restaurants, tmp_path)
    assert "broken.png" in caplog.text
    column = f"{of}_id"
    for event in range(N):
        mine = restaurants.events.row(event, named=True)
        widths = [
            10 + int(name[0])
            for row in np.flatnonzero(split.part == TRAIN)
            for review in [restaurants.reviews.row(int(row), named=True)]
            if review[column] == mine[column] and (row != event)
            for name in review["images"]
            if name != "broken.png"
        ]
        vector, present = feature.at(np.array([event]))
        assert present[0] == bool(widths)
        assert vector[0, 0] == pytest.approx(np.mean(widths) if widths else 0, rel=1e-5)


def test_images_of_held_out_reviews_are_never_read(restaurants, tmp_path):
    feature, split = build(ReviewImages(encoder="colour"), restaurants, tmp_path)
    read = set(feature.used["reviews"].indices)
    assert read and all(split.part[row] == TRAIN for row in read)
    assert feature.encoder == "images/colour/1/mean"


def test_without_pictures_in_reviews_the_error_names_other_kinds(restaurants, tmp_path):
    bare = restaurants.replace(reviews=restaurants.reviews.drop("images"))
    with pytest.raises(BadSetting, match="kind = 'images' or 'captions'"):
        build(ReviewImages(), bare, tmp_path)


def test_captions_by_an_encoder_of_all_texts_have_no_variants(restaurants, tmp_path):
    with pytest.raises(BadSetting, match="depend on all texts"):
        build(ReviewCaptions(for_events=True, encoder="tfidf"), restaurants, tmp_path)
