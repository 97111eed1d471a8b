from pathlib import Path

import pytest
from pydantic import ValidationError

from recweave.core.settings import Settings


def test_the_environment_says_where_things_are(monkeypatch):
    monkeypatch.setenv("RECWEAVE_DATA", "/srv/data")
    monkeypatch.setenv("RECWEAVE_THREADS", "3")
    assert Settings().data == Path("/srv/data")
    assert Settings().threads == 3


def test_without_it_there_are_defaults(monkeypatch):
    for name in ("DATA", "HOME", "THREADS"):
        monkeypatch.delenv(f"RECWEAVE_{name}", raising=False)
    assert Settings().data is None
    assert Settings().home == Path.home() / ".cache" / "recweave"
    assert Settings().threads >= 1


def test_no_threads_at_all_are_refused(monkeypatch):
    monkeypatch.setenv("RECWEAVE_THREADS", "0")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Settings()
