"""Texts of a writer as a feature: their content, the rows behind them, and their folder."""

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadArtifact, BadSetting, UnknownName
from recweave.data.dataset import Dataset
from recweave.data.profiles import SCHEMA, Profiles, name_of
from recweave.data.reviews import review_parts
from recweave.data.split import TRAIN, LeaveLastOut
from recweave.encode.tfidf import TfIdf
from recweave.enrich.job import PROFILES
from recweave.experiment.run import run
from recweave.features import FeatureContext
from recweave.features.controls import Permuted
from recweave.features.profiles import ProfileText
from recweave.report.audit import audit
from recweave.runs.spec import Experiment

TEXTS = ["Loud and clear.", "The strap broke.", "Warm sound.", "Too heavy.", "A bargain.", "Fine."]


@pytest.fixture
def shop():
    """Six users review three items each of six; the last two of each are held out."""
    rows = [
        (f"u{user}", f"i{(user + step) % 6}", 10 * user + step, f"{TEXTS[user]} Number {step}.")
        for user in range(6)
        for step in range(3)
    ]
    log = pl.DataFrame(rows, schema=["user_id", "item_id", "time", "text"], orient="row")
    events = log.select("user_id", "item_id", "time")
    return Dataset("shop", events=events, reviews=log.with_columns(rating=5.0))


@pytest.fixture
def split(shop):
    return shop.split(LeaveLastOut())


def written(shop, split, folder, rows_of):
    """A folder as `recweave enrich` leaves it, each item's summary made from `rows_of(item)`."""
    rows = [
        {"entity": "item", "id": item, "kind": "summary", "text": f"all about {item}"}
        | {"writer": "writer/1", "reviews": rows_of(item), "events": []}
        for item in shop.item_ids.ids
    ]
    table = pl.DataFrame(rows, schema=SCHEMA)
    Profiles(table, shop.fingerprint, name_of(split)).save(folder / PROFILES)
    return ProfileText(kinds=("summary",), folder=str(folder), encoder="tfidf")


def test_extractive_texts_are_of_train_and_name_their_rows(shop, split):
    feature = ProfileText(kinds=("summary",), encoder="tfidf").build(
        FeatureContext(shop, split, {})
    )
    reviews = shop.reviews.with_row_index()
    train = reviews.filter(pl.Series(review_parts(shop, split) == TRAIN))
    for item, id in enumerate(shop.item_ids.ids):
        expected = train.filter(item_id=id)["index"].to_list()
        assert feature.used["reviews"][[item]].nonzero()[1].tolist() == expected
        assert feature.present[item] == bool(expected)


def test_several_kinds_are_joined_in_order(shop, split, tmp_path):
    asked = written(shop, split, tmp_path, lambda item: [0])
    path = tmp_path / PROFILES
    profiles = Profiles.load(path)
    price = profiles.table.with_columns(kind=pl.lit("price"), text=pl.lit("cheap"))
    more = pl.concat([profiles.table, price.with_columns(reviews=pl.lit([1], pl.List(pl.UInt32)))])
    Profiles(more, profiles.dataset, profiles.split).save(path)
    both = asked.model_copy(update={"kinds": ("summary", "price")}).build(
        FeatureContext(shop, split, {})
    )
    texts = [f"all about {item}\ncheap" for item in shop.item_ids.ids]
    np.testing.assert_allclose(both.vectors, TfIdf().encode(texts), atol=1e-5)
    used = both.used["reviews"].toarray()
    assert used[:, :2].all() and not used[:, 2:].any()
    assert both.source.startswith("summary+price of items by writer/1")


def test_a_folder_of_other_data_or_for_another_split_is_refused(shop, split, tmp_path):
    asked = written(shop, split, tmp_path, lambda item: [])
    with pytest.raises(BadSetting, match="the split"):
        asked.build(FeatureContext(shop, shop.split(LeaveLastOut(valid=0)), {}))
    fewer = shop.replace(reviews=shop.reviews[1:])
    with pytest.raises(BadSetting, match="written from data"):
        asked.build(FeatureContext(fewer, fewer.split(LeaveLastOut()), {}))
    with pytest.raises(BadArtifact, match="recweave enrich"):
        asked.model_copy(update={"folder": str(tmp_path / "none")}).build(
            FeatureContext(shop, split, {})
        )


def test_a_kind_that_is_not_written_is_named(shop, split):
    with pytest.raises(UnknownName, match="summery"):
        ProfileText(kinds=("summery",)).build(FeatureContext(shop, split, {}))
    with pytest.raises(BadSetting, match="no price is written of a user"):
        ProfileText(kinds=("price",), of="user").build(FeatureContext(shop, split, {}))


@pytest.mark.parametrize("honest", [True, False])
def test_the_audit_reads_the_rows_behind_a_folder(shop, split, tmp_path, honest):
    train = review_parts(shop, split) == TRAIN
    own = shop.reviews.with_row_index().filter(pl.Series(train) if honest else pl.lit(True))
    asked = written(
        shop, split, tmp_path / "texts", lambda item: own.filter(item_id=item)["index"].to_list()
    )
    shop.save(tmp_path / "shop")
    features = {"words": asked.model_dump(), "permuted": {"kind": "shuffled", "feature": "words"}}
    models = [{"name": "ease", "features": ["words"]}]
    metrics = {"metrics": ["recall@3", "ndcg@3"], "choose": "ndcg@3"}
    recipe = {"data": str(tmp_path / "shop"), "features": features, "models": models} | metrics
    run(Experiment.parse(recipe, "here"), tmp_path / "run")
    found = audit(tmp_path / "run").findings
    assert [finding.features[0] for finding in found] == ([] if honest else ["words", "permuted"])
    if not honest:
        assert found[0].evidence["rows"] == np.flatnonzero(~train).tolist()


def test_texts_of_users_have_a_row_for_each_user(shop, split):
    feature = ProfileText(kinds=("summary",), of="user", encoder="tfidf").build(
        FeatureContext(shop, split, {})
    )
    assert feature.of == "user"
    assert feature.vectors.shape[0] == len(shop.user_ids)
    assert (
        Permuted(feature="words").build(FeatureContext(shop, split, {"words": feature})).of
        == "user"
    )
