"""Seconds and memory of an epoch of LightGCN beside RecBole's, in turns, on the same pairs.

Both with BPR, 64 numbers a vector, 3 layers and one drawn rival for each pair: ours in RecBole's
batches of 2,048 and in larger ones, which learn less from an epoch but are the way to use a graph
whose product costs the same for any batch; and our softmax. Ours makes its graph anew in every
epoch that is timed, RecBole's is made before. Where RECWEAVE_DATA is not set a drawn log stands in.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench_evaluate import PEERS
from bench_knn import draw
from peers import Worker, python_of, take_turns

from recweave.data.catalogue import load
from recweave.data.interactions import Histories, Interactions

HERE = Path(__file__).parent
DIM, LAYERS, BATCH = 64, 3, 2048
PLAIN = {"dim": DIM, "layers": LAYERS, "epochs": 1, "loss": "bpr", "temperature": 0.0}
OURS = {
    "bpr": {**PLAIN, "batch": BATCH},
    "bpr, large batches": {**PLAIN, "batch": 16 * BATCH},
    "softmax, large batches": {"dim": DIM, "layers": LAYERS, "epochs": 1, "batch": 8 * BATCH},
}
DATA = ("ml-100k", "gowalla-lightgcn")
USERS = 3_000
"""Of the first this many, as an epoch of RecBole's on all of Gowalla takes minutes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="turns of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of datasets; all without")
    asked = parser.parse_args()
    for data, log in logs(asked.only):
        for name, settings in OURS.items():
            line = compare(log, settings, asked.pairs, asked.threads)
            about = {"benchmark": "LightGCN, an epoch", "data": data, "ours": name}
            print(json.dumps({**about, **line, "threads": asked.threads}), flush=True)


def logs(only: list[str] | None) -> list[tuple[str, Interactions]]:
    """Pairs of users and items, by name; of a published cut the training part."""
    if "RECWEAVE_DATA" not in os.environ:
        return [("drawn", draw(20_000, 10_000, 300_000))]
    found = []
    for name in only or DATA:
        dataset = load(name)
        log = dataset.interactions()
        if "part" in dataset.events.columns:
            log = log[dataset.events["part"].fill_null("train").to_numpy() == "train"]
        found.append((name, without_holes(log[log.user < USERS])))
    return found


def without_holes(log: Interactions) -> Interactions:
    """Only users and items with events have rows, as RecBole makes it for itself."""
    user, item = (np.unique(of, return_inverse=True)[1] for of in (log.user, log.item))
    return Interactions.of(user, item, shape=(user.max() + 1, item.max() + 1))


def compare(
    log: Interactions, settings: dict[str, object], pairs: int, threads: int
) -> dict[str, object]:
    """Medians of both, and of the ratios, theirs to ours."""
    known = Histories.of(log).matrix()
    user = np.repeat(np.arange(known.shape[0]), np.diff(known.indptr))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(
            folder / "given.npz",
            train=np.stack([user, known.indices]),
            shape=np.array(known.shape),
            model="lightgcn",
            ours=json.dumps(settings),
            dim=DIM,
            layers=LAYERS,
            batch=BATCH,
            threads=threads,
        )
        python = python_of("recbole", PEERS["recbole"])
        ours = Worker(sys.executable, HERE / "workers" / "network_ours.py", folder)
        theirs = Worker(python, HERE / "workers" / "lightgcn_recbole.py", folder)
        a, b, ratio = take_turns(ours, theirs, pairs)
        ours.close()
        theirs.close()

    def median(turns: list[dict[str, float]], what: str) -> float:
        return round(statistics.median(turn[what] for turn in turns), 2)

    return {
        "events": known.nnz,
        "seconds": median(a, "seconds"),
        "recbole_seconds": median(b, "seconds"),
        "ratio": round(ratio, 2),
        "cpu_ratio": round(median(b, "cpu_seconds") / median(a, "cpu_seconds"), 2),
        "peak_mb": median(a, "peak_mb"),
        "recbole_peak_mb": median(b, "peak_mb"),
    }


if __name__ == "__main__":
    main()
