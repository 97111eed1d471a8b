"""Lists by the model or by the fallback, and the note of a list that is empty or popular."""

import numpy as np
import polars as pl
import pytest
from planted import F0, ITEMS, T0, USERS, experiment, planted_shop

from recweave.bundle import Bundle
from recweave.bundle.base import SCANS
from recweave.bundle.make import make_bundle
from recweave.core.errors import BadSetting, UnknownId
from recweave.experiment.fit import fit
from recweave.experiment.run import run
from recweave.models.base import Model
from recweave.models.kinds import Factors, ItemScores, ItemWeights
from recweave.rank.stages import StageContext, read_stage

POPULAR = "popularity (no usable history)"


def tea_log():
    """u bought all three items, v the first, w nothing (they are in the table of users alone)."""
    events = pl.DataFrame(
        {
            "user_id": ["u", "u", "u", "v"],
            "item_id": ["a", "b", "c", "a"],
            "behavior": ["purchase", "view", "purchase", "purchase"],
            "time": [1, 2, 3, 4],
        }
    )
    items = pl.DataFrame(
        {"item_id": ["a", "b", "c"], "title": ["Tea", "Mug", "Pot"], "price": [3.0, 5.0, 9.0]}
    )
    users = pl.DataFrame({"user_id": ["u", "v", "w"]})
    return planted_shop().replace(events=events, items=items, users=users)


def weights(bundle_items, **pairs):
    """Item weights: `a_b=2` says that an `a` in the history gives 2 to `b`."""
    row = {item: n for n, item in enumerate(bundle_items)}
    matrix = np.zeros((len(row), len(row)), np.float32)
    for pair, weight in pairs.items():
        giver, receiver = pair.split("_")
        matrix[row[giver], row[receiver]] = weight
    return ItemWeights(matrix)


def teas(stages=(), about=None, **pairs):
    dataset = tea_log()
    model = weights(dataset.item_ids.ids.to_list(), **(pairs or {"a_b": 2, "a_c": 1, "b_c": 1}))
    context = StageContext(dataset, dataset.interactions())
    fitted = [read_stage(one).fit(context) for one in stages]
    about = {"stages": list(stages)} if about is None else about
    return make_bundle(dataset, model, name="knn", stages=fitted, about=about)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "the history holds all 3 items of the catalogue; show them again with --hide none"),
        (
            {"where": ["price < 1"]},
            "none of the items (3) fulfils 'price < 1'; loosen --where",
        ),
        (
            {"where": ["price < 7"]},
            "the history holds all 2 items that fulfil 'price < 7'; show them again with "
            "--hide none, or loosen --where",
        ),
        (
            {"where": ["price < 4"], "hide": "purchases"},
            "the history holds the only item that fulfils 'price < 4'; show it again with "
            "--hide none, or loosen --where",
        ),
    ],
)
def test_an_empty_list_says_why(asked, why):
    found = teas().recommend(["u"], 2, **asked)
    assert len(found) == 0
    assert found.note.startswith(f"no item is left to show to user u: {why}")
    assert found.note in repr(found)
    explained = teas().explanations("u", 2, **asked)
    assert list(explained) == explained.sentences() == []
    assert explained.note == found.note


def test_an_empty_list_by_a_stage_names_the_stages():
    out = {"kind": "exclude", "where": "price > 0"}
    found = teas([out]).recommend(["v"])
    assert (len(found), found.note) == (
        0,
        "no item is left to show to user v: the stages of the row took out all of them (exclude)",
    )


def test_an_empty_list_of_a_model_that_hides_everything_says_so():
    hidden = ItemScores(np.full(len(ITEMS), -np.inf, np.float32))
    found = make_bundle(planted_shop(), hidden, name="m").recommend(["u1"])
    assert found.note.endswith("the model scores none of the items that may be shown")


def test_an_empty_list_of_a_history_says_so():
    found = teas().recommend(history=["a", "b", "c"])
    assert found.note.startswith("no item is left to show to this history: the history holds all 3")


