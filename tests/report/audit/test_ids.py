"""Ids inside texts: how they are read, and how many are more than chance."""

import numpy as np
import polars as pl
import pytest
from planted_shop import cut, honest_shop

from recweave.data.split import TEST, TRAIN, VALID
from recweave.report.audit import ids
from recweave.report.audit.case import Cut
from recweave.report.audit.ids import named_in, named_pairs
from recweave.report.audit.written import Texts


@pytest.fixture(scope="module")
def shop():
    dataset = honest_shop()
    return Cut(dataset, cut(dataset))


def texts_of(shop, of, texts):
    """Texts of items or users, by id."""
    known = shop.dataset.item_ids if of == "item" else shop.dataset.user_ids
    rows = known.rows(pl.Series(list(texts))).astype(np.int64)
    return Texts("the texts", of, rows, pl.Series(list(texts.values())))


def held_out_pairs(shop, count):
    """Ids of users and items of the first test events, of different items."""
    events = shop.dataset.events[np.flatnonzero(shop.split.part == TEST)]
    return events.unique("item_id", maintain_order=True)[:count].select("user_id", "item_id").rows()


def test_ids_are_read_without_regard_to_capitals_and_to_what_is_around_them(shop):
    text = "Liked by BUYER-007, (Buyer-010)! and @buyer-011. Not xbuyer-012 or buyer-0134."
    pairs = named_pairs(shop, texts_of(shop, "item", {"thing-003": text}))
    users, items = np.divmod(pairs, len(shop.dataset.item_ids))
    named = {shop.dataset.user_ids.ids[int(user)] for user in users}
    assert named == {"buyer-007", "buyer-010", "buyer-011"}
    assert {shop.dataset.item_ids.ids[int(item)] for item in items} == {"thing-003"}


def test_ids_of_a_log_with_capitals_are_found_too():
    dataset = honest_shop()
    upper = [pl.col("user_id").str.to_uppercase()]
    dataset = dataset.replace(
        events=dataset.events.with_columns(upper), reviews=dataset.reviews.with_columns(upper)
    )
    shop = Cut(dataset, cut(dataset))
    pairs = named_pairs(shop, texts_of(shop, "item", {"thing-003": "By buyer-007."}))
    assert shop.dataset.user_ids.ids[int(pairs[0]) // 120] == "BUYER-007"


@pytest.mark.parametrize("of", ["item", "user"])
def test_texts_of_items_and_of_users_are_searched(shop, of):
    pairs = held_out_pairs(shop, 20)
    texts = {item: f"by {user}" for user, item in pairs}
    if of == "user":
        texts = {user: f"has {item}" for user, item in pairs}
    (leak,) = named_in(shop, texts_of(shop, of, texts))
    assert (leak.count, leak.level) == (20, "leak")
    lines = [
        f"the text of item {item} holds the id {user}, and user {user} has item {item}"
        if of == "item"
        else f"the text of user {user} holds the id {item}, and user {user} has item {item}"
        for user, item in pairs
    ]
    assert any(leak.example.startswith(line) for line in lines)


@pytest.mark.parametrize(("count", "found"), [(2, 0), (3, 1)])
def test_one_or_two_pairs_are_no_leak(shop, monkeypatch, count, found):
    monkeypatch.setattr(ids, "BY_CHANCE", 1.0)
    texts = {item: f"by {user}" for user, item in held_out_pairs(shop, count)}
    assert len(named_in(shop, texts_of(shop, "item", texts))) == found


def test_pairs_that_are_in_train_as_well_are_no_leak():
    """Everybody buys the first item again in the end, and its text names every buyer."""
    dataset = honest_shop()
    split = cut(dataset)
    first = dataset.events.filter(pl.Series(split.part == TRAIN)).unique("user_id", keep="first")
    again = dict(first.select("user_id", "item_id").iter_rows())
    item = pl.when(pl.Series(split.part == TEST)).then(pl.col("user_id").replace_strict(again))
    dataset = dataset.replace(events=dataset.events.with_columns(item_id=item.otherwise("item_id")))
    shop = Cut(dataset, cut(dataset))
    buyers = {bought: f"by {user}" for user, bought in again.items()}
    assert len(shop.held_out) == len(np.setdiff1d(shop.pairs[VALID], shop.pairs[TRAIN])) > 0
    assert named_in(shop, texts_of(shop, "item", buyers)) == []
