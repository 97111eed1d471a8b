"""A stage with a language model is saved without the model's weights, and found again."""

import numpy as np
import polars as pl
import pytest
import tiny_llama as tiny_llama_file
from planted_titles import ITEMS, context, dataset

from recweave.bundle import Bundle
from recweave.bundle.make import make_bundle
from recweave.core.errors import BadArtifact
from recweave.models.kinds import ItemScores
from recweave.rank.language import likelihood, reader
from recweave.rank.language.recipe import LanguageRecipe


@pytest.fixture
def bundle(shop, tmp_path):
    """A bundle whose language model is in a folder of its own."""
    folder = tiny_llama_file.write(tmp_path / "llama", context=2048)
    recipe = LanguageRecipe(backbone=str(folder), depth=ITEMS, profile=0, strength=1.0)
    stage = recipe.fit(context(shop))
    log = shop[0]
    events = pl.DataFrame(
        {
            "user_id": [f"u{user}" for user in log.user],
            "item_id": [f"i{item}" for item in log.item],
            "time": log.time,
        }
    )
    model = ItemScores(np.linspace(1, 0, ITEMS, dtype=np.float32))
    whole = dataset(shop[4]).replace(events=events)
    return make_bundle(whole, model, name="made", stages=[stage]), folder


def forget():
    likelihood._SCORES.clear()
    reader._OPENED.clear()


def test_a_loaded_bundle_recommends_and_explains_as_before(bundle, tmp_path):
    made, folder = bundle
    made.save(tmp_path / "saved")
    size = sum(file.stat().st_size for file in (tmp_path / "saved").rglob("*"))
    weights = (folder / "model.safetensors").stat().st_size
    assert size < weights + 150_000  # the weights are not in it, whatever their size
    assert not any(
        b"embed_tokens" in f.read_bytes() for f in (tmp_path / "saved").rglob("*.safet*")
    )
    forget()
    loaded = Bundle.load(tmp_path / "saved")
    users = ["u3", "u4"]
    assert loaded.recommend(users).to_frame().equals(made.recommend(users).to_frame())
    assert loaded.explain("u3") == made.explain("u3")
    assert "follows from the last 6 items" in " ".join(loaded.explain("u3"))


def test_another_language_model_in_its_place_is_refused(bundle, tmp_path):
    made, folder = bundle
    made.save(tmp_path / "saved")
    tiny_llama_file.write(folder, context=2048, seed=1)
    forget()
    with pytest.raises(BadArtifact, match="is not the language model of the training"):
        Bundle.load(tmp_path / "saved").recommend(["u3"])
