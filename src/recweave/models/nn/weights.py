"""The numbers of a network as a value: what a trained model keeps of it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from recweave.core.arrays import Array

if TYPE_CHECKING:
    from torch import nn

Network = TypeVar("Network")


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
    def of(cls, net: "nn.Module", without: Collection[str] = ()) -> "Weights":
        """A copy of a network's numbers, but for those of some names."""
        from recweave.models.nn.tensors import to_array

        state = {name: value for name, value in net.state_dict().items() if name not in without}
        return cls(tuple(state), tuple(to_array(value) for value in state.values()))

    def restore(self, construct: Callable[[], Network]) -> Network:
        """The network that these are the numbers of, in evaluation mode.

        Args:
            construct: Makes a network of the same shape. What it draws at random is replaced, and
                torch's generator is left as it was.

        Raises:
            RuntimeError: if it is another network's.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            net: Any = construct()
        self.put_into(net)
        restored: Network = net.eval()
        return restored

    def put_into(self, net: "nn.Module") -> None:
        """Set a network's numbers.

        Raises:
            RuntimeError: if it is another network's.
        """
        import torch

        pairs = zip(self.names, self.arrays, strict=True)
        net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in pairs})
