"""Seconds and quality of ALS and BPR beside implicit's, as far as the same settings go.

In one process, in turns, with the same threads: ours from the log, implicit from the matrix that it
wants. Quality is NDCG@10 of each user's last item but one, the last being left alone, so it is
measured on what settings may be chosen by. implicit's BPR knows a result only on one thread again.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from bench_knn import logs
from peers import MACHINE, THREADS
from scipy import sparse
from threadpoolctl import threadpool_limits

from recweave.data.interactions import Histories, Interactions
from recweave.data.split import LeaveLastOut, Split
from recweave.models import Query
from recweave.models.factors.als import ALS
from recweave.models.factors.bpr import BPR
from recweave.models.kinds import Factors
from recweave.rank import recommend

Fit = Callable[[], Factors]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="turns of each")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--only", nargs="*", help="names of datasets; all without")
    asked = parser.parse_args()
    for name, log in logs():
        if asked.only is None or name in asked.only:
            split = LeaveLastOut().cut(log)
            for line in compare(split, asked.dim, asked.pairs):
                print(
                    json.dumps({"data": name, "dim": asked.dim, **line, "on": MACHINE}), flush=True
                )


def compare(split: Split, dim: int, pairs: int) -> list[dict[str, object]]:
    """A line for each contender, with the median of its seconds over ours in the same turn."""
    told = []
    for contenders in (als(split.train, dim), bpr(split.train, dim)):
        turns: list[dict[str, float]] = []
        quality: dict[str, float] = {}
        for _ in range(pairs + 1):
            turn = {}
            for name, fit in contenders.items():
                start = time.perf_counter()
                model = fit()
                turn[name] = time.perf_counter() - start
                quality[name] = quality.get(name) or ndcg(model, split)
            turns.append(turn)
        ours = next(iter(contenders))
        for name in contenders:
            line = {
                "benchmark": name,
                "seconds": round(statistics.median(turn[name] for turn in turns[1:]), 2),
                "to_ours": round(statistics.median(t[name] / t[ours] for t in turns[1:]), 2),
                "ndcg@10": round(quality[name], 4),
            }
            told.append(line)
    return told


def als(log: Interactions, dim: int) -> dict[str, Fit]:
    """Ours is exact; implicit's default takes three conjugate gradient steps for each row."""
    from implicit.als import AlternatingLeastSquares

    seen = sparse.csr_matrix(log.matrix(values=False))

    def theirs(use_cg: bool) -> Factors:
        with threadpool_limits(1, user_api="blas"):
            model = AlternatingLeastSquares(
                dim, regularization=1.0, alpha=11.0, iterations=10, use_cg=use_cg,
                num_threads=THREADS, random_state=0,
            )  # fmt: skip
            model.fit(seen, show_progress=False)
        return Factors(model.user_factors, model.item_factors)

    return {
        "als": lambda: ALS(dim=dim, weight=10, reg=1, epochs=10).fit(log),
        "als_implicit_cg": lambda: theirs(True),
        "als_implicit_cholesky": lambda: theirs(False),
    }


def bpr(log: Interactions, dim: int) -> dict[str, Fit]:
    """Each with its default step size and penalty."""
    from implicit.bpr import BayesianPersonalizedRanking

    seen = sparse.csr_matrix(log.matrix(values=False))

    def theirs(iterations: int) -> Factors:
        model = BayesianPersonalizedRanking(
            dim, learning_rate=0.05, iterations=iterations, num_threads=1, random_state=0
        )
        model.fit(seen, show_progress=False)
        return Factors(model.user_factors, model.item_factors)

    return {
        "bpr": lambda: BPR(dim=dim).fit(log),
        "bpr_implicit_100": lambda: theirs(100),
        "bpr_implicit_300": lambda: theirs(300),
    }


def ndcg(model: Factors, split: Split) -> float:
    """Mean over users who have a validation item."""
    users = np.unique(split.valid.user)
    top = recommend(model, Query.of(split.train, users), 10).item
    hit = top == Histories.of(split.valid, users).item[:, None]
    return float((hit / np.log2(np.arange(2, 12))).sum(axis=1).mean())


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="implicit")
    main()
