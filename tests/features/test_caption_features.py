"""Captions as a feature of a recipe file."""

import numpy as np
import polars as pl
import pytest
from enrich.captions.conftest import folder, settings, shop  # noqa: F401 - fixtures
from enrich.captions.doubles import Colours

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.data.split import Split
from recweave.enrich.captions import caption_items
from recweave.features.spec import FEATURES, FeatureContext


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))


@pytest.fixture
def context(shop, tmp_path):  # noqa: F811
    log = Interactions.of([0], [0], shape=(1, len(shop.item_ids)))
    return FeatureContext(shop, Split.whole(log), base_dir=tmp_path)


def test_captions_are_written_and_encoded_and_their_writer_is_in_the_provenance(
    context, shop, folder, monkeypatch  # noqa: F811
):  # fmt: skip
    monkeypatch.setattr("recweave.features.captions.captioner", lambda options: Colours())
    feature = FEATURES["captions"](folder="pictures", encoder="tfidf").build(context)
    both, blue, broken, none = shop.item_ids.rows(pl.Series(["both", "blue", "broken", "none"]))
    assert feature.present[[both, blue, broken, none]].tolist() == [True, True, False, False]
    assert feature.vectors[both] @ feature.vectors[blue] > 0.5
    assert feature.encoder.startswith("tfidf")
    assert "by colours/1" in feature.source


def test_a_written_file_gives_the_same_vectors_without_any_picture(
    context, shop, folder, settings, tmp_path, monkeypatch  # noqa: F811
):  # fmt: skip
    monkeypatch.setattr("recweave.features.captions.captioner", lambda options: Colours())
    spec = FEATURES["captions"]
    fresh = spec(folder="pictures", encoder="tfidf").build(context)
    caption_items(shop, folder, Colours(), settings=settings).save(
        tmp_path / "captions.json", shop.item_ids
    )
    monkeypatch.setattr("recweave.features.captions.captioner", None)
    read = spec(file="captions.json", encoder="tfidf").build(context)
    np.testing.assert_array_equal(read.vectors, fresh.vectors)
    assert read.source == fresh.source


def test_running_a_recipe_asks_no_server(context):
    spec = FEATURES["captions"](folder="pictures", captioner="openai:tiny@http://localhost:1/v1")
    with pytest.raises(BadSetting, match=r"recweave pictures DATA --captioner openai:tiny@http"):
        spec.build(context)
