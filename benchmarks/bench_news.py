"""Clicks/s of training NRMS beside a plain PyTorch loop that encodes each title anew, in turns.

The plain loop is what a person would write after the paper: nn.Embedding, attention over titles of
30 padded words, each candidate and each article of a history encoded where it stands, Adam. Ours is
the whole of `fit`, with its preparation and its model. Impressions are drawn as MIND's are:
articles by popularity, 30 in a history and 37 shown on average. --growth N measures ours on N logs,
each twice as large, and prints the exponent of its time; memory is the peak of the process.
"""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from recweave.data.impressions import Impressions, click_history
from recweave.data.interactions import Interactions
from recweave.encode.features import TextFeature
from recweave.models.news.nrms import NRMS
from recweave.models.training import Options, TrainingData

ARTICLES, WORDS, DIM, HEADS, HEAD, QUERY, TITLE, HISTORY, K = (
    6_000,
    8_000,
    384,
    15,
    20,
    200,
    30,
    50,
    4,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impressions", type=int, default=1_000)
    parser.add_argument("--pairs", type=int, default=3, help="turns of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--growth", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with TemporaryDirectory() as folder:
        words = Path(folder) / "words.txt"
        write_words(words)
        if asked.growth:
            print(json.dumps(growth(words, asked)))
        else:
            print(json.dumps(compare(words, asked)))


def compare(words: Path, asked: argparse.Namespace) -> dict[str, float]:
    """Clicks/s of both, medians over the turns after a warm-up."""
    data = drawn(asked.impressions)
    assert data.impressions is not None
    clicks = int(data.impressions.clicked.sum())
    plain = Plain(data)
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    for turn in range(asked.pairs + 1):
        for name, run in (("ours", lambda: ours(data, words, asked)), ("plain", plain.epoch)):
            start = time.perf_counter()
            run()
            if turn:
                rates[name].append(clicks / (time.perf_counter() - start))
    median = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "clicks": clicks,
        "ours_per_s": round(median["ours"], 1),
        "plain_per_s": round(median["plain"], 1),
        "ratio": round(median["ours"] / median["plain"], 2),
        "peak_mb": peak_mb(),
        "threads": asked.threads,
    }


def growth(words: Path, asked: argparse.Namespace) -> dict[str, object]:
    """Seconds of logs of growing size, and the slope of their logarithms."""
    sizes = [asked.impressions * 2**step for step in range(asked.growth)]
    ours(drawn(sizes[0]), words, asked)
    seconds, peaks = [], []
    for size in sizes:
        data = drawn(size)
        start = time.perf_counter()
        ours(data, words, asked)
        seconds.append(round(time.perf_counter() - start, 2))
        peaks.append(peak_mb())
    exponent = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return {
        "impressions": sizes,
        "seconds": seconds,
        "peak_mb": peaks,
        "exponent": round(exponent, 2),
    }


def ours(data: TrainingData, words: Path, asked: argparse.Namespace) -> None:
    """One epoch."""
    recipe = NRMS(words=str(words), epochs=1, batch=asked.batch)
    recipe.fit(data, Options(device="cpu"))


def peak_mb() -> int:
    """The peak of the process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def write_words(file: Path) -> None:
    """A table of words as GloVe's."""
    rng = np.random.default_rng(0)
    with file.open("w") as out:
        for word in range(WORDS):
            out.write(f"w{word} " + " ".join(f"{v:.3f}" for v in rng.normal(size=DIM)) + "\n")


def drawn(impressions: int) -> TrainingData:
    """Impressions at random: there is nothing to learn."""
    rng = np.random.default_rng(1)
    titles = [
        " ".join(f"w{min(WORDS, word) - 1}" for word in rng.zipf(1.3, rng.integers(6, 22)))
        for _ in range(ARTICLES)
    ]

    def articles(count: int) -> np.ndarray:
        return np.minimum(ARTICLES - 1, (rng.pareto(0.8, count) * 40).astype(np.int32))

    shown = rng.integers(5, 70, impressions)
    read = np.minimum(rng.geometric(1 / 30, impressions), 300)
    start = np.concatenate([[0], np.cumsum(shown)])
    clicked = np.zeros(start[-1], bool)
    clicked[start[:-1] + rng.integers(0, shown)] = True
    when = np.sort(rng.integers(0, 5 * 86_400, impressions))
    history = click_history(
        np.concatenate([[0], np.cumsum(read)]), articles(int(read.sum())), when, ARTICLES
    )
    users = np.arange(impressions, dtype=np.int32)
    log = Impressions(
        users, when, start, articles(int(start[-1])), clicked, history, (impressions, ARTICLES)
    )
    text = TextFeature(
        text=titles,
        item=np.arange(ARTICLES, dtype=np.int32),
        user=np.full(ARTICLES, -1, np.int32),
        kind=np.zeros(ARTICLES, np.int32),
        kinds=("title",),
        present=np.ones(ARTICLES, bool),
        encoder="",
        source="",
    )
    nothing = Interactions.of([], [], shape=(impressions, ARTICLES), clock="seconds")
    return TrainingData(nothing, features={"documents": text}, impressions=log)


class Attended(nn.Module):
    """Self-attention and additive attention over padded rows."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * HEADS * HEAD)
        self.project, self.query = nn.Linear(HEADS * HEAD, QUERY), nn.Linear(QUERY, 1, bias=False)
        self.drop = nn.Dropout(0.2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, HEAD)).permute(2, 0, 3, 1, 4)
        seen = mask | ~mask.any(1, keepdim=True)
        x = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None])
        x = self.drop(x.transpose(1, 2).flatten(2))
        weight = self.query(torch.tanh(self.project(x))).squeeze(-1)
        weight = weight.masked_fill(~seen, -torch.inf).softmax(1)
        return (weight[:, None] @ x).squeeze(1)


class Plain:
    """NRMS as one would write it down."""

    def __init__(self, data: TrainingData) -> None:
        log = data.impressions
        assert log is not None
        rng = np.random.default_rng(2)
        text = data.features["documents"]
        assert isinstance(text, TextFeature)
        self.title = np.full((ARTICLES, TITLE), 0)
        for row, one in enumerate(text.text):
            ids = [int(word[1:]) + 1 for word in one.split()][:TITLE]
            self.title[row, : len(ids)] = ids
        rows = log.row_numbers()
        click = np.flatnonzero(log.clicked)
        self.samples = []
        for at in click:
            row = rows[at]
            own = np.arange(log.start[row], log.start[row + 1])
            others = log.item[rng.choice(own[~log.clicked[own]], K)]
            read = log.history.item[log.history.start[row] : log.history.start[row + 1]][-HISTORY:]
            history = np.full(HISTORY, -1)
            history[: len(read)] = read
            self.samples.append((np.concatenate([[log.item[at]], others]), history))
        self.words = nn.Embedding(WORDS + 1, DIM)
        self.words.weight.requires_grad_(False)
        self.news, self.user, self.drop = Attended(DIM), Attended(HEADS * HEAD), nn.Dropout(0.2)
        weights = [*self.news.parameters(), *self.user.parameters()]
        self.optimizer = torch.optim.Adam(weights, lr=1e-3)

    def encode(self, item: np.ndarray) -> torch.Tensor:
        word = torch.from_numpy(self.title[np.maximum(item, 0)].reshape(-1, TITLE))
        vectors: torch.Tensor = self.news(self.drop(self.words(word)), word > 0)
        return vectors.view(*item.shape, -1)

    def epoch(self, batch: int = 64) -> None:
        order = np.random.default_rng(3).permutation(len(self.samples))
        for first in range(0, len(order), batch):
            part = [self.samples[at] for at in order[first : first + batch]]
            candidate, history = (np.stack(column) for column in zip(*part, strict=True))
            mask = torch.from_numpy(history >= 0)
            user = self.user(self.encode(history), mask)
            score = (self.encode(candidate) @ user[..., None]).squeeze(-1)
            target = torch.zeros(len(score), dtype=torch.int64)
            loss = nn.functional.cross_entropy(score, target)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


if __name__ == "__main__":
    main()
