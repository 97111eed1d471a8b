"""`recweave doctor`: what is installed, what is missing and the command that adds it."""

import os
import shutil
import sys
from importlib.util import find_spec
from typing import Any

from recweave import __version__
from recweave.cli.output import Json, print_json, print_table
from recweave.core.program import program


def doctor(as_json: Json = False) -> None:
    """Show what is installed, what is missing, and how to add it."""
    found = _look()
    if as_json:
        print_json(found)
        return
    print_table(
        f"recweave {__version__} on Python {sys.version.split()[0]}",
        ["machine", ""],
        [(name, str(value)) for name, value in found["machine"].items()],
    )
    extras = found["extras"].items()
    print_table(
        "optional parts",
        ["extra", "what for", "state"],
        [
            (name, e["what"], "ready" if e["ready"] else f"missing; run: {e['add']}")
            for name, e in extras
        ],
    )
    print_table("language models", ["model", "state"], list(found["language models"].items()))
    print_table(
        "real data",
        ["dataset", "state"],
        [
            (name, where or f"not here; run: {program()} data get {name}")
            for name, where in found["data"].items()
        ],
    )


def _look() -> dict[str, Any]:
    from importlib.metadata import metadata

    from recweave.core.extras import EXTRAS, INSTALL
    from recweave.core.memory import available, human
    from recweave.core.settings import Settings
    from recweave.data.catalogue import DATASETS, find
    from recweave.llm.present import language_models
    from recweave.runs.environment import installed

    settings = Settings()
    memory = available()
    extras = {
        name: {
            "what": extra.what,
            "ready": all(find_spec(module) for module in extra.modules),
            "add": INSTALL.format(extra=name),
        }
        for name, extra in EXTRAS.items()
    }
    folders = {name: find(name, settings) for name in DATASETS}
    return {
        "version": __version__,
        "summary": metadata("recweave")["Summary"],
        "machine": {
            "cores": os.cpu_count(),
            "threads used": settings.threads,
            "memory free": human(memory) if memory is not None else "not known",
            "disk free": human(shutil.disk_usage(".").free),
            "gpu": _gpu(),
            "RECWEAVE_DATA": str(settings.data or "not set"),
            "RECWEAVE_HOME": str(settings.home),
        },
        "packages": installed(("numpy", "scipy", "polars", "pydantic", "safetensors")),
        "extras": extras,
        "language models": language_models(settings),
        "data": {name: str(folder) if folder else None for name, folder in folders.items()},
    }


def _gpu() -> str:
    """What the driver's own tool says; the core never imports torch to find out."""
    return "NVIDIA driver found" if shutil.which("nvidia-smi") else "none found"
