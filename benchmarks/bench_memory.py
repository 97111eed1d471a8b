"""The memory of LightGCN epoch by epoch, on a log of the size that a leak was reported for.

Resident megabytes after some epochs, in fp32 and bf16, each in a process of its own. oneDNN keeps a
kernel for each shape of a product in bf16, so batches of ever new shapes made it grow without end.

    python benchmarks/bench_memory.py [--epochs 60]
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from bench_knn import draw

from recweave.models import RECIPES
from recweave.models.nn import loop
from recweave.models.training import Options, TrainingData

USERS, ITEMS, EVENTS = 42_712, 26_822, 180_000
AFTER = (1, 2, 5, 10, 20, 30, 40, 50, 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        measure(asked.one, asked.epochs)
        return
    for precision in ("fp32", "bf16"):
        again = ["--one", precision, "--epochs", str(asked.epochs)]
        subprocess.run([sys.executable, __file__, *again], check=True)


def measure(precision: str, epochs: int) -> None:
    found = {"start": resident()}
    one_epoch = loop._epoch

    def watched(net, batches, loss, recipe, optimiser, progress, bf16):
        mean = one_epoch(net, batches, loss, recipe, optimiser, progress, bf16)
        if progress.epoch + 1 in AFTER:
            found[str(progress.epoch + 1)] = resident()
        return mean

    loop._epoch = watched
    recipe = RECIPES["lightgcn"](batch=16384, lr=0.1, reg=0.05, epochs=epochs, patience=0)
    recipe.fit(TrainingData(draw(USERS, ITEMS, EVENTS)), Options(precision=precision))
    line = {"benchmark": "memory of LightGCN by epoch", "precision": precision}
    print(json.dumps(line | {"resident_mb_after_epoch": found}), flush=True)


def resident() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


if __name__ == "__main__":
    main()
