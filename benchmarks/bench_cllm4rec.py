"""Seconds of an epoch of CLLM4Rec, its language model frozen, beside a plain loop, in turns.

The plain loop is what a person would write with transformers: two tables of tokens, prompts as
lists of ids, padded batches with an attention mask, log-softmax over the items, Adam. Ours is
`fit`; what one epoch costs is the difference of a fit of `1 + epochs` and one of a single epoch, so
that opening the model does not count. Both read the same prompts of drawn histories, about as many
tokens in a batch, with the same blocks of smollm2, and both are warmed up first.
"""

import argparse
import json
import resource
import statistics
import time

import numpy as np
import torch
from torch import nn

from recweave.data.interactions import Interactions
from recweave.llm.pretrained import LanguageModel
from recweave.models.language.cllm4rec import CLLM4Rec
from recweave.models.training import Options, TrainingData

HELD_OUT = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=600)
    parser.add_argument("--items", type=int, default=1_500)
    parser.add_argument("--mean", type=int, default=9, help="items of a history")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1_024, help="tokens in a batch, about")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=3, help="turns of each")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    log = drawn(asked.users, asked.items, asked.mean)
    turns = {"ours": lambda: ours(log, asked), "plain": lambda: plain(log, asked)}
    for turn in turns.values():  # warm up
        turn()
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(asked.pairs):
        for name, turn in turns.items():
            seconds[name].append(turn())
    ratios = [a / b for a, b in zip(seconds["ours"], seconds["plain"], strict=True)]
    print(
        json.dumps(
            {
                "benchmark": "CLLM4Rec, an epoch of fine-tuning",
                "users": asked.users,
                "events": len(log),
                "layers": asked.layers,
                "seconds": round(statistics.median(seconds["ours"]), 2),
                "plain seconds": round(statistics.median(seconds["plain"]), 2),
                "ratio": round(statistics.median(ratios), 2),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "threads": asked.threads,
            }
        )
    )


def drawn(users: int, items: int, mean: int) -> Interactions:
    """Histories at random: there is nothing to learn. Each has two items or more."""
    rng = np.random.default_rng(0)
    sizes = 2 + rng.geometric(1 / (mean - 1), users) - 1
    user = np.repeat(np.arange(users), np.minimum(sizes, 50))
    return Interactions.of(user, rng.integers(0, items, len(user)), shape=(users, items))


def ours(log: Interactions, asked: argparse.Namespace) -> float:
    """Seconds of an epoch of `fit`."""
    seconds = []
    for epochs in (1, 1 + asked.epochs):
        recipe = CLLM4Rec(
            layers=asked.layers, rounds=0, epochs=epochs, batch=asked.batch, user_dropout=0.0
        )
        start = time.perf_counter()
        recipe.fit(TrainingData(log), Options(device="cpu"))
        seconds.append(time.perf_counter() - start)
    return (seconds[1] - seconds[0]) / asked.epochs


def plain(log: Interactions, asked: argparse.Namespace) -> float:
    """Seconds of an epoch of the plain loop."""
    language = LanguageModel.named("smollm2", layers=asked.layers)
    network = language.network(trained=True, dtype="float32").requires_grad_(False)
    body, words = network.base_model, network.get_input_embeddings().weight
    users, items = log.shape
    table = nn.Parameter(0.02 * torch.randn(users + items, words.shape[1]))
    optimiser = torch.optim.AdamW([table], lr=1e-4)
    told, will = (
        language.tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in (" has interacted with", " will interact with")
    )
    comma = language.tokenizer(",", add_special_tokens=False)["input_ids"]
    size = len(words)
    history = [np.unique(log.item[log.user == user]) for user in range(users)]
    mean = np.mean([len(told) + len(comma) + len(will) + 2 + len(one) for one in history])
    count = max(1, int(asked.batch / mean))
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(asked.epochs):
        for rows in np.array_split(rng.permutation(users), -(-users // count)):
            prompts, targets = [], []
            for user in rows:
                own = rng.permutation(history[user])
                held = max(1, int(HELD_OUT * len(own)))
                read = [size + users + item for item in own[held:]]
                prompts.append([size + user, *told, *read, *comma, size + user, *will])
                targets.append(own[:held])
            longest = max(map(len, prompts))
            ids = torch.tensor([one + [0] * (longest - len(one)) for one in prompts])
            lengths = torch.tensor(list(map(len, prompts)))
            mask = (torch.arange(longest) < lengths[:, None]).long()
            soft = ids >= size
            embedded = torch.where(
                soft[..., None], table[(ids - size).clamp(min=0)], words[torch.where(soft, 0, ids)]
            )
            states = body(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
            last = states[torch.arange(len(rows)), lengths - 1] / states.shape[-1] ** 0.5
            likelihood = torch.log_softmax(last @ table[users:].T, 1)
            hit = torch.zeros_like(likelihood)
            for row, wanted in enumerate(targets):
                hit[row, wanted] = 1
            optimiser.zero_grad()
            (-(likelihood * hit).sum() / len(rows)).backward()
            optimiser.step()
    return (time.perf_counter() - start) / asked.epochs


if __name__ == "__main__":
    main()
