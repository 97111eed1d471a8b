"""Articles that come after training: placed by their words."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")

from made_impressions import Planted, texts

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.experiment.fit import fit
from recweave.models import RECIPES, load_model, save_model
from recweave.models.training import TrainingData
from recweave.runs.spec import Experiment

PLANTED = Planted()
SMALL = {"query": 16, "epochs": 3, "lr": 3e-3, "batch": 16, "dropout": 0.1}
CASES = [
    ("nrms", {"heads": 4, "head_dim": 8}),
    ("nrms", {"heads": 4, "head_dim": 8, "tune_words": True}),
    ("nrms", {"heads": 4, "head_dim": 8, "read": "vectors"}),
    ("naml", {"filters": 16, "categories": "kinds"}),
    ("lstur", {"filters": 16, "categories": "kinds"}),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return PLANTED.words(tmp_path_factory.mktemp("words"))


def fitted(kind, file, **settings):
    train = Interactions.of([], [], shape=(200, PLANTED.items))
    data = TrainingData(train, features=PLANTED.features(), impressions=PLANTED.impressions)
    return RECIPES[kind](**(SMALL | settings), words=file).fit(data)


def of_rows(rows):
    """The features of some articles, as if they were new."""
    known = PLANTED.features()
    titles = [PLANTED.titles[row] for row in rows]
    return {
        "documents": texts(titles, [f"about {title}" for title in titles]),
        **{
            name: Feature(known[name].vectors[rows], known[name].present[rows], "t", "t")
            for name in ("kinds", "vectors")
        },
    }


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_new_article_has_the_vector_of_a_known_one_with_its_words(kind, settings, file, tmp_path):
    save_model(fitted(kind, file, **settings), tmp_path / "model", {})
    model, _ = load_model(tmp_path / "model")
    rows = np.array([3, 119, 8])  # 119 has no text
    grown = model.with_items(of_rows(rows), 3)
    np.testing.assert_allclose(grown.item[120:], model.item[rows], rtol=1e-4, atol=1e-5)
    assert grown.present[120:].tolist() == model.present[rows].tolist()


def test_without_texts_nothing_is_placed(file):
    model = fitted("nrms", file, heads=4, head_dim=8)
    assert model.with_items({"vectors": of_rows(np.array([1]))["vectors"]}, 1) is None


def test_new_articles_may_lack_categories(file):
    model = fitted("naml", file, filters=16, categories="kinds")
    features = {"documents": of_rows(np.array([1]))["documents"]}
    assert np.isfinite(model.with_items(features, 1).item[120]).all()


def test_other_words_than_in_training_are_refused(file, tmp_path):
    model = fitted("nrms", file, heads=4, head_dim=8)
    content = Path(file).read_text()
    try:
        Path(file).write_text(content + "t0w99 " + " ".join(["0.5"] * 16) + "\n")
        with pytest.raises(BadSetting, match="the words of this model are words-"):
            model.with_items(of_rows(np.array([1])), 1)
    finally:
        Path(file).write_text(content)


def test_a_bundle_of_news_takes_new_articles(file):
    """From a recipe file to lists in which an article of today stands."""
    impressions = PLANTED.impressions
    ids = np.array([f"n{row}" for row in range(PLANTED.items)])
    table = {
        "impression_id": [str(row) for row in range(len(impressions))],
        "user_id": [f"u{user}" for user in impressions.user],
        "time": impressions.time,
        "history": [
            ids[impressions.history.item[a:b]].tolist()
            for a, b in zip(impressions.history.start, impressions.history.start[1:], strict=False)
        ],
        "shown": [
            ids[impressions.item[a:b]].tolist()
            for a, b in zip(impressions.start, impressions.start[1:], strict=False)
        ],
        "clicked": [
            impressions.clicked[a:b].tolist()
            for a, b in zip(impressions.start, impressions.start[1:], strict=False)
        ],
    }
    shown = pl.DataFrame(table)
    clicks = shown.explode("shown", "clicked").filter("clicked")
    events = clicks.select("user_id", "time", item_id="shown")
    titles = [title or None for title in PLANTED.titles]
    items = pl.DataFrame({"item_id": ids, "title": titles})
    dataset = Dataset("news", events=events, items=items, impressions=shown)
    experiment = Experiment.model_validate(
        {
            "task": "impressions",
            "data": "news",
            "split": {"kind": "global_time"},
            "features": {"documents": {"kind": "documents"}},
            "models": [{"kind": "nrms", "words": file, "heads": 4, "head_dim": 8, **SMALL}],
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recweave.experiment.prepare._dataset", lambda *_: dataset)
        bundle = fit(experiment, "nrms")
    user = shown["user_id"][0]
    topic = int(user[1:]) % 4
    new = pl.DataFrame(
        {
            "item_id": [f"today{t}" for t in range(4)],
            "title": [f"t{t}w1 t{t}w2 t{t}w3 t{t}w4" for t in range(4)],
        }
    )
    grown = bundle.with_items(new)
    listed = grown.recommend([user], k=100).table["item_id"].to_list()
    order = [item for item in listed if item.startswith("today")]
    assert order[0] == f"today{topic}"
