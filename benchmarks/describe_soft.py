"""Titles that a language model writes from item vectors (soft prompts): Beauty, JSON lines.

Needs RECWEAVE_DATA. The model is frozen; a few virtual tokens for each item are fitted on some
items, and titles are written for others. Vectors: MiniLM's of the category path, an SVD of train
(behaviour alone), and the first permuted. Beside them stands the template: the category path
itself. Retrieval: the written text's nearest among the true titles of all tested items, by MiniLM.
Quality: mean likeness to the true title (1 less edit distance), and the share of different texts.
"""

import argparse
import json
import time

import numpy as np

from recweave import LeaveLastOut, load
from recweave.encode.items import encode_items
from recweave.encode.text import text_encoder
from recweave.enrich.probe import likeness
from recweave.evaluate.text_map import svd_vectors
from recweave.models.unified.soft_prompt import SoftPrompt, TextTargets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--fitted", type=int, default=2000, help="training items")
    parser.add_argument("--tested", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--length", type=int, default=24)
    parser.add_argument("--vectors", nargs="*", default=["categories", "svd", "permuted"])
    asked = parser.parse_args()
    shop = load("amazon-beauty-2014-seq")
    split = shop.split(LeaveLastOut())
    titles = shop.items["title"].fill_null("").to_list()
    paths = shop.items["categories"].list.join(" > ").fill_null("").to_list()
    encoder = text_encoder("minilm")
    content = encode_items(shop, ["categories"]).vectors
    vectors = {
        "categories": content,
        "svd": svd_vectors(split.train, 64),
        "permuted": content[np.random.default_rng(0).permutation(len(content))],
    }
    usable = np.flatnonzero(
        [bool(title and path) for title, path in zip(titles, paths, strict=True)]
    )
    usable = usable[vectors["svd"][usable].any(axis=1) & content[usable].any(axis=1)]
    order = np.random.default_rng(1).permutation(usable)
    tested, fitted = order[: asked.tested], order[asked.tested :][: asked.fitted]
    true = [titles[row] for row in tested]
    target = encoder.encode(true)
    print(json.dumps(measure("template", [paths[row] for row in tested], true, target, encoder)))
    for name in asked.vectors:
        start = time.perf_counter()
        recipe = SoftPrompt(
            path=asked.model, layers=asked.layers, epochs=asked.epochs, length=asked.length,
            lr=2e-3, batch=16,
        )  # fmt: skip
        targets = TextTargets([titles[row] for row in fitted], fitted)
        model = recipe.fit(targets, np.ascontiguousarray(vectors[name], np.float32))
        fit = time.perf_counter() - start
        written = model.write(tested)
        seconds = time.perf_counter() - start - fit
        line = measure(name, written, true, target, encoder)
        line |= {"fit_s": round(fit), "write_s_per_item": round(seconds / len(tested), 2)}
        print(
            json.dumps(line | {"examples": list(zip(written, true, strict=True))[:3]}), flush=True
        )


def measure(name, written, true, target, encoder) -> dict[str, object]:  # type: ignore[no-untyped-def]
    found = encoder.encode([text or "-" for text in written]) @ target.T
    own = np.diag(found)[:, None]
    ties = (found == own).sum(axis=1) - 1
    rank = (found > own).sum(axis=1) + ties / 2  # equal texts share their ranks
    plain = [likeness(a.lower(), b.lower()) for a, b in zip(written, true, strict=True)]
    return {
        "vectors": name,
        "items": len(true),
        "recall@1": round(float((rank < 1).mean()), 4),
        "recall@10": round(float((rank < 10).mean()), 4),
        "mrr": round(float((1 / (rank + 1)).mean()), 4),
        "likeness": round(float(np.mean(plain)), 4),
        "different": round(len(set(written)) / len(written), 3),
    }


if __name__ == "__main__":
    main()
