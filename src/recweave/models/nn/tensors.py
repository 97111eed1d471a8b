"""What stands between NumPy and torch: seeded construction, arrays to tensors and back."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recweave.core.arrays import Array


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch draws from this seed on the processor; outside, its state is untouched.

    A network is constructed inside, so that its initial weights follow from the seed alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def index_tensor(rows: Int[Array, "..."], device: torch.device) -> Int[Tensor, "..."]:
    """Row numbers as torch indexes with them, a copy: int64, on this device."""
    return torch.from_numpy(rows.astype(np.int64)).to(device)


def float_tensor(values: Float[Array, "..."], device: torch.device) -> Float[Tensor, "..."]:
    """Numbers as networks compute with them: float32, on this device.

    On the processor a float32 array shares its memory with the tensor.
    """
    return torch.from_numpy(np.asarray(values, np.float32)).to(device)


def to_array(tensor: Tensor) -> Array:
    """A copy of a tensor's numbers, without gradient; bf16, which NumPy lacks, becomes float32."""
    values = tensor.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy().copy()
