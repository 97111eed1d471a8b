"""Leaks that no provenance shows: each is planted and found, next to a control that is clean."""

import json
import re

import numpy as np
import polars as pl
import pytest
from planted_shop import (
    ITEMS,
    appeal_of,
    audited,
    cut,
    examined,
    exit_code,
    honest_shop,
    only,
    with_column,
    with_copies,
)
from typer.testing import CliRunner

from recweave.cli import app
from recweave.data.profiles import SCHEMA, Profiles, name_of
from recweave.data.reviews import train_reviews
from recweave.data.split import TEST, TRAIN, VALID

DESCRIBED = {
    "features": {"words": {"kind": "items", "fields": ["description"], "encoder": "tfidf"}},
    "models": [{"name": "content_knn", "feature": "words"}],
}
PROFILES = {
    "features": {"words": {"kind": "profiles", "folder": "texts", "encoder": "tfidf"}},
    "models": [{"name": "content_knn", "feature": "words"}],
}
HOT = {"kind": "boost", "where": "hot == 1", "factor": 3}
BOOSTED = {"models": [{"name": "popularity", "stages": [HOT]}]}
POPULARITY = "held-out popularity"
RANKED = {"features": {"rank": {"kind": "number", "field": "sales"}}}


@pytest.fixture(scope="module")
def shop():
    return honest_shop()


def reviews_by_item(shop, part=None):
    """All reviews of each item put together; those of train alone if asked."""
    own = shop.reviews if part is None else shop.reviews[train_reviews(shop, cut(shop))]
    texts = own.group_by("item_id").agg(pl.col("text").str.join(". "))
    return shop.items.join(texts, on="item_id", how="left", maintain_order="left")["text"]


def buyers_by_item(shop, part=None):
    """The ids of who bought each item; in train alone if asked."""
    rows = slice(None) if part is None else np.flatnonzero(cut(shop).part == part)
    texts = shop.events[rows].group_by("item_id").agg(pl.col("user_id").str.join(", "))
    joined = shop.items.join(texts, on="item_id", how="left", maintain_order="left")
    return joined.select("description", pl.col("user_id").fill_null(""))


def sales(shop, *parts):
    """Events of some parts with each item, in the order of the table of items."""
    rows = np.flatnonzero(np.isin(cut(shop).part, parts))
    return np.bincount(
        shop.listed_items.rows(shop.events["item_id"][rows]), minlength=len(shop.items)
    )


def write_profiles(shop, folder, texts, rows):
    """Profiles of items with these texts, and with train's reviews of the item as rows, or none."""
    split = cut(shop)
    own = shop.reviews.with_row_index("row")[train_reviews(shop, split)]
    behind = own.group_by("item_id").agg("row")
    table = (
        pl.DataFrame({"id": shop.items["item_id"], "text": texts})
        .join(behind, left_on="id", right_on="item_id", how="left", maintain_order="left")
        .with_columns(
            entity=pl.lit("item"),
            kind=pl.lit("profile"),
            fold=None,
            writer=pl.lit("made/1"),
            reviews=pl.col("row") if rows else pl.lit([], pl.List(pl.UInt32)),
            events=pl.lit([], pl.List(pl.UInt32)),
        )
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    )
    (folder / "texts").mkdir()
    profiles = Profiles(table, shop.fingerprint, name_of(split))
    profiles.save(folder / "texts" / "profiles.parquet")


def leaks(found):
    """The leaks by their check: a text that grows with every sale shows by its length as well."""
    return {finding.check: finding for finding in found.of("leak")}


def test_the_honest_shop_is_clean(shop, tmp_path):
    stages = [{"kind": "boost", "where": "price < 10", "factor": 3}, {"kind": "popularity"}]
    models = [{"name": "popularity", "stages": stages}, DESCRIBED["models"][0]]
    found = audited(shop, tmp_path, features=DESCRIBED["features"], models=models)
    assert (found.findings, found.exit_code) == ([], 0)
    assert exit_code(tmp_path) == 0


def test_1_profiles_of_all_reviews_that_name_train_rows_alone_are_found(shop, tmp_path):
    write_profiles(shop, tmp_path, reviews_by_item(shop), rows=True)
    leak = leaks(examined(shop, tmp_path, **PROFILES))["quotes of held-out reviews"]
    assert leak.features == ("words",)
    assert leak.count == 2 * len(cut(shop).test)
    assert leak.evidence["share"] == 1


def test_1_control_profiles_of_train_reviews_are_clean(shop, tmp_path):
    write_profiles(shop, tmp_path, reviews_by_item(shop, TRAIN), rows=True)
    assert examined(shop, tmp_path, **PROFILES).findings == []


