"""Attention as networks of news have it, over padded rows and over texts without padding."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag, scaled_dot_product_attention

from recweave.core.arrays import Array


@dataclass(frozen=True, eq=False)
class Text:
    """The words of texts, one text after the other.

    Attributes:
        projected: See `TextReader.project`.
        word: Of each word its row in `projected`.
        start: Where each text's words begin; the end of the last is not in it.
        lengths: Number of words of each text.
    """

    projected: Float[Tensor, "distinct width"]
    word: Int[Tensor, " words"]
    start: Int[Tensor, " texts"]
    lengths: Int[Array, " texts"]


class AdditiveAttention(nn.Module):
    """Σ α x with α = softmax(q · tanh(W x + b)); 0 where nothing stands."""

    def __init__(self, dim: int, query: int) -> None:
        super().__init__()
        self.project = nn.Linear(dim, query)
        self.query = nn.Parameter(torch.empty(query).uniform_(-0.1, 0.1))

    def forward(
        self, x: Float[Tensor, "n time dim"], mask: Bool[Tensor, "n time"]
    ) -> Float[Tensor, "n dim"]:
        """The weighed sum of each row."""
        weight = torch.tanh(self.project(x)) @ self.query
        weight = weight.masked_fill(~mask, -torch.inf)
        weight = weight - weight.amax(dim=1, keepdim=True).clamp(min=-1e30)
        share = weight.exp() * mask
        share = share / share.sum(dim=1, keepdim=True).clamp(min=1e-12)
        return (share[:, None, :] @ x).squeeze(1)

    def of_texts(self, x: Float[Tensor, "words dim"], text: Text) -> Float[Tensor, "texts dim"]:
        """The same for texts that stand one after the other, without padding."""
        weight = (torch.tanh(self.project(x)) @ self.query).float()
        texts = len(text.start)
        row = torch.repeat_interleave(
            torch.arange(texts, device=x.device), torch.from_numpy(text.lengths).to(x.device)
        )
        most = weight.new_full((texts,), -torch.inf)
        most = most.scatter_reduce(0, row, weight.detach(), "amax")
        share = (weight - most[row]).exp()
        total = embedding(row, share.new_zeros(texts).index_add(0, row, share)[:, None])
        each = torch.arange(len(x), device=x.device)
        return embedding_bag(
            each, x.float(), text.start, mode="sum", per_sample_weights=share / total.squeeze(1)
        )


class SelfAttention(nn.Module):
    """Multi-head self-attention without a projection of its output, as NRMS has it."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * heads * head_dim)

    def forward(
        self, x: Float[Tensor, "n time dim"], mask: Bool[Tensor, "n time"]
    ) -> Float[Tensor, "n time heads_dim"]:
        """What each position sees of all; positions of padding are meaningless."""
        # A row without anything would be NaN; its mask lets all through, and nobody reads it.
        seen = mask | ~mask.any(dim=1, keepdim=True)
        return self.attend(self.qkv(x), seen[:, None, None, :])

    def attend(
        self, qkv: Float[Tensor, "n time three_heads_dim"], seen: Tensor | None
    ) -> Float[Tensor, "n time heads_dim"]:
        """The same from queries, keys and values."""
        n, time, width = qkv.shape
        parts = qkv.view(n, time, 3, self.heads, width // (3 * self.heads))
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return attended.transpose(1, 2).flatten(2)
