import subprocess
import sys
from importlib import import_module

import pytest

from recweave.core.lazy import lazy_names


@pytest.mark.parametrize("package", ["recweave.encode", "recweave.llm"])
def test_every_public_name_of_a_lazy_package_is_found(package):
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nope'"):
        module.nope  # noqa: B018


def test_no_module_is_imported_before_a_name_of_it_is_used():
    code = (
        "import sys, recweave.encode as encode; before = 'recweave.encode.text' in sys.modules; "
        "encode.text_encoder; print(before, 'recweave.encode.text' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_name_comes_from_its_module():
    assert (
        lazy_names("collections", {"abc": ["Sized"]})("Sized")
        is import_module("collections.abc").Sized
    )
