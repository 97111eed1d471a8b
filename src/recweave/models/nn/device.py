"""The device that networks are trained on, and whether it supports bf16."""

import torch

from recweave.core import processor
from recweave.core.errors import BadSetting
from recweave.core.processor import Precision


def choose_device(requested: str) -> torch.device:
    """The device of this name; "auto" is the first GPU if there is one, else the CPU.

    Raises:
        BadSetting: if this machine has no such device.
    """
    if requested == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(requested)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise BadSetting(
            f"device '{requested}' is not available ({reason}); try auto or cpu"
        ) from None
    return device


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies bf16 numbers itself, without emulation."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return processor.multiplies_bf16()


def uses_bf16(precision: Precision, device: str) -> bool:
    """Whether a precision means bf16 on the device of this name; see `choose_device`."""
    if precision == "auto":
        return multiplies_bf16(choose_device(device))
    return precision == "bf16"
