from importlib.metadata import EntryPoint

import pytest

from recweave.core import registry
from recweave.core.errors import UnknownName
from recweave.core.registry import Registry

SHAPES = {"circle": "math:tau", "odd": "no_such_module:thing"}


@pytest.fixture
def shapes():
    return Registry("shape", SHAPES, group="recweave.nothing")


def test_a_name_gives_what_it_stands_for(shapes):
    assert shapes["circle"] == pytest.approx(6.283185)
    assert list(shapes) == ["circle", "odd"]
    assert len(shapes) == 2


def test_an_unknown_name_is_refused_with_the_nearest(shapes):
    with pytest.raises(UnknownName, match="no shape is called 'cirle'; did you mean 'circle'"):
        shapes["cirle"]


def test_nothing_is_imported_before_it_is_asked_for(shapes):
    assert "odd" in shapes and "even" not in shapes
    with pytest.raises(ModuleNotFoundError):
        shapes["odd"]


def test_other_packages_add_names_but_do_not_replace_ours(monkeypatch):
    plugged = [
        EntryPoint("square", "math:e", "recweave.shapes"),
        EntryPoint("circle", "math:e", "recweave.shapes"),
    ]
    monkeypatch.setattr(
        registry, "entry_points", lambda group: plugged if group == "recweave.shapes" else []
    )
    shapes = Registry("shape", SHAPES, group="recweave.shapes")
    assert shapes["square"] == pytest.approx(2.718281)
    assert shapes["circle"] == pytest.approx(6.283185)
