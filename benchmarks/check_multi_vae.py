"""Multi-VAE beside RecBole's on ml-100k: NDCG@10 of the same held-out tenth, as JSON lines.

Both with the same network, dropout, β, learning rate, batches and epochs. RecBole samples its codes
with a hundredth of the deviation (std=0.01 in its source), which is nearly Multi-DAE, so ours is
shown with and without sampling.

RECWEAVE_DATA=... python benchmarks/check_multi_vae.py
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
from sklearn.metrics import ndcg_score

from recweave.core.arrays import Array
from recweave.data.interactions import Interactions
from recweave.data.readers import read
from recweave.models.factors.multi_vae import MultiVAE
from recweave.models.query import Query
from recweave.models.training import Options

NAME = "ml-100k"
SETTINGS = {"dim": 64, "hidden": [300], "dropout": 0.5, "beta": 0.2, "lr": 0.001, "batch": 128}
ALLOWED = 0.01
"""NDCG by which ours may be below."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    asked = parser.parse_args()
    folder = Path(os.environ.get("RECWEAVE_DATA", "")) / NAME
    if not folder.is_dir():
        sys.exit(f"error: {NAME} is needed; set RECWEAVE_DATA to the folder that holds it")
    log = read("recbole", folder).interactions()
    python = python_of("recbole", PEERS["recbole"])
    means: dict[str, list[float]] = {"recbole": [], "recweave": [], "recweave, no sampling": []}
    for seed in asked.seeds:
        held_out = np.random.default_rng(seed).random(len(log)) < 0.1
        train = log[np.flatnonzero(~held_out)]
        truth = np.zeros(log.shape, bool)
        truth[log.user[held_out], log.item[held_out]] = True
        steps = -(-log.shape[0] // SETTINGS["batch"])
        with tempfile.TemporaryDirectory() as given:
            np.savez(
                f"{given}/given.npz",
                train=np.stack([train.user, train.item]),
                shape=np.array(log.shape),
                anneal_steps=30 * steps,
                epochs=asked.epochs,
                seed=seed,
                threads=int(os.environ.get("OMP_NUM_THREADS", "2")),
                **SETTINGS,
            )
            worker = Path(__file__).parent / "workers" / "multi_vae_recbole.py"
            subprocess.run([python, "-W", "ignore", worker, given], check=True)
            means["recbole"].append(ndcg(np.load(f"{given}/scores.npy"), train, truth))
        for name, sample in (("recweave", True), ("recweave, no sampling", False)):
            recipe = MultiVAE(
                **SETTINGS, sample=sample, epochs=asked.epochs, patience=0, anneal=30.0
            )
            scores = recipe.fit(train, Options(seed=seed)).scores(Query.of(train))
            means[name].append(ndcg(scores, train, truth))
    for name, values in means.items():
        line = {
            "check": "multi_vae",
            "data": NAME,
            "model": name,
            "ndcg@10": round(float(np.mean(values)), 4),
        }
        print(json.dumps(line | {"by_seed": [round(value, 4) for value in values]}), flush=True)
    below = np.mean(means["recbole"]) - np.mean(means["recweave"])
    if below > ALLOWED:
        sys.exit(f"error: ours is {below:.3f} below RecBole's, more than {ALLOWED:g}")


def ndcg(scores: Array, train: Interactions, truth: Array) -> float:
    """scikit-learn's NDCG@10 of users with held-out items; items of train are hidden."""
    shown = np.where(np.isfinite(scores), scores, -1e9)
    shown[train.user, train.item] = -1e9
    users = truth.any(axis=1)
    return float(ndcg_score(truth[users], shown[users], k=10))


if __name__ == "__main__":
    main()
