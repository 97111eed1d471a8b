"""Do text features pay? A model without text, one with text, and one with permuted text."""

from dataclasses import replace

import numpy as np

from recweave import LeaveLastOut, evaluate_model, load
from recweave.encode.items import encode_items
from recweave.encode.text import text_encoder
from recweave.models.factors.ease import EASE
from recweave.models.training import TrainingData

shop = load("synthetic:small")  # or "amazon-beauty-2014-seq", or a folder of your own
split = shop.split(LeaveLastOut(target=("purchase",)))

text = encode_items(shop, ("title", "categories"), text_encoder("tfidf"))  # or "minilm"
permutation = np.random.default_rng(0).permutation(len(text.vectors))
features = {"text": text, "permuted": replace(text, vectors=text.vectors[permutation])}

for names in ((), ("text",), ("permuted",)):
    model = EASE(reg=50, decay=0.8, features=names, prior_weight=20).fit(
        TrainingData(split.train, features=features)
    )
    report = evaluate_model(model, split, ["recall@10"])
    recall = report.means()["recall@10"]
    row = " + ".join(names) or "no text"
    print(f"{row}: {recall.mean:.3f} ({recall.low:.3f} to {recall.high:.3f})")
