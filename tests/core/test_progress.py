from itertools import count

import pytest

from recweave.core.progress import show_progress, track


def test_a_library_is_silent(capsys):
    assert list(track(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def terminal(monkeypatch):
    """As if stderr were a terminal."""
    monkeypatch.setattr("recweave.core.progress._on_a_terminal", lambda: True)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is 10 seconds later each time it is looked at."""
    ticks = count(0, 10)
    monkeypatch.setattr("recweave.core.progress.monotonic", lambda: next(ticks))


def test_without_a_terminal_each_item_is_a_plain_line_with_the_time_left(capsys, clock):
    losses = iter(["", "loss 0.5", "loss 0.4", "loss 0.3"])
    with show_progress():
        assert list(track(range(3), lambda: f"als[1] {next(losses)}".strip())) == [0, 1, 2]
    assert capsys.readouterr() == (
        "",
        "als[1]: 1/3 done, 0:00:20 left\n"
        "als[1] loss 0.5: 2/3 done, 0:00:10 left\n"
        "als[1] loss 0.4: 3/3 done, 0:00:00 left\n",
    )


def test_lines_of_what_has_no_length_count(capsys, clock):
    with show_progress():
        list(track((letter for letter in "ab"), "reading"))
    assert capsys.readouterr().err == "reading: 1 done\nreading: 2 done\n"


def test_quick_work_needs_no_lines(capsys):
    with show_progress():
        list(track(range(1000), "counting"))
    assert capsys.readouterr().err == ""


def test_a_bar_goes_to_stderr_where_a_program_asks_for_it(capsys, terminal):
    with show_progress():
        assert list(track(iter(range(3)), "counting", total=3)) == [0, 1, 2]
    assert list(track(range(3), "silent again")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert "counting" in err and "3/3" in err
    assert "silent again" not in err


def test_a_program_may_turn_it_off_again(capsys):
    with show_progress(), show_progress(False):
        list(track(range(3), "counting"))
    assert capsys.readouterr().err == ""


def test_items_are_passed_on_one_at_a_time():
    passed = track(iter([1, 2]), "counting")
    assert next(passed) == 1
