"""How much memory there is, and a clear refusal before it runs out."""

from pathlib import Path

from recweave.core.errors import TooLarge


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
