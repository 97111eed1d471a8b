"""Users per second of a full-ranking evaluation, beside RecTools and RecBole.

One factor model of 64 numbers a vector, the same for all, on Gowalla: score the whole catalogue for
every user, hide what they have seen, take the 20 best, compute five metrics. Where RECWEAVE_DATA
has no Gowalla, a drawn log of the same size stands in. The vectors are those of a trained ALS, and
then random ones: our search leaves out what short vectors cannot reach, and of random vectors, all
about as long, nothing can be left out.

Users per second want a machine with nothing else to do. The ratio of processor seconds stands on a
busy one too, but does not tell how well the two threads are used.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from peers import MACHINE, Worker, python_of, take_turns

from recweave.data.interactions import Interactions
from recweave.models.factors.als import ALS

HERE = Path(__file__).parent
K = 20
METRICS = [f"{name}@{K}" for name in ("recall", "ndcg", "mrr", "hit", "precision")]
PEERS = {
    "rectools": ["rectools==0.19.0", "numpy==1.26.4"],
    "recbole": [
        *("recbole==1.2.1", "torch==2.13.0", "numpy==1.26.4"),
        *("pandas==2.2.3", "scipy==1.12", "setuptools<81"),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="turns of each")
    parser.add_argument("--peers", nargs="*", choices=[*PEERS], default=[*PEERS])
    asked = parser.parse_args()
    for vectors, peer in product(("trained", "random"), asked.peers):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            data, users = write_given(folder, vectors)
            python = python_of(peer, PEERS[peer])
            ours = Worker(sys.executable, HERE / "workers" / "evaluate_ours.py", folder)
            theirs = Worker(python, HERE / "workers" / f"evaluate_{peer}.py", folder)
            a, b, ratio = take_turns(ours, theirs, asked.pairs)
            ours.close()
            theirs.close()
            cpu = median(b, "cpu_seconds") / median(a, "cpu_seconds")
            apart = max(abs(a[0]["metrics"][m] - b[0]["metrics"][m]) for m in METRICS)
            print(
                json.dumps(
                    {
                        "benchmark": "full-ranking evaluation",
                        "data": data,
                        "vectors": vectors,
                        "users": users,
                        "ours_users_per_second": round(users / median(a, "seconds")),
                        f"{peer}_users_per_second": round(users / median(b, "seconds")),
                        "ratio": round(ratio, 2),
                        "ratio_of_cpu_seconds": round(cpu, 2),
                        "metrics": {m: round(v, 10) for m, v in a[0]["metrics"].items()},
                        "metrics_apart_by": float(f"{apart:.1e}"),
                        "pairs": asked.pairs,
                        "on": MACHINE,
                    }
                ),
                flush=True,
            )


def median(answers: list[dict[str, float]], what: str) -> float:
    return statistics.median(answer[what] for answer in answers)


def write_given(folder: Path, vectors: str) -> tuple[str, int]:
    """What all of them work on; its name, and how many users are judged."""
    real = Path(os.environ.get("RECWEAVE_DATA", "")) / "gowalla-lightgcn"
    if real.is_dir():
        data, train, test = "gowalla", read(real / "train.txt"), read(real / "test.txt")
    else:
        data, (train, test) = "drawn", draw(29_858, 40_981)
    pairs = np.hstack([train, test])
    users, items = (int(rows.max()) + 1 for rows in pairs)
    if vectors == "trained":
        log = Interactions.of(*train, shape=(users, items))
        model = ALS(dim=64).fit(log)
        user, item = model.user, model.item
    else:
        rng = np.random.default_rng(0)
        user, item = (rng.standard_normal((n, 64), dtype=np.float32) for n in (users, items))
    np.savez(
        folder / "given.npz",
        train=train,
        test=test,
        users=user,
        items=item,
        metrics=np.array(METRICS),
        k=K,
    )
    return data, len(np.unique(test[0]))


def read(file: Path) -> np.ndarray:
    """Users and items of a LightGCN file, `user item item …`."""
    rows = [np.array(line.split(), np.int32) for line in file.read_text().splitlines()]
    owners = np.repeat([row[0] for row in rows], [len(row) - 1 for row in rows])
    return np.stack([owners, np.concatenate([row[1:] for row in rows])]).astype(np.int32)


def draw(users: int, items: int) -> tuple[np.ndarray, np.ndarray]:
    """27 events in train and 7 in test for each user, no pair twice; every item occurs in train."""
    start = np.random.default_rng(1).integers(items, size=users)
    item = (start[:, None] + np.arange(34) * 1_201) % items
    pairs = [
        np.stack([np.repeat(np.arange(users), part.shape[1]), part.ravel()])
        for part in (item[:, :27], item[:, 27:])
    ]
    return pairs[0].astype(np.int32), pairs[1].astype(np.int32)


if __name__ == "__main__":
    main()
