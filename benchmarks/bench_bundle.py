"""A bundle at work: its size, seconds to load, one list, and lists for everybody as Parquet.

Beside implicit, in one process and in turns: ALS of the same dimension on the same log, ten items
for every user, bought ones hidden, written with ids to Parquet. `--bundle FOLDER` measures a bundle
that was made before (such as Beauty's slit-text, `recweave fit recipes/beauty.toml --row slit-text
--out FOLDER`) without a peer.
"""

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from peers import MACHINE
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recweave.bundle import Bundle
from recweave.bundle.lists import write_lists
from recweave.data.catalogue import load
from recweave.data.dataset import Dataset
from recweave.models.factors.als import ALS

DIM, TOP = 64, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="turns of each")
    parser.add_argument("--data", default="amazon-beauty-2014-seq", help="a dataset's name")
    parser.add_argument("--bundle", type=Path, help="measure this bundle instead")
    asked = parser.parse_args()
    if asked.bundle is not None:
        print(json.dumps(alone(asked.bundle, asked.pairs)), flush=True)
        return
    dataset = load(asked.data)
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "bundle"
        ALS(dim=DIM, epochs=5).fit_bundle(dataset).save(where)
        told = alone(where, asked.pairs)
        told |= beside_implicit(dataset, Bundle.load(where), Path(folder), asked.pairs)
        print(json.dumps(told), flush=True)


def alone(folder: Path, turns: int) -> dict[str, Any]:
    """Size, loading, one list and all lists of a bundle."""
    bundle = Bundle.load(folder)
    user = bundle.dataset.user_ids.ids[0]
    bundle.recommend([user], TOP)
    with tempfile.TemporaryDirectory() as out:
        path = Path(out) / "lists.parquet"
        return {
            "benchmark": "bundle",
            "row": bundle.name,
            "data": bundle.dataset.name,
            "users": len(bundle.dataset.user_ids),
            "items": len(bundle.dataset.item_ids),
            "megabytes": round(sum(f.stat().st_size for f in folder.rglob("*")) / 1e6, 1),
            "load_s": timed(lambda: Bundle.load(folder), turns),
            "one_list_ms": round(1e3 * timed(lambda: bundle.recommend([user], TOP), 4 * turns), 1),
            "all_to_parquet_s": timed(lambda: write_lists(bundle.batches(k=TOP), path), turns),
            "on": MACHINE,
        }


def beside_implicit(dataset: Dataset, bundle: Bundle, folder: Path, turns: int) -> dict[str, Any]:
    """Seconds of lists for everybody to Parquet, ours and implicit's."""
    from implicit.als import AlternatingLeastSquares

    warnings.filterwarnings("ignore")
    matrix = csr_matrix(dataset.interactions().matrix(values=False))  # it takes no csr_array
    model = AlternatingLeastSquares(factors=DIM, iterations=2, use_gpu=False)
    with threadpool_limits(1):  # implicit asks for this itself
        model.fit(matrix, show_progress=False)
    users = np.arange(matrix.shape[0])
    user_ids, item_ids = dataset.user_ids.ids, dataset.item_ids.ids

    def theirs() -> None:
        with threadpool_limits(1):
            items, scores = model.recommend(users, matrix, N=TOP, filter_already_liked_items=True)
        row, place = np.nonzero(items >= 0)
        pl.DataFrame(
            {
                "user_id": user_ids.gather(row),
                "item_id": item_ids.gather(items[row, place]),
                "rank": place + 1,
                "score": scores[row, place],
            }
        ).write_parquet(folder / "theirs.parquet")

    def ours() -> None:
        write_lists(bundle.batches(k=TOP), folder / "ours.parquet")

    seconds = {"ours": [], "theirs": []}
    ours(), theirs()
    for _ in range(turns):
        for name, work in (("ours", ours), ("theirs", theirs)):
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "ours_s": round(medians["ours"], 3),
        "implicit_s": round(medians["theirs"], 3),
        "ratio": round(medians["theirs"] / medians["ours"], 2),
    }


def timed(work: Callable[[], Any], turns: int) -> float:
    """Median seconds, after one turn that is dropped."""
    work()
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return round(statistics.median(seconds), 4)


if __name__ == "__main__":
    main()
