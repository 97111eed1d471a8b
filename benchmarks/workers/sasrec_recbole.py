"""RecBole's turn of bench_sasrec.py: epochs of its own Trainer, prefixes made before."""

import json
import logging
import os
import resource
import sys
import time
from pathlib import Path

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.sequential_recommender import SASRec
from recbole.trainer import Trainer

folder = Path(sys.argv[1])
given = np.load(folder / "given.npz")
(folder / "log").mkdir(exist_ok=True)
# Its own split takes the last two of each user away, so two that nobody learns from are added.
user, item, when = given["train"]
users = np.unique(user)
last = when.max() + 1
rows = np.concatenate(
    [given["train"].T]
    + [
        np.stack([users, np.full(len(users), item[0]), np.full(len(users), last + n)], 1)
        for n in (0, 1)
    ]
)
lines = "\n".join(f"{u}\t{i}\t{t}" for u, i, t in rows)
head = "user_id:token\titem_id:token\ttimestamp:float"
(folder / "log" / "log.inter").write_text(f"{head}\n{lines}\n")
config = Config(
    model="SASRec",
    dataset="log",
    config_dict={
        "data_path": str(folder),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "hidden_size": int(given["dim"]),
        "inner_size": 2 * int(given["dim"]),
        "n_layers": 2,
        "n_heads": 2,
        "MAX_ITEM_LIST_LENGTH": int(given["length"]),
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
        "train_batch_size": int(given["batch"]),
        "use_gpu": False,
        "show_progress": False,
        "checkpoint_dir": str(folder),
    },
)
logging.disable(logging.CRITICAL)
torch.set_num_threads(int(given["threads"]))
dataset = create_dataset(config)
train, _, _ = data_preparation(config, dataset)
trainer = Trainer(config, SASRec(config, train.dataset))


def work() -> None:
    trainer._train_epoch(train, 0)


print(json.dumps({"targets": len(train.dataset)}), flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak, "targets": len(train.dataset)}
    print(json.dumps(told), flush=True)
