import numpy as np
import polars as pl
import pytest
from planted_shop import cut, honest_shop
from typer.testing import CliRunner

from recweave.cli import app
from recweave.core.errors import BadArtifact
from recweave.data.catalogue import load
from recweave.data.profiles import Profiles, name_of
from recweave.data.reviews import train_reviews
from recweave.data.split import LeaveLastOut
from recweave.enrich.job import PROFILES
from recweave.report.audit import audit_texts


@pytest.fixture(scope="module")
def shop():
    dataset = load("synthetic:small")
    return dataset, dataset.split(LeaveLastOut())


def write(shop, folder, rows, fold=None, split=None):
    dataset, own = shop
    texts = [
        {
            "entity": "item",
            "id": "item-001",
            "kind": "summary",
            "fold": f,
            "text": "Said to be good.",
        }
        | {"writer": "made/1", "reviews": some, "events": []}
        for f, some in zip([None] if fold is None else [None, *fold], rows, strict=True)
    ]
    table = pl.DataFrame(texts, schema_overrides={"events": pl.List(pl.UInt32)})
    Profiles(table, dataset.fingerprint, name_of(split or own)).save(folder / PROFILES)


def test_texts_from_train_are_clean(shop, tmp_path):
    write(shop, tmp_path, [train_reviews(*shop)[:4].tolist()])
    found = audit_texts(tmp_path, *shop)
    assert not found.findings
    assert "4 reviews behind them; not cross-fitted" in found.checked[0]


def test_a_text_from_a_held_out_review_is_named_with_the_row(shop, tmp_path):
    dataset, _ = shop
    leaked = np.setdiff1d(np.arange(len(dataset.reviews)), train_reviews(*shop))[0]
    write(shop, tmp_path, [[int(train_reviews(*shop)[0]), int(leaked)]])
    found = audit_texts(tmp_path, *shop)
    assert [(f.features[0], f.evidence["rows"]) for f in found.findings] == [
        ("item summary", [leaked])
    ]
    printed = CliRunner().invoke(app, ["audit", str(tmp_path), "--data", "synthetic:small"])
    assert printed.exit_code == 1
    assert f"row {leaked}" in printed.stdout


def test_a_row_that_every_variant_rests_on_is_a_leak_of_its_own(shop, tmp_path):
    one, two, three = (int(row) for row in train_reviews(*shop)[:3])
    write(shop, tmp_path, [[one, two, three], [two, three], [one, three]], fold=[0, 1])
    with pytest.raises(BadArtifact, match=f"row {three}"):
        audit_texts(tmp_path, *shop)
    write(shop, tmp_path, [[one, two], [two], [one]], fold=[0, 1])
    assert "no part in" in audit_texts(tmp_path, *shop).checked[0]


def test_texts_for_another_split_are_refused(shop, tmp_path):
    dataset, _ = shop
    write(shop, tmp_path, [[0]], split=dataset.split(LeaveLastOut(n=2)))
    with pytest.raises(BadArtifact, match="not for"):
        audit_texts(tmp_path, *shop)


def test_texts_from_other_data_are_refused(shop, tmp_path):
    dataset, split = shop
    write(shop, tmp_path, [[0]])
    other = dataset.replace(events=dataset.events[:-1])
    with pytest.raises(BadArtifact, match="was written from data with fingerprint"):
        audit_texts(tmp_path, other, split)


def test_texts_that_name_held_out_buyers_are_found(tmp_path):
    """The rows that they name are train's."""
    shop = honest_shop()
    split = cut(shop)
    rows = shop.reviews.with_row_index("row")[train_reviews(shop, split)]
    named = rows.group_by("item_id").agg("row")
    buyers = shop.events.group_by("item_id").agg(pl.col("user_id").str.join(", "))
    table = buyers.join(named, on="item_id").select(
        entity=pl.lit("item"),
        id="item_id",
        kind=pl.lit("summary"),
        fold=None,
        text="user_id",
        writer=pl.lit("made/1"),
        reviews="row",
        events=pl.lit([], pl.List(pl.UInt32)),
    )
    Profiles(table, shop.fingerprint, name_of(split)).save(tmp_path / PROFILES)
    (leak,) = audit_texts(tmp_path, shop, split).findings
    assert (leak.check, leak.count) == ("ids in texts", 2 * len(split.test))


def test_the_content_of_texts_is_checked_whatever_rows_they_name(tmp_path):
    """Profiles of all reviews that name train's rows, or none."""
    shop = honest_shop()
    split = cut(shop)
    rows = train_reviews(shop, split)
    of_item = shop.reviews.group_by("item_id").agg(pl.col("text").str.join(". "))
    named = shop.reviews.with_row_index("row")[rows].group_by("item_id").agg("row")
    table = of_item.join(named, on="item_id").select(
        entity=pl.lit("item"),
        id="item_id",
        kind=pl.lit("summary"),
        fold=None,
        text="text",
        writer=pl.lit("made/1"),
        reviews="row",
        events=pl.lit([], pl.List(pl.UInt32)),
    )
    Profiles(table, shop.fingerprint, name_of(split)).save(tmp_path / PROFILES)
    (leak,) = audit_texts(tmp_path, shop, split).findings
    assert (leak.level, leak.count) == ("leak", 2 * len(split.test))
    bare = table.with_columns(reviews=pl.lit([], pl.List(pl.UInt32)))
    Profiles(bare, shop.fingerprint, name_of(split)).save(tmp_path / PROFILES)
    levels = [finding.level for finding in audit_texts(tmp_path, shop, split).findings]
    assert levels == ["leak", "unverified"]


def test_a_profile_from_the_catalogue_may_name_no_rows_where_there_are_no_reviews(shop, tmp_path):
    dataset, split = shop
    read = dataset.reviews["item_id"].gather(train_reviews(dataset, split))
    unread = dataset.item_ids.ids.filter(~dataset.item_ids.ids.is_in(read.implode()))
    ids = [unread[0], read[0]]
    table = pl.DataFrame({"id": ids}).select(
        entity=pl.lit("item"),
        id="id",
        kind=pl.lit("profile"),
        fold=None,
        text=pl.lit("A lamp."),
        writer=pl.lit("made/1"),
        reviews=pl.lit([], pl.List(pl.UInt32)),
        events=pl.lit([], pl.List(pl.UInt32)),
    )
    Profiles(table, dataset.fingerprint, name_of(split)).save(tmp_path / PROFILES)
    (doubt,) = audit_texts(tmp_path, dataset, split).findings
    assert (doubt.level, doubt.count) == ("unverified", 1)
    assert doubt.example == f"the text of {read[0]}"
