"""`recweave demo`: the first command a newcomer types, and the ones it names next."""

import shlex
import sys

import pytest

from recweave.cli import main
from recweave.core.errors import Unavailable
from recweave.experiment import demo


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def absent(name, settings):
        raise Unavailable(f"{name} is not here")

    monkeypatch.setattr(demo, "get", absent)
    monkeypatch.setattr(demo, "FALLBACK", "synthetic:small")
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["recweave", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        return capsys.readouterr()

    return run


def test_the_demo_says_what_data_it_took_and_the_command_it_names_next_works(call):
    told = call("demo")
    assert "ease" in told.out
    assert "the synthetic shop, as MovieLens 100K is not available: ml-100k is not here" in told.err
    assert "report.html" in told.err
    (named,) = (line for line in told.err.splitlines() if line.startswith("then:"))
    program, *words = shlex.split(named.removeprefix("then:"))
    assert program == "recweave"
    assert "1. " in call(*words).out
