"""From the words of texts to vectors. Imports torch."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag, relu

from recweave.models.news.attention import AdditiveAttention, SelfAttention, Text
from recweave.models.nn.dropout import Dropout


class TextReader(nn.Module, ABC):
    """From the words of texts to vectors.

    The first step is linear in each word, and a batch has each word many times. So `project` does
    it once for each distinct word, and `forward` looks the results up. Dropout of a word's numbers
    is therefore the same wherever it stands in the batch.
    """

    @abstractmethod
    def project(self, table: Float[Tensor, "distinct text"]) -> Float[Tensor, "distinct width"]:
        """The first step, of distinct words."""

    @abstractmethod
    def forward(self, text: Text) -> Float[Tensor, "texts dim"]:
        """A vector for each text; 0 for one without words."""


class SelfAttended(TextReader):
    """Self-attention, then additive attention (NRMS)."""

    def __init__(self, dim: int, heads: int, head_dim: int, query: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, heads, head_dim)
        self.sum = AdditiveAttention(heads * head_dim, query)
        self.dropout = Dropout(dropout)

    def project(self, table: Float[Tensor, "distinct text"]) -> Float[Tensor, "distinct width"]:
        """See `TextReader.project`: queries, keys and values."""
        projected: Tensor = self.attention.qkv(self.dropout(table))
        return projected

    def forward(self, text: Text) -> Float[Tensor, "texts dim"]:
        """See `TextReader.forward`; texts of one length are attended to together."""
        if not len(text.word):
            return text.projected.new_zeros((len(text.start), self.sum.project.in_features))
        order = np.argsort(text.lengths, kind="stable")
        ordered = text.lengths[order]
        begins = (np.cumsum(text.lengths) - text.lengths)[order]
        place = np.arange(ordered.sum()) - np.repeat(np.cumsum(ordered) - ordered, ordered)
        at = np.repeat(begins, ordered) + place  # the words, texts sorted by length
        device = text.word.device
        qkv = embedding(text.word[torch.from_numpy(at).to(device)], text.projected)
        lengths, texts = np.unique(ordered[ordered > 0], return_counts=True)
        ends = np.cumsum(lengths * texts)[:-1].tolist()
        parts = [
            self.attention.attend(part.view(count, length, -1), None).flatten(0, 1)
            for part, length, count in zip(
                torch.tensor_split(qkv, ends), lengths.tolist(), texts.tolist(), strict=True
            )
        ]
        back = np.empty(len(at), np.int64)
        back[at] = np.arange(len(at))
        read = embedding(torch.from_numpy(back).to(device), torch.cat(parts))
        return self.sum.of_texts(self.dropout(read), text)


class Convolved(TextReader):
    """Convolution over words, then additive attention (NAML, LSTUR)."""

    def __init__(self, dim: int, filters: int, window: int, query: int, dropout: float) -> None:
        super().__init__()
        self.window = window
        self.convolve = nn.Conv1d(dim, filters, window, padding="same")
        self.sum = AdditiveAttention(filters, query)
        self.dropout = Dropout(dropout)

    def project(self, table: Float[Tensor, "distinct text"]) -> Float[Tensor, "distinct width"]:
        """See `TextReader.project`: what a word adds to a filter, by its place in the window."""
        weight = self.convolve.weight.permute(2, 0, 1).flatten(0, 1)  # (window · filters, text)
        projected: Tensor = self.dropout(table) @ weight.T
        return projected

    def forward(self, text: Text) -> Float[Tensor, "texts dim"]:
        """See `TextReader.forward`; words beyond the ends of a text add nothing."""
        words = len(text.word)
        begins = np.repeat(np.cumsum(text.lengths) - text.lengths, text.lengths)
        ends = begins + np.repeat(text.lengths, text.lengths)
        before = (self.window - 1) // 2
        at = np.arange(words)[:, None] + np.arange(self.window) - before
        inside = (at >= begins[:, None]) & (at < ends[:, None])
        device = text.word.device
        word = text.word[torch.from_numpy(np.clip(at, 0, max(0, words - 1))).to(device)]
        # Rows of the table: a word at a place of the window; the last one is what adds nothing.
        row = word * self.window + torch.arange(self.window, device=device)
        filters = self.convolve.out_channels
        table = text.projected.view(-1, filters)
        nothing = len(table)
        row = row.masked_fill(~torch.from_numpy(inside).to(device), nothing)
        table = torch.cat([table, table.new_zeros((1, filters))])
        total = embedding_bag(row, table, mode="sum", padding_idx=nothing)
        assert self.convolve.bias is not None
        return self.sum.of_texts(self.dropout(relu(total + self.convolve.bias)), text)
