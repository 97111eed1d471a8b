"""Seconds of ItemKNN, fit and ten best for every user, beside implicit.

Cosine neighbours without shrinkage, the same in both, in one process, in turns. Ours starts from
the log, implicit from the matrix that it wants. Datasets are those that RECWEAVE_DATA has, with a
drawn log where it has none.
"""

import argparse
import json
import os
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
from peers import MACHINE, THREADS
from scipy import sparse

from recweave.data.interactions import Interactions
from recweave.data.readers import read
from recweave.models import Query
from recweave.models.neighbours.knn import ItemKNN
from recweave.models.training import Options
from recweave.parallel import Threads
from recweave.rank import recommend

SOURCES = {
    "ml-100k": "recbole",
    "amazon-beauty-2014-seq": "sequence",
    "gowalla-lightgcn": "lightgcn",
}
TOP = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="turns of each")
    parser.add_argument("--k", type=int, nargs="*", default=[20, 100], help="neighbours")
    asked = parser.parse_args()
    for name, log in logs():
        for k in asked.k:
            print(json.dumps(compare(name, log, k, asked.pairs)), flush=True)


def logs() -> list[tuple[str, Interactions]]:
    """What is worked on, by name; of a published cut the training part."""
    home = Path(os.environ.get("RECWEAVE_DATA", ""))
    found = []
    for name, source in SOURCES.items():
        if (home / name).is_dir():
            dataset = read(source, home / name)
            log = dataset.interactions()
            part = dataset.events["part"].fill_null("train").to_numpy()
            found.append((name, log[part == "train"]))
    return found or [("drawn", draw(20_000, 10_000, 300_000))]


def draw(users: int, items: int, events: int) -> Interactions:
    """A log whose users and items differ in how often they occur as real ones do."""
    rng = np.random.default_rng(0)
    user = (users * rng.random(events) ** 2).astype(np.int32)
    item = (items * rng.random(events) ** 3).astype(np.int32)
    pair = np.unique(user.astype(np.int64) * items + item)
    return Interactions.of(*np.divmod(pair, items), shape=(users, items))


def compare(name: str, log: Interactions, k: int, pairs: int) -> dict[str, object]:
    matrix = sparse.csr_matrix(log.matrix(values=False)).astype(np.float64)
    turns = [(ours(log, k), theirs(matrix, k)) for _ in range(pairs + 1)][1:]
    a, b = ([turn[side] for turn in turns] for side in (0, 1))
    shared = [np.intersect1d(*rows).size for rows in zip(a[0]["top"], b[0]["top"], strict=True)]
    seconds = {
        f"{who}_{part}_seconds": round(statistics.median(turn[part] for turn in answers), 3)
        for who, answers in (("ours", a), ("implicit", b))
        for part in ("fit", "rank")
    }
    ratios = [(y["fit"] + y["rank"]) / (x["fit"] + x["rank"]) for x, y in turns]
    return {
        "benchmark": "item_knn",
        "data": name,
        "events": len(log),
        "users": log.shape[0],
        "items": log.shape[1],
        "k": k,
        **seconds,
        "ratio": round(statistics.median(ratios), 2),
        "items_shared_of_10": round(float(np.mean(shared)), 2),
        "pairs": pairs,
        "on": MACHINE,
    }


def ours(log: Interactions, k: int) -> dict[str, object]:
    start = time.perf_counter()
    model = ItemKNN(k=k, shrinkage=0).fit(log, Options(pool=Threads(THREADS)))
    fitted = time.perf_counter()
    ranking = recommend(model, Query.of(log), TOP, pool=Threads(THREADS))
    done = time.perf_counter()
    return {"fit": fitted - start, "rank": done - fitted, "top": ranking.item}


def theirs(matrix: sparse.csr_matrix, k: int) -> dict[str, object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # implicit on the kind of sparse matrix it makes itself
        from implicit.nearest_neighbours import CosineRecommender

        start = time.perf_counter()
        model = CosineRecommender(K=k + 1, num_threads=THREADS)
        model.fit(matrix, show_progress=False)
        fitted = time.perf_counter()
        items, _ = model.recommend(np.arange(matrix.shape[0]), matrix, N=TOP)
        done = time.perf_counter()
    return {"fit": fitted - start, "rank": done - fitted, "top": items}


if __name__ == "__main__":
    main()
