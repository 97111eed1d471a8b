"""Named arrays and a JSON manifest in one folder: safetensors, never pickle."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from recweave.core.atomic import atomic_folder, clear_drafts
from recweave.core.errors import BadArtifact

ARRAYS = "arrays.safetensors"
MANIFEST = "manifest.json"
HASH = "hash"
"""The manifest's own key: algorithm and value of the hash of the arrays' file."""

ALGORITHM = "sha256"
"""Twice as fast as blake2b on processors with SHA instructions."""

ALGORITHMS = (ALGORITHM, "blake2b")
"""What a manifest may name."""

AGAIN = "save the model again"


def write(folder: Path, arrays: Mapping[str, np.ndarray], manifest: Mapping[str, Any]) -> None:
    """Write a folder that appears whole or not at all; an older one of the name is replaced.

    Args:
        folder: Made with its parents.
        arrays: By name; any strides, any shape, also empty.
        manifest: Plain JSON without the key `hash`, which holds the hash of the arrays.

    Raises:
        BadArtifact: if something else than such a folder has the name; nothing is touched then.
    """
    if HASH in manifest:
        raise ValueError(f"the key '{HASH}' of a manifest is taken")
    if folder.exists() and not _may_be_replaced(folder):
        raise BadArtifact(f"{folder} exists and was not written by recweave; choose another folder")
    with atomic_folder(folder, replace=True) as draft:
        contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        save_file(contiguous, draft / ARRAYS)
        hashed = {"algorithm": ALGORITHM, "value": _hash(draft / ARRAYS, ALGORITHM)}
        text = json.dumps({**manifest, HASH: hashed}, indent=2)
        (draft / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read(folder: Path, keys: Iterable[str] = ()) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the manifest of a folder. No code of the folder is run.

    Args:
        folder: Written by `write`. One of an earlier version has no hash and is not checked.
        keys: What the manifest must have.

    Raises:
        BadArtifact: if a file is missing or broken, has changed since it was written, or lacks a
            key.
    """
    if not folder.exists():
        clear_drafts(folder.parent, folder.name)  # puts back what a killed writer moved aside
    file = folder / ARRAYS
    try:
        manifest = _read_manifest(folder / MANIFEST, keys)
        if HASH in manifest:
            _verify(file, manifest.pop(HASH))
        return load_file(file), manifest
    except (FileNotFoundError, NotADirectoryError) as error:
        missing = error.filename or ARRAYS
        raise BadArtifact(f"{folder} holds no model: {missing} is missing") from None
    except (OSError, SafetensorError) as error:
        raise BadArtifact(f"{file} cannot be read: {error}; {AGAIN}") from None


def _read_manifest(file: Path, keys: Iterable[str]) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadArtifact(f"{file} cannot be read: {error}; {AGAIN}") from None
    if not isinstance(manifest, dict) or not manifest:
        raise BadArtifact(f"{file} holds no object with keys; {AGAIN}")
    missing = [key for key in keys if key not in manifest]
    if missing:
        raise BadArtifact(f"{file} lacks {', '.join(missing)}; {AGAIN}")
    return manifest


def _verify(file: Path, hashed: Any) -> None:
    """Compare the file with the hash in the manifest."""
    match hashed:
        case {"algorithm": str(algorithm), "value": str(value)} if algorithm in ALGORITHMS:
            if _hash(file, algorithm) != value:
                raise BadArtifact(
                    f"{file} cannot be read: its {algorithm} is not the one in {MANIFEST}, so it "
                    f"was damaged or changed after it was written; copy it again or {AGAIN}"
                )
        case _:
            raise BadArtifact(
                f"{file.with_name(MANIFEST)} names no hash that this version knows ({hashed!r} "
                f"instead of {' or '.join(ALGORITHMS)}); {AGAIN}"
            )


def _hash(file: Path, algorithm: str) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def _may_be_replaced(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return (folder / MANIFEST).is_file() or not any(folder.iterdir())
