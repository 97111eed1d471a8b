"""Names to what they stand for, imported when first asked for; open to `package.module:Class`.

A name is listed here by us, or by another package through an entry point. Anything else is named by
its path. A path is imported, so take one from a recipe file or an option, never from a saved file:
that is what `Registry.named` is for.
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from recweave.core.errors import BadSetting, UnknownName, did_you_mean

T = TypeVar("T")

PATH = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<attribute>[^\W\d]\w*(\.[^\W\d]\w*)*)")


def is_path(name: str) -> bool:
    """Whether a name has the form `package.module:attribute`."""
    return PATH.fullmatch(name) is not None


def short_name(name: str) -> str:
    """A name for people, that can be part of a file's name: of a path, what it leads to.

    >>> short_name("als"), short_name("my_package.models:Buys")
    ('als', 'Buys')
    """
    return PATH.sub(r"\g<attribute>", name)


def resolve(path: str) -> Any:
    """What `package.module:attribute` names; the module is imported.

    >>> resolve("math:tau")
    6.283185307179586

    Raises:
        BadSetting: if there is no such module or attribute, or the module cannot be imported.
    """
    parts = PATH.fullmatch(path)
    if parts is None:
        raise BadSetting(f"'{path}' is no path; write it as package.module:Class")
    module = _imported(parts["module"], path)
    found: Any = module
    for name in parts["attribute"].split("."):
        if not hasattr(found, name):
            known = [n for n, v in vars(module).items() if n[0] != "_" and not inspect.ismodule(v)]
            hint = did_you_mean(name, known) if known else "the module is empty"
            raise BadSetting(f"'{path}': the module {parts['module']} has no '{name}'; {hint}")
        found = getattr(found, name)
    return found


def _imported(module: str, path: str) -> Any:
    try:
        return import_module(module)
    # A module of another package may raise anything, and the message must name it.
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{module}.".startswith(f"{missing}."):
            raise BadSetting(
                f"'{path}': there is no module {missing}; install its package, or put the folder "
                "that it is in on PYTHONPATH"
            ) from None
        raise BadSetting(
            f"'{path}': importing {module} failed with {type(error).__name__}: {error}; "
            f"`python -c 'import {module}'` shows where"
        ) from error


class Registry(Mapping[str, T], Generic[T]):
    """A read-only map from a name to what it stands for.

    `registry[name]` also takes a path, `package.module:Class`, that is not listed. As a mapping
    it holds the listed names alone.

    >>> Registry("shape", {"circle": "math:tau"}, group="doctest")["circle"]
    6.283185307179586
    """

    def __init__(
        self,
        kind: str,
        where: Mapping[str, str | T],
        *,
        group: str,
        subclass_of: str | None = None,
        instance_of: str | None = None,
        also: str | None = None,
    ) -> None:
        """List what there is.

        Args:
            kind: What one of them is called in messages.
            where: Our own: a path for each name, or the thing itself if it is no string.
            group: The entry-point group of other packages; a name of ours always wins.
            subclass_of, instance_of: The path of a class. What other packages and paths give must
                be a concrete subclass, or an instance, of it. Imported when first needed.
            also: The path of a registry whose names are listed here as well; a name of this one
                wins. Imported when first needed.
        """
        self.kind = kind
        self.group = group
        self._own = dict(where)
        self._base = subclass_of or instance_of
        self._of_classes = subclass_of is not None
        self._also = also

    @cached_property
    def _where(self) -> dict[str, str | T]:
        also = resolve(self._also).paths() if self._also else {}
        return also | {e.name: e.value for e in entry_points(group=self.group)} | self._own

    @cached_property
    def base(self) -> type[Any]:
        """The class that all are subclasses or instances of."""
        assert self._base is not None, f"the registry of {self.kind}s names no base"
        return cast(type[Any], resolve(self._base))

    def __getitem__(self, name: str) -> T:
        """What a listed name or a path stands for.

        Raises:
            UnknownName: for a name that is not listed, with the nearest that is.
            BadSetting: for a path, or an entry point, that does not lead to one of the right kind.
        """
        if isinstance(name, str) and ":" in name and name not in self._where:
            return self._checked(name)
        return self.named(name)

    def named(self, name: str) -> T:
        """What a listed name stands for; a path is refused without any import.

        For names that come out of saved files.

        Raises:
            UnknownName: for a name that is not listed.
        """
        if name not in self._where:
            raise UnknownName(self.kind, name, self._where)
        where = self._where[name]
        if not isinstance(where, str):
            return where
        if name not in self._own:
            return self._checked(where)
        module, _, attribute = where.partition(":")
        return cast(T, getattr(import_module(module), attribute))

    def _checked(self, path: str) -> T:
        found = resolve(path)
        if self._base is None:
            return cast(T, found)
        what = f"of the type {type(found).__name__}"
        if inspect.isclass(found):
            what = f"the class {found.__name__}"
        if self._of_classes:
            if not (inspect.isclass(found) and issubclass(found, self.base)):
                must = f"a subclass of {self._base}"
                raise BadSetting(f"'{path}' is {what}, but a {self.kind} must be {must}")
            if inspect.isabstract(found):
                lacks = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
                raise BadSetting(f"'{path}' is abstract: it lacks {lacks}; write these")
        elif not isinstance(found, self.base):
            raise BadSetting(f"'{path}' is {what}, but a {self.kind} must be {self._base}")
        return cast(T, found)

    def name_of(self, thing: T) -> str:
        """The listed name of something imported, else its path: `registry[name]` gives it back."""
        for name, where in self._where.items():
            found: Any = where
            if isinstance(where, str):
                module, _, attribute = where.partition(":")
                found = getattr(sys.modules.get(module), attribute, None)
            if found is thing:
                return name
        named = cast(Any, thing)
        return f"{named.__module__}:{named.__qualname__}"

    def paths(self) -> dict[str, str]:
        """The path of each listed name, without importing it; objects at hand are left out."""
        return {name: where for name, where in self._where.items() if isinstance(where, str)}

    def __contains__(self, name: object) -> bool:
        return name in self._where

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)