def test_lists_that_need_no_note_have_none():
    assert teas().recommend(["v"]).note == ""
    assert teas().recommend(["u"], hide="none").note == ""
    assert teas().explanations("v").note == ""


def test_a_user_without_events_gets_popular_items_and_a_note():
    """Of a, b and c, a is the most popular; b and c were had by one user each."""
    found = teas().recommend(["w"], 1)
    assert found.table.select("user_id", "item_id", "source").rows() == [("w", "a", POPULAR)]
    assert found.table["score"][0] == 2
    note = "user w has no usable history, so the list is what is popular"
    assert found.note == note
    explained = teas().explanations("w", 1)
    assert (explained.source, explained.note) == (POPULAR, note)
    assert teas().explain("w", 1) == [
        "1. Tea (a): number 1 of 3 for everybody (popular items: the user has no usable history)"
    ]
    payload = explained.to_json()
    assert (payload["source"], payload["note"]) == (POPULAR, note)
    assert payload["items"][0]["basis"] == "everybody"


def test_a_history_that_the_model_cannot_use_gets_popular_items():
    """Item c gives nothing to others; all scores are 0, so the list would be the order of rows."""
    bundle = teas(a_b=2)
    events = pl.DataFrame({"user_id": ["x", "y"], "item_id": ["c", "a"], "time": [8, 9]})
    grown = bundle.with_events(events)
    table = grown.recommend(["x", "y", "w"], 1).table
    assert table.rows() == [("x", "a", 1, 2.0, POPULAR), ("y", "b", 1, 2.0, "knn"), table.row(2)]
    given = grown.recommend(history=["c"], k=1)
    assert given.table["source"].to_list() == [POPULAR]
    assert given.note == "the model cannot use this history, so the list is what is popular"
    assert grown.explanations("x").source == POPULAR
    assert pl.concat(grown.batches(["x", "y", "w"], 1)).equals(table)


def test_equal_scores_at_the_top_of_a_list_are_still_from_the_model():
    """b and c are equal and a is below them, so the scores differ."""
    table = teas(b_b=1, b_c=1).recommend(history=["b"], k=1).table
    assert table.select("item_id", "source").rows() == [("c", "knn")]


def test_a_model_that_gives_everybody_different_scores_needs_no_usable_history():
    bundle = make_bundle(planted_shop(), ItemScores(np.arange(8, dtype=np.float32)), name="m")
    assert set(bundle.recommend(None, 1).table["source"]) == {"m"}


@pytest.fixture
def filtered(planted):
    """A recipe whose filter takes out u3, who has one event less than the others."""
    dataset = planted_shop()
    few = (pl.col("user_id") == "u3") & (pl.col("item_id") == "common")
    less = dataset.replace(events=dataset.events.filter(~few))
    less.save(planted / "less")
    asked = {"data": "less", "filters": [{"kind": "k_core", "users": 4, "items": 0}]}
    return planted, asked | {"models": [{"name": "popularity"}], "save": True}


@pytest.mark.parametrize("command", ["run", "fit"])
def test_the_error_for_a_user_whom_a_filter_removed_names_the_filter(filtered, tmp_path, command):
    folder, asked = filtered
    if command == "run":
        run(experiment(**asked), tmp_path / "r", base_dir=folder)
        path = tmp_path / "r" / "bundles" / "popularity"
    else:
        path = tmp_path / "b"
        fit(experiment(**asked), base_dir=folder).save(path)
    bundle = Bundle.load(path)
    assert bundle.removed.rows() == [("u3", "k_core (users = 4, items = 0)")]
    for question in (bundle.recommend, lambda users: bundle.explain(users[0])):
        with pytest.raises(UnknownId) as caught:
            question(["u3"])
        message = str(caught.value)
        assert message.startswith("user 'u3' was removed by the filter k_core (users = 4, items =")
        assert "did you mean" not in message
    assert bundle.recommend(["u3"], 1, unknown="fallback").table["source"][0] == POPULAR
    back = bundle.with_events(pl.DataFrame({"user_id": ["u3"], "item_id": ["f0"], "time": [999]}))
    assert back.recommend(["u3"], 1).table["user_id"].to_list() == ["u3"]


