import sys

import pytest

from recweave.core.errors import MissingExtra
from recweave.core.extras import require


def test_a_package_that_is_there_is_imported():
    assert require("math", extra="none").pi > 3


def test_a_missing_package_is_an_error_with_the_command_that_installs_it():
    with pytest.raises(
        MissingExtra, match=r"needs no_such_package.*pip install 'recweave\[images\]'"
    ):
        require("no_such_package.part", extra="images")


def test_a_package_that_is_broken_inside_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import br")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="'br'"):
        require("broken_package", extra="images")
    assert "broken_package" not in sys.modules
