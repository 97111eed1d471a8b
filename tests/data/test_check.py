import polars as pl
import pytest

from recweave.data.check import check
from recweave.data.dataset import Dataset
from recweave.data.schema import BEHAVIORS

ITEMS = pl.DataFrame({"item_id": ["tea", "cup"], "title": ["Tea", "Cup"]})


def log(**columns):
    base = {"user_id": ["ann", "bob"], "item_id": ["tea", "cup"], "time": [1_700_000_000] * 2}
    return pl.DataFrame(base | columns)


def found(dataset):
    return {kind: (n, True) for kind, n in check(dataset).notes.items()} | {
        kind: (n, False) for kind, n in check(dataset).errors.items()
    }


def test_a_sound_dataset_has_no_problems():
    dataset = Dataset("shop", events=log(), items=ITEMS)
    assert found(dataset) == {}


@pytest.mark.parametrize(
    ("events", "kind", "note"),
    [
        (log(user_id=["", "bob"]), "user_id is empty", False),
        (log(item_id=["tea", ""]), "item_id is empty", False),
        (log(user_id=[" ann", "bob"]), "user_id has blanks around it", True),
        (log(time=[-1, 1_700_000_000]), "time is before 1970", False),
        (
            log(time=[1_700_000_000_000, 5]),
            "time is after 2100; does it count milliseconds?",
            False,
        ),
        (
            log(time=[1_700_000_000, None]),
            "there is no time, but other events have one",
            False,
        ),
        (log(part=["train", "tset"]), "part is none of train, valid, test", False),
        (
            log(user_id=["ann", "ann"], item_id=["tea", "tea"]),
            "the event equals an earlier one",
            True,
        ),
    ],
)
def test_events_that_are_wrong_or_odd(events, kind, note):
    assert found(Dataset("shop", events=events)) == {f"events: {kind}": (1, note)}


def test_times_all_in_1970_may_have_another_unit():
    (kind,) = found(Dataset("shop", events=log(time=[1_700_000, 1_700_001])))
    assert kind == "events: times before 1973"


def test_the_same_pair_with_another_behaviour_is_no_repetition():
    behaviors = pl.Series(["view", "cart"], dtype=pl.Enum(BEHAVIORS))
    events = log(user_id=["ann", "ann"], item_id=["tea", "tea"], behavior=behaviors)
    assert found(Dataset("shop", events=events)) == {}


def test_items_without_title_and_with_a_negative_price():
    items = pl.DataFrame({"item_id": ["tea", "cup"], "title": ["Tea", None], "price": [-1.0, 2.0]})
    assert found(Dataset("shop", items=items)) == {
        "items: price is negative": (1, False),
        "items: there is no title": (1, True),
    }


def test_impressions_that_stand_twice_or_do_not_match_their_clicks():
    impressions = pl.DataFrame(
        {
            "impression_id": ["1", "1", "2"],
            "user_id": ["ann", "ann", "bob"],
            "shown": [["a", "b"], ["a"], []],
            "clicked": [[True], [True], []],
        }
    )
    assert found(Dataset("news", impressions=impressions)) == {
        "impressions: impression_id is an earlier one's": (1, False),
        "impressions: nothing was shown": (1, False),
        "impressions: shown and clicked differ in length": (1, False),
    }


def test_strangers_are_noted_where_there_is_a_table_to_know_them_from():
    links = pl.DataFrame({"item_id": ["pot"], "other_id": ["tea"], "relation": ["also_buy"]})
    users = pl.DataFrame({"user_id": ["ann"]})
    events = log(item_id=["tea", "pan"])
    assert found(Dataset("shop", events=events, links=links)) == {}
    assert found(Dataset("shop", events=events, items=ITEMS, users=users, links=links)) == {
        "events: item_id is not in the table of items": (1, True),
        "links: item_id is not in the table of items": (1, True),
        "events: user_id is not in the table of users": (1, True),
    }


def test_a_problem_has_the_number_of_rows_and_the_first():
    problems = check(Dataset("shop", events=log(user_id=["ann", ""])))
    (problem,) = problems
    assert str(problem) == (
        "shop: events:2: user_id is empty "
        "(1 rows, of which this is the first: {'user_id': '', 'item_id': 'cup'})"
    )
