"""recweave's turn of bench_lightgcn.py and bench_sasrec.py: fits of one epoch from nothing."""

import json
import resource
import sys
import time

import numpy as np
import torch

from recweave.data.interactions import Interactions
from recweave.models import RECIPES

given = np.load(f"{sys.argv[1]}/given.npz")
user, item, *when = given["train"]
shape = tuple(given["shape"].tolist())
train = Interactions.of(user, item, time=when[0] if when else None, shape=shape)
torch.set_num_threads(int(given["threads"]))
recipe = RECIPES[str(given["model"])].parse(json.loads(str(given["ours"])), "the benchmark")


def work() -> None:
    recipe.fit(train)


work()
print(json.dumps({}), flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak}), flush=True)
