"""Lists of a bundle: by id, from whole histories, with its stages, for new and known users."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from planted import (
    F0,
    ITEMS,
    T0,
    TEST,
    USERS,
    Asked,
    Favors,
    experiment,
    planted_shop,
    turned_over,
)

from recweave.bundle import Bundle
from recweave.bundle.make import fit_bundle, make_bundle
from recweave.core.errors import BadInput, BadSetting, UnknownId
from recweave.encode.features import Feature
from recweave.experiment.fit import fit
from recweave.experiment.run import run
from recweave.models.factors.ease import EASE
from recweave.models.kinds import Factors, ItemScores
from recweave.models.popularity import Popularity
from recweave.rank.stages import StageContext, read_stage
from recweave.report.people import people

FAVORS = "planted:Favors"


def lists(recommendations):
    """Items by user."""
    table = recommendations.to_frame()
    parts = table.group_by("user_id", maintain_order=True)
    return {user: part.sort("rank")["item_id"].to_list() for (user,), part in parts}


def bundle_of(model, dataset=None, **more):
    return make_bundle(dataset or planted_shop(), model, name="planted", **more)


def scores(**by_item):
    """A model that gives items these scores, and -1 to the others."""
    return ItemScores(np.array([by_item.get(item, -1) for item in ITEMS], np.float32))


def two_factors(user):
    """Users of two tastes, for t0 and for f0, that no history can change."""
    item = np.zeros((len(ITEMS), 2), np.float32)
    item[T0, 0] = item[F0, 1] = 1
    return Factors(np.asarray(user, np.float32), item)


def test_histories_hold_all_events_also_those_that_were_held_out(planted):
    asked = experiment(save=True, models=[{"name": FAVORS, "item": TEST}])
    run(asked, planted / "run", base_dir=planted)
    bundle = Bundle.load(planted / "run" / "bundles" / "Favors")
    assert len(bundle.log) == 4 * USERS
    assert bundle.events_of("u7") == 4
    # The item of everybody's test event is bought by now, so nobody is shown it.
    assert lists(bundle.recommend(["u7"], 4))["u7"] == ["t0", "f0", "f1", "f2"]


def test_fit_gives_histories_of_all_events(planted):
    bundle = fit(experiment(models=[{"name": FAVORS, "item": TEST}]), base_dir=planted)
    assert {bundle.events_of(f"u{user}") for user in range(USERS)} == {4}
    assert lists(bundle.recommend(["u0"], 4))["u0"] == ["t1", "f0", "f1", "f2"]


def test_a_recipe_that_stops_by_validation_still_leaves_whole_histories(handed):
    class Stops(Favors):
        uses_validation = True

    bundle = fit_bundle(Stops(), planted_shop(), name="stops")
    (one,) = handed
    assert (len(one.data.train), len(one.data.valid)) == (3 * USERS, USERS)
    assert set(one.data.valid.item.tolist()) == {TEST}
    log = planted_shop().interactions()
    np.testing.assert_array_equal(log[one.data.valid_rows].item, one.data.valid.item)
    np.testing.assert_array_equal(log[one.data.valid_rows].user, one.data.valid.user)
    assert bundle.events_of("u3") == 4
    assert bundle.fallback.value[TEST] == USERS


def test_a_recipe_that_needs_no_validation_learns_from_all_events(handed):
    fit_bundle(Favors(), planted_shop())
    assert (len(handed[0].data.train), handed[0].data.valid) == (4 * USERS, None)


def test_the_same_lists_come_out_whatever_the_order_of_the_source(tmp_path):
    """Users get other rows by another export; lists and histories go by id."""
    dataset = varied()
    order = np.random.default_rng(1).permutation(len(dataset.events))
    other = dataset.replace(events=dataset.events[order])
    assert other.user_ids.ids.to_list() != dataset.user_ids.ids.to_list()
    found = []
    for n, one in enumerate((dataset, other)):
        fit_bundle(EASE(), one, name="ease").save(tmp_path / str(n))
        found.append(Bundle.load(tmp_path / str(n)))
    first, second = (lists(bundle.recommend(None, 5)) for bundle in found)
    assert first == second
    assert len(set(map(tuple, first.values()))) > 10
    events = [{u: b.events_of(u) for u in first} for b in found]
    assert events[0] == events[1]


def varied():
    """60 users with 3 to 6 purchases among 12 items, by chance; items in reverse."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"i{item}", 100 * user + step)
        for user in range(60)
        for step, item in enumerate(rng.choice(12, rng.integers(3, 7), replace=False))
    ]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "time"], orient="row")
    items = pl.DataFrame({"item_id": [f"i{n}" for n in reversed(range(12))]})
    return planted_shop().replace(
        events=events.with_columns(behavior=pl.lit("purchase")),
        items=items.with_columns(title="Title of " + pl.col("item_id")),
    )


