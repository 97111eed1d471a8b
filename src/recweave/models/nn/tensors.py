"""NumPy arrays to torch tensors and back, and construction of networks from a seed."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recweave.core.arrays import Array


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's CPU generator inside the block, and restore its state afterwards.

    A network is constructed inside, so that its initial weights depend on the seed alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def index_tensor(rows: Int[Array, "..."], device: torch.device) -> Int[Tensor, "..."]:
    """Row numbers as an int64 tensor for indexing on this device; always a copy."""
    return torch.from_numpy(rows.astype(np.int64)).to(device)


def float_tensor(values: Float[Array, "..."], device: torch.device) -> Float[Tensor, "..."]:
    """Numbers as a float32 tensor on this device.

    On the CPU the tensor shares its memory with a float32 array.
    """
    return torch.from_numpy(np.asarray(values, np.float32)).to(device)


def to_array(tensor: Tensor) -> Array:
    """A copy of a tensor's numbers, without gradient; bf16, which NumPy lacks, becomes float32."""
    values = tensor.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy().copy()
