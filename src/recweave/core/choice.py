"""One of many in a recipe file: a table whose `kind` names a class of a registry.

SPLITTERS: Registry[type["Splitter"]] = Registry("split", {…}, subclass_of="…:Splitter")

class Splitter(Choice, ABC):
    registry = SPLITTERS

AnySplitter = Annotated[SerializeAsAny[Splitter], BeforeValidator(OneOf(SPLITTERS))]
"""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import ValidationError, model_serializer, model_validator

from recweave.core.errors import BadSetting, RecweaveError
from recweave.core.registry import Registry
from recweave.core.value import NAMES_ONLY, Value, message_at, tagged

C = TypeVar("C", bound="Choice")


class Choice(Value):
    """A value that a table picks by its `kind`: a name in `registry`, or `package.module:Class`.

    Its JSON holds that `kind`, so that it reads back to the same class. A class may have a field
    `kind` of its own, as ours do, or none; its value is ignored.
    """

    registry: ClassVar[Registry[Any]]

    @classmethod
    def kind_name(cls) -> str:
        """What `kind` must be for this class."""
        return cls.registry.name_of(cls)

    @model_validator(mode="before")
    @classmethod
    def _without_kind(cls, data: Any) -> Any:
        """`kind` has named the class and says no more, unless the class asks for it."""
        field = cls.model_fields.get("kind")
        if not isinstance(data, dict) or (field is not None and field.is_required()):
            return data
        return {k: v for k, v in data.items() if k != "kind" or v != cls.kind_name()}

    @model_serializer(mode="wrap")
    def _with_kind(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {"kind": None} | write(self) | {"kind": self.kind_name()}


class OneOf(Generic[C]):
    """Reads a table, or takes a value as it is; called by pydantic as a validator."""

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry: Registry[type[C]] = registry

    def __call__(self, given: Any, info: Any) -> C:
        """The value, for pydantic, which gathers errors of the type ValueError.

        Args:
            given: The table, or a value.
            info: pydantic's `ValidationInfo`, a protocol that no run-time checker can check.
        """
        if isinstance(given, self.registry.base):
            return cast(C, given)
        given = self._by_kind(given)
        if not isinstance(given, dict) or "kind" not in given:
            raise ValueError(self._expected())
        names_only = bool((info.context or {}).get(NAMES_ONLY))
        try:
            kind = self._class(given["kind"], names_only)
        except RecweaveError as error:
            raise message_at(self.registry.kind, "kind", str(error), given["kind"]) from None
        try:
            return kind.model_validate(self._table(kind, given), context=info.context)
        except ValidationError as error:
            raise tagged(kind, str(given["kind"]), error) from None
        except BadSetting as error:  # of a validator of the class
            raise message_at(self.registry.kind, "kind", str(error), given) from None

    def parse(self, given: Any, *, names_only: bool = False) -> C:
        """The value of a table that stands alone.

        Args:
            given: The table, or a value.
            names_only: Whether a `kind` must be a listed name. So for tables of saved files, as a
                path would be imported.

        Raises:
            UnknownName: for a `kind` that is not in the registry.
            BadSetting: for a path that leads nowhere, or a wrong key or value.
        """
        if isinstance(given, self.registry.base):
            return cast(C, given)
        given = self._by_kind(given)
        if not isinstance(given, dict) or "kind" not in given:
            raise BadSetting(f"{self._expected()}, not {given!r}")
        kind = self._class(given["kind"], names_only)
        where = f"{self.registry.kind} '{given['kind']}'"
        return kind.parse(self._table(kind, given), where, names_only=names_only)

    def _by_kind(self, given: Any) -> Any:
        """`name` may be written for `kind`."""
        if isinstance(given, dict) and "name" in given and "kind" not in given:
            return {("kind" if key == "name" else key): value for key, value in given.items()}
        return given

    def _expected(self) -> str:
        return f"a {self.registry.kind} is a table with a 'kind' ({', '.join(self.registry)})"

    def _class(self, name: Any, names_only: bool) -> type[C]:
        if not isinstance(name, str):
            raise BadSetting(f"the 'kind' of a {self.registry.kind} is a text, not {name!r}")
        return self.registry.named(name) if names_only else self.registry[name]

    def _table(self, kind: type[C], given: dict[str, Any]) -> dict[str, Any]:
        """The table by the class's own name: a path may lead to it through another module."""
        return {**given, "kind": kind.kind_name()}
