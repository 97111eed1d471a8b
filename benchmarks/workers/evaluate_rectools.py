"""RecTools' turn of bench_evaluate.py: a PureSVD model with our factors put into it."""

import json
import sys
import time

import numpy as np
import pandas as pd
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import MRR, NDCG, HitRate, Precision, Recall, calc_metrics
from rectools.models import PureSVDModel

given = np.load(f"{sys.argv[1]}/given.npz")
k = int(given["k"])
asked = {
    f"recall@{k}": Recall(k),
    f"ndcg@{k}": NDCG(k, divide_by_achievable=True),
    f"mrr@{k}": MRR(k),
    f"hit@{k}": HitRate(k),
    f"precision@{k}": Precision(k),
}


def frame(pairs: np.ndarray) -> pd.DataFrame:
    made = pd.DataFrame({Columns.User: pairs[0], Columns.Item: pairs[1]})
    return made.assign(**{Columns.Weight: 1.0, Columns.Datetime: pd.Timestamp("2020-01-01")})


train, test = frame(given["train"]), frame(given["test"])
dataset = Dataset.construct(train)
users = np.unique(test[Columns.User])
model = PureSVDModel(factors=given["users"].shape[1], recommend_n_threads=2)
model.user_factors = given["users"][dataset.user_id_map.external_ids]
model.item_factors = given["items"][dataset.item_id_map.external_ids]
model.is_fitted = True


def work() -> dict[str, float]:
    lists = model.recommend(users, dataset, k=k, filter_viewed=True)
    return {name: float(v) for name, v in calc_metrics(asked, lists, test).items()}


work()
print(json.dumps({}), flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    metrics = work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "metrics": metrics}), flush=True)
