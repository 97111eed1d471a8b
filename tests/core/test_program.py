import os
import sys

import pytest

from recweave.core.program import program


@pytest.fixture
def lost(monkeypatch, tmp_path):
    """A shell that does not find the program by its name, in a folder of ours."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("started", "typed"),
    [
        (".venv/bin/recweave", ".venv/bin/recweave"),
        ("my tools/recweave", "'my tools/recweave'"),
        ("recweave", "recweave"),
        ("lib/recweave/__main__.py", f"{sys.executable} -m recweave"),
        ("bin/pytest", "recweave"),
        ("lib/pytest/__main__.py", "recweave"),
    ],
)
def test_where_the_shell_does_not_find_it_the_program_is_called_as_it_was(
    lost, monkeypatch, started, typed
):
    monkeypatch.setattr("sys.argv", [started, "demo"])
    assert program() == typed
    monkeypatch.setattr("sys.argv", [str(lost / started), "demo"])
    if os.sep in started:
        assert program() == typed


def test_from_another_folder_the_whole_path_is_given(lost, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(lost / ".venv/bin/recweave"), "demo"])
    (lost / "work").mkdir()
    monkeypatch.chdir(lost / "work")
    assert program() == str(lost / ".venv/bin/recweave")


def test_on_the_path_the_name_is_enough(lost, monkeypatch):
    (lost / "nowhere").mkdir()
    there = lost / "nowhere" / "recweave"
    there.touch(mode=0o755)
    monkeypatch.setattr("sys.argv", [".venv/bin/recweave"])
    assert program() == "recweave"
