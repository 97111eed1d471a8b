"""Seconds and memory of an epoch of SASRec beside RecBole's, in turns, on MovieLens 100K.

Both with the softmax over all items, 64 numbers a vector, 2 layers, 2 heads, histories of 50 and
batches of 2,048 targets; every event but a user's first is a target once. RecBole makes a row for
each target, with its history padded to 50, before the clock starts, and has warmed up by its first
turn, which does not count; ours reads all targets of a history in one pass.
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

HERE = Path(__file__).parent
DIM, LENGTH, BATCH = 64, 50, 2048
OURS = {
    **{"dim": DIM, "length": LENGTH, "batch": BATCH, "epochs": 1},
    **{"targets": "all", "loss": "softmax"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1, help="turns of each")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    lent = "RECWEAVE_DATA" in os.environ
    log = load("ml-100k").interactions() if lent else draw(1_000, 1_500, 120_000)
    order = log.by_user()
    user = log.user[order]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(
            folder / "given.npz",
            train=np.stack([user, log.item[order], np.arange(len(user))]),
            shape=np.array(log.shape),
            model="sasrec",
            ours=json.dumps(OURS),
            dim=DIM,
            length=LENGTH,
            batch=BATCH,
            threads=asked.threads,
        )
        python = python_of("recbole", PEERS["recbole"])
        ours = Worker(sys.executable, HERE / "workers" / "network_ours.py", folder)
        theirs = Worker(python, HERE / "workers" / "sasrec_recbole.py", folder)
        a, b, ratio = take_turns(ours, theirs, asked.pairs)
        ours.close()
        theirs.close()

    def median(turns: list[dict[str, float]], what: str) -> float:
        return round(statistics.median(turn[what] for turn in turns), 2)

    line = {
        "benchmark": "SASRec, an epoch",
        "data": "ml-100k" if lent else "drawn",
        "targets": len(user) - len(np.unique(user)),
        "recbole_targets": b[0]["targets"],
        "seconds": median(a, "seconds"),
        "recbole_seconds": median(b, "seconds"),
        "ratio": round(ratio, 2),
        "cpu_ratio": round(median(b, "cpu_seconds") / median(a, "cpu_seconds"), 2),
        "peak_mb": median(a, "peak_mb"),
        "recbole_peak_mb": median(b, "peak_mb"),
        "threads": asked.threads,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
