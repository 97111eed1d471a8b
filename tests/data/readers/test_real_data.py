"""The counts of the real files, taken by opening them (data.md)."""

import re

import polars as pl
import pytest

from recweave.data.check import check
from recweave.data.pictures import PictureFiles
from recweave.data.readers import examine, read

pytestmark = pytest.mark.realdata


def counts(dataset):
    return {name: len(table) for name, table in dataset.tables() if len(table)}


def by(dataset, column):
    return dict(dataset.events[column].cast(pl.String).value_counts().iter_rows())


def seen(dataset, column):
    return dataset.events[column].n_unique()


def sound(source, path):
    reading = examine(source, path)
    assert not reading.problems.errors
    assert not check(reading.dataset).errors
    return reading.dataset


def test_ml_100k(real_data):
    dataset = sound("recbole", real_data / "ml-100k")
    assert counts(dataset) == {"events": 100_000, "items": 1_682, "users": 943}
    assert by(dataset, "behavior") == {"rating": 100_000}
    assert (dataset.events["value"].min(), dataset.events["value"].max()) == (1, 5)
    assert dataset.events["time"][0] == 881250949
    assert dataset.items["title"][0] == "Toy Story"
    assert dataset.items["release_year"].dtype == pl.String  # two films have no year but a word
    assert dataset.users["age"].dtype == pl.Int64


def test_musical_instruments(real_data):
    dataset = sound("amazon", real_data / "amazon-musical-instruments-2014")
    assert counts(dataset) == {"events": 10_261, "reviews": 10_261}
    assert (seen(dataset, "user_id"), seen(dataset, "item_id")) == (1_429, 900)
    assert dataset.reviews["text"].null_count() == 0
    words = dataset.reviews["text"].str.extract_all(r"\S+").list.len().mean()
    assert 88 < words < 92
    assert round(100 * (dataset.events["value"] >= 4).mean()) == 88


def test_gift_cards(real_data):
    reading = examine("amazon", real_data / "amazon-gift-cards-2018")
    dataset = reading.dataset
    assert not reading.problems.errors
    assert reading.problems.notes == {"price is not a price": 4}
    assert counts(dataset) | {"links": 0} == {
        "events": 2_972,
        "reviews": 2_972,
        "items": 1_547,
        "links": 0,
    }
    assert (seen(dataset, "user_id"), seen(dataset, "item_id")) == (458, 148)
    assert dataset.items["price"].drop_nulls().min() > 0
    assert set(dataset.links["relation"]) == {"also_buy", "also_view"}
    text = "\n".join(dataset.items["description"].drop_nulls())
    assert not re.search(r"</?(p|br|div|a|b)\b|&amp;|&quot;", text)


def test_beauty(real_data):
    dataset = sound("sequence", real_data / "amazon-beauty-2014-seq")
    assert counts(dataset) == {"events": 198_502, "items": 12_101}
    assert (seen(dataset, "user_id"), seen(dataset, "item_id")) == (22_363, 12_101)
    assert dataset.items["title"].null_count() == 0
    assert not dataset.items["title"].str.contains("&amp;|&quot;").any()
    assert dataset.items["categories"][0].to_list() == ["Beauty", "Makeup", "Nails", "Nail Polish"]
    assert dataset.items["attributes"].null_count() == 0
    assert dataset.clock == "order"


def test_zomato(real_data):
    reading = examine("zomato", real_data / "zomato-hyderabad")
    dataset = reading.dataset
    assert reading.problems.notes == {"row without data": 38}
    assert not reading.problems.errors
    assert counts(dataset) == {"events": 9_962, "reviews": 9_962, "items": 105}  # 10,000 with 38
    assert by(dataset, "behavior") == {"rating": 9_961, "favorite": 1}
    # data.md counts the empty name of the padding as a reviewer.
    assert (seen(dataset, "user_id"), seen(dataset, "item_id")) == (7_446, 100)
    assert dataset.items["price"].null_count() == 0


