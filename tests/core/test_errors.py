import inspect

import pytest

from recweave.core import errors
from recweave.core.errors import (
    BadSetting,
    RecweaveError,
    UnknownName,
    did_you_mean,
    require_choice,
)


def test_everything_can_be_caught_at_the_root():
    found = [
        e for _, e in inspect.getmembers(errors, inspect.isclass) if e.__module__ == errors.__name__
    ]
    assert len(found) == 9
    assert all(issubclass(error, RecweaveError) for error in found)


def test_the_tree_in_the_docstring_names_every_error():
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if error.__module__ == errors.__name__:
            assert name in errors.__doc__


def test_a_hint_names_the_nearest_or_all_in_order():
    assert did_you_mean("als", ["bpr", "als2"]) == "did you mean 'als2'?"
    assert did_you_mean("zz", ["bpr", "als"]) == "known are: als, bpr"


def test_an_unknown_name_says_what_kind_of_name_it_is():
    with pytest.raises(UnknownName, match=r"^no stage is called 'x'; known are: mmr$"):
        raise UnknownName("stage", "x", ["mmr"])


def test_a_choice_is_one_of_its_words():
    require_choice("hide", "none", ("all", "none"))
    with pytest.raises(BadSetting, match=r"^hide is 'non'; did you mean 'none'\?$"):
        require_choice("hide", "non", ("all", "none"))
    with pytest.raises(BadSetting, match=r"^hide is None; known are: all, purchases$"):
        require_choice("hide", None, ("all", "purchases"))
