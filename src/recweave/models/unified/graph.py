"""Graphs of users and items, one for each behaviour, with denoising gates; imports torch."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from recweave.core.arrays import Array, Csr

INITIAL_GATE = 2.0
"""Initial bias of a gate: σ(2) = 0.88 of each edge's weight."""


class BehaviorGraph(nn.Module):
    """Graph convolution of item vectors for one behaviour: D_i^-½ Xᵀ D_u^-½ · D_u^-½ X D_i^-½ e.

    A graph with signals has a denoising gate: the weight of edge (u, j) is multiplied by
    ω = σ(β · signal + γ), where β and γ are learned with the network. Degrees are computed after
    the gate, so a factor common to all edges has no effect.
    """

    user: Tensor
    item: Tensor
    signal: Tensor
    by_item: Tensor
    user_start: Tensor
    item_start: Tensor

    def __init__(self, events: Csr, signal: Float[Array, "edges signals"] | None) -> None:
        super().__init__()
        gated = signal is not None
        signal = np.zeros((events.nnz, 0), np.float32) if signal is None else signal
        user = np.repeat(np.arange(events.shape[0]), np.diff(events.indptr))
        by_item = np.argsort(events.indices, kind="stable")
        item_start = np.searchsorted(events.indices[by_item], np.arange(events.shape[1] + 1))
        for name, column in (
            ("user", user),
            ("item", events.indices),
            ("by_item", by_item),
            ("user_start", events.indptr),
            ("item_start", item_start),
        ):
            rows = torch.from_numpy(np.asarray(column, np.int64))
            self.register_buffer(name, rows, persistent=False)
        self.register_buffer("signal", torch.from_numpy(signal), persistent=False)
        self.shape = events.shape
        # β and γ of the gate. Checkpoints contain the names `gate` and `doubt`, so they stay.
        self.gate = nn.Parameter(torch.zeros(signal.shape[1])) if gated else None
        self.doubt = nn.Parameter(torch.tensor(INITIAL_GATE)) if gated else None

    def share(self) -> Float[Tensor, " edges"]:
        """ω: the factor of each edge's weight."""
        if self.gate is None or self.doubt is None:
            return torch.ones(len(self.user), device=self.user.device)
        share: Tensor = torch.sigmoid(self.signal @ self.gate + self.doubt)
        return share

    def forward(self, x: Float[Tensor, "items dim"], dropout: float) -> Float[Tensor, "items dim"]:
        """x after one round (items to users to items); 0 for items without an edge."""
        with torch.autocast(x.device.type, enabled=False):  # sums over many edges need fp32
            return self._round(x.float(), dropout)

    def _round(self, x: Float[Tensor, "items dim"], dropout: float) -> Float[Tensor, "items dim"]:
        share = self.share()
        if self.training and dropout:
            share = share * (torch.rand_like(share) >= dropout)
        degrees = [
            torch.zeros(size, device=x.device).index_add_(0, at, share)
            for size, at in zip(self.shape, (self.user, self.item), strict=True)
        ]
        scale = [degree.clamp(min=1e-6).rsqrt() for degree in degrees]
        weight = share * scale[0].index_select(0, self.user) * scale[1].index_select(0, self.item)
        users = _sums(x, self.item, self.user_start, weight)
        return _sums(
            users, self.user[self.by_item], self.item_start, weight.index_select(0, self.by_item)
        )


def _sums(
    x: Float[Tensor, "rows dim"],
    row: Int[Tensor, " edges"],
    start: Int[Tensor, " nodes_and_one"],
    weight: Float[Tensor, " edges"],
) -> Float[Tensor, "nodes dim"]:
    sums: Tensor = embedding_bag(
        row, x, start, mode="sum", per_sample_weights=weight, include_last_offset=True
    )
    return sums


class BehaviorGraphs(nn.Module):
    """All behaviours' graphs: Σ Gᵏ x for k = 0 to `rounds`, with G = Σ_b softmax(a)_b graph_b."""

    def __init__(self, graphs: list[BehaviorGraph], rounds: int, dropout: float) -> None:
        super().__init__()
        self.graphs = nn.ModuleList(graphs)
        self.mix = nn.Parameter(torch.zeros(len(graphs)))
        self.rounds = rounds
        self.dropout = dropout

    def forward(self, x: Float[Tensor, "items dim"]) -> Float[Tensor, "items dim"]:
        """The sum over rounds; items without an edge keep their vectors."""
        share = self.mix.softmax(0)
        total = x
        for _ in range(self.rounds):
            outputs = [graph(x, self.dropout) for graph in self.graphs]
            x = torch.stack([s * y for s, y in zip(share, outputs, strict=True)]).sum(0)
            total = total + x
        return total
