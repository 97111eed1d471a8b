"""The numbers of a network as a value: what a trained model keeps of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recweave.core.arrays import Array

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Weights:
    """Arrays by the names that the network gives them.

    Attributes:
        names: The names.
        arrays: One each.
    """

    names: tuple[str, ...]
    arrays: tuple[Array, ...]

    @classmethod
    def of(cls, net: "nn.Module") -> "Weights":
        """A copy of a network's numbers."""
        state = net.state_dict()
        arrays = tuple(value.detach().cpu().numpy().copy() for value in state.values())
        return cls(tuple(state), arrays)

    def put_into(self, net: "nn.Module") -> None:
        """Set a network's numbers.

        Raises:
            RuntimeError: if it is another network's.
        """
        import torch

        pairs = zip(self.names, self.arrays, strict=True)
        net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in pairs})
