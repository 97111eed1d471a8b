"""Versions and machine of a run, saved with its numbers so that it can be repeated."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from threadpoolctl import threadpool_info

from recweave.core.processor import multiplies_bf16
from recweave.core.settings import Settings

PACKAGES = ("recweave", "numpy", "scipy", "polars", "pydantic", "implicit", "optuna", "torch")
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that limit the threads of libraries which are loaded later."""


def environment() -> dict[str, Any]:
    """Versions, machine and threads; nothing of the user or the network."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "bf16": multiplies_bf16(),
        "cores": os.cpu_count(),
        "threads": threads(),
        "packages": installed(PACKAGES),
    }


def threads() -> dict[str, int | str]:
    """Threads of recweave, of BLAS and OpenMP (torch) where loaded, and limits that are set."""
    loaded = {pool["user_api"]: pool["num_threads"] for pool in threadpool_info()}
    limits = {name: os.environ[name] for name in LIMITS if name in os.environ}
    return {"recweave": Settings().threads, **loaded, **limits}


def installed(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of those that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            named = [line for line in lines if line.startswith("model name")]
    except OSError:
        return platform.processor()
    return named[0].partition(":")[2].strip() if named else platform.processor()
