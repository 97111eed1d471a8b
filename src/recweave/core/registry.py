"""Names to classes, listed in one place and imported when first asked for."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from recweave.core.errors import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A read-only map from a name to what it stands for, `"module:attribute"`.

    Other packages add theirs through the entry-point group `group`; a name of ours always wins.

    >>> Registry("shape", {"circle": "math:tau"}, group="doctest")["circle"]
    6.283185307179586
    """

    def __init__(self, kind: str, where: Mapping[str, str], *, group: str) -> None:
        self.kind = kind
        self._own = dict(where)
        self._group = group

    @cached_property
    def _where(self) -> dict[str, str]:
        return {e.name: e.value for e in entry_points(group=self._group)} | self._own

    def __getitem__(self, name: str) -> T:
        if name not in self._where:
            raise UnknownName(self.kind, name, self._where)
        module, _, attribute = self._where[name].partition(":")
        return cast(T, getattr(import_module(module), attribute))

    def __contains__(self, name: object) -> bool:
        return name in self._where

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)


def resolve(path: str) -> Any:
    """What `"package.module:attribute"` names, imported."""
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)
