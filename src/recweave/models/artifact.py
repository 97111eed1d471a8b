"""Trained models on disk: a folder of arrays and a manifest, for every kind alike."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import recweave.store.arrays as store
from recweave.core.errors import BadArtifact, BadSetting, UnknownName
from recweave.core.registry import Registry
from recweave.models.base import Model, Recipe
from recweave.models.recipes import RECIPES

FORMAT = 1

KINDS: Registry[type[Any]] = Registry(
    "kind of trained model",
    {
        "factors": "recweave.models.kinds:Factors",
        "item_weights": "recweave.models.kinds:ItemWeights",
        "item_scores": "recweave.models.kinds:ItemScores",
        "random_scores": "recweave.models.popularity:RandomScores",
        "biased_factors": "recweave.models.factors.mf:BiasedFactors",
        "user_votes": "recweave.models.neighbours.knn:UserVotes",
        "neighbourhood": "recweave.models.neighbours.pairs:Neighbourhood",
        "weighting": "recweave.models.neighbours.weighting:Weighting",
        "user_neighbours": "recweave.models.neighbours.user_cf:UserNeighbours",
        "item_neighbours": "recweave.models.neighbours.item_cf:ItemNeighbours",
        "words": "recweave.models.neighbours.words:Words",
        "graph_filter": "recweave.models.graph.gfcf:GraphFilter",
        "blend": "recweave.models.blend:Blend",
        "sequential": "recweave.models.sequence.model:Sequential",
        "unified_network": "recweave.models.unified.model:UnifiedNetwork",
        "weights": "recweave.models.nn.weights:Weights",
    },
    group="recweave.kinds",
)
"""What can be loaded. A folder names its kind; nothing else in it decides what is run."""


def save_model(model: Model, folder: Path, about: dict[str, Any] | None = None) -> None:
    """Write a trained model.

    Args:
        model: A frozen dataclass whose fields are arrays, sparse matrices, numbers, strings, None,
            recipes or again such dataclasses; its class must be one of `KINDS`.
        folder: Made; replaced if it is there.
        about: What else to keep (recipe, data fingerprint, seed): plain JSON.
    """
    arrays: dict[str, np.ndarray] = {}
    manifest = {"format": FORMAT, "model": _pack(model, "", arrays), "about": about or {}}
    store.write(folder, arrays, manifest)


def load_model(folder: Path) -> tuple[Model, dict[str, Any]]:
    """A model that `save_model` wrote, and what was kept about it. Runs no code of the folder.

    Raises:
        BadArtifact: if the folder is broken, of another format, or of an unknown kind.
    """
    try:
        arrays, manifest = store.read(folder, keys=("format",))
        if manifest["format"] != FORMAT:
            raise BadArtifact(
                f"{folder} is of format {manifest['format']}, this version reads {FORMAT}; "
                "train and save the model again"
            )
        model, about = _unpack(manifest["model"], "", arrays), manifest["about"]
        if not isinstance(model, Model):
            raise TypeError(f"a {type(model).__name__} is no model")
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
        UnknownName,
        BadSetting,
    ) as error:
        raise BadArtifact(
            f"{folder / store.MANIFEST} does not fit its arrays or this version "
            f"({type(error).__name__}: {error}); train and save the model again"
        ) from None
    return model, about


def _pack(part: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """JSON for a part of a model; arrays are put aside under their path."""
    if isinstance(part, np.ndarray):
        arrays[path] = part
        return {"array": True}
    if isinstance(part, sparse.csr_array):
        for name in ("data", "indices", "indptr"):
            arrays[f"{path}.{name}"] = getattr(part, name)
        return {"csr": list(part.shape)}
    if is_dataclass(part) and not isinstance(part, type):
        kind = next((name for name in KINDS if KINDS[name] is type(part)), None)
        if kind is None:
            raise TypeError(f"{type(part).__name__} is none of KINDS ({path})")
        packed = {
            f.name: _pack(getattr(part, f.name), f"{path}/{f.name}", arrays) for f in fields(part)
        }
        return {"kind": kind, "fields": packed}
    if isinstance(part, Recipe):
        name = next(name for name in RECIPES if RECIPES[name] is type(part))
        return {"recipe": name, "settings": part.model_dump(mode="json")}
    if isinstance(part, tuple):
        return {"tuple": [_pack(p, f"{path}/{i}", arrays) for i, p in enumerate(part)]}
    if part is None or isinstance(part, bool | int | float | str):
        return part
    raise TypeError(f"a trained model cannot hold a {type(part).__name__} ({path})")


def _unpack(packed: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if packed is None or isinstance(packed, bool | int | float | str):
        return packed
    if "array" in packed:
        return arrays[path]
    if "csr" in packed:
        parts = tuple(arrays[f"{path}.{name}"] for name in ("data", "indices", "indptr"))
        made = sparse.csr_array(parts, shape=tuple(packed["csr"]))
        made.check_format()  # numbers out of bounds would be read as memory, not refused
        return made
    if "recipe" in packed:
        return RECIPES[packed["recipe"]].parse(packed["settings"], "the model's recipe")
    if "tuple" in packed:
        return tuple(_unpack(p, f"{path}/{i}", arrays) for i, p in enumerate(packed["tuple"]))
    values = {n: _unpack(p, f"{path}/{n}", arrays) for n, p in packed["fields"].items()}
    return KINDS[packed["kind"]](**values)
