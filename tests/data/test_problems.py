import pytest

from recweave.core.errors import BadInput
from recweave.data.problems import LISTED, BrokenFile, Problem, Problems


def test_notes_and_errors_are_counted_apart():
    problems = Problems()
    problems.note("a.csv", 3, "is odd", kind="odd")
    problems.raise_errors("do something")
    problems.error("a.csv", 4, "is wrong", kind="wrong")
    with pytest.raises(BadInput) as caught:
        problems.raise_errors("do something")
    assert str(caught.value).splitlines() == [
        "1 row cannot be taken as they stand:",
        "  a.csv:4: is wrong",
        "do something",
    ]


def test_all_are_counted_and_the_first_of_a_kind_listed():
    problems = Problems()
    for line in range(3 * LISTED):
        problems.error("a.csv", line, f"is wrong in its way {line}", kind="wrong")
    problems.error("a.csv", 7, "is rare", kind="rare")
    assert problems.errors == {"wrong": 3 * LISTED, "rare": 1}
    assert len(problems.listed) == LISTED + 1
    assert problems.listed[-1].what == "is rare"


def test_collections_join():
    first, second = Problems(), Problems()
    first.error("a.csv", 1, "is wrong", kind="wrong")
    second.note("b.csv", 2, "is odd", kind="odd")
    second.break_off(Problem("c.csv", None, "is empty"))
    first.extend(second)
    assert first.errors.total() == 2
    assert first.notes == {"odd": 1}
    assert [problem.file for problem in first] == ["a.csv", "b.csv", "c.csv"]
    with pytest.raises(BadInput, match=r"^c\.csv: is empty$"):
        first.raise_errors("skip them")


def test_a_broken_file_names_its_line(tmp_path):
    assert str(BrokenFile(tmp_path / "a", 5, "breaks off")) == f"{tmp_path}/a:5: breaks off"
