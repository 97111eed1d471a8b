"""Samples/s of training DLRM and DCN-v2 beside a plain PyTorch loop of the same network, in turns.

The plain loop is what a person would write: nn.Linear, nn.Dropout, nn.EmbeddingBag, Adam, tensors
in memory, random batches by index. Ours is the whole of `fit`, with its preparation and its model,
of as many epochs. Drawn rows with 6 dense columns, and 180 labels of which an item has some two, or
26 fields of 1,000 categories. Both are warmed up first.
"""

import argparse
import json
import statistics
import time
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from recweave.data.interactions import Interactions
from recweave.encode.features import CategoricalFeature, Feature
from recweave.models.ctr.dcn import DCN
from recweave.models.ctr.dlrm import DLRM
from recweave.models.training import Options, TrainingData

ITEMS, LABELS, FIELDS, LEVELS, DIM, DROPOUT = 2_000, 180, 26, 1_000, 32, 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=5, help="turns of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1024)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    for wide in (False, True):
        data = drawn(asked.rows, wide)
        for recipe in (DLRM, DCN):
            print(json.dumps(compare(recipe, data, wide, asked)), flush=True)


def drawn(rows: int, wide: bool) -> TrainingData:
    """Rows at random: there is nothing to learn."""
    rng = np.random.default_rng(0)
    item = rng.integers(0, ITEMS, rows)
    value = rng.integers(0, 2, rows).astype(np.float32)
    everywhere = np.ones(ITEMS, bool)
    numbers = rng.standard_normal((ITEMS, 6), dtype=np.float32)
    labels = (rng.random((ITEMS, LABELS)) < 2 / LABELS).astype(np.float32)
    codes = rng.integers(0, LEVELS, (ITEMS, FIELDS)).astype(np.int32)
    names = tuple(map(str, range(LEVELS)))
    categories = CategoricalFeature(codes, ("f",) * FIELDS, (names,) * FIELDS, "", "")
    embedded = categories if wide else Feature(labels, everywhere, "", "")
    features = {"dense": Feature(numbers, everywhere, "", ""), "embed": embedded}
    return TrainingData(Interactions.of(np.zeros(rows, int), item, value), features=features)


class Plain(nn.Module):
    """DLRM or DCN-v2 as one would write it down."""

    def __init__(self, recipe: type, wide: bool) -> None:
        super().__init__()
        self.dot = recipe is DLRM
        vectors = FIELDS if wide else 1
        self.table = nn.EmbeddingBag(FIELDS * LEVELS if wide else LABELS, DIM)
        self.bottom = self.mlp(6, 64, DIM)
        width = 6 + vectors * DIM
        self.cross = nn.ModuleList([nn.Linear(width, width) for _ in range(2)])
        self.pairs = torch.triu_indices(vectors + 1, vectors + 1, 1)
        self.top = self.mlp(self.pairs.shape[1] + DIM if self.dot else width, 64, 32)
        self.out = nn.Linear(32 if self.dot else 32 + width, 1)

    def mlp(self, *sizes: int) -> nn.Sequential:
        layers = [
            layer
            for a, b in pairwise(sizes)
            for layer in (nn.Linear(a, b), nn.ReLU(), nn.Dropout(DROPOUT))
        ]
        return nn.Sequential(*layers)

    def forward(self, dense, index, offset):
        vectors = self.table(index, offset).view(len(dense), -1, DIM)
        if not self.dot:
            start = x = torch.cat([dense, vectors.flatten(1)], 1)
            for layer in self.cross:
                x = start * layer(x) + x
            return self.out(torch.cat([x, self.top(start)], 1))[:, 0]
        first = self.bottom(dense)
        stacked = torch.cat([first[:, None], vectors], 1)
        products = stacked @ stacked.transpose(1, 2)
        z = products[:, self.pairs[0], self.pairs[1]]
        return self.out(self.top(torch.cat([first, z], 1)))[:, 0]


def plain(recipe: type, data: TrainingData, wide: bool, epochs: int, batch: int) -> None:
    """The plain loop; each row's labels are lists of numbers, which a batch joins."""
    row = data.train.item
    dense = torch.from_numpy(data.features["dense"].vectors)[row]
    target = torch.from_numpy(data.train.value)
    embedded = data.features["embed"]
    if wide:
        codes = torch.from_numpy(embedded.codes.astype(np.int64)) + torch.arange(FIELDS) * LEVELS
        codes = codes[row]
    else:
        labels = [np.flatnonzero(one) for one in embedded.vectors]
        codes = [torch.from_numpy(labels[at]) for at in row]
    net = Plain(recipe, wide).train()
    optimiser = torch.optim.Adam(net.parameters(), lr=0.001)
    for _ in range(epochs):
        for part in torch.randperm(len(row)).split(batch):
            if wide:
                index = codes[part].flatten()
                offset = torch.arange(len(index))
            else:
                lists = [codes[at] for at in part.tolist()]
                index = torch.cat(lists)
                lengths = torch.tensor([0, *map(len, lists)])
                offset = lengths.cumsum(0)[:-1]
            optimiser.zero_grad()
            logit = net(dense[part], index, offset)
            nn.functional.binary_cross_entropy_with_logits(logit, target[part]).backward()
            optimiser.step()


def compare(recipe: type, data: TrainingData, wide: bool, asked: argparse.Namespace) -> dict:
    """Medians of both, and of the ratio of turns that follow each other."""
    ours = recipe(
        dense=("dense",),
        embed=("embed",),
        ids=False,
        dim=DIM,
        dropout=DROPOUT,
        epochs=asked.epochs,
        batch=asked.batch,
    )
    turns = {
        "ours": lambda: ours.fit(data, Options(device="cpu")),
        "plain": lambda: plain(recipe, data, wide, asked.epochs, asked.batch),
    }
    for turn in turns.values():
        turn()
    rates: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(asked.pairs):
        for name, turn in turns.items():
            began = time.perf_counter()
            turn()
            rates[name].append(len(data.train) * asked.epochs / (time.perf_counter() - began))
    ratios = [a / b for a, b in zip(rates["ours"], rates["plain"], strict=True)]
    return {
        "benchmark": "click networks, training",
        "model": recipe.__name__,
        "embed": f"{FIELDS} fields of {LEVELS:,} categories" if wide else f"{LABELS} labels",
        "rows": len(data.train),
        "samples/s": round(statistics.median(rates["ours"])),
        "plain samples/s": round(statistics.median(rates["plain"])),
        "ratio": round(statistics.median(ratios), 2),
        "threads": asked.threads,
    }


if __name__ == "__main__":
    main()
