"""RecBole's turn of bench_evaluate.py: its BPR with our factors as embeddings, its own Trainer."""

import json
import logging
import os
import sys
import time
from pathlib import Path

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.general_recommender import BPR
from recbole.trainer import Trainer

USERS_AT_A_TIME = 256
"""RecBole's own default comes to one user at a time here. From 128 to 512 it is about level, and
slower with fewer."""

folder = Path(sys.argv[1])
given = np.load(folder / "given.npz")
k = int(given["k"])
theirs = {"recall": "Recall", "ndcg": "NDCG", "mrr": "MRR", "hit": "Hit", "precision": "Precision"}


def write(part: str, pairs: np.ndarray) -> None:
    lines = "\n".join(f"{user}\t{item}" for user, item in pairs.T)
    (folder / "log").mkdir(exist_ok=True)
    (folder / "log" / f"log.{part}.inter").write_text(f"user_id:token\titem_id:token\n{lines}\n")


# RecBole wants a validation part; what was seen is train and validation together.
write("train", given["train"][:, 1:])
write("valid", given["train"][:, :1])
write("test", given["test"])
config = Config(
    model="BPR",
    dataset="log",
    config_dict={
        "data_path": str(folder),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "embedding_size": given["users"].shape[1],
        "metrics": list(theirs.values()),
        "topk": [k],
        "valid_metric": f"Recall@{k}",
        "eval_args": {
            "mode": "full",
            "order": "RO",
            "group_by": "user",
            "split": {"RS": [1, 0, 0]},
        },
        "eval_batch_size": USERS_AT_A_TIME * (len(given["items"]) + 1),
        "metric_decimal_place": 12,
        "use_gpu": False,
        "show_progress": False,
    },
)
logging.disable(logging.CRITICAL)
torch.set_num_threads(2)
dataset = create_dataset(config)
_, _, test = data_preparation(config, dataset)
model = BPR(config, dataset)
with torch.no_grad():
    for field, weight, vectors in (
        ("user_id", model.user_embedding.weight, given["users"]),
        ("item_id", model.item_embedding.weight, given["items"]),
    ):
        names = dataset.field2id_token[field][1:].astype(int)  # 0 is padding
        weight[1:] = torch.from_numpy(vectors[names])
trainer = Trainer(config, model)


def work() -> dict[str, float]:
    with torch.no_grad():
        found = trainer.evaluate(test, load_best_model=False)
    return {f"{name}@{k}": found[f"{t.lower()}@{k}"] for name, t in theirs.items()}


work()
print(json.dumps({}), flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    metrics = work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "metrics": metrics}), flush=True)
