"""Names of a package that are imported when first used, so that importing one part stays quick."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package (PEP 562).

    No name may be that of a module of the package: once imported, the module would take its place.

    Args:
        package: The package's `__name__`.
        modules: Names of its modules, each with the names that are taken from it.

    >>> lazy_names("collections", {"abc": ["Sized"]})("Sized").__name__
    'Sized'
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    return get
