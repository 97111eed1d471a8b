"""Optional packages: present, or an error with the command that adds them."""

from importlib import import_module
from typing import Any

from recweave.core.errors import MissingExtra

INSTALL = "pip install 'recweave[{extra}]'"


def require(module: str, *, extra: str) -> Any:
    """The imported module.

    Raises:
        MissingExtra: if it is not installed, with the exact command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise  # the package is there but broken; hiding that would mislead
        command = INSTALL.format(extra=extra)
        raise MissingExtra(f"this needs {module}, which is not installed; run: {command}") from None
