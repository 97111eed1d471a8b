import tomllib
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from recweave.core.errors import BadInput, BadSetting, UnknownName
from recweave.core.settings import Settings
from recweave.data.catalogue import load
from recweave.data.dataset import Dataset
from recweave.data.drop import DropIds, DropValueBelow
from recweave.data.filters import (
    AnyFilter,
    Behaviors,
    Deduplicate,
    KCore,
    MinRating,
    Noise,
    Sample,
    TimeWindow,
    apply_all,
)

ROWS = st.lists(
    st.tuples(
        st.sampled_from("uvwx"),
        st.sampled_from("abcde"),
        st.sampled_from(["view", "purchase", "rating"]),
        st.sampled_from([1.0, 2.0, 3.0]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=40,
)


def dataset_of(rows, **tables):
    columns = ["user_id", "item_id", "behavior", "value", "time"]
    return Dataset(
        "log", events=pl.DataFrame(rows, schema=columns, orient="row"), numbering="table", **tables
    )


def pairs(*words, **tables):
    """A dataset of one event for each "user item" pair, in this order."""
    return dataset_of([(*word, "rating", 3.0, n) for n, word in enumerate(words)], **tables)


def rows_kept(how, dataset):
    return np.flatnonzero(how.keeps(dataset)).tolist()


def core_by_hand(rows, users, items):
    while True:
        by_user, by_item = Counter(r[0] for r in rows), Counter(r[1] for r in rows)
        left = [r for r in rows if by_user[r[0]] >= users and by_item[r[1]] >= items]
        if len(left) == len(rows):
            return left
        rows = left


@given(ROWS, st.integers(0, 4), st.integers(0, 4))
def test_k_core_equals_a_loop_that_stops_when_nothing_leaves(rows, users, items):
    keep = KCore(users=users, items=items).keeps(dataset_of(rows))
    assert [row for row, stays in zip(rows, keep, strict=True) if stays] == core_by_hand(
        rows, users, items
    )


def test_k_core_takes_out_in_turn_until_nothing_is_left_to_take():
    # c has one event; without it w has one; without w b has one; u and v with a and d hold.
    chain = pairs("ua", "ud", "va", "vd", "wb", "wc", "ub")
    core = KCore(users=2, items=2).apply(chain)
    assert core.events["item_id"].to_list() == ["a", "d", "a", "d"]


def test_k_core_takes_what_left_the_log_out_of_every_table():
    shop = pairs(
        "ua",
        "ub",
        "va",
        "vb",
        "wa",
        items=pl.DataFrame({"item_id": ["never sold", "a", "b"]}),
        users=pl.DataFrame({"user_id": ["w", "v", "u"]}),
        reviews=pl.DataFrame({"user_id": ["w", "u"], "item_id": ["a", "a"]}),
        links=pl.DataFrame({"item_id": ["b", "c"], "other_id": ["c", "b"], "relation": ["x", "x"]}),
        impressions=pl.DataFrame({"impression_id": ["1"], "user_id": ["w"], "shown": [["a"]]}),
    )
    core = KCore(users=2, items=2).apply(shop)
    assert core.item_ids.ids.to_list() == ["a", "b"]
    assert core.user_ids.ids.to_list() == ["v", "u"]
    assert core.reviews["user_id"].to_list() == ["u"]
    assert core.links["item_id"].to_list() == ["b"]
    assert len(core.impressions) == 0
    # Where nothing is asked of items, those that nobody bought stay in the catalogue.
    assert KCore(users=2, items=0).apply(shop).items["item_id"].to_list() == [
        "never sold",
        "a",
        "b",
    ]


def test_min_rating_judges_ratings_alone():
    log = dataset_of(
        [
            ("u", "a", "rating", 3.0, 0),
            ("u", "b", "rating", 4.0, 1),
            ("u", "c", "view", 1.0, 2),
            ("u", "d", "rating", 5.0, 3),
        ]
    )
    assert rows_kept(MinRating(value=4), log) == [1, 2, 3]


def test_behaviors_keeps_those_named():
    log = dataset_of([("u", "a", name, 1.0, 0) for name in ("view", "cart", "purchase", "view")])
    assert rows_kept(Behaviors(names=("purchase", "view")), log) == [0, 2, 3]
    with pytest.raises(UnknownName, match="did you mean 'purchase'"):
        Behaviors(names=("purchases",)).apply(log)


def test_a_time_window_holds_its_first_moment_and_not_its_last():
    log = dataset_of([("u", "a", "view", 1.0, time) for time in (9, 10, 19, 20, 10)])
    assert rows_kept(TimeWindow(start=10, end=20), log) == [1, 2, 4]
    assert rows_kept(TimeWindow(start=10), log) == [1, 2, 3, 4]
    assert rows_kept(TimeWindow(end=10), log) == [0]
    assert rows_kept(TimeWindow(), log) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2014-01-01", 1_388_534_400),
        ("2014-01-01T00:00:10", 1_388_534_410),
        ("2014-01-01T02:00:00+02:00", 1_388_534_400),
        (1_388_534_400, 1_388_534_400),
    ],
)
def test_a_moment_may_be_a_date_in_utc(written, seconds):
    assert TimeWindow(start=written).start == seconds


