"""Are titles found by what behaviour taught? Amazon Beauty, JSON lines.

Needs RECWEAVE_DATA. The text is MiniLM's of title and category path; the networks are id-only and
see train alone. Beside them stand an SVD of train (the baseline), the
network's vectors permuted out at random, and chance.
"""

import argparse
import json
import time

import numpy as np

from recweave import LeaveLastOut, evaluate_model, load
from recweave.encode.items import encode_items
from recweave.evaluate.text_map import learned_vectors, svd_vectors
from recweave.evaluate.text_retrieval import evaluate_text_retrieval
from recweave.models.sequence.sasrec import SASRec
from recweave.models.training import TrainingData
from recweave.models.unified.recipe import Unified


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--models", nargs="*", default=["unified", "sasrec"])
    parser.add_argument("--fields", nargs="+", default=["title", "categories"])
    asked = parser.parse_args()
    shop = load("amazon-beauty-2014-seq")
    split = shop.split(LeaveLastOut())
    text = encode_items(shop, asked.fields)
    # Looked at once, at the end: what validation is asked more often for is time.
    loop = {"epochs": asked.epochs, "every": asked.epochs, "batch": asked.batch, "lr": 2e-3}
    shared = {"dim": asked.dim, "dropout": 0.3, **loop}
    recipes = {
        "unified": Unified(represent="id", graph=1, **shared),
        "sasrec": SASRec(loss="sampled", negatives=1024, temperature=0.07, **shared),
    }
    vectors = {"svd": svd_vectors(split.train, asked.dim)}
    for name in asked.models:
        began = time.perf_counter()
        model = recipes[name].fit(TrainingData(split.train, valid=split.valid))
        vectors[name] = learned_vectors(model)
        told: dict[str, object] = {"model": name, "fit_s": round(time.perf_counter() - began)}
        told["test ndcg@10"] = round(
            evaluate_model(model, split, ["ndcg@10"]).means()["ndcg@10"].mean, 4
        )
        print(json.dumps(told | recipes[name].model_dump(mode="json")), flush=True)
        permuted = np.random.default_rng(0).permutation(len(vectors[name]))
        vectors[f"{name}, permuted"] = vectors[name][permuted]
    retrieval = evaluate_text_retrieval(vectors, text, "svd")
    print(
        json.dumps(
            {"texts": retrieval.texts, "fitted": retrieval.fitted, "tested": retrieval.tested}
        )
    )
    print(json.dumps({"vectors": "chance"} | {n: round(v, 5) for n, v in retrieval.chance.items()}))
    for name, found in retrieval.results.items():
        line: dict[str, object] = {"vectors": name, "penalty": found.penalty}
        for metric, value in found.values.items():
            gain = found.gains[metric]
            line[metric] = [round(v, 4) for v in (value.mean, value.low, value.high)]
            line[f"{metric} over svd"] = [round(v, 4) for v in (gain.mean, gain.low, gain.high)]
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
