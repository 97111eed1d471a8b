"""A training row's own review is never part of a text that the row learns from (target leakage)."""

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadSetting, UnknownName
from recweave.data.k_fold import assign_folds
from recweave.enrich import KINDS, Extractive, Material, enrich

from .conftest import shop_of


def test_rows_of_a_pair_have_one_fold_and_folds_have_equal_sizes():
    rng = np.random.default_rng(0)
    item, user = rng.integers(0, 20, 800), rng.integers(0, 40, 800)
    fold = assign_folds(item, user, folds=4, small=0, seed=1)
    pairs = np.unique(np.stack([item, user, fold]), axis=1)
    assert pairs.shape[1] == len(set(zip(item, user, strict=True)))
    for i in range(20):
        counts = np.bincount(pairs[2, pairs[0] == i], minlength=4)
        assert counts.max() - counts.min() <= 1


def test_small_entities_have_a_fold_for_each_pair():
    item, user = np.repeat([0, 1], [6, 7]), np.arange(13)
    fold = assign_folds(item, user, folds=2, small=6, seed=0)
    assert sorted(fold[:6]) == [0, 1, 2, 3, 4, 5] and set(fold[6:]) == {0, 1}


def test_folds_depend_on_the_seed_alone():
    item, user = np.zeros(50, int), np.arange(50)
    first, again, other = (assign_folds(item, user, 5, 0, seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_task_has_the_newest_rows_first_and_none_of_its_fold(talk, cut):
    material = Material.of(talk, cut(talk), folds=2)
    tasks = list(material.tasks(["summary"]))
    whole = {(t.entity, t.id): t.rows for t in tasks if t.fold is None}
    assert whole["item", "a"].tolist() == [2, 1, 0]
    for (entity, id), rows in whole.items():
        shown = [
            set(t.rows) for t in tasks if (t.entity, t.id) == (entity, id) and t.fold is not None
        ]
        left_out = [set(rows) - fold_rows for fold_rows in shown]
        assert set.union(*left_out) == set(rows) and sum(map(len, left_out)) == len(rows)


def test_one_fold_and_unknown_kinds_are_refused(talk, cut):
    with pytest.raises(BadSetting, match="two or more"):
        Material.of(talk, cut(talk), folds=1)
    with pytest.raises(UnknownName, match="did you mean 'summary'"):
        list(Material.of(talk, cut(talk)).tasks(["sumary"]))


@pytest.fixture
def chatter():
    """Forty reviews by eight people of eight items, of a few random words."""
    rng = np.random.default_rng(0)
    things = ["strap", "buckle", "lining", "pocket", "zipper", "handle", "colour", "seam"]
    rows = []
    for pair in rng.permutation(64)[:40]:
        parts = [f"The {a} beats every {b}." for a, b in rng.choice(things, (3, 2))]
        rows.append((f"u{pair % 8}", f"i{pair // 8}", float(rng.integers(2, 6)), " ".join(parts)))
    return shop_of(rows)


@pytest.mark.parametrize("small", [0, 6])
def test_altering_a_review_never_changes_the_texts_its_own_row_learns_from(
    chatter, cut, encoder, tmp_path, small
):
    """Both sides, every kind; and it does change others, so there was something to leak."""
    split, writer = cut(chatter), Extractive(encoder, length=30)
    kinds = [kind for kind in KINDS if kind != "interest"]

    def written(reviews, name):
        shop = chatter.replace(reviews=reviews)
        return enrich(shop, split, writer, tmp_path / name, kinds=kinds, folds=2, small=small)

    before, changed = written(chatter.reviews, "before"), 0
    for row in np.array([3, 30]):
        after = written(altered(chatter.reviews, row), f"after{row}")
        for entity in ("item", "user"):
            id = chatter.reviews[f"{entity}_id"][int(row)]
            for kind in (kind for kind in kinds if entity in KINDS[kind].entities):
                fold = before.folds(kind, entity, np.array([row]), "reviews")
                assert fold[0] is not None
                own = [p.texts(kind, entity, [id], fold)[0] for p in (before, after)]
                assert own[0] == own[1]
                whole = [p.texts(kind, entity, [id])[0] for p in (before, after)]
                changed += whole[0] != whole[1]
    assert changed > 8


def altered(reviews, row, rating=1.0):
    """The reviews with another text in one row."""
    other = "The gearbox exploded. It is very cheap. The zeppelin sank. Avoid the zeppelin."
    changed = pl.int_range(pl.len()) == int(row)
    return reviews.with_columns(
        text=pl.when(changed).then(pl.lit(other)).otherwise("text"),
        rating=pl.when(changed).then(pl.lit(rating, pl.Float32)).otherwise("rating"),
    )


@pytest.mark.parametrize("entity", ["item", "user"])
def test_corpus_statistics_leave_out_the_rows_of_the_fold(encoder, cut, entity):
    """One rating of 1 decides whether 4 of 5 is a good one, but not for its own row."""
    texts = {(0, 0): "The cable rustles.", (1, 0): "The plug rattles.", (0, 1): "The hook bends."}
    rows = [
        (f"u{u}", f"i{i}", 5.0 - (u + i) % 2, texts.get((u, i), "Well."))
        for u in (0, 1, 2)
        for i in (0, 1, 2)
    ]
    shop = shop_of(rows)

    def aspects(shop):
        material = Material.of(shop, cut(shop), folds=2)
        tasks = list(material.tasks(["aspects"]))
        written = Extractive(encoder).write(material, tasks)
        last = f"{entity[0]}0"
        fold = int(material.fold_of[entity, "reviews"][0])
        by_fold = {task.fold: text for task, text in written if task.id == last}
        return by_fold[fold], by_fold[None]

    first_row = pl.int_range(pl.len()) == 0
    low = shop.reviews.with_columns(
        rating=pl.when(first_row).then(pl.lit(1.0, pl.Float32)).otherwise("rating")
    )
    first, second = aspects(shop), aspects(shop.replace(reviews=low))
    assert first[0] == second[0] and first[1] != second[1]
    material = Material.of(shop, cut(shop), folds=2)
    for fold in (0, 1):
        rows = np.flatnonzero(material.fold_of[entity, "reviews"] != fold)
        assert set(material.corpus(entity, "reviews", fold)) == set(rows)


def test_altering_the_time_of_an_event_never_changes_the_interest_its_own_row_learns_from(
    chatter, cut, encoder, tmp_path
):
    changed, split = pl.int_range(pl.len()) == 20, cut(chatter)
    later = chatter.events.with_columns(pl.col("time") + pl.when(changed).then(10**6).otherwise(0))
    first, second = (
        enrich(shop, split, Extractive(encoder), tmp_path / name, kinds=["interest"], folds=2)
        for name, shop in (("a", chatter), ("b", chatter.replace(events=later)))
    )
    id, fold = (
        chatter.events["item_id"][20],
        first.folds("interest", "item", np.array([20]), "events"),
    )
    own = [p.texts("interest", "item", [id], fold)[0] for p in (first, second)]
    assert own[0] == own[1] is not None
    assert first.texts("interest", "item", [id])[0] != second.texts("interest", "item", [id])[0]
