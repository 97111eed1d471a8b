"""The largest difference between our EASE weights and RecTools' on ml-100k, as a JSON line.

RECWEAVE_DATA=... python benchmarks/check_ease_rectools.py
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench_evaluate import PEERS
from peers import python_of

from recweave.data.readers import read
from recweave.models.factors.ease import EASE

NAME = "ml-100k"
ALLOWED = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reg", type=float, nargs="*", default=[10.0, 100.0, 500.0])
    regs = parser.parse_args().reg
    folder = Path(os.environ.get("RECWEAVE_DATA", "")) / NAME
    if not folder.is_dir():
        sys.exit(f"error: {NAME} is needed; set RECWEAVE_DATA to the folder that holds it")
    log = read("recbole", folder).interactions()
    python = python_of("rectools", PEERS["rectools"])
    worst = 0.0
    for reg in regs:
        with tempfile.TemporaryDirectory() as given:
            np.savez(f"{given}/given.npz", user=log.user, item=log.item, reg=reg)
            worker = Path(__file__).parent / "workers" / "ease_rectools.py"
            subprocess.run([python, worker, given], check=True)
            theirs = np.load(f"{given}/weights.npy")
        difference = float(np.abs(EASE(reg=reg).fit(log).weights - theirs).max())
        worst = max(worst, difference)
        line = {
            "check": "ease_rectools",
            "data": NAME,
            "reg": reg,
            "largest_difference": difference,
        }
        print(json.dumps(line), flush=True)
    if worst > ALLOWED:
        sys.exit(f"error: the weights differ by {worst:.2g}, more than {ALLOWED:g}")


if __name__ == "__main__":
    main()
