"""RecBole's turn of bench_lightgcn.py: epochs of its own Trainer, the graph made before."""

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
from recbole.model.general_recommender import LightGCN
from recbole.trainer import Trainer

folder = Path(sys.argv[1])
given = np.load(folder / "given.npz")
(folder / "log").mkdir(exist_ok=True)
pairs = given["train"].T
for part, some in (("train", pairs), ("valid", pairs[:1]), ("test", pairs[:1])):
    lines = "\n".join(f"{user}\t{item}" for user, item in some)
    (folder / "log" / f"log.{part}.inter").write_text(f"user_id:token\titem_id:token\n{lines}\n")
config = Config(
    model="LightGCN",
    dataset="log",
    config_dict={
        "data_path": str(folder),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "embedding_size": int(given["dim"]),
        "n_layers": int(given["layers"]),
        "reg_weight": 1e-4,
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
trainer = Trainer(config, LightGCN(config, train.dataset))


def work() -> None:
    trainer._train_epoch(train, 0)


work()
print(json.dumps({}), flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak}), flush=True)
