"""What an answer names: quotes, ids, titles with slips, duplicates, inventions."""

import pytest

from recweave.rank.language.matching import Match, match, names_in

IDS = ["B01", "B02", "B03", "B04"]
TITLES = ["Green tea, 50 bags", "Tea cup", "Green tea, 500 bags", "Tea Cup!"]


def found(*names, consumed=()):
    return match(names, IDS, TITLES, consumed)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ('"Tea cup", "Green tea"', ["Tea cup", "Green tea"]),
        ('{"items": ["Tea cup", "Pot"]}', ["items", "Tea cup", "Pot"]),
        ("Gern! “Tea cup” und «Pot»", ["Tea cup", "Pot"]),
        ("1. Tea cup\n- Pot\n\n(3) Lid", ["Tea cup", "Pot", "Lid"]),
        ('"Tea cup", "Gre', ["Tea cup"]),
        ('"Gre', []),
        ("", []),
        ("!!! ...", []),
    ],
)
def test_names_are_what_stands_in_quotes_or_else_lines(answer, names):
    assert names_in(answer) == names


def test_a_model_that_repeats_itself_is_read_up_to_a_limit():
    assert len(names_in('"Tea cup", ' * 5_000)) == 100


def test_the_exact_id_then_the_plain_title_then_one_that_is_nearly_it():
    assert found("B03", "green TEA 50 bags").chosen == (2, 0)
    assert found("Grean tea, 50 bags").chosen == (0,)
    # Equally alike: the one that the retriever had first.
    assert found("Green tea, 5000 bags").chosen == (2,)
    assert found("Green coffee, 50 bags") == Match((), 1, 0, 0)


def test_of_candidates_with_one_title_the_first_that_is_not_named_yet_is_taken():
    assert found("tea cup", "Tea cup") == Match((1, 3), 0, 0, 0)
    assert found("tea cup", "Tea cup", "TEA CUP") == Match((1, 3), 0, 0, 1)


def test_duplicates_inventions_and_items_of_the_history_are_dropped_and_counted():
    answer = ["B02", "Moon rock", "B02", "Old pot", "Green tea, 50 bags", "Moon rock"]
    assert found(*answer, consumed=["Old pot"]) == Match((1, 0), 2, 1, 1)
    # A candidate that is in the history too is a candidate.
    assert found("Tea cup", consumed=["Tea cup"]).chosen == (1,)


def test_a_number_that_is_one_candidates_title_and_anothers_id_is_the_title():
    assert match(["300"], ["300", "7"], ["Se7en", "300"]).chosen == (1,)
    assert match(["7"], ["300", "7"], ["Se7en", "300"]).chosen == (1,)