def test_the_error_for_an_unknown_user_says_what_to_do():
    with pytest.raises(UnknownId, match=r"no user has the id 'nobody'.*for somebody new, give"):
        make_bundle(planted_shop(), ItemScores(np.arange(8.0)), name="m").recommend("nobody")


class Silent(Model):
    """Scores like item weights and gives no reasons, as a plug-in may."""

    def __init__(self, inside):
        self.inside = inside

    def scores(self, query):
        return self.inside.scores(query)


def test_reasons_come_in_parts_whatever_the_kind_of_model():
    whole = weights(["a", "b", "c"], a_b=3, c_b=1)
    parts = {
        "history": whole,
        "unknown": Silent(whole),
    }
    for model in parts.values():
        bundle = make_bundle(tea_log(), model, name="m")
        events = pl.DataFrame({"user_id": ["n", "n"], "item_id": ["c", "a"], "time": [8, 9]})
        (one,) = bundle.with_events(events).explanations("n", 1).to_json()["items"]
        assert one["basis"] == "history"
        assert (one["item_id"], one["title"], one["rank"]) == ("b", "Mug", 1)
        assert one["because"] == [
            {"item_id": "a", "title": "Tea", "behavior": "rating", "share": 0.75},
            {"item_id": "c", "title": "Pot", "behavior": "rating", "share": 0.25},
        ]
        assert "why" not in one
    item = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    learned = Factors(np.ones((3, 2), np.float32) * [[2, 1]], item)
    (one, *_) = make_bundle(tea_log(), learned, name="m").explanations("v", 1).to_json()["items"]
    assert one["basis"] == "likeness"
    assert one["because"] == [
        {"item_id": "a", "title": "Tea", "behavior": "purchase", "similarity": 1.0}
    ]


def test_histories_of_a_few_users_are_equal_to_those_of_all(monkeypatch):
    rng = np.random.default_rng(0)
    events = pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in rng.integers(0, 40, 300)],
            "item_id": [ITEMS[n] for n in rng.integers(0, 8, 300)],
            "behavior": ["purchase"] * 300,
            "time": rng.integers(0, 50, 300),
        }
    )
    dataset = planted_shop().replace(events=events)
    bundle = make_bundle(dataset, ItemScores(np.arange(8, dtype=np.float32)), name="m")
    rows = np.array([7, -1, 3, 7, 0])
    few = bundle.histories_of(rows)
    assert "histories" not in vars(bundle)
    whole = bundle.histories.rows(rows)
    for name in ("start", "item", "behavior", "value", "time"):
        assert np.array_equal(getattr(few, name), getattr(whole, name)), name
    assert bundle.events_of("u7") == events.filter(user_id="u7").height


def test_after_some_calls_for_one_user_the_log_is_sorted_once():
    bundle = make_bundle(planted_shop(), ItemScores(np.arange(8, dtype=np.float32)), name="m")
    for _ in range(SCANS):
        bundle.histories_of(np.array([3]))
    assert "histories" not in vars(bundle)
    after = bundle.histories_of(np.array([3]))
    assert "histories" in vars(bundle)
    assert after.item.tolist() == bundle.histories.rows(np.array([3])).item.tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda bundle: bundle.recommend([1, 2]),
        lambda bundle: bundle.recommend(1),
        lambda bundle: bundle.recommend(np.array([1, 2])),
        lambda bundle: bundle.recommend(pl.Series([1])),
        lambda bundle: bundle.recommend(["u1", None]),
        lambda bundle: bundle.recommend({1}, unknown="fallback"),
        lambda bundle: list(bundle.batches([1])),
        lambda bundle: bundle.explain(1),
        lambda bundle: bundle.events_of(1),
        lambda bundle: bundle.recommend(history=[1]),
        lambda bundle: bundle.recommend(history=["t0", 1.0]),
        lambda bundle: bundle.similar(1),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_ids_that_are_not_text_are_named(wrong):
    bundle = make_bundle(planted_shop(), ItemScores(np.arange(8, dtype=np.float32)), name="m")
    with pytest.raises(BadSetting, match=r"^(user|item) ids are text, and .* is not \(\w+\); give"):
        wrong(bundle)


