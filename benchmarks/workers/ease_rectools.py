"""RecTools' part of check_ease_rectools.py: EASE weights in the order of our item rows."""

import sys

import numpy as np
import pandas as pd
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel

given = np.load(f"{sys.argv[1]}/given.npz")
frame = pd.DataFrame({Columns.User: given["user"], Columns.Item: given["item"]})
frame = frame.assign(**{Columns.Weight: 1.0, Columns.Datetime: pd.Timestamp("2020-01-01")})
dataset = Dataset.construct(frame)
model = EASEModel(regularization=float(given["reg"])).fit(dataset)
place = dataset.item_id_map.convert_to_internal(np.arange(given["item"].max() + 1))
np.save(f"{sys.argv[1]}/weights.npy", model.weight[np.ix_(place, place)])
