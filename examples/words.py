"""Do words help? A model without them, one with them, and one with words dealt at random."""

from dataclasses import replace

import numpy as np

from recweave import LeaveLastOut, evaluate_model, load
from recweave.encode.items import encode_items
from recweave.encode.text import text_encoder
from recweave.models.factors.ease import EASE
from recweave.models.training import TrainingData

shop = load("synthetic:small")  # or "amazon-beauty-2014-seq", or a folder of your own
split = shop.split(LeaveLastOut(target=("purchase",)))

words = encode_items(shop, ("title", "categories"), text_encoder("tfidf"))  # or "minilm"
dealt = np.random.default_rng(0).permutation(len(words.vectors))
features = {"words": words, "dealt": replace(words, vectors=words.vectors[dealt])}

for told in ((), ("words",), ("dealt",)):
    model = EASE(reg=50, decay=0.8, features=told, prior_weight=20).fit(
        TrainingData(split.train, features=features)
    )
    report = evaluate_model(model, split, ["recall@10"])
    recall = report.means()["recall@10"]
    print(f"{told or 'behaviour alone'}: {recall.mean:.3f} ({recall.low:.3f} to {recall.high:.3f})")
