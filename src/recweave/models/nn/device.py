"""Which device trains, and how precisely: one place."""

import torch

from recweave.core import processor
from recweave.core.errors import BadSetting


def choose_device(asked: str) -> torch.device:
    """The device of this name; "auto" is the first GPU, or the processor.

    Raises:
        BadSetting: for a device that is not here.
    """
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise BadSetting(f"device '{asked}' cannot be used ({reason}); try auto or cpu") from None
    return device


def multiplies_bf16(device: torch.device) -> bool:
    """Whether products in bf16 are done by the hardware, not emulated."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return processor.multiplies_bf16()
