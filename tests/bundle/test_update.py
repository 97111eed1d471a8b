"""New items, events and users in a bundle that is not trained again."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recweave import load
from recweave.bundle import Bundle
from recweave.bundle.make import make_bundle
from recweave.bundle.update import same_space
from recweave.core.errors import BadInput, BadSetting
from recweave.data.dataset import Dataset
from recweave.data.split import Split
from recweave.features import FeatureContext
from recweave.features.images import ItemImages
from recweave.features.text import ItemText
from recweave.models.factors.ease import EASE
from recweave.models.neighbours.item_cf import ItemCF
from recweave.models.neighbours.user_cf import UserCF
from recweave.models.popularity import Popularity
from recweave.models.training import TrainingData
from recweave.rank.diversity import MMR, MMRRecipe
from recweave.rank.stages import StageContext

NEW = [
    {"item_id": "z-bag", "title": "Maison Lure polished crimson bag", "categories": ["bag"]},
    {"item_id": "a-lamp", "title": "Brute Works bolted iron lamp", "categories": ["lamp"]},
]


def fitted(encoder="hashing_text:make", stages=(), recipe=None):
    """A bundle of the small shop; titles are read."""
    dataset = load("synthetic:small")
    log = dataset.interactions()
    spec = ItemText(encoder=encoder, fields=("title",))
    features = {"text": spec.build(FeatureContext(dataset, Split.whole(log)))}
    recipe = recipe or EASE(features=("text",), reg=50, prior_weight=500)
    model = recipe.fit(TrainingData(log, features=features))
    context = StageContext(dataset, log, features=features, model=model)
    return make_bundle(
        dataset,
        model,
        name="shop",
        stages=[stage.fit(context) for stage in stages],
        features=features if recipe.features_used() else {},
        about={
            "features": {"text": spec.model_dump(mode="json")},
            "stages": [stage.model_dump(mode="json") for stage in stages],
        },
    )


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECWEAVE_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def bundle(home):
    return fitted()


@pytest.fixture(scope="module")
def grown(bundle):
    return bundle.with_items(NEW, vectors(NEW))


def by_brand(bundle, brand):
    """Ids of trained items of a brand."""
    rows = bundle.dataset.items.filter(pl.col("brand") == brand)
    return rows["item_id"].to_list()


def ids(recommendations):
    return recommendations.table.to_series(1).to_list()


def vectors(items):
    """Vectors of new items by the test's encoder; a bundle imports no encoder by path itself."""
    spec = ItemText(encoder="hashing_text:make", fields=("title",))
    return {"text": spec.of_new_items(Dataset("new", items=pl.DataFrame(items)).items)}


def rank(bundle, item, history):
    listed = ids(bundle.recommend(history=history, k=len(bundle.dataset.items)))
    return listed.index(item)


def test_a_new_item_is_recommended_to_users_who_like_its_kind(bundle, grown):
    elegant, industrial = by_brand(bundle, "Maison Lure"), by_brand(bundle, "Brute Works")
    assert min(len(elegant), len(industrial)) > 2
    assert "z-bag" in ids(grown.recommend(history=elegant, k=10))
    assert "a-lamp" in ids(grown.recommend(history=industrial, k=10))
    assert rank(grown, "z-bag", elegant) < rank(grown, "z-bag", industrial) - 20
    assert rank(grown, "a-lamp", industrial) < rank(grown, "a-lamp", elegant) - 20


def test_a_history_with_a_new_item_gets_items_of_its_kind(bundle, grown):
    listed = ids(grown.recommend(history=["z-bag"], k=5))
    assert set(listed) & set(by_brand(bundle, "Maison Lure"))
    assert "z-bag" not in listed


def test_new_events_of_new_users_with_new_items_count_at_once(bundle, grown):
    events = {"user_id": ["new-user", "user-000"], "item_id": ["z-bag"] * 2, "time": [2**31] * 2}
    later = grown.with_events({**events, "behavior": ["purchase"] * 2})
    listed = later.recommend(["new-user"], k=5).table
    assert set(listed["source"]) == {"shop"}
    assert listed["item_id"].to_list() == ids(grown.recommend(history=["z-bag"], k=5))
    assert "z-bag" not in ids(later.recommend(["user-000"], k=151))
    assert "z-bag" in ids(grown.recommend(["user-000"], k=152))


def test_explanations_of_a_new_item_name_the_history(bundle, grown):
    brand = by_brand(bundle, "Maison Lure")[:2]
    events = {"user_id": ["fan"] * 2, "item_id": brand, "behavior": ["purchase"] * 2}
    fan = grown.with_events({**events, "time": [2**31, 2**31 + 1]})
    explained = {fan.dataset.item_ids.ids[one.item]: one for one in fan.explanations("fan", k=20)}
    because = {fan.dataset.item_ids.ids[part.item] for part in explained["z-bag"].because}
    assert because == set(brand)