def test_2_profiles_of_all_reviews_that_name_no_rows_are_unverified_and_a_leak(shop, tmp_path):
    write_profiles(shop, tmp_path, reviews_by_item(shop), rows=False)
    found = audited(shop, tmp_path, **PROFILES)
    assert [finding.check for finding in found.of("unverified")] == ["rows behind features"]
    assert leaks(found)["quotes of held-out reviews"].count == 2 * len(cut(shop).test)
    assert not any("catalogue alone" in line for line in found.checked)
    assert exit_code(tmp_path) == 1


def test_2_control_honest_profiles_that_name_no_rows_are_unverified_and_no_leak(shop, tmp_path):
    write_profiles(shop, tmp_path, reviews_by_item(shop, TRAIN), rows=False)
    assert only(audited(shop, tmp_path, **PROFILES), "unverified").count == ITEMS
    assert exit_code(tmp_path) == 3


def test_3_a_description_of_all_reviews_is_found_with_a_quote(shop, tmp_path):
    leaky = with_column(shop, description=reviews_by_item(shop))
    leak = leaks(examined(leaky, **DESCRIBED))["quotes of held-out reviews"]
    assert leak.where == "the column 'description' of the items"
    assert (leak.features, leak.count) == (("words",), 2 * len(cut(shop).test))
    quote = leak.example.split("“")[1].rstrip("”")
    assert len(quote.split()) == 6
    assert shop.reviews["text"].str.contains(quote, literal=True).any()


def test_3_a_few_held_out_reviews_among_many_honest_texts_are_found(shop, tmp_path):
    """One item in ten has its held-out reviews in its description."""
    every_tenth = pl.int_range(pl.len()) % 10 == 0
    texts = pl.when(every_tenth).then(pl.Series(reviews_by_item(shop))).otherwise("description")
    leak = only(examined(with_column(shop, description=texts), **DESCRIBED))
    assert 0.05 < leak.evidence["share"] < 0.2


def test_3_control_a_description_of_train_reviews_is_clean(shop, tmp_path):
    honest = with_column(shop, description=reviews_by_item(shop, TRAIN))
    assert examined(honest, **DESCRIBED).findings == []


def test_3_control_a_reviewer_may_quote_the_description(shop, tmp_path):
    """Two buyers copy the description into their reviews, one of them held out."""
    held_out_row = int(np.flatnonzero(cut(shop).part == TEST)[0])
    item = shop.reviews["item_id"][held_out_row]
    text = shop.items.filter(item_id=item)["description"][0]
    same = pl.int_range(pl.len()) == held_out_row
    quoting = shop.reviews.with_columns(text=pl.when(same).then(pl.lit(text)).otherwise("text"))
    assert examined(shop.replace(reviews=quoting), **DESCRIBED).findings == []


def test_4_texts_with_the_ids_of_all_buyers_are_found(shop, tmp_path):
    texts = pl.concat_str(buyers_by_item(shop), separator=" Bought by: ")
    leak = leaks(examined(with_column(shop, description=texts), **DESCRIBED))["ids in texts"]
    assert leak.features == ("words",)
    assert leak.count == 2 * len(cut(shop).test)
    assert leak.evidence["expected_by_chance"] < leak.count / 10
    assert "buyer-" in leak.example


def test_4_control_the_ids_of_train_buyers_are_clean(shop, tmp_path):
    texts = pl.concat_str(buyers_by_item(shop, TRAIN), separator=" Bought by: ")
    assert examined(with_column(shop, description=texts), **DESCRIBED).findings == []


def test_4_control_numbers_in_texts_that_happen_to_be_ids_are_clean(shop, tmp_path):
    """Users are called 1, 2, 3, … and descriptions say how much is in a pack."""
    numbered = [pl.col("user_id").str.slice(6).str.strip_chars_start("0").replace("", "0")]
    rng = np.random.default_rng(0)
    packs = [" ".join(map(str, rng.integers(0, 400, 6))) for _ in range(ITEMS)]
    plain = with_column(shop, description=pl.Series(packs)).replace(
        events=shop.events.with_columns(numbered), reviews=shop.reviews.with_columns(numbered)
    )
    assert examined(plain, **DESCRIBED).findings == []


@pytest.mark.parametrize("parts", [(TEST,), (TRAIN, TEST)])
def test_5_a_number_that_counts_test_events_is_found(shop, tmp_path, parts):
    leaky = with_column(shop, sales=pl.Series(sales(shop, *parts)))
    leak = only(examined(leaky, **RANKED))
    assert leak.where == "the column 'sales' of the items"
    assert (leak.check, leak.features) == ("held-out popularity", ("rank",))
    assert leak.evidence["part"] == "test"
    assert leak.evidence["size"] > 0.9
    assert leak.evidence["p"] == pytest.approx(1 / 200)