def test_yelp(real_data):
    dataset = sound("yelp", real_data / "yelp-boston-tips")
    assert counts(dataset) == {"events": 24_424, "reviews": 24_424, "items": 1_930}
    assert by(dataset, "behavior") == {"favorite": 24_424}
    assert seen(dataset, "user_id") == 7_925
    assert dataset.items["price_range"].drop_nulls().len() == 1_883
    assert set(dataset.items["price_range"].drop_nulls()) == {1, 2, 3, 4}
    assert dataset.items["stars"].null_count() == 0


def test_retailrocket(real_data):
    dataset = sound("behaviors", real_data / "retailrocket")
    assert by(dataset, "behavior") == {"view": 75_374, "cart": 12_456, "purchase": 9_551 + 2_174}
    assert by(dataset, "part") == {"train": 97_381, "test": 2_174}
    assert (seen(dataset, "user_id"), seen(dataset, "item_id")) == (2_174, 30_113)
    test = dataset.events.filter(part="test")
    train = dataset.events.filter(part="train")
    last = train.group_by("user_id").agg(last=pl.col("time").max())
    assert (test.join(last, on="user_id")["time"] == test.join(last, on="user_id")["last"]).all()


def test_gowalla(real_data):
    dataset = sound("lightgcn", real_data / "gowalla-lightgcn")
    assert by(dataset, "part") == {"train": 810_128, "test": 217_242}
    assert (seen(dataset, "user_id"), seen(dataset, "item_id")) == (29_858, 40_981)


def test_mind(real_data):
    dataset = sound("mind", real_data / "mind-subset")
    assert counts(dataset) == {"events": 7_542, "items": 2_000, "impressions": 5_000}
    assert dataset.impressions["user_id"].n_unique() == 4_637
    assert dataset.impressions["shown"].list.len().sum() == 189_359
    assert dataset.impressions["clicked"].list.sum().sum() == 7_542
    assert (dataset.impressions["history"].list.len() == 0).sum() == 107
    shown = dataset.impressions["shown"].explode().unique()
    assert len(shown) == 7_457
    assert shown.is_in(dataset.items["item_id"].implode()).sum() == 284


def test_mind_titles(real_data):
    dataset = sound("mind", real_data / "mind-titles")
    assert counts(dataset) == {"events": 10_403, "items": 25_387, "impressions": 6_936}
    shown = dataset.impressions["shown"].explode()
    assert (len(shown), shown.n_unique()) == (262_619, 8_379)
    assert shown.is_in(dataset.items["item_id"].implode()).all()


def test_nemig(real_data):
    dataset = sound("nemig", real_data / "nemig-en")
    assert counts(dataset) == {"events": 14_148, "items": 10_814, "impressions": 15_000}
    assert dataset.impressions["user_id"].n_unique() == 3_000
    assert dataset.impressions["shown"].list.len().sum() == 85_218
    assert (dataset.impressions["clicked"].list.sum() == 0).sum() == 852
    assert dataset.items["description"].null_count() == 10_814 - 10_402
    assert dataset.items["categories"].explode().drop_nulls().n_unique() == 40


def test_bing_news(real_data):
    dataset = sound("bing_news", real_data / "bing-news-dkn")
    assert by(dataset, "part") == {"train": 10_401, "test": 462}
    train = dataset.events.filter(part="train")
    assert (train["behavior"] == "click").sum() == 6_305
    assert (train["user_id"].n_unique(), train["item_id"].n_unique()) == (469, 8_668)


def test_fashion_photos(real_data):
    folder = real_data / "fashion-photos"
    dataset = sound("photos", folder)
    assert counts(dataset) == {"items": 5_000}
    assert dataset.items["images"].list.len().to_list() == [1] * 5_000
    with PictureFiles(folder) as files:
        assert files.read(dataset.items["images"][0][0])[:2] == b"\xff\xd8"  # a JPEG


def test_a_source_reads_the_same_every_time(real_data):
    folder = real_data / "retailrocket"
    assert read("behaviors", folder).fingerprint == read("behaviors", folder).fingerprint
