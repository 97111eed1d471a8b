"""What a run ran on: kept beside its numbers, so that others can run it again."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("recweave", "numpy", "scipy", "polars", "pydantic", "implicit", "optuna", "torch")


def environment() -> dict[str, Any]:
    """Versions, machine and threads; nothing of the user or the network."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "packages": installed(PACKAGES),
    }


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
