"""A recurrent network (GRU) over vectors of events."""

from jaxtyping import Float
from torch import Tensor, nn


class Recurrent(nn.Module):
    """Layers of gated recurrent units, then a projection to the items' embedding space."""

    def __init__(self, dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        between = dropout if layers > 1 else 0.0
        self.units = nn.GRU(dim, dim, layers, batch_first=True, dropout=between)
        self.out = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Float[Tensor, "batch time dim"]) -> Float[Tensor, "batch time dim"]:
        """The state at each position."""
        state, _ = self.units(self.dropout(x))
        out: Tensor = self.norm(self.out(self.dropout(state)))
        return out
