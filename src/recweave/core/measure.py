"""How long a piece of work took and how much memory it needed."""

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

STATUS, STATM = Path("/proc/self/status"), Path("/proc/self/statm")

INTERVAL = 0.02
"""Seconds between two samples of the resident size."""


@dataclass
class Cost:
    """Filled in when the work is done.

    Attributes:
        seconds: Wall-clock time.
        peak_mb: Megabytes (10^6 bytes) at the peak above what was resident before; None where the
            system does not tell (not Linux).
    """

    seconds: float = 0.0
    peak_mb: float | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure what is done inside.

    Measurements may be nested and may overlap in threads, as the kernel's counters are only read;
    each sees the memory of the whole process. The peak is exact where the work takes more memory
    than the process ever had; otherwise it is the highest of samples, which can miss what is held
    for less than `INTERVAL`.
    """
    cost = Cost()
    _give_back()
    memory = _PeakMemory()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        cost.peak_mb = memory.stop()


def _resident() -> int | None:
    """Bytes of this process that are in memory."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return None


def _record() -> int | None:
    """The most bytes that this process ever had in memory, by the kernel's count."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("VmHWM:")]
    return int(found[0].split()[1]) * 1024 if found else None


@dataclass
class _PeakMemory:
    """Samples the resident size from its creation until `stop`.

    Attributes:
        before: Bytes that were resident at the start; None where they cannot be read.
        record: The kernel's highest resident size (VmHWM) then, since the process began.
        highest: The highest sample.
    """

    before: int | None = field(default_factory=_resident)
    record: int | None = field(default_factory=_record)
    highest: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        if self.before is not None:
            self._thread.start()

    def stop(self) -> float | None:
        """Megabytes of the peak above the start."""
        if self.before is None:
            return None
        self._stopped.set()
        self._thread.join()
        self._sample()
        record = _record()
        if record is not None and self.record is not None and record > self.record:
            self.highest = max(self.highest, record)  # set inside; the kernel misses nothing
        return max(0.0, (self.highest - self.before) / 1e6)

    def _watch(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self._sample()

    def _sample(self) -> None:
        self.highest = max(self.highest, _resident() or 0)


def _give_back() -> None:
    """Hand freed memory back to the system (glibc), or earlier work's would hide what is new."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