def test_5_a_column_that_follows_test_by_its_ranks_alone_is_found(shop):
    """One absurd value hides how the others follow the counts."""
    counted = sales(shop, TRAIN) + 6 * sales(shop, TEST)
    counted[int(counted.argmin())] = 1_000_000
    leak = only(
        examined(with_column(shop, sales=pl.Series(counted)), checks=[POPULARITY], **RANKED)
    )
    assert leak.evidence["scale"] == "by ranks, beyond what train says"


@pytest.mark.parametrize(("noise", "levels"), [(2, ["leak"]), (3, ["suspicious"]), (5, [])])
def test_5_counts_of_test_with_noise_are_a_leak_or_suspicious_by_their_size(shop, noise, levels):
    blurred = sales(shop, TEST) + np.random.default_rng(0).normal(0, noise, ITEMS)
    found = examined(with_column(shop, sales=pl.Series(blurred)), checks=[POPULARITY], **RANKED)
    assert [finding.level for finding in found.findings] == levels


def test_5_a_number_that_counts_validation_events_is_found(shop):
    leaky = with_column(shop, sales=pl.Series(sales(shop, VALID)))
    assert only(examined(leaky, checks=[POPULARITY], **RANKED)).evidence["part"] == "valid"


def test_5_control_sales_in_train_and_what_tends_to_sell_are_clean(shop, tmp_path):
    """A price that follows an item's popularity in train, with chance, is an honest column."""
    counted = sales(shop, TRAIN)
    rng = np.random.default_rng(0)
    honest = with_column(
        shop,
        sales=pl.Series(counted),
        price=pl.Series(100 / (1 + counted) * rng.lognormal(0, 0.3, ITEMS)),
    )
    assert examined(honest, **RANKED).findings == []


def with_test_items(shop, weight):
    """The shop with other items in the test events, sampled by these weights of the items."""
    rows = np.flatnonzero(cut(shop).part == TEST)
    new = np.random.default_rng(1).choice(len(weight), len(rows), p=weight / weight.sum())
    ids = shop.events["item_id"].to_numpy().copy()
    ids[rows] = shop.items["item_id"].to_numpy()[new]
    return shop.replace(events=shop.events.with_columns(item_id=pl.Series(ids)))


def strongest(found):
    """The size of the strongest column of the items against test, and the two bounds."""
    line = next(line for line in found.checked if "popularity in test" in line)
    numbers = re.search(r"at (\S+); .* reaches (\S+) by counts, (\S+) by ranks", line)
    return [float(number) for number in numbers.groups()]


def test_5_control_a_column_that_knows_what_comes_into_fashion_is_clean():
    """It says more of test than train does, significantly; but not what chance made of it."""
    shop = honest_shop(people=1_500, count=300)
    fashion = np.random.default_rng(0).normal(0, 0.2, 300)
    shop = with_test_items(shop, appeal_of(count=300) * np.exp(fashion))
    shop = with_column(shop, sales=pl.Series(fashion))
    found = examined(shop, checks=[POPULARITY], **RANKED)
    assert found.findings == []
    size, *bounds = strongest(found)
    assert 0.3 < size < 0.45
    assert min(bounds) > 0.5


def test_5_control_where_test_is_chance_alone_the_bound_is_not_below_its_floor():
    """Two halves of the test events say nothing of each other then."""
    shop = with_test_items(honest_shop(people=600, count=5_000), np.ones(5_000))
    found = examined(shop, checks=[POPULARITY], **RANKED)
    assert found.findings == []
    assert strongest(found)[1:] == [0.3, 0.3]


def test_5_a_leaking_column_that_nothing_reads_is_noted_and_does_not_fail(shop, tmp_path):
    leaky = with_column(shop, sales=pl.Series(sales(shop, TEST)))
    assert only(examined(leaky), "note").where == "the column 'sales' of the items"


def test_6_a_boost_of_what_sells_in_test_is_found_by_its_mask_and_its_column(shop, tmp_path):
    counted = sales(shop, TEST)
    hot = (counted >= np.sort(counted)[-18]).astype(int)
    found = examined(with_column(shop, hot=pl.Series(hot)), **BOOSTED)
    assert {finding.where for finding in found.findings} == {
        "stage 1 (boost) of 'popularity'",
        "the column 'hot' of the items",
    }
    assert {finding.stages for finding in found.findings} == {(("popularity", 0),)}


@pytest.mark.parametrize("best", [12, 24])
def test_6_marks_on_the_best_sellers_are_found(shop, best):
    counted = sales(shop, TEST)
    hot = (counted >= np.sort(counted)[-best]).astype(int)
    found = examined(with_column(shop, hot=pl.Series(hot)), **BOOSTED)
    assert "stage 1 (boost) of 'popularity'" in {finding.where for finding in found.of("leak")}


@pytest.fixture(scope="module")
def large():
    return honest_shop(people=1_000, count=2_000)


