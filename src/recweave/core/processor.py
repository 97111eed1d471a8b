"""What the CPU can do."""

from pathlib import Path
from typing import Literal

from recweave.core.settings import Settings

CPUINFO = Path("/proc/cpuinfo")

Precision = Literal["auto", "fp32", "bf16"]
"""Of a network's numbers; `auto` is bf16 where the hardware multiplies it, else fp32."""

_BF16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags of x86-64 and of Arm that stand for products in bf16."""


def multiplies_bf16() -> bool:
    """Whether the CPU multiplies bf16 itself, so that bf16 is faster than fp32.

    `RECWEAVE_BF16` (see `Settings.bf16`) answers in the CPU's place. False where the flags cannot
    be read (not Linux). Needs no torch, which takes seconds to import.
    """
    forced = Settings().bf16
    return has_bf16(CPUINFO) if forced is None else forced


def uses_bf16(precision: Precision) -> bool:
    """Whether a precision means bf16 on this CPU."""
    return multiplies_bf16() if precision == "auto" else precision == "bf16"


def has_bf16(cpuinfo: Path) -> bool:
    """Whether a file in the form of /proc/cpuinfo lists instructions for bf16."""
    try:
        flags = cpuinfo.read_text().split()
    except OSError:
        return False
    return not _BF16.isdisjoint(flags)
