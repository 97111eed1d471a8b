from recweave.core.progress import show_progress, track


def test_a_library_is_silent(capsys):
    assert list(track(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_bar_goes_to_stderr_where_a_program_asks_for_it(capsys):
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
