"""Seconds of an EASE fit beside the bare LAPACK calls that it cannot do without.

Both work on the same items in one process, in turns: the fit starts from the log of events, LAPACK
(spotrf, then spotri) from the finished Gram matrix. Beauty's training part where RECWEAVE_DATA has
it, else a drawn log.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench_knn import draw
from peers import MACHINE, THREADS
from scipy.linalg.lapack import spotrf, spotri
from threadpoolctl import threadpool_limits

from recweave.data.interactions import Interactions
from recweave.data.readers import read
from recweave.data.split import LeaveLastOut
from recweave.models.factors.ease import EASE
from recweave.models.gram import gram_matrix

NAME = "amazon-beauty-2014-seq"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="turns of each")
    parser.add_argument("--reg", type=float, default=100.0)
    asked = parser.parse_args()
    name, log = beauty_or_drawn()
    gram = gram_matrix(log.matrix(values=False))
    np.fill_diagonal(gram, gram.diagonal() + asked.reg)
    recipe = EASE(reg=asked.reg)
    with threadpool_limits(THREADS):
        turns = [
            (seconds(lambda: recipe.fit(log)), bare(gram.copy())) for _ in range(asked.pairs + 1)
        ][1:]
    fit, lapack = (statistics.median(turn[side] for turn in turns) for side in (0, 1))
    line = {
        "benchmark": "ease_fit",
        "data": name,
        "items": log.shape[1],
        "fit_seconds": round(fit, 2),
        "lapack_seconds": round(lapack, 2),
        "ratio": round(statistics.median(ours / theirs for ours, theirs in turns), 3),
        "on": MACHINE,
    }
    print(json.dumps(line))


def beauty_or_drawn() -> tuple[str, Interactions]:
    """The log, and its name."""
    folder = Path(os.environ.get("RECWEAVE_DATA", "")) / NAME
    if folder.is_dir():
        return NAME, LeaveLastOut().cut(read("sequence", folder).interactions()).train
    return "drawn", draw(20_000, 6_000, 150_000)


def bare(matrix: np.ndarray) -> float:
    """Seconds of LAPACK alone; the matrix is overwritten."""

    def work() -> None:
        factor, _ = spotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
        spotri(factor, lower=1, overwrite_c=1)

    return seconds(work)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
