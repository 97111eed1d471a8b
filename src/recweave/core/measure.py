"""How long a piece of work took and how much memory it needed."""

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")


@dataclass
class Cost:
    """Filled in when the work is done.

    Attributes:
        seconds: Wall-clock time.
        peak_mb: Megabytes at the highest above what was held before; None where it can't be told.
    """

    seconds: float = 0.0
    peak_mb: float | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure what is done inside."""
    cost = Cost()
    _give_back()
    before = _reset_peak()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        after = _status("VmHWM")
        if before is not None and after is not None:
            cost.peak_mb = max(0.0, (after - before) / 1e6)


def _give_back() -> None:
    """Hand freed memory back to the system (glibc), or earlier work's would hide what is new."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _reset_peak() -> int | None:
    """Make the kernel count the peak from now (Linux); bytes held now, None elsewhere."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> int | None:
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith(f"{name}:")]
    return int(found[0].split()[1]) * 1024 if found else None
