import polars as pl
import pytest

from recweave.core.errors import BadInput
from recweave.data.dataset import Dataset


def news(**columns):
    """Three impressions: of known articles, of one known and one unknown, and without labels."""
    table = {
        "impression_id": ["1", "2", "3"],
        "user_id": ["u", "v", "u"],
        "time": [10, 20, 30],
        "history": [["b"], None, ["c", "new", "a"]],
        "shown": [["a", "b"], ["new", "c"], ["c", "a", "b"]],
        "clicked": [[False, True], [True, False], None],
    } | columns
    items = pl.DataFrame({"item_id": ["a", "b", "c"]})
    return Dataset("news", items=items, impressions=pl.DataFrame(table), numbering="table")


def test_rows_and_numbers_keep_the_order_of_the_table():
    log = news().impression_log()
    assert log.start.tolist() == [0, 2, 3, 6]
    assert log.item.tolist() == [0, 1, 2, 2, 0, 1]
    assert log.clicked.tolist() == [False, True, False, False, False, False]
    assert (log.user.tolist(), log.time.tolist()) == ([0, 1, 0], [10, 20, 30])


def test_histories_are_clicks_at_the_time_of_the_impression():
    history = news().impression_log().history
    assert history.start.tolist() == [0, 1, 1, 3]
    assert history.item.tolist() == [1, 2, 0]
    assert history.time.tolist() == [10, 30, 30]


def test_items_that_are_not_in_the_vocabulary_are_left_out_and_counted():
    log = news().impression_log()
    assert (log.unknown_shown, log.unknown_clicked, log.unknown_history) == (1, 1, 1)


def test_impressions_without_labels_are_marked():
    log = news().impression_log()
    assert log.labelled.tolist() == [True, True, False]
    assert len(log.with_labels()) == 2
    gaps = news(clicked=[[False, True], [True, None], [False] * 3]).impression_log()
    assert gaps.labelled.tolist() == [True, False, True]


def test_an_empty_list_shown_keeps_its_row():
    log = news(shown=[[], ["c"], ["a"]], clicked=[[], [True], [False]]).impression_log()
    assert log.start.tolist() == [0, 0, 1, 2]


def test_without_times_the_order_of_the_table_counts():
    log = news(time=pl.Series([None] * 3, dtype=pl.Int64)).impression_log()
    assert (log.clock, log.time.tolist()) == ("order", [0, 1, 2])


def test_labels_that_do_not_fit_what_was_shown_are_refused():
    with pytest.raises(BadInput, match=r"row 1 \(2\): 1 labels, 2 items"):
        news(clicked=[[False, True], [True], None]).impression_log()


def test_a_time_for_some_only_is_refused():
    with pytest.raises(BadInput, match="1 of 3 impressions have no time"):
        news(time=[1, None, 2]).impression_log()


def test_no_impressions_are_refused():
    with pytest.raises(BadInput, match="no impressions"):
        Dataset("empty").impression_log()
