"""RecBole's part of check_multi_vae.py: its own Trainer, and its scores of all items."""

import logging
import os
import sys
from pathlib import Path

os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.general_recommender import MultiVAE
from recbole.trainer import Trainer
from recbole.utils import init_seed

folder = Path(sys.argv[1])
given = np.load(folder / "given.npz")
(folder / "log").mkdir(exist_ok=True)
pairs = given["train"].T
for part, some in (("train", pairs), ("valid", pairs[:1]), ("test", pairs[:1])):
    lines = "\n".join(f"{user}\t{item}" for user, item in some)
    (folder / "log" / f"log.{part}.inter").write_text(f"user_id:token\titem_id:token\n{lines}\n")
config = Config(
    model="MultiVAE",
    dataset="log",
    config_dict={
        "data_path": str(folder),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "mlp_hidden_size": given["hidden"].tolist(),
        # Half of them are means, half log variances.
        "latent_dimension": 2 * int(given["dim"]),
        "dropout_prob": float(given["dropout"]),
        "anneal_cap": float(given["beta"]),
        "total_anneal_steps": int(given["anneal_steps"]),
        "learning_rate": float(given["lr"]),
        "train_batch_size": int(given["batch"]),
        "train_neg_sample_args": None,
        "use_gpu": False,
        "show_progress": False,
        "checkpoint_dir": str(folder),
    },
)
logging.disable(logging.CRITICAL)
torch.set_num_threads(int(given["threads"]))
init_seed(int(given["seed"]), reproducibility=True)
dataset = create_dataset(config)
train, _, _ = data_preparation(config, dataset)
model = MultiVAE(config, train.dataset)
trainer = Trainer(config, model)
for epoch in range(int(given["epochs"])):
    trainer._train_epoch(train, epoch)
model.eval()
users, items = given["shape"].tolist()
row_of_user = [dataset.token2id("user_id", str(user)) for user in np.unique(pairs[:, 0])]
known = np.unique(pairs[:, 1])
column_of_item = [dataset.token2id("item_id", str(item)) for item in known]
with torch.no_grad():
    found = model.forward(model.get_rating_matrix(torch.tensor(row_of_user)))[0].numpy()
scores = np.full((users, items), -np.inf, np.float32)
scores[np.ix_(np.unique(pairs[:, 0]), known)] = found[:, column_of_item]
np.save(folder / "scores.npy", scores)