def test_a_day_of_a_recipe_file_is_a_moment():
    settings = tomllib.loads('kind = "time_window"\nstart = 2014-01-01\nend = 2014-01-01T00:00:10Z')
    window = TimeWindow.parse(settings, "recipe.toml")
    assert (window.start, window.end) == (1_388_534_400, 1_388_534_410)
    assert TimeWindow.model_validate_json(window.model_dump_json()) == window


@pytest.mark.parametrize("settings", [{"start": 5, "end": 5}, {"start": "yesterday"}])
def test_a_window_that_cannot_be_is_refused(settings):
    with pytest.raises(BadSetting, match=r"recipe\.toml"):
        TimeWindow.parse(settings, "recipe.toml")


def test_a_time_window_needs_times():
    log = Dataset("log", events=pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}))
    with pytest.raises(BadSetting, match="needs times; log has only an order"):
        TimeWindow(start=5).apply(log)


@given(ROWS, st.sampled_from(["first", "last", "max"]), st.sampled_from(["pair", "behavior"]))
def test_deduplicate_equals_a_loop_over_events(rows, keep, by):
    best = {}
    rank = {
        "first": lambda n: (-rows[n][4], -n),
        "last": lambda n: (rows[n][4], n),
        "max": lambda n: (rows[n][3], rows[n][4], n),
    }[keep]
    for n, row in enumerate(rows):
        key = row[: 2 if by == "pair" else 3]
        if key not in best or rank(n) > rank(best[key]):
            best[key] = n
    assert rows_kept(Deduplicate(keep=keep, by=by), dataset_of(rows)) == sorted(best.values())


def test_deduplicate_follows_the_order_of_a_log_without_times():
    events = pl.DataFrame({"user_id": ["u"] * 3, "item_id": ["a"] * 3, "order": [2, 3, 1]})
    log = Dataset("log", events=events)
    assert rows_kept(Deduplicate(keep="first"), log) == [2]
    assert rows_kept(Deduplicate(keep="last"), log) == [1]


def test_sample_keeps_all_events_of_some_users_and_the_whole_catalogue():
    words = [f"{user}{item}" for item in "abc" for user in "stuvwxyz"]
    shop = pairs(
        *words,
        users=pl.DataFrame({"user_id": list("zyxwvuts")}),
        items=pl.DataFrame({"item_id": list("abcd")}),
    )
    some = Sample(users=3).apply(shop)
    assert len(some.users) == 3 and len(some.events) == 9
    assert set(some.events["user_id"]) == set(some.users["user_id"])
    assert some.items["item_id"].to_list() == list("abcd")
    assert some.fingerprint == Sample(users=3).apply(shop).fingerprint
    drawn = {tuple(Sample(users=3, seed=seed).apply(shop).users["user_id"]) for seed in range(9)}
    assert len(drawn) > 1
    assert Sample(users=99).apply(shop).fingerprint == shop.fingerprint


