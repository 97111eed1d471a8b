"""How much memory there is, a clear refusal before it runs out, and keeping it for reuse."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recweave.core.errors import TooLarge

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""What glibc's malloc.h calls M_TRIM_THRESHOLD and M_MMAP_THRESHOLD."""


def available() -> int | None:
    """Bytes that can be taken without swapping, container limits included; None if unknown."""
    free = [_meminfo(), _cgroup()]
    known = [amount for amount in free if amount is not None]
    return min(known) if known else None


def require_memory(needed: int, what: str, advice: str) -> None:
    """Refuse work that would not fit, before it starts.

    Args:
        needed: Bytes that the work takes at its peak.
        what: The work, as the subject of a sentence ("EASE on 40,981 items").
        advice: What the user can do instead.

    Raises:
        TooLarge: if more is needed than there is.
    """
    there = available()
    if there is not None and needed > there:
        raise TooLarge(
            f"{what} needs {human(needed)} of memory and {human(there)} is free; {advice}"
        )


@contextmanager
def kept_memory() -> Iterator[None]:
    """Within, memory that is freed stays with the process for the next who asks.

    For work that takes and frees tens of megabytes again and again, as networks do: otherwise each
    time the system hands out new pages, zeroed one by one, which can take as long as the sums that
    are written into them. What is free goes back to the system in the end. Speaks to glibc's
    malloc, for the whole process; elsewhere nothing happens.
    """
    glibc = _glibc()
    if glibc is None:
        yield
        return
    _set_thresholds(glibc, mapped=2**31 - 1, trimmed=2**31 - 1)
    try:
        yield
    finally:
        # What glibc comes to by itself in a process that has once freed something large.
        _set_thresholds(glibc, mapped=32 << 20, trimmed=64 << 20)
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    found = ctypes.CDLL(None)
    return found if hasattr(found, "mallopt") and hasattr(found, "malloc_trim") else None


def _set_thresholds(glibc: ctypes.CDLL, *, mapped: int, trimmed: int) -> None:
    glibc.mallopt(_MMAP_THRESHOLD, mapped)
    glibc.mallopt(_TRIM_THRESHOLD, trimmed)


def human(size: float) -> str:
    """A size for people.

    >>> human(13_400_000_000)
    '12.5 GiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _meminfo() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cgroup() -> int | None:
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
    except OSError:
        return None
    return None if limit == "max" else max(0, int(limit) - int(used))
