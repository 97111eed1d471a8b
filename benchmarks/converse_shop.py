"""Templated dialogues on the made-up shop: is a hidden target among ten candidates? JSON lines.

The target is a person's last purchase, which they never touched before. Turn by turn they state
truths of it: its category, a price within a quarter of its own, a word of its title. After each
turn stand hit@10 of the model, of the same without the person's history, and of popularity within
the same conditions; intervals are over people.
"""

import argparse
import json
import re
import time

import numpy as np

from recweave import LeaveLastOut, Query, load
from recweave.chat.converse import Adviser
from recweave.chat.wish import Wish
from recweave.data.interactions import Interactions
from recweave.evaluate.statistics import intervals, paired_bootstrap
from recweave.models.factors.ease import EASE
from recweave.models.popularity import Popularity
from recweave.models.training import TrainingData
from recweave.models.unified.recipe import Unified
from recweave.rank.rules import item_table


def wishes(line: dict[str, object], rng: np.random.Generator) -> list[Wish]:
    """What is stated by the end of each turn."""
    price, title = float(line["price"]), str(line["title"])
    low, high = price * (1 - 0.25 * rng.random()), price * (1 + 0.25 * rng.random())
    category = line["categories"][-1]
    known = {category.lower(), *str(line["brand"]).lower().split()}
    words = [word for word in re.findall(r"\w+", title) if word.lower() not in known]
    turns = [Wish(), Wish(all_of=[category])]
    turns.append(turns[-1].model_copy(update={"price_from": low, "price_to": high}))
    turns.append(turns[-1].model_copy(update={"words": (str(rng.choice(words)),)}))
    return turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=10)
    asked = parser.parse_args()
    shop = load(asked.data)
    split = shop.split(LeaveLastOut(target=("purchase",), fresh=True))
    recipes = {
        "unified": Unified(
            represent="id",
            target=("purchase",),
            targets="all",  # in this shop, whoever buys has looked before
            epochs=asked.epochs,
            every=2,
            batch=1024,
            lr=3e-3,
        ),
        "ease": EASE(reg=100),
        "popularity": Popularity(),
    }
    models = {n: r.fit(TrainingData(split.train, valid=split.valid)) for n, r in recipes.items()}
    items = item_table(shop)
    rng = np.random.default_rng(0)
    people = np.sort(rng.permutation(np.unique(split.test.user))[: asked.people])
    target = dict(zip(split.test.user.tolist(), split.test.item.tolist(), strict=True))
    empty = Query.of(Interactions.of([], [], shape=(1, len(items))))
    popular = models["popularity"]
    advisers = {name: Adviser(shop, model, cold_model=popular) for name, model in models.items()}
    names = ["unified", "unified, no history", "ease", "ease, no history", "popularity"]
    hits = np.zeros((len(people), 4, len(names)))
    left = np.zeros((len(people), 4))
    began = time.perf_counter()
    for row, user in enumerate(people.tolist()):
        line = items.row(target[user], named=True)
        query = Query.of(split.known, np.array([user]))
        for turn, wish in enumerate(wishes(line, rng)):
            for place, name in enumerate(names):
                model, _, without = name.partition(", ")
                advice = advisers[model].advise(wish, empty if without else query)
                hits[row, turn, place] = target[user] in advice.ranking.item[0]
            left[row, turn] = advice.items
    print(json.dumps({"people": len(people), "seconds": round(time.perf_counter() - began)}))
    ones = np.ones((len(people), len(names)))
    for turn, told in enumerate(("nothing", "category", "and price", "and a word of its title")):
        value = hits[:, turn]
        base = np.repeat(value[:, -1:], len(names), axis=1)
        gains = paired_bootstrap((value, ones), (base, ones))
        result: dict[str, object] = {
            "stated": told,
            "items left (median)": float(np.median(left[:, turn])),
        }
        for name, one, gain in zip(names, intervals(value, ones), gains, strict=True):
            result[name] = [round(v, 3) for v in (one.mean, one.low, one.high)]
            result[f"{name}, gain"] = [round(v, 3) for v in (gain.mean, gain.low, gain.high)]
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