FILTERS = [
    KCore(users=8, items=5),
    MinRating(value=2),
    Behaviors(names=("view", "rating")),
    TimeWindow(start=1, end=3),
    Deduplicate(),
    Sample(users=2),
]


@pytest.mark.parametrize("how", FILTERS, ids=lambda how: how.kind)
def test_events_that_stay_keep_their_order_and_values(how):
    rng = np.random.default_rng(0)
    user, item, value, time = rng.integers([[0], [0], [1], [0]], [[6], [6], [4], [4]], (4, 60))
    behavior = rng.choice(["view", "cart", "rating"], 60).tolist()
    log = dataset_of(
        list(zip(user.astype(str), item.astype(str), behavior, value / 1, time, strict=True))
    )
    keep = how.keeps(log)
    assert 0 < keep.sum() < 60
    assert how.apply(log).events.equals(log.events.filter(keep))


@pytest.mark.parametrize("how", FILTERS, ids=lambda how: how.kind)
def test_a_recipe_names_its_filter_by_kind(how):
    assert TypeAdapter(AnyFilter).validate_json(how.model_dump_json()) == how


@pytest.mark.parametrize(
    "how",
    [KCore(), MinRating(value=9), Behaviors(names=("cart",)), TimeWindow(start=99)],
    ids=lambda how: how.kind,
)
def test_a_filter_that_leaves_nothing_says_which_and_what_there_was(how):
    with pytest.raises(BadSetting, match=f"{how.kind}.* leaves none of the 2 events of log"):
        how.apply(pairs("ua", "ub"))


def test_there_must_be_something_to_filter():
    with pytest.raises(BadInput, match="none: there are no events to filter"):
        KCore().apply(Dataset("none"))


def test_filters_follow_each_other_and_report_what_each_took():
    log = pairs("ua", "ua", "ub", "va", "vb", "wc")
    smaller, removed = apply_all(log, [Deduplicate(), KCore(users=2, items=2)])
    assert len(smaller.events) == 4
    assert [(t.events, t.left, t.users, t.items) for t in removed] == [(1, 5, 0, 0), (1, 4, 1, 1)]
    assert removed[0].filter == Deduplicate().model_dump_json()
    # The other way round, the doubled event counts twice and another core is found.
    assert len(apply_all(pairs("ua", "ua", "va"), [KCore(users=1, items=3)])[0].events) == 3


@pytest.mark.realdata
def test_a_published_5_core_is_one(real_data, tmp_path):
    reviews = load("amazon-musical-instruments-2014", Settings(data=real_data, home=tmp_path))
    assert KCore(users=5, items=5).keeps(reviews).all()
    assert not KCore(users=6, items=5).keeps(reviews).all()


def test_noise_adds_events_of_pairs_that_never_met_and_leaves_the_rest_alone():
    rng = np.random.default_rng(0)
    n = 400
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in rng.integers(0, 30, n)],
            "item_id": [f"i{i}" for i in rng.integers(0, 60, n)],
            "behavior": ["view", "purchase"] * (n // 2),
            "value": np.ones(n, np.float32),
            "time": rng.integers(0, 10**6, n),
            "part": ["train"] * (n - 50) + ["test"] * 50,
        }
    )
    dataset = Dataset("noisy", events=events)
    found, removed = apply_all(dataset, [Noise(share=0.4)])
    added = found.events[n:]
    assert found.events[:n].equals(dataset.events)
    assert len(added) == round(0.4 * 175) == -removed[0].events
    assert set(added["behavior"]) == {"view"}
    assert set(added["part"]) == {"train"}
    pairs = set(dataset.events.select("user_id", "item_id").iter_rows())
    fresh = set(added.select("user_id", "item_id").iter_rows())
    assert len(fresh) == len(added)
    assert not fresh & pairs
    moments = set(dataset.events.select("user_id", "time").iter_rows())
    assert set(added.select("user_id", "time").iter_rows()) <= moments
    assert Noise(share=0.4).apply(dataset).events.equals(found.events)
    with pytest.raises(BadSetting, match="no room"):
        Noise(share=30.0).apply(dataset)
    with pytest.raises(BadSetting, match=r"no 'cart' events .*\(view, purchase\)"):
        Noise(share=0.1, behavior="cart").apply(dataset)


