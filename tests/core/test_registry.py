from importlib.metadata import EntryPoint

import pytest

from recweave.core import registry
from recweave.core.errors import BadSetting, UnknownName
from recweave.core.registry import Registry, resolve

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


def test_a_path_gives_what_it_leads_to_and_is_no_name(shapes):
    assert shapes["math:e"] == pytest.approx(2.718281)
    assert "math:e" not in shapes and len(shapes) == 2
    with pytest.raises(UnknownName, match="no shape is called 'math:e'"):
        shapes.named("math:e")


def test_a_thing_at_hand_needs_no_path():
    shapes = Registry("shape", {"dot": 0, "circle": "math:tau"}, group="recweave.nothing")
    assert list(shapes.values()) == [0, pytest.approx(6.283185)]
    assert shapes.named("dot") == 0


def test_what_another_package_lists_is_held_to_the_kind_too(monkeypatch):
    plugged = [
        EntryPoint("whole", "builtins:bool", "recweave.shapes"),
        EntryPoint("word", "builtins:str", "recweave.shapes"),
        EntryPoint("gone", "no_such_package:Thing", "recweave.shapes"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: plugged)
    shapes = Registry("shape", {}, group="recweave.shapes", subclass_of="builtins:int")
    assert shapes["whole"] is bool
    with pytest.raises(BadSetting, match="'builtins:str' is the class str, but a shape must be"):
        shapes["word"]
    with pytest.raises(BadSetting, match="there is no module no_such_package; install"):
        shapes.named("gone")
    assert shapes.name_of(bool) == "whole"
    assert shapes.name_of(int) == "builtins:int"


def test_the_base_is_not_imported_before_a_path_is():
    shapes = Registry("shape", SHAPES, group="recweave.x", subclass_of="no_such_package:Base")
    assert shapes["circle"] == pytest.approx(6.283185)
    with pytest.raises(BadSetting, match="no_such_package:Base"):
        shapes["math:e"]


def test_a_path_may_lead_into_a_class():
    assert resolve("collections:OrderedDict.fromkeys") is not None
    with pytest.raises(BadSetting, match="the module collections has no 'of'"):
        resolve("collections:OrderedDict.of")
