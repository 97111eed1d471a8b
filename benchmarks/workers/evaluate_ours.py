"""recweave's turn of bench_evaluate.py."""

import json
import sys
import time

import numpy as np

from recweave.data.interactions import Interactions
from recweave.data.split import Split
from recweave.evaluate import evaluate_model
from recweave.models.kinds import Factors

given = np.load(f"{sys.argv[1]}/given.npz")
names = [str(name) for name in given["metrics"]]
shape = (len(given["users"]), len(given["items"]))
train = Interactions.of(*given["train"], shape=shape)
test = Interactions.of(*given["test"], shape=shape)
split = Split(train, train[:0], test)
model = Factors(given["users"], given["items"])


def work() -> dict[str, float]:
    report = evaluate_model(model, split, names)
    return {name: mean.mean for name, mean in report.means("normal").items()}


work()
print(json.dumps({}), flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    metrics = work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "metrics": metrics}), flush=True)
