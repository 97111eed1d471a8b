"""A causal transformer over vectors of events."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Block(nn.Module):
    """Causal self-attention, then a feed-forward network at each position; pre-norm."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.before_layers = nn.LayerNorm(dim)
        self.layers = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * dim, dim)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "batch time dim"]) -> Float[Tensor, "batch time dim"]:
        """Each event's vector, updated with the events before it."""
        qkv = self.qkv(self.before_attention(x))
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        drop = self.dropout.p if self.training else 0.0
        attended = scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=drop)
        x = x + self.dropout(self.out(attended.transpose(1, 2).flatten(2)))
        output: Tensor = x + self.dropout(self.layers(self.before_layers(x)))
        return output


class CausalTransformer(nn.Module):
    """Transformer blocks over a history; positions are counted from the first event of the row.

    Padding is at the end of a row, so no event attends to it and no padding mask is needed.
    """

    def __init__(self, dim: int, heads: int, layers: int, length: int, dropout: float) -> None:
        super().__init__()
        # The position embedding. Saved models contain the name `place`, so it stays.
        self.place = nn.Parameter(0.02 * torch.randn(length, dim))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(dim, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Float[Tensor, "batch time dim"]) -> Float[Tensor, "batch time dim"]:
        """The state at each position."""
        x = self.dropout(x + self.place[: x.shape[1]])
        for block in self.blocks:
            x = block(x)
        state: Tensor = self.norm(x)
        return state
