"""A bundle on disk: one folder, every file with its checksum."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import recweave.store.arrays as store
from recweave.bundle.base import REMOVED_COLUMNS, B, BundleBase
from recweave.core.atomic import atomic_folder
from recweave.core.errors import BadArtifact, BadInput, BadSetting, UnknownName
from recweave.core.polars_errors import POLARS_ERRORS
from recweave.core.version import VERSION
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import Feature
from recweave.models.artifact import load_model, save_model
from recweave.models.recipes import RECIPES
from recweave.rank.ranking import Stage
from recweave.rank.stages import STAGE_KINDS
from recweave.store.packing import pack, unpack

MANIFEST = "bundle.json"
FORMAT = 2
MODEL, FALLBACK, STAGES, LOG, FEATURES = "model", "fallback", "stages", "log", "features"
"""Folders of arrays."""
ITEMS, USERS, REMOVED = "items.parquet", "users.parquet", "removed.parquet"
ATTEMPTS = 3
"""How often at most a bundle is read that is replaced each time while it is read."""
CHECKSUM = "checksum"
"""The manifest's key for the hash of its other keys."""
KEYS = ("format", "name", "data", "known_users", "depth", "about", "files", CHECKSUM)
"""What a manifest must have."""
AGAIN = "fit the bundle again, or copy it again from where it was made"


def save_bundle(bundle: BundleBase, folder: Path) -> None:
    """Write a bundle; an older one of the name is replaced, and it appears whole or not at all."""
    check_free(folder)
    packed, arrays = pack(bundle.stages, STAGE_KINDS, RECIPES)
    with atomic_folder(folder, replace=True) as draft:
        save_model(bundle.model, draft / MODEL)
        save_model(bundle.fallback, draft / FALLBACK)
        store.write(draft / STAGES, arrays, {"stages": packed})
        _write_log(bundle.log, draft / LOG)
        _write_features(bundle.features, draft / FEATURES)
        bundle.dataset.items.write_parquet(draft / ITEMS)
        bundle.dataset.users.write_parquet(draft / USERS)
        bundle.removed.write_parquet(draft / REMOVED)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "name": bundle.name,
            "data": {
                "name": bundle.dataset.name,
                "source": bundle.dataset.source,
                "licence": bundle.dataset.licence,
            },
            "known_users": bundle.known_users,
            "depth": bundle.depth,
            "about": dict(bundle.about),
            "files": _digests(draft),
        }
        text = json.dumps(with_checksum(manifest), indent=2, ensure_ascii=False)
        (draft / MANIFEST).write_text(text + "\n", encoding="utf-8")


def check_free(folder: Path) -> None:
    """Make sure that a bundle may be written to a folder, before it is made.

    Raises:
        BadArtifact: if there is something else of the name.
    """
    if folder.is_dir():
        taken = not (folder / MANIFEST).is_file() and any(folder.iterdir())
    else:
        taken = folder.exists()
    if taken:
        raise BadArtifact(f"{folder} exists and is no bundle; choose another folder")


def load_bundle(folder: Path, kind: type[B]) -> B:
    """Read a bundle. Only classes that registries list are made; no code of the folder is run.

    A writer may replace the folder while it is read; then it is read again.

    Args:
        folder: What `save_bundle` wrote.
        kind: The class to make: `Bundle`.

    Raises:
        BadArtifact: naming the file that is missing, damaged, or does not fit the others.
    """
    for _ in range(ATTEMPTS - 1):
        begun = _version_of(folder)
        try:
            return _load(folder, kind)
        except BadArtifact:
            if begun == _version_of(folder):
                raise
    return _load(folder, kind)


