"""Named arrays and a JSON manifest in one folder: safetensors, never pickle."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from recweave.core.errors import BadArtifact

ARRAYS = "arrays.safetensors"
MANIFEST = "manifest.json"


def write(folder: Path, arrays: Mapping[str, np.ndarray], manifest: Mapping[str, Any]) -> None:
    """Write a folder that appears whole or not at all; an older one of the name is replaced.

    Raises:
        BadArtifact: if something else than such a folder has the name; nothing is touched then.
    """
    if folder.exists() and not _may_be_replaced(folder):
        raise BadArtifact(f"{folder} exists and was not written by recweave; choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    save_file(whole, draft / ARRAYS)
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def read(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the manifest of a folder. No code of the folder is run.

    Raises:
        BadArtifact: if a file is missing or broken.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if not isinstance(manifest, dict):
            raise BadArtifact(f"{folder / MANIFEST} holds no object; save the model again")
        return load_file(folder / ARRAYS), manifest
    except (FileNotFoundError, NotADirectoryError) as error:
        missing = error.filename or ARRAYS
        raise BadArtifact(f"{folder} holds no model: {missing} is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError) as error:
        raise BadArtifact(f"{folder} cannot be read: {error}; save the model again") from None


def _may_be_replaced(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return (folder / MANIFEST).is_file() or not any(folder.iterdir())