def test_users_are_given_by_id_in_any_order_and_number():
    bundle = bundle_of(two_factors([[1, 0], [0, 1]] * (USERS // 2)))
    asked = lists(bundle.recommend(["u3", "u2", "u3"], 1, hide="none"))
    assert asked == {"u3": ["f0", "f0"], "u2": ["t0"]}
    everybody = lists(bundle.recommend(None, 1, hide="none"))
    assert everybody == {f"u{n}": ["f0" if n % 2 else "t0"] for n in range(USERS)}


def test_catalogue_and_users_stand_in_the_order_of_the_models_rows():
    """Some users are not in the users table; titles and attributes stay with their ids."""
    users = pl.DataFrame({"user_id": ["u9", "u4"], "age": [90, 40]})
    dataset = planted_shop().replace(users=users, items=planted_shop().items.reverse()[:-2])
    bundle = bundle_of(Popularity().fit(dataset.interactions()), dataset)
    ids = bundle.dataset.item_ids.ids.to_list()
    assert ids == dataset.item_ids.ids.to_list()
    assert bundle.dataset.items["item_id"].to_list() == ids
    assert set(ids[-2:]) == {"t0", "t1"}  # known from the log alone
    assert bundle.title("f1") == "Title of f1"
    assert bundle.title("t0") == ""
    table = bundle.dataset.users
    assert table["user_id"].to_list() == dataset.user_ids.ids.to_list()
    assert dict(table.select("user_id", "age").iter_rows())["u4"] == 40
    assert len(bundle.dataset.events) == 0


def test_users_with_a_history_get_lists_of_the_model_and_others_of_the_fallback():
    users = pl.DataFrame({"user_id": ["nobody"]})
    dataset = planted_shop().replace(users=users)
    bundle = bundle_of(scores(f2=2, f1=1), dataset)
    table = bundle.recommend(["u0", "nobody", "u1"], 1).to_frame()
    assert table["user_id"].to_list() == ["u0", "nobody", "u1"]
    assert table["item_id"].to_list()[::2] == ["f2", "f2"]
    assert table["item_id"][1] in ("common", "valid", "test")
    assert table["source"].to_list() == [
        "planted",
        "popularity (no usable history)",
        "planted",
    ]
    assert bundle.explanations("nobody", 1)[0].score == USERS
    assert bundle.explanations("u0", 1)[0].score == 2


def test_a_given_history_gets_a_list_of_the_model():
    table = bundle_of(scores(f2=2, f1=1)).recommend(history=["t0", "f2"], k=2).to_frame()
    assert table["item_id"].to_list()[0] == "f1"
    assert not {"t0", "f2"} & set(table["item_id"])
    assert set(table["source"]) == {"planted"}
    assert table["user_id"].to_list() == ["", ""]
    assert table["rank"].to_list() == [1, 2]


def test_a_given_history_keeps_its_order_and_is_after_the_end_of_the_log():
    model = Asked([])
    bundle = bundle_of(model)
    bundle.recommend(history=["f1", "t0"], k=1)
    (query,) = model.queries
    assert query.history.item.tolist() == [ITEMS.index("f1"), T0]
    assert query.user.tolist() == [-1]
    assert query.history.time.min() > bundle.log.time.max()
    assert query.now[0] > query.history.time.max()
    assert set(query.history.behavior.tolist()) == set(bundle.log.behavior.tolist())


def test_mistakes_in_a_request_are_named():
    bundle = bundle_of(scores())
    with pytest.raises(UnknownId, match="did you mean 'u1'"):
        bundle.recommend(["u1x"])
    with pytest.raises(UnknownId, match="common"):
        bundle.recommend(history=["t0", "comon"])
    with pytest.raises(UnknownId, match="empty"):
        bundle.recommend(history=[])
    with pytest.raises(BadSetting, match="not both"):
        bundle.recommend(["u1"], history=["t0"])
    with pytest.raises(BadSetting, match="k is 0"):
        bundle.recommend(["u1"], 0)


def test_hiding_purchases_keeps_items_that_were_only_viewed():
    dataset = planted_shop()
    is_view = pl.col("item_id") == "common"
    viewed = pl.when(is_view).then(pl.lit("view")).otherwise(pl.lit("purchase"))
    dataset = dataset.replace(events=dataset.events.with_columns(behavior=viewed))
    bundle = bundle_of(scores(common=5, test=4, valid=3, f0=2, f1=1), dataset)
    shown = {how: lists(bundle.recommend(["u0"], 2, hide=how))["u0"] for how in HIDES}
    assert shown == HIDES
    assert {how: [e.item for e in bundle.explanations("u0", 2, hide=how)] for how in HIDES} == {
        how: [ITEMS.index(item) for item in items] for how, items in HIDES.items()
    }


HIDES = {"all": ["f0", "f1"], "purchases": ["common", "f0"], "none": ["common", "test"]}


def test_a_new_user_is_known_by_history_and_has_no_row_in_the_model():
    model = Asked([])
    bundle = bundle_of(model)
    grown = bundle.with_events(pl.DataFrame({"user_id": ["new"], "item_id": ["f1"], "time": [999]}))
    grown.recommend(["u5", "new", "u0"], 1)
    (query,) = model.queries
    assert query.user.tolist() == [5, -1, 0]
    assert query.history.rows(np.array([1])).item.tolist() == [ITEMS.index("f1")]
    assert query.now.tolist() == [54, 1000, 4]


def test_a_new_user_does_not_get_the_vector_of_a_trained_one(tmp_path):
    """The last user's taste is f0, and the new user's history says t0."""
    bundle = bundle_of(two_factors([[1, 0]] * (USERS - 1) + [[0, 1]]))
    new = pl.DataFrame({"user_id": ["aaa"], "item_id": ["t0"], "time": [999]})
    bundle.with_events(new).save(tmp_path / "b")
    grown = Bundle.load(tmp_path / "b")
    asked = lists(grown.recommend(["aaa", "u29", "u1"], 1, hide="none"))
    assert asked == {"aaa": ["t0"], "u29": ["f0"], "u1": ["t0"]}


def test_new_events_go_to_the_user_and_item_of_their_ids():
    bundle = bundle_of(scores(f2=2, f1=1))
    events = pl.DataFrame(
        {"user_id": ["zed", "u4", "zed"], "item_id": ["f2", "f1", "t1"], "time": [5, 6, 7]}
    )
    grown = bundle.with_events(events)
    assert (grown.events_of("zed"), grown.events_of("u4"), grown.events_of("u5")) == (2, 5, 4)
    asked = lists(grown.recommend(["zed", "u4", "u5"], 1))
    assert asked == {"zed": ["f1"], "u4": ["f2"], "u5": ["f2"]}
    assert bundle.events_of("u4") == 4


def test_new_events_that_do_not_fit_are_refused():
    bundle = bundle_of(scores())
    unknown = pl.DataFrame({"user_id": ["u1"], "item_id": ["nix"], "time": [5]})
    with pytest.raises(BadInput, match="the first is 'nix'"):
        bundle.with_events(unknown)
    untimed = pl.DataFrame({"user_id": ["u1"], "item_id": ["t0"]})
    with pytest.raises(BadInput, match="have no time"):
        bundle.with_events(untimed)


def test_stages_are_applied_to_lists_and_explanations_alike():
    bundle = bundle_of(scores(f0=3, f1=2, f2=1), stages=[turned_over], depth=3)
    assert lists(bundle.recommend(["u0"], 1, hide="all"))["u0"] == ["f2"]
    (why,) = bundle.explanations("u0", 1)
    assert (ITEMS[why.item], why.catalogue_rank) == ("f2", 3)
    assert [(move.before, move.after) for move in why.moves] == [(3, 1)]
    assert bundle.recommend(history=["t0"], k=1).to_frame()["item_id"].to_list() == ["f2"]


@pytest.mark.parametrize("feature", ["classes", "dense"])
def test_reasons_of_stages_are_given_in_parts_in_words_and_on_cards(tmp_path, feature):
    """t0 and f1 show a comic book, or have the same vector, unlike t1; u0 has bought t0."""
    dataset = planted_shop()
    shown = np.isin(ITEMS, ["t0", "f1"]).astype(np.float32)[:, None]
    columns = ("comic book",) if feature == "classes" else ()
    if not columns:
        shown[ITEMS.index("t1")] = -1
    context = StageContext(
        dataset,
        dataset.interactions(),
        features={"objects": Feature(shown, shown[:, 0] != 0, "x/1", "x", columns=columns)},
    )
    stage = read_stage({"kind": "vision", "strength": 9.0}).fit(context)
    made = bundle_of(scores(f0=3, f1=2, f2=1), stages=[stage], depth=3)
    made.save(tmp_path / "bundle")
    bundle = Bundle.load(tmp_path / "bundle")
    first, *_ = bundle.explanations("u0", 2).to_json()["items"]
    (move,) = first["moves"]
    (reason,) = move["reasons"]
    assert (first["item_id"], move["before"], move["after"]) == ("f1", 2, 1)
    assert reason["text"] == ("comic book" if columns else "looks like")
    assert reason["value"] > 0
    assert reason["items"] == [{"item_id": "t0", "title": "Title of t0", "did": "bought"}]
    words = {
        "classes": ("comic book, as in 1 item you bought",) * 2,
        "dense": (
            "looks like Title of t0 (t0), which you bought",
            "looks like Title of t0, which you bought",
        ),
    }[feature]
    said = "moved up from 2 to 1 by vision 9: "
    assert bundle.explain("u0", 1)[0].endswith(said + words[0])
    (card,) = [one for one in people(bundle, 30, k=1) if one.user_id == "u0"]
    assert card.recommended[0].text == f"Because many users chose it; {said}{words[1]}"


@pytest.mark.parametrize(("depth", "first"), [(1, "f0"), (2, "f1"), (3, "f2")])
def test_stages_are_handed_lists_of_the_bundles_depth(depth, first):
    bundle = bundle_of(scores(f0=3, f1=2, f2=1), stages=[turned_over], depth=depth)
    assert lists(bundle.recommend(["u0"], 1))["u0"] == [first]
    assert ITEMS[bundle.explanations("u0", 1)[0].item] == first


def test_stages_are_not_applied_to_the_fallbacks_lists():
    dataset = planted_shop().replace(users=pl.DataFrame({"user_id": ["nobody"]}))
    bundle = bundle_of(scores(f0=3, f1=2), dataset, stages=[turned_over], depth=3)
    shown = lists(bundle.recommend(["nobody", "u0"], 3))
    assert set(shown["nobody"]) == {"common", "valid", "test"}
    explained = bundle.explanations("nobody", 3)
    assert [ITEMS[one.item] for one in explained] == shown["nobody"]
    assert all(one.moves == () for one in explained)


def test_a_saved_bundle_answers_as_before_with_stages_and_depth(tmp_path):
    stage = read_stage({"kind": "pin", "pins": [["f2", 1]]})
    dataset = planted_shop()
    fitted = stage.fit(StageContext(dataset, dataset.interactions()))
    vectors = np.arange(16, dtype=np.float32).reshape(8, 2)
    present = np.array([True] * 7 + [False])
    feature = Feature(vectors, present, "enc/1", "words")
    for depth, first in ((3, "f2"), (2, "f0")):
        bundle = bundle_of(
            scores(f0=3, f1=2, f2=1),
            stages=[fitted],
            depth=depth,
            features={"text": feature},
            about={"data": "x"},
        )
        bundle.save(tmp_path / "b")
        loaded = Bundle.load(tmp_path / "b")
        assert lists(loaded.recommend(["u4"], 1))["u4"] == [first]
        assert loaded.recommend(None, 3).to_frame().equals(bundle.recommend(None, 3).to_frame())
        assert loaded.explain("u4", 2) == bundle.explain("u4", 2)
    assert loaded.name == "planted"
    assert (loaded.known_users, dict(loaded.about)) == (USERS, {"data": "x"})
    assert loaded.dataset.items.equals(bundle.dataset.items)
    assert loaded.log.digest() == bundle.log.digest()
    found = loaded.features["text"]
    assert np.array_equal(found.vectors, vectors)
    assert np.array_equal(found.present, present)
    assert (found.encoder, found.source, found.of) == ("enc/1", "words", "item")


def test_items_that_do_not_fulfil_the_conditions_are_left_out():
    dataset = planted_shop()
    items = dataset.items.with_columns(price=pl.Series([float(n) for n in range(8)]))
    bundle = bundle_of(scores(f0=3, f1=2, f2=1), dataset.replace(items=items))
    assert lists(bundle.recommend(["u0"], 1, where=["price >= 6"]))["u0"] == ["f1"]
    found = bundle.similar("f0", 8, where=["price >= 6"]).to_frame()
    assert found["similar_id"].to_list() == ["f1", "f2"]


def test_lists_are_no_longer_than_the_catalogue_and_name_each_item_once():
    shown = lists(bundle_of(scores(f0=3)).recommend(["u0"], 99, hide="none"))["u0"]
    assert sorted(shown) == sorted(ITEMS)


def test_users_features_and_features_of_events_are_not_item_vectors():
    of_users = Feature(np.zeros((USERS, 2), np.float32), np.ones(USERS, bool), "e", "s", of="user")
    of_items = replace(of_users, vectors=np.zeros((8, 2), np.float32), present=np.ones(8, bool))
    bundle = bundle_of(scores(), features={"u": of_users, "i": replace(of_items, of="item")})
    assert list(bundle.features) == ["i"]


def test_similar_items_are_never_the_item_itself_and_go_by_cosine():
    angle = np.radians([0, 10, 50, 90, 180, 25, 5, 0])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    vectors *= np.arange(1, 9)[:, None]  # length must not matter
    vectors[7] = 0
    bundle = bundle_of(Factors(np.zeros((USERS, 2), np.float32), vectors))
    found = bundle.similar("t0", 3).to_frame()
    assert found["similar_id"].to_list() == ["f1", "t1", "f0"]
    assert found["item_id"].to_list() == ["t0"] * 3
    assert np.allclose(found["score"], np.cos(np.radians([5, 10, 25])), atol=1e-6)
    assert "f2" not in bundle.similar("t0", 8).to_frame()["similar_id"].to_list()


def test_text_and_look_are_the_first_feature_of_their_kind_of_encoder():
    number, words, pictures = (np.eye(8, 8, dtype=np.float32) for _ in range(3))
    words[5], pictures[6] = words[0], pictures[0]
    present = np.ones(8, bool)
    features = {
        "price": Feature(number, present, "numbers/1 digits", "items.price"),
        "poster": Feature(pictures, present, "images/enc/1", "items.images"),
        "title": Feature(words, present, "enc/1", "items.title"),
    }
    bundle = bundle_of(scores(), features=features)
    ids = bundle.dataset.item_ids.ids
    for by, row in {"text": 5, "title": 5, "look": 6, "poster": 6}.items():
        found = bundle.similar(ids[0], 3, by=by).to_frame()
        assert found["similar_id"].to_list() == [ids[row]]
        assert set(found["source"]) == {by}


def test_text_and_look_together_go_by_the_mean_of_their_cosines():
    words, pictures = np.zeros((8, 2), np.float32), np.zeros((8, 2), np.float32)
    words[[0, 1, 2]] = [[2, 0], [3, 0], [3, 4]]  # cosines with item 0: 1, .6
    pictures[[0, 2, 3]] = [[0, 1], [3, 4], [0, 9]]  # 0 (there is none), .8, 1
    features = {
        "title": Feature(words, words.any(axis=1), "enc/1", "items.title"),
        "poster": Feature(pictures, pictures.any(axis=1), "images/enc/1", "items.images"),
    }
    bundle = bundle_of(scores(), features=features)
    ids = bundle.dataset.item_ids.ids
    for by in ("text+look", "title + poster"):
        found = bundle.similar(ids[0], 3, by=by).to_frame()
        assert found["similar_id"][0] == ids[2]
        assert set(found["similar_id"][1:]) == {ids[1], ids[3]}
        assert found["score"].to_list() == pytest.approx([0.7, 0.5, 0.5])
    with pytest.raises(BadSetting, match=rf"item '{ids[1]}' has no look"):
        bundle.similar(ids[1], by="text+look")
    with pytest.raises(BadSetting, match="did you mean 'look'"):
        bundle.similar(ids[0], by="text+lok")


def test_similar_items_by_a_feature_need_its_vector():
    vectors = np.eye(8, 3, dtype=np.float32)
    vectors[5] = vectors[0]
    feature = Feature(vectors, np.arange(8) != 4, "enc/1", "words")
    bundle = bundle_of(scores(), features={"text": feature})
    found = bundle.similar("t0", 2, by="text").to_frame()
    assert found["similar_id"].to_list() == ["f0"]
    assert set(found["source"]) == {"text"}
    with pytest.raises(BadSetting, match=r"no feature of pictures; add .*kind = \"images\""):
        bundle.similar("t0", by="look")
    with pytest.raises(BadSetting, match="'test' has no text"):
        bundle.similar("test", by="text")
    with pytest.raises(BadSetting, match="did you mean 'text'"):
        bundle.similar("t0", by="txet")
    with pytest.raises(BadSetting, match=r"known are: behaviour, look, text$"):
        bundle.similar("t0", by="nothing")
