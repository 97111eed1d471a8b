"""Task arithmetic: the change of a network's weights by a training, and its addition."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def task_vector(
    net: nn.Module, start: Mapping[str, Tensor], only: Tensor | None = None
) -> dict[str, Tensor]:
    """τ = θ − θ₀, by the name of the parameter.

    Args:
        net: The network with its weights θ.
        start: The weights θ₀, as of `state_dict`.
        only: If given, the only parameter of the network in the vector.
    """
    state = net.state_dict()
    if only is not None:
        state = {
            name: value for name, value in state.items() if value.data_ptr() == only.data_ptr()
        }
    return {name: value.detach() - start[name] for name, value in state.items()}


def add_vector(net: nn.Module, vector: Mapping[str, Tensor], scale: float) -> None:
    """Add λτ to the weights, in place; with λ = 0 they stay exactly as they are."""
    if not scale:
        return
    state, done = net.state_dict(), set[int]()
    with torch.no_grad():
        for name, change in vector.items():
            value = state[name]
            if value.data_ptr() not in done:  # embeddings and head may be one tensor
                done.add(value.data_ptr())
                value += scale * change