def test_noise_works_on_a_log_without_parts_that_is_nearly_full():
    pairs = [(f"u{u}", f"i{(3 * u + k) % 8}") for u in range(12) for k in range(5)]
    events = pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row")
    dataset = Dataset("own", events=events)
    for share, number in ((0.2, 12), (0.6, 36)):  # 36 is all that is free
        found, removed = apply_all(dataset, [Noise(share=share, behavior="rating")])
        added = found.events[60:].select("user_id", "item_id").rows()
        assert len(set(added)) == len(added) == number == -removed[0].events
        assert not set(added) & set(pairs)
        assert not found.events["part"].count()
    with pytest.raises(BadSetting, match="no room for 37"):
        Noise(share=37 / 60, behavior="rating").apply(dataset)


RETURNS = pl.DataFrame(
    {
        "user_id": ["a", "a", "b", "0", "0"],
        "item_id": ["x", "x", "y", "x", "z"],
        "behavior": ["purchase", "purchase", "rating", "view", "purchase"],
        "value": [2.0, -2.0, -1.0, 1.0, 0.0],
    }
)


def test_values_below_a_limit_are_dropped_of_any_behaviour_or_of_some():
    dataset = Dataset("shop", events=RETURNS)
    assert DropValueBelow(value=0).apply(dataset).events["value"].to_list() == [2, 1, 0]
    assert DropValueBelow(value=0.5).apply(dataset).events["value"].to_list() == [2, 1]
    some = DropValueBelow(value=0, behaviors=("purchase",)).apply(dataset)
    assert some.events["value"].to_list() == [2, -1, 1, 0]
    with pytest.raises(UnknownName, match="'buy'"):
        DropValueBelow(value=0, behaviors=("buy",)).apply(dataset)
    with pytest.raises(BadSetting, match="leaves none of the 5 events"):
        DropValueBelow(value=9).apply(dataset)


def test_placeholder_ids_leave_every_table():
    items = pl.DataFrame({"item_id": ["x", "y", "z"], "title": ["X", "Y", "Z"]})
    reviews = pl.DataFrame({"user_id": ["0", "a"], "item_id": ["x", "x"], "text": ["?", "fine"]})
    links = pl.DataFrame({"item_id": ["x", "y"], "other_id": ["z", "x"], "relation": "also_buy"})
    dataset = Dataset("shop", events=RETURNS, items=items, reviews=reviews, links=links)
    nobody = DropIds(users=("0",)).apply(dataset)
    assert nobody.events["user_id"].to_list() == ["a", "a", "b"]
    assert nobody.reviews["text"].to_list() == ["fine"]
    assert len(nobody.items) == 3 and len(nobody.links) == 2
    assert "0" not in nobody.user_ids
    nothing = DropIds(items=("z",)).apply(dataset)
    assert nothing.items["item_id"].to_list() == ["x", "y"]
    assert nothing.links["other_id"].to_list() == ["x"]
    with pytest.raises(BadSetting, match="shop has no user 'O'"):
        DropIds(users=("O",)).apply(dataset)
    with pytest.raises(ValidationError, match="no ids are named"):
        DropIds()
