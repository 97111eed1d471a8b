"""Lines of a TOML file, against what tomllib reads from it."""

import tomllib
from pathlib import Path

import pytest

from recweave.runs.lines import key_lines, line_at

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
HARD = '''a = """x
[y]
"quoted\\"""" # c
"b.c".d = 1
t = [ { k = 'x#', "z" = [1,
 2] }, # hi
 3 ]
[models.x]
q=1979-05-27T07:32:00Z
[[m.s]]
z=1
[[m.s]]
z=2
[m.s.u]
w=\'\'\'
'a\'\'\'\'
last = 1'''


def paths(value, path=()):
    if path:
        yield path
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for step, part in inner:
            yield from paths(part, (*path, step))


@pytest.mark.parametrize("text", [HARD, *(file.read_text() for file in RECIPES)])
def test_every_key_and_list_entry_has_a_line_and_nothing_else(text):
    assert set(key_lines(text)) == set(paths(tomllib.loads(text)))


def test_the_lines_are_right():
    lines = key_lines(HARD)
    asked = {
        ("a",): 1,
        ("b.c", "d"): 4,
        ("t", 0, "k"): 5,
        ("t", 0, "z", 1): 6,
        ("t", 1): 7,
        ("models", "x", "q"): 9,
        ("m", "s", 0, "z"): 11,
        ("m", "s", 1): 12,
        ("m", "s", 1, "z"): 13,
        ("m", "s", 1, "u", "w"): 15,
        ("m", "s", 1, "u", "last"): 17,
    }
    assert {path: lines[path] for path in asked} == asked


def test_steps_that_are_not_in_the_file_are_passed_over():
    lines = key_lines(
        "x = 1\n[[models]]\nsearch = { reg = [] }\nstages = [\n{ kind = 'cap', n = 0 }]"
    )
    assert line_at(lines, ("models", 0, "stages", 0, "cap", "n")) == 5
    assert line_at(lines, ("models", 0, "settings", "reg")) == 3
    assert line_at(lines, ("models", 0, "name")) == 2
    assert line_at(lines, ("data",)) is None
