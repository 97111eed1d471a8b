import polars as pl
import pytest

from recweave.data.readers.text import lists


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("a|b| a ||", ["a", "b"]),
        ('["a", ["b", "a"], 3, null]', ["a", "b", "3"]),
        ('[{"large": "l", "thumb": "t"}, {"thumb": "u"}, {"other": "o"}]', ["l", "u"]),
        ('{"large": ["l", "m"]}', ["l", "m"]),
        ("[not json", ["[not json"]),
        ("[]", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("beside", ["x", '["x"]'])
def test_lists_of_words(cell, words, beside):
    words_of = lists(pl.col("t"), by="|", keys=("large", "thumb"))
    table = pl.DataFrame({"t": [cell, beside]}, schema={"t": pl.String})
    assert table.select(words_of).to_series().to_list() == [words, ["x"]]


def test_words_are_not_split_where_nothing_is_said_to_separate_them():
    words_of = lists(pl.col("t"), by=None, html=True)
    cells = ["a|b &amp; c", '["<i>d|e</i>", "</span>"]']
    assert pl.DataFrame({"t": cells}).select(words_of).to_series().to_list() == [
        ["a|b & c"],
        ["d|e"],
    ]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("['Tea', 'Green']", ["Tea", "Green"]),
        ("""["Children's", 'a "b"']""", ["Children's", 'a "b"']),
        ("('Tea',)", ["Tea"]),
        ("{'b', 'a'}", ["a", "b"]),
        ("[{'id': 1, 'name': 'Tea'}, {'id': 2, 'name': 'Green'}]", ["Tea", "Green"]),
        ('[{"id": 1, "name": "Tea"}]', ["Tea"]),
        ("{'id': 18, 'title': 'Drama'}", ["Drama"]),
        ("[['Tea', 'Hot'], ['Tea', None]]", ["Tea", "Hot"]),
        ("['Tea' 'Green tea']", ["Tea", "Green tea"]),  # NumPy; Python reads TeaGreen tea
        ('{Tea,"Green tea",NULL}', ["Tea", "Green tea"]),  # PostgreSQL
        ("(no genres listed)", ["(no genres listed)"]),
        ("[Explicit] hits | pop", ["[Explicit] hits", "pop"]),
        ("['Tea', 'Gre", None),  # cut off
        ("[{'id': 1}]", None),  # no name
        ("[__import__('os').getcwd()]", ["[__import__('os').getcwd()]"]),
        ("['a', __import__('os')]", None),
        ("[" * 3_000 + "'a'" + "]" * 3_000, None),  # deeper than Python reads
        ("['" + "a" * 100_001 + "']", None),  # longer than what is tried
    ],
)
@pytest.mark.parametrize("beside", ["x", '["x"]', "['x']"])
def test_lists_as_programs_write_them(cell, words, beside):
    words_of = lists(pl.col("t"), by="|")
    table = pl.DataFrame({"t": [beside, cell, beside, None, cell]})
    assert table.select(words_of).to_series().to_list() == [["x"], words, ["x"], None, words]


def test_several_separators_may_be_mixed():
    words_of = lists(pl.col("t"), by=("|", " > ", ","))
    table = pl.DataFrame({"t": ["Kitchen > Pans", "Tea|Green", "Tea, Green , ", ">", "a>b"]})
    expected = [["Kitchen", "Pans"], ["Tea", "Green"], ["Tea", "Green"], [">"], ["a>b"]]
    assert table.select(words_of).to_series().to_list() == expected


def test_a_cell_that_only_python_takes_for_blank_is_no_list():
    cells = pl.DataFrame({"t": ["['a']", "\x1f"]})
    assert cells.select(lists(pl.col("t"), by="|")).to_series().to_list() == [["a"], None]
