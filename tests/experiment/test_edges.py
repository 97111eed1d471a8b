"""The end of what was searched is told where a wider search could go on, and only there."""

import pytest

from recweave.experiment.edges import Edge, edges_of_grid, edges_of_ranges
from recweave.models import RECIPES, Tune
from recweave.runs.entry import Entry


def entry(kind, **search):
    return Entry(kind=kind, row=kind, settings={}, search=search)


def chosen(kind, **settings):
    return RECIPES[kind].parse(settings, kind)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(256, [Edge("dim", 256, up=True)]), (64, [Edge("dim", 64, up=False)]), (128, [])],
)
def test_the_ends_of_a_grid_are_edges(value, expected):
    asked = entry("als", dim=[128, 64, 256])
    assert list(edges_of_grid(asked, chosen("als", dim=value))) == expected


def test_what_a_setting_cannot_go_beyond_is_no_edge():
    asked = entry("ease", decay=[0.5, 0.9, 1.0], min_count=[0, 2, 5])
    assert not list(edges_of_grid(asked, chosen("ease", decay=1.0, min_count=0)))
    near = entry("ease", decay=[0.5, 0.9])
    assert list(edges_of_grid(near, chosen("ease", decay=0.9))) == [Edge("decay", 0.9, up=True)]


def test_words_and_single_values_have_no_end():
    asked = entry("item_knn", similarity=["cosine", "bm25"], k=[100])
    assert not list(edges_of_grid(asked, chosen("item_knn", similarity="bm25", k=100)))


@pytest.mark.parametrize(
    ("reg", "expected"), [(995.0, ["reg"]), (1.01, ["reg"]), (100.0, []), (800.0, [])]
)
def test_the_ends_of_a_range_are_edges(reg, expected):
    space = {"reg": Tune(1, 1000, log=True), "decay": Tune(choices=(0.5, 1.0))}
    found = edges_of_ranges(chosen("ease", reg=reg), space)
    assert [edge.name for edge in found] == expected


def test_what_is_said():
    said = str(Edge("dim", 256, up=True))
    assert said == (
        "validation chose the largest dim that was searched (256); a larger one may do better"
    )
    assert "smallest reg" in str(Edge("reg", 0.5, up=False))
