"""How an epoch's seconds and memory grow with the log: 1, 4 and 16 times as many events.

Users, items and events grow together, so a history stays as long. The exponent is that of the power
law through the three points: 1 is in proportion. Each size runs in a process of its own, so that
the peak of memory is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from bench_knn import draw

from recweave.models import RECIPES

SIZES = (1, 4, 16)
USERS, ITEMS, EVENTS = 2_000, 1_000, 20_000
MODELS = {
    "sasrec": {"loss": "sampled", "negatives": 512, "targets": "all"},
    "sasrec, softmax": {"loss": "softmax", "targets": "all"},
    "unified": {"negatives": 512, "targets": "all", "retry_policy": 0},
    "lightgcn": {"batch": 8192},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        name, size = asked.one
        print(json.dumps(measure(name, int(size))))
        return
    for name in MODELS:
        found = []
        for size in SIZES:
            command = [sys.executable, __file__, "--one", name, str(size)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout))
        line = {"benchmark": "growth of an epoch", "model": name, "sizes": SIZES}
        for what in ("seconds", "peak_mb"):
            values = [one[what] for one in found]
            slope = np.polyfit(np.log(SIZES), np.log(values), 1)[0]
            line |= {what: values, f"{what}_exponent": round(float(slope), 2)}
        print(json.dumps(line), flush=True)


def measure(name: str, size: int) -> dict[str, float]:
    """Seconds of a further epoch, and the peak of the process."""
    log = draw(USERS * size, ITEMS * size, EVENTS * size)
    kind = RECIPES[name.partition(",")[0]]

    def fit(epochs: int) -> float:
        start = time.perf_counter()
        kind.parse({**MODELS[name], "epochs": epochs}, "the benchmark").fit(log)
        return time.perf_counter() - start

    fit(1)
    one, three = fit(1), fit(3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round((three - one) / 2, 3), "peak_mb": round(peak, 1)}


if __name__ == "__main__":
    main()