def test_users_are_taken_from_whatever_yields_their_ids():
    bundle = make_bundle(planted_shop(), ItemScores(np.arange(8, dtype=np.float32)), name="m")
    ids = ["u1", "u3"]
    whole = bundle.recommend(ids, 2).table
    for given in (tuple(ids), iter(ids), dict.fromkeys(ids), np.array(ids), pl.Series(ids)):
        assert bundle.recommend(given, 2).table.equals(whole)
    assert bundle.recommend(set(ids), 2).table.sort("user_id", "rank").equals(whole)
    assert bundle.recommend(history="t0", k=2).table.equals(
        bundle.recommend(history=["t0"], k=2).table
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"hide": "purchase"}, "hide is 'purchase'; did you mean 'purchases'"),
        ({"hide": True}, "hide is True; known are: all, none, purchases"),
        ({"unknown": "fall-back"}, "unknown is 'fall-back'; did you mean 'fallback'"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_misspelt_choice_is_refused_with_the_nearest(asked, message):
    bundle = make_bundle(planted_shop(), ItemScores(np.arange(8, dtype=np.float32)), name="m")
    for users in (None, ["u1"], ["u1", "u2"]):
        with pytest.raises(BadSetting, match=message):
            bundle.recommend(users, **asked)
        with pytest.raises(BadSetting, match=message):
            list(bundle.batches(users, **asked))
    with pytest.raises(BadSetting, match=message):
        bundle.recommend(history=["t0"], **asked)
    if "hide" in asked:
        with pytest.raises(BadSetting, match=message):
            bundle.explain("u1", **asked)


def test_long_lists_are_made_for_fewer_users_at_a_time(monkeypatch):
    bundle = make_bundle(planted_shop(), ItemScores(np.arange(8, dtype=np.float32)), name="m")
    whole = bundle.recommend(None, 4).table
    monkeypatch.setattr("recweave.bundle.bundle.CELLS", 10)
    parts = list(bundle.batches(None, 4))
    assert len(parts) == USERS // 2
    assert pl.concat(parts).equals(whole)


def test_sizes_of_requests_have_a_limit():
    bundle = make_bundle(planted_shop(), ItemScores(np.arange(8, dtype=np.float32)), name="m")
    with pytest.raises(BadSetting, match="the history has 10,001 items and may have 10,000"):
        bundle.recommend(history=["t0"] * 10_001)
    with pytest.raises(BadSetting, match="k is 1,001; at most 1,000 items are explained"):
        bundle.explain("u1", 1_001)
    with pytest.raises(BadSetting, match="k is 0"):
        bundle.similar("t0", 0)
    assert len(bundle.recommend(["u1"], 10**12, hide="none")) == len(ITEMS)
    assert len(bundle.similar("t0", 10**12)) < len(ITEMS)


def test_the_index_of_the_items_is_built_once_for_all_batches(monkeypatch):
    from recweave.bundle import answer

    built = []
    of = answer.ItemIndex.of
    monkeypatch.setattr(answer, "SEARCH_FROM", 1)
    monkeypatch.setattr("recweave.rank.recommend.SEARCH_FROM", 1, raising=False)
    monkeypatch.setattr(answer.ItemIndex, "of", lambda *given: built.append(1) or of(*given))
    item = np.zeros((len(ITEMS), 2), np.float32)
    item[T0, 0] = item[F0, 1] = 1
    model = Factors(np.tile(np.array([[1, 2]], np.float32), (USERS, 1)), item)
    bundle = make_bundle(planted_shop(), model, name="m")
    monkeypatch.setattr("recweave.bundle.bundle.BATCH", 7)
    shown = pl.concat(bundle.batches(None, 1, hide="none"))
    assert set(shown["item_id"]) == {"f0"}
    assert len(built) == 1
    shown = pl.concat(bundle.batches(None, 1, where=["item_id != f0"], hide="none"))
    assert set(shown["item_id"]) == {"t0"}
    assert len(built) == 2
