"""The weights of a network as plain arrays, as trained models store them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from recweave.core.arrays import Array

if TYPE_CHECKING:
    from torch import nn

Network = TypeVar("Network")


@dataclass(frozen=True, eq=False)
class Weights:
    """The parameters of a network, by name.

    Attributes:
        names: Names of the parameters.
        arrays: Their values, in the same order.
    """

    names: tuple[str, ...]
    arrays: tuple[Array, ...]

    @classmethod
    def of(cls, net: "nn.Module", without: Collection[str] = ()) -> "Weights":
        """A copy of a network's weights, except those named in `without`."""
        from recweave.models.nn.tensors import to_array

        state = {name: value for name, value in net.state_dict().items() if name not in without}
        return cls(tuple(state), tuple(to_array(value) for value in state.values()))

    def restore(self, construct: Callable[[], Network]) -> Network:
        """A network with these weights, in evaluation mode.

        Args:
            construct: Makes a network of the same shape. Its random initial weights are replaced,
                and the state of torch's random generator is restored.

        Raises:
            RuntimeError: if the weights belong to another network.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            net: Any = construct()
        self.load_into(net)
        restored: Network = net.eval()
        return restored

    def load_into(self, net: "nn.Module") -> None:
        """Copy the weights into a network.

        Raises:
            RuntimeError: if they belong to another network.
        """
        import torch

        pairs = zip(self.names, self.arrays, strict=True)
        net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in pairs})
