"""Trees of frozen dataclasses as JSON and named arrays, and back: how trained things are kept."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel
from scipy import sparse

from recweave.core.errors import BadSetting
from recweave.core.registry import Registry
from recweave.core.value import Value

Arrays = dict[str, np.ndarray]
Kinds = Registry[Any]
"""Classes by the name that is kept. Names that are listed are the only ones that a file may use:
a path in a file would be imported, and so run code of the file's choice."""


def pack(part: Any, kinds: Kinds, values: Kinds) -> tuple[Any, Arrays]:
    """JSON for a tree, and the arrays in it under their paths.

    Args:
        part: A frozen dataclass whose fields are arrays, sparse matrices, numbers, strings, None,
            settings (`Value`), tuples, or again such dataclasses.
        kinds: The dataclasses that may occur.
        values: The settings that may occur.

    Raises:
        BadSetting: for anything else, with its path in the tree, and for a class that is not listed
            in either registry.
    """
    arrays: Arrays = {}
    return _pack(part, "", arrays, kinds, values), arrays


def unpack(packed: Any, arrays: Mapping[str, np.ndarray], kinds: Kinds, values: Kinds) -> Any:
    """The tree that `pack` described. Makes classes of `kinds` and `values` alone.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, BadSetting, UnknownName: if the description
            or the arrays are not whole; see `store.arrays`, which turn them into BadArtifact.
    """
    return _unpack(packed, "", arrays, kinds, values)


def _pack(part: Any, path: str, arrays: Arrays, kinds: Kinds, values: Kinds) -> Any:
    if isinstance(part, np.ndarray):
        arrays[path] = part
        return {"array": True}
    if isinstance(part, sparse.csr_array):
        for name in ("data", "indices", "indptr"):
            arrays[f"{path}.{name}"] = getattr(part, name)
        return {"csr": list(part.shape)}
    if is_dataclass(part) and not isinstance(part, type):
        packed = {
            f.name: _pack(getattr(part, f.name), f"{path}/{f.name}", arrays, kinds, values)
            for f in fields(part)
        }
        return {"kind": _name_of(type(part), kinds), "fields": packed}
    if isinstance(part, BaseModel):
        return {
            "recipe": _name_of(type(part), values),
            "settings": part.model_dump(mode="json"),
        }
    if isinstance(part, tuple):
        parts = enumerate(part)
        return {"tuple": [_pack(p, f"{path}/{i}", arrays, kinds, values) for i, p in parts]}
    if part is None or isinstance(part, bool | int | float | str):
        return part
    raise BadSetting(
        f"a {type(part).__name__}{f' ({path})' if path else ''} cannot be saved: what is trained "
        "must be a frozen dataclass of arrays, numbers, texts and settings"
    )


def _name_of(cls: type[Any], known: Kinds) -> str:
    name = known.name_of(cls)
    if name not in known:
        raise BadSetting(
            f"{name} cannot be saved, as no {known.kind} is listed under that; list it as an entry "
            f"point of the group {known.group}, or run with save = false"
        )
    return name


def _unpack(
    packed: Any, path: str, arrays: Mapping[str, np.ndarray], kinds: Kinds, values: Kinds
) -> Any:
    if packed is None or isinstance(packed, bool | int | float | str):
        return packed
    if "array" in packed:
        return arrays[path]
    if "csr" in packed:
        columns = tuple(arrays[f"{path}.{name}"] for name in ("data", "indices", "indptr"))
        matrix = sparse.csr_array(columns, shape=tuple(packed["csr"]))
        matrix.check_format()  # numbers out of bounds would be read as memory, not refused
        return matrix
    if "recipe" in packed:
        settings: type[Value] = values.named(packed["recipe"])
        return settings.parse(packed["settings"], "the saved settings", names_only=True)
    if "tuple" in packed:
        inner = enumerate(packed["tuple"])
        return tuple(_unpack(p, f"{path}/{i}", arrays, kinds, values) for i, p in inner)
    named = {
        name: _unpack(p, f"{path}/{name}", arrays, kinds, values)
        for name, p in packed["fields"].items()
    }
    return kinds.named(packed["kind"])(**named)