def _version_of(folder: Path) -> tuple[int, int] | None:
    """What changes when the folder is replaced; None while it is not there."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _load(folder: Path, kind: type[B]) -> B:
    manifest = _read_manifest(folder / MANIFEST)
    _verify(folder, manifest["files"])
    model, _ = load_model(folder / MODEL)
    fallback, _ = load_model(folder / FALLBACK)
    try:
        dataset = Dataset(
            str(manifest["data"]["name"]),
            items=pl.read_parquet(folder / ITEMS, glob=False),
            users=pl.read_parquet(folder / USERS, glob=False),
            source=str(manifest["data"]["source"]),
            licence=str(manifest["data"]["licence"]),
            numbering="table",
        )
        bundle = kind(
            name=str(manifest["name"]),
            model=model,
            dataset=dataset,
            log=_read_log(folder / LOG),
            fallback=fallback,
            known_users=int(manifest["known_users"]),
            removed=pl.read_parquet(folder / REMOVED, glob=False).select(list(REMOVED_COLUMNS)),
            stages=_read_stages(folder / STAGES),
            features=_read_features(folder / FEATURES),
            depth=int(manifest["depth"]),
            about=dict(manifest["about"]),
        )
    except (
        AttributeError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
        BadInput,
        BadSetting,
        UnknownName,
        *POLARS_ERRORS,
    ) as error:
        raise BadArtifact(f"{folder} does not hold what it says ({error}); {AGAIN}") from None
    if bundle.log.shape != (len(dataset.user_ids), len(dataset.item_ids)):
        raise BadArtifact(
            f"{folder}: histories are of {bundle.log.shape} users and items, the tables of "
            f"({len(dataset.user_ids)}, {len(dataset.item_ids)}); {AGAIN}"
        )
    return bundle


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadArtifact(
            f"{file.parent} is no bundle: {file.name} is missing; name a folder that "
            "`recweave fit --out` or `recweave run` wrote"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadArtifact(f"{file} cannot be read ({error}); {AGAIN}") from None
    missing = [key for key in KEYS if not isinstance(manifest, dict) or key not in manifest]
    if missing:
        raise BadArtifact(f"{file} lacks {', '.join(missing)}; {AGAIN}")
    if manifest["format"] != FORMAT:
        raise BadArtifact(
            f"{file} is of format {manifest['format']}, this version reads {FORMAT}; fit it again"
        )
    if with_checksum(manifest) != manifest:
        raise BadArtifact(f"{file} was damaged or changed after it was written; {AGAIN}")
    return dict(manifest)


def with_checksum(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with the SHA-256 of all its other keys, whatever their order."""
    rest = {key: value for key, value in manifest.items() if key != CHECKSUM}
    read_again = json.loads(json.dumps(rest))  # as a reader will see it: all keys are strings
    content = json.dumps(read_again, sort_keys=True).encode()
    return rest | {CHECKSUM: hashlib.sha256(content).hexdigest()}


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but those whose own manifest holds a hash."""
    return {
        str(file.relative_to(folder).as_posix()): _sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != store.ARRAYS
    }


def _verify(folder: Path, files: Any) -> None:
    if not isinstance(files, dict):
        raise BadArtifact(f"{folder / MANIFEST} lists no files; {AGAIN}")
    for name, digest in files.items():
        file = folder / str(name)
        if not file.resolve().is_relative_to(folder.resolve()):
            raise BadArtifact(f"{folder / MANIFEST} names a file outside of it: {name}")
        try:
            found = _sha256(file)
        except OSError as error:
            raise BadArtifact(f"{file} cannot be read ({error.strerror}); {AGAIN}") from None
        if found != digest:
            raise BadArtifact(f"{file} was damaged or changed after it was written; {AGAIN}")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _write_log(log: Interactions, folder: Path) -> None:
    arrays = {
        "user": log.user,
        "item": log.item,
        "behavior": log.behavior,
        "value": log.value,
        "time": log.time,
    }
    store.write(folder, arrays, {"shape": list(log.shape), "clock": log.clock})


def _read_log(folder: Path) -> Interactions:
    arrays, described = store.read(folder, keys=("shape", "clock"))
    users, items = described["shape"]
    return Interactions(**arrays, shape=(int(users), int(items)), clock=described["clock"])


def _read_stages(folder: Path) -> tuple[Stage, ...]:
    arrays, described = store.read(folder, keys=("stages",))
    return tuple(unpack(described["stages"], arrays, STAGE_KINDS, RECIPES))


def _write_features(features: Any, folder: Path) -> None:
    arrays: dict[str, np.ndarray] = {}
    described = {}
    for name, feature in features.items():
        arrays |= {f"{name}/vectors": feature.vectors, f"{name}/present": feature.present}
        described[name] = {"encoder": feature.encoder, "source": feature.source, "of": feature.of}
        if feature.columns:
            described[name]["columns"] = list(feature.columns)
    store.write(folder, arrays, {"features": described})


def _read_features(folder: Path) -> dict[str, Feature]:
    arrays, described = store.read(folder, keys=("features",))
    return {
        name: Feature(
            arrays[f"{name}/vectors"],
            arrays[f"{name}/present"].astype(bool),
            about["encoder"],
            about["source"],
            of=about["of"],
            columns=tuple(about.get("columns", ())),
        )
        for name, about in described["features"].items()
    }