def test_known_items_keep_their_scores_and_the_first_bundle_stays(bundle, grown):
    before = bundle.recommend(["user-001"], k=150).table
    after = grown.recommend(["user-001"], k=152).table
    known = after.filter(~pl.col("item_id").is_in([one["item_id"] for one in NEW]))
    assert known["item_id"].to_list() == before["item_id"].to_list()
    np.testing.assert_array_equal(known["score"], before["score"])
    assert len(bundle.dataset.items) == 150
    assert bundle.log.shape[1] == len(bundle.features["text"].vectors) == 150
    assert np.shares_memory(grown.model.base.weights, bundle.model.weights)


def test_users_without_a_history_get_new_items_last(grown):
    listed = ids(grown.replace(log=grown.log[:0]).recommend(["user-000"], k=152))
    assert set(listed[-2:]) == {"z-bag", "a-lamp"}


def test_stages_are_fitted_again_for_the_new_items():
    small = fitted(stages=(MMRRecipe(),))
    grown = small.with_items(NEW, vectors(NEW))
    (stage,) = grown.stages
    assert isinstance(stage, MMR)
    assert len(stage.vectors) == 152
    assert len(small.stages[0].vectors) == 150
    assert len(ids(grown.recommend(["user-001"], k=10))) == 10


def test_a_bundle_with_new_items_is_saved_and_takes_more(grown, tmp_path):
    grown.save(tmp_path / "b")
    loaded = Bundle.load(tmp_path / "b")
    more = [{"item_id": "z-hat", "title": "Maison Lure satin hat"}]
    for first, second in (
        (grown, loaded),
        (grown.with_items(more, vectors(more)), loaded.with_items(more, vectors(more))),
    ):
        found = [one.recommend(["user-001", "user-002"], k=20).table for one in (first, second)]
        assert found[0].equals(found[1])


def test_similar_items_of_a_new_one_are_of_its_kind(bundle, grown):
    for by in ("behaviour", "text"):
        assert set(ids(grown.similar("z-bag", k=3, by=by))) & set(by_brand(bundle, "Maison Lure"))


def test_a_model_without_features_says_that_it_cannot(home):
    with pytest.raises(BadSetting, match=r"shop cannot place .* reads no features of items"):
        fitted(recipe=EASE(reg=50)).with_items(NEW)


def test_a_feature_that_cannot_be_made_is_named(home):
    message = r"made of text \(tfidf.*as tfidf vectors depend on all texts.*minilm"
    with pytest.raises(BadSetting, match=message):
        fitted(encoder="tfidf").with_items(NEW)


@pytest.mark.parametrize("recipe", [Popularity(), ItemCF(), UserCF()])
def test_a_kind_of_model_that_never_places_items_says_so(home, recipe):
    """Text neighbours (t_user_cf, t_item_cf) give models of the same classes as the last two."""
    with pytest.raises(BadSetting, match="this kind of model scores only items that have events"):
        fitted(recipe=recipe).with_items(NEW)


def test_items_that_are_there_already_are_refused(grown):
    with pytest.raises(BadInput, match=r"1 of the new items .* 'item-003'"):
        grown.with_items([{"item_id": "item-003"}, {"item_id": "new"}])
    with pytest.raises(BadInput, match="'z-bag'"):
        grown.with_items(NEW)


def test_an_encoder_that_a_bundle_names_by_path_is_not_imported(bundle):
    """A name in a file never runs code; given vectors are used."""
    with pytest.raises(BadSetting, match=r"cannot place .* text .*give their vectors"):
        bundle.with_items(NEW)


def test_vectors_of_another_precision_are_compared_and_of_another_encoder_are_not():
    assert same_space("minilm-1/bf16") == same_space("minilm-1/fp32")
    assert same_space("minilm-1/bf16") != same_space("minilm-2/bf16")


def test_new_items_are_placed_by_their_pictures(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("skimage")
    dataset = load("synthetic:small")
    colours = [(200, 30, 40), (20, 40, 210)]
    paths = [str(tmp_path / f"{n}.png") for n in range(2)]
    for path, colour in zip(paths, colours, strict=True):
        image.new("RGB", (20, 20), colour).save(path)
    images = pl.Series([[paths[n % 2]] for n in range(len(dataset.items))])
    dataset = dataset.replace(items=dataset.items.with_columns(images=images))
    log = dataset.interactions()
    spec = ItemImages(folder="/", encoder="colour")
    features = {
        "look": replace(spec.build(FeatureContext(dataset, Split.whole(log))), columns=("a",))
    }
    recipe = EASE(features=("look",), reg=50, prior_weight=500)
    bundle = make_bundle(
        dataset,
        recipe.fit(TrainingData(log, features=features)),
        name="shop",
        features=features,
        about={"features": {"look": spec.model_dump(mode="json")}},
    )
    grown = bundle.with_items([{"item_id": "new", "images": [paths[0]]}])
    like = grown.similar("new", 3, by="look").to_frame()["similar_id"]
    red = dataset.items.filter(pl.col("images").list.first() == paths[0])["item_id"]
    assert set(like) <= set(red)
    assert grown.features["look"].columns == ("a",)