@pytest.mark.parametrize("marked", ["the best", "all others"])
def test_6_a_mark_on_the_top_tenth_of_a_large_catalogue_is_found(large, marked):
    """So many items sell so little that what train and chance explain hides the mark."""
    best = np.argsort(-sales(large, TEST), kind="stable")[:200]
    hot = np.full(2_000, int(marked == "all others"))
    hot[best] = 1 - hot[best]
    found = examined(with_column(large, hot=pl.Series(hot)), checks=[POPULARITY], **BOOSTED)
    assert {finding.where for finding in found.of("leak")} == {
        "stage 1 (boost) of 'popularity'",
        "the column 'hot' of the items",
    }
    assert {finding.evidence["scale"] for finding in found.findings} == {
        "with the counts themselves"
    }


def test_6_control_a_mark_on_a_few_items_that_nobody_buys_in_test_is_clean(shop):
    """Their counts, all 0, follow the mark strictly; by chance, as there are so many of them."""
    events = shop.events.filter(pl.col("item_id").str.slice(6).cast(pl.Int64) % 3 != 0)
    hot = pl.Series((np.arange(ITEMS) % 36 == 0).astype(int))
    assert examined(with_column(shop.replace(events=events), hot=hot), **BOOSTED).findings == []


def test_6_control_a_boost_of_what_sells_in_train_is_clean(shop, tmp_path):
    counted = sales(shop, TRAIN)
    hot = (counted >= np.sort(counted)[-18]).astype(int)
    assert examined(with_column(shop, hot=pl.Series(hot)), **BOOSTED).findings == []


@pytest.mark.parametrize("backwards", [False, True])
def test_7_rows_in_the_order_of_test_popularity_are_found(shop, backwards):
    order = np.argsort(sales(shop, TEST), kind="stable")
    items = shop.items[order[::-1] if backwards else order]
    leak = only(examined(shop.replace(items=items, numbering="table")))
    assert leak.where == "the order of the items"


def test_7_a_table_in_the_order_of_test_popularity_changes_nothing_by_itself(shop):
    """Rows go by a hash of the id. The order is noted, as a plug-in could read the table."""
    order = np.argsort(sales(shop, TEST), kind="stable")
    sorted_shop = shop.replace(items=shop.items[order])
    assert sorted_shop.item_ids.ids.equals(shop.item_ids.ids)
    assert only(examined(sorted_shop), "note").where == "the order of the table of items"
    plug_in = {"features": {"mine": {"kind": "planted_shop:Silent"}}}
    assert only(examined(sorted_shop, **plug_in)).where == "the order of the table of items"


def test_7_ids_that_number_the_items_by_test_popularity_are_found(shop):
    rank = np.argsort(np.argsort(-sales(shop, TEST), kind="stable"))
    ids = dict(zip(shop.items["item_id"], (f"p{n}" for n in rank), strict=True))
    renamed = [pl.col("item_id").replace_strict(ids)]
    numbered = shop.replace(
        events=shop.events.with_columns(renamed),
        reviews=shop.reviews.with_columns(renamed),
        items=shop.items.with_columns(renamed),
    )
    assert only(examined(numbered), "note").where == "the numbers in the items' ids"
    plug_in = {"features": {"mine": {"kind": "planted_shop:Silent"}}}
    assert only(examined(numbered, **plug_in)).where == "the numbers in the items' ids"


def test_7_control_a_catalogue_in_the_order_of_train_popularity_is_clean(shop, tmp_path):
    order = np.argsort(-sales(shop, TRAIN), kind="stable")
    by_train = shop.replace(items=shop.items[order], numbering="table")
    assert examined(by_train).findings == []


def test_8_copies_of_users_that_hold_the_target_are_found(shop, tmp_path):
    of = [f"buyer-{n:03}" for n in range(0, 400, 10)]
    leak = only(examined(with_copies(shop, of, target=True)))
    assert (leak.check, leak.count) == ("twin accounts", len(of))
    assert leak.evidence["same_times"] == 1
    assert "copy-of-buyer-" in leak.example


def test_8_control_copies_that_lack_the_target_are_clean(shop, tmp_path):
    of = [f"buyer-{n:03}" for n in range(0, 400, 10)]
    assert examined(with_copies(shop, of, target=False)).findings == []


def test_the_audit_says_the_same_each_time_and_in_json(shop, tmp_path):
    leaky = with_column(shop, sales=pl.Series(sales(shop, TEST)))
    first = audited(leaky, tmp_path, **RANKED).to_json()
    printed = json.loads(CliRunner().invoke(app, ["audit", str(tmp_path / "run"), "--json"]).stdout)
    assert first.pop("seconds").keys() == printed.pop("seconds").keys()
    assert printed == first
    assert (printed["clean"], printed["exit_code"]) == (False, 1)
