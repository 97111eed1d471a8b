"""Saved models: a folder of arrays and a manifest, the same for every kind of model."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

import recweave.store.arrays as store
from recweave.core.errors import BadArtifact, BadSetting, UnknownName
from recweave.core.registry import Registry
from recweave.models.base import Model
from recweave.models.recipes import RECIPES
from recweave.store.packing import pack, unpack

FORMAT = 1

KINDS: Registry[type[Any]] = Registry(
    "kind of trained model",
    {
        "factors": "recweave.models.kinds:Factors",
        "item_weights": "recweave.models.kinds:ItemWeights",
        "item_scores": "recweave.models.kinds:ItemScores",
        "popular_now": "recweave.models.present:PopularNow",
        "new_now": "recweave.models.present:NewNow",
        "random_scores": "recweave.models.popularity:RandomScores",
        "biased_factors": "recweave.models.factors.mf:BiasedFactors",
        "user_votes": "recweave.models.neighbours.knn:UserVotes",
        "neighbourhood": "recweave.models.neighbours.pairs:Neighbourhood",
        "weighting": "recweave.models.neighbours.weighting:Weighting",
        "user_neighbours": "recweave.models.neighbours.user_cf:UserNeighbours",
        "item_neighbours": "recweave.models.neighbours.item_cf:ItemNeighbours",
        "words": "recweave.models.neighbours.text_similarity:TextSimilarity",
        "graph_filter": "recweave.models.graph.gfcf:GraphFilter",
        "blend": "recweave.models.blend:Blend",
        "auto_encoder": "recweave.models.factors.multi_vae:AutoEncoder",
        "sequential": "recweave.models.sequence.model:Sequential",
        "news": "recweave.models.news.model:NewsModel",
        "news_sizes": "recweave.models.news.sizes:Sizes",
        "next_number": "recweave.models.language.plus_one:NextNumber",
        "numbered_items": "recweave.models.language.numbered:NumberedItems",
        "trained_backbone": "recweave.models.language.backbone:TrainedBackbone",
        "logistic_clicks": "recweave.models.ctr.logistic:LogisticClicks",
        "tree_clicks": "recweave.models.ctr.trees:TreeClicks",
        "trees": "recweave.models.ctr.trees:Trees",
        "click_network": "recweave.models.ctr.model:ClickNetwork",
        "click_network_part": "recweave.models.ctr.model:Part",
        "click_network_dot_head": "recweave.models.ctr.model:DotHead",
        "click_network_cross_head": "recweave.models.ctr.model:CrossHead",
        "click_network_columns": "recweave.models.ctr.model:Columns",
        "click_network_labels": "recweave.models.ctr.model:LabelEmbeddings",
        "layer": "recweave.models.ctr.model:Layer",
        "standardizer": "recweave.models.ctr.design:Standardizer",
        "unified_network": "recweave.models.unified.model:UnifiedNetwork",
        "weights": "recweave.models.nn.weights:Weights",
        "soft_tokens": "recweave.models.language.cllm4rec:SoftTokenModel",
        "backbone": "recweave.models.language.backbone:TrainedBackbone",
        "item_prior": "recweave.models.new_items:ItemPrior",
        "placed_item_weights": "recweave.models.new_items:ExtendedItemWeights",
        "content_neighbors": "recweave.models.neighbours.content:ContentNeighbors",
        "content_map": "recweave.models.content:ContentMap",
    },
    group="recweave.kinds",
)
"""The classes that can be loaded. A folder names its kind; nothing else in it decides what runs."""


def save_model(model: Model, folder: Path | str, about: dict[str, Any] | None = None) -> None:
    """Write a trained model.

    Args:
        model: A frozen dataclass whose fields are arrays, sparse matrices, numbers, strings, None,
            recipes or again such dataclasses; its class must be one of `KINDS`.
        folder: Created, or replaced if it exists.
        about: Further data to save (recipe, data fingerprint, seed): plain JSON.
    """
    packed, arrays = pack(model, KINDS, RECIPES)
    store.write(Path(folder), arrays, {"format": FORMAT, "model": packed, "about": about or {}})


def load_model(folder: Path | str) -> tuple[Model, dict[str, Any]]:
    """A model that `save_model` wrote, and its `about`. Runs no code of the folder.

    Raises:
        BadArtifact: if the folder is broken, of another format, or of an unknown kind.
    """
    try:
        arrays, manifest = store.read(Path(folder), keys=("format",))
        if manifest["format"] != FORMAT:
            raise BadArtifact(
                f"{folder} is of format {manifest['format']}, this version reads {FORMAT}; "
                "train and save the model again"
            )
        model, about = unpack(manifest["model"], arrays, KINDS, RECIPES), manifest["about"]
        if not isinstance(model, Model):
            raise TypeError(f"a {type(model).__name__} is not a model")
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
            f"{Path(folder) / store.MANIFEST} does not fit its arrays or this version "
            f"({type(error).__name__}: {error}); train and save the model again"
        ) from None
    return model, about


def model_bytes(model: Model) -> int:
    """Bytes of a model's arrays; 0 for a model that cannot be saved."""
    try:
        _, arrays = pack(model, KINDS, RECIPES)
    except BadSetting:
        return 0
    return sum(array.nbytes for array in arrays.values())


def model_hash(model: Model) -> str:
    """SHA-256 of the whole content of a trained model: its classes, settings, numbers and arrays.

    A model has the same hash before it is saved and after it is loaded. The hash is "" for a model
    that cannot be saved, such as one of a class that is not listed in `KINDS`.
    """
    try:
        packed, arrays = pack(model, KINDS, RECIPES)
    except BadSetting:
        return ""
    digest = hashlib.sha256(json.dumps(packed, sort_keys=True).encode())
    for path in sorted(arrays):
        array = np.ascontiguousarray(arrays[path])
        digest.update(f"\n{path} {array.dtype.str} {array.shape}\n".encode())
        if array.size:
            digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
