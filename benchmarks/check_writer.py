"""The extractive writer against labels that people gave: JSON lines of accuracy and macro-F1.

Needs RECWEAVE_DATA (but for the made-up shop), and scikit-learn for the ceiling (it comes with
sentence-transformers). Beside the writer, which sees no label, stand the majority class and TF-IDF
with logistic regression in five folds: supervised, so a ceiling and not a peer. The writer was
looked at on items of even rows while it was made; what is printed is of items of odd rows.

Yelp's Price Range (1 to 4) is a level of prices; the writer's price tag is what visitors find of
them. They are not one thing: a dear place can be found fair. What both can say is "cheap" (range 1)
or "not cheap" (2 to 4; overpriced or fair). Unclear is counted twice: left out (with the share
decided), and as the majority class. The AUC is of votes for overpriced and fair less votes for
cheap.

`--model smollm2` asks a language model in this process for the same labels of a sample of the items
(`--sample`), by likelihood and written (held to the schema), beside the others on that sample;
unclear counts as a miss there.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from recweave.data.dataset import Dataset
from recweave.data.readers import read
from recweave.data.synthetic import SHOPS, make_shop
from recweave.data.synthetic.lexicon import PRICE_TAGS
from recweave.encode.text import text_encoder
from recweave.enrich import Extractive, Generative, Interest, Material, Task
from recweave.enrich.context import WriterContext
from recweave.enrich.generative import question_of
from recweave.enrich.labels import Labels
from recweave.enrich.sentences import Sentences
from recweave.llm import LLMClient, Local

HOME = Path(os.environ.get("RECWEAVE_DATA", ""))
CHECKS = ("made_up", "price", "categories", "articles")
Labelled = tuple[Dataset, str, list[str], np.ndarray, list[str], Sequence[str]]
"""A shop, a kind of text, its labels, those of each item, texts for the ceiling, a closed set."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checks", nargs="*", default=CHECKS, help=", ".join(CHECKS))
    parser.add_argument("--rows", choices=["odd", "even"], default="odd", help="items looked at")
    parser.add_argument("--model", default="", help="a language model: smollm2 or a folder")
    parser.add_argument("--sample", type=int, default=100, help="items that it is asked about")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    asked = parser.parse_args()
    if asked.model:
        check_model(asked)
        return
    for name in asked.checks:
        for line in globals()[f"check_{name}"](1 if asked.rows == "odd" else 0):
            print(json.dumps({"check": name, "rows": asked.rows} | line), flush=True)


def check_made_up(odd: int) -> list[dict[str, object]]:
    """The made-up shop, where what was planted is known: dearness, and a half-life of attention."""
    shop, truth = make_shop(SHOPS["synthetic"])
    spoken = np.zeros(len(shop.items), int)
    np.add.at(spoken, shop.item_ids.rows(shop.reviews["item_id"]), truth.remark >= 0)
    look = (spoken > 0) & (np.arange(len(spoken)) % 2 == odd)
    names = np.array(PRICE_TAGS)
    real = (names[truth.price_tag][:, None] == names).astype(int)[look]
    written = np.array([tag or "unclear" for tag in write(shop, "price")])
    guess = (written[:, None] == names).astype(int)[look]
    common = np.zeros_like(real)
    common[:, real.sum(axis=0).argmax()] = 1
    found = Interest.fit(shop.interactions())
    return [
        {"who": who, "what": "price tag", "items": int(look.sum()), "labels": 3}
        | {"accuracy": hit(real, some.argmax(axis=1), some.any(axis=1))}
        | {"macro_f1": macro(real, some)}
        for who, some in (("majority", common), ("writer", guess))
    ] + [
        {"who": "writer", "what": "half-life, days", "items": len(shop.items)}
        | {"planted": truth.shop.half_life, "found": round(found.common, 1)}
    ]


def check_price(odd: int) -> list[dict[str, object]]:
    shop = read("yelp", HOME / "yelp-boston-tips")
    texts = said_of(shop)
    level = shop.items["price_range"].to_numpy()
    start = time.perf_counter()
    tag = write(shop, "price")
    seconds = time.perf_counter() - start
    known = np.isfinite(level) & np.array([bool(text) for text in texts])
    look = known & (np.arange(len(level)) % 2 == odd)
    cheap = (level == 1)[look]
    guess = np.array([{"cheap": 1, "unclear": -1}.get(t or "unclear", 0) for t in tag])[look]
    decided = guess >= 0
    most = cheap.mean() > 0.5
    chance, ceiling = supervised(texts, (level == 1)[:, None].astype(int), known)
    return [
        {"who": "majority", "items": len(cheap)} | scores(cheap, np.full(len(cheap), most)),
        {"who": "writer, where it decides", "items": int(decided.sum())}
        | {"decided": round(float(decided.mean()), 3)}
        | scores(cheap[decided], guess[decided] == 1),
        {"who": "majority, where the writer decides", "items": int(decided.sum())}
        | scores(cheap[decided], np.full(decided.sum(), most)),
        {"who": "writer, unclear as majority", "items": len(cheap), "seconds": round(seconds, 1)}
        | scores(cheap, np.where(decided, guess == 1, most))
        | {"auc": auc(cheap, -dearness(shop)[look])},
        {"who": "tf-idf + logistic regression (supervised)", "items": len(cheap)}
        | scores(cheap, ceiling[look, 0] == 1)
        | {"auc": auc(cheap, chance[look, 0])},
    ]


def check_categories(odd: int) -> list[dict[str, object]]:
    """Yelp's categories of 20 items and more, but those of more than half; the writer sees none."""
    shop = read("yelp", HOME / "yelp-boston-tips")
    given = shop.items.select("item_id", "categories").explode("categories").drop_nulls()
    counted = given["categories"].value_counts().filter(pl.col("count") >= 20)
    names = counted.filter(pl.col("count") < len(shop.items) / 2)["categories"].sort().to_list()
    rows = shop.items["categories"].to_list()
    truth = np.array([[name in (row or ()) for name in names] for row in rows], int)
    texts = [f"{a}. {b}" for a, b in zip(shop.items["title"], said_of(shop), strict=True)]
    blind = shop.replace(items=shop.items.with_columns(categories=pl.lit(None, pl.List(pl.String))))
    return against(blind, names, truth, texts, odd)


def check_articles(odd: int) -> list[dict[str, object]]:
    """The article types of fashion-photos, from product names alone."""
    shop = read("photos", HOME / "fashion-photos")
    kind = shop.items["categories"].list.last()
    names = kind.unique().sort().to_list()
    truth = (kind.to_numpy()[:, None] == np.array(names)[None]).astype(int)
    blind = shop.replace(items=shop.items.with_columns(categories=pl.lit(None, pl.List(pl.String))))
    return against(blind, names, truth, shop.items["title"].fill_null("").to_list(), odd)


def check_model(asked: argparse.Namespace) -> None:
    odd = 1 if asked.rows == "odd" else 0
    for name in asked.checks:
        if name not in LABELLED:
            print(f"{name}: not a check of one label, left out with --model", file=sys.stderr)
            continue
        shop, kind, names, truth, texts, categories = LABELLED[name]()
        known = truth.any(axis=1)
        look = np.flatnonzero(known & (np.arange(len(truth)) % 2 == odd))
        look = np.random.default_rng(0).permutation(look)[: asked.sample]
        common = np.full(len(truth), truth[known].sum(axis=0).argmax())
        ceiling = supervised(texts, truth, known)[0].argmax(axis=1)
        said = write(shop, kind, categories)
        rows: list[tuple[str, np.ndarray, float | None]] = [
            ("majority", common, None),
            ("extractive", first_of(said, names), None),
            ("tf-idf + logistic regression (supervised)", ceiling, None),
        ]
        for labels in ("likelihood", "written"):
            start = time.perf_counter()
            said = ask(shop, kind, categories, look, labels, asked)
            rows.append(
                (f"{asked.model}, {labels}", first_of(said, names), time.perf_counter() - start)
            )
        for who, guess, seconds in rows:
            sets = np.zeros_like(truth)
            sets[np.arange(len(guess)), guess] = guess >= 0
            line = {"check": name, "rows": asked.rows, "who": who, "items": len(look)}
            line |= {
                "labels": len(names),
                "accuracy": hit(truth[look], guess[look], guess[look] >= 0),
            }
            line |= {"macro_f1": macro(truth[look], sets[look])}
            line |= {"silent": round(float((guess[look] < 0).mean()), 3)}
            if seconds is not None:
                line |= {
                    "precision": asked.precision,
                    "seconds_per_item": round(seconds / len(look), 2),
                }
            print(json.dumps(line), flush=True)


def ask(
    shop: Dataset,
    kind: str,
    categories: Sequence[str],
    rows: np.ndarray,
    labels: str,
    asked: argparse.Namespace,
) -> list[str | None]:
    """What a language model says of some items; None for the others and where it failed."""
    ids = set(shop.items["item_id"].gather(rows))
    material = everything(shop)
    tasks = [task for task in material.tasks([kind]) if task.id in ids]
    with tempfile.TemporaryDirectory() as folder:
        client = LLMClient(Local(asked.model, 64, asked.precision), Path(folder))
        writer = Generative(client, categories, window=5_000, labels=labels)
        notes = [task for task in tasks if not_too_long(writer, material, task)]
        written = {task.id: text for task, text in writer.write(material, notes)}
    return [
        text if isinstance(text := written.get(id), str) else None for id in shop.items["item_id"]
    ]


def not_too_long(writer: Generative, material: Material, task: Task) -> bool:
    """Reviews of more than a prompt would need notes first, which is another check."""
    return len(question_of(material, task).parts(writer.window)) == 1


def first_of(said: Sequence[str | None], names: Sequence[str]) -> np.ndarray:
    """The first label of each text; -1 without any."""
    firsts = [(text or "").split("; ")[0] for text in said]
    return np.array([names.index(first) if first in names else -1 for first in firsts])


def labelled_made_up() -> Labelled:
    shop, truth = make_shop(SHOPS["synthetic"])
    tag = np.array(PRICE_TAGS)[truth.price_tag][:, None] == np.array(PRICE_TAGS)
    spoken = np.zeros(len(shop.items), int)
    np.add.at(spoken, shop.item_ids.rows(shop.reviews["item_id"]), truth.remark >= 0)
    real = tag.astype(int) * (spoken > 0)[:, None]
    return shop, "price", list(PRICE_TAGS), real, said_of(shop), ()


def labelled_articles() -> Labelled:
    shop = read("photos", HOME / "fashion-photos")
    kind = shop.items["categories"].list.last()
    names = kind.unique().drop_nulls().sort().to_list()
    truth = (kind.fill_null("").to_numpy()[:, None] == np.array(names)[None]).astype(int)
    blind = shop.replace(items=shop.items.with_columns(categories=pl.lit(None, pl.List(pl.String))))
    texts = shop.items["title"].fill_null("").to_list()
    return blind, "categories", names, truth, texts, names


LABELLED = {"made_up": labelled_made_up, "articles": labelled_articles}
"""The checks that a language model can take: one label of a closed set."""


def against(
    shop: Dataset, names: list[str], truth: np.ndarray, texts: Sequence[str], odd: int
) -> list[dict[str, object]]:
    known = truth.any(axis=1)
    look = known & (np.arange(len(truth)) % 2 == odd)
    start = time.perf_counter()
    written = write(shop, "categories", names)
    seconds = time.perf_counter() - start
    sets = np.array([[name in (text or "").split("; ") for name in names] for text in written], int)
    first = np.array([names.index(t.split("; ")[0]) if t else -1 for t in written])
    chance, ceiling = supervised(texts, truth, known)
    best = chance.argmax(axis=1)
    ceiling[np.arange(len(best)), best] = 1
    common = int(truth[known].sum(axis=0).argmax())
    everywhere = np.zeros_like(truth)
    everywhere[:, common] = 1
    rows = (
        ("majority", np.full(len(truth), common), everywhere),
        ("writer", first, sets),
        ("tf-idf + logistic regression (supervised)", best, ceiling),
    )
    return [
        {"who": who, "items": int(look.sum()), "labels": len(names)}
        | {
            "accuracy": hit(truth[look], guess[look], guess[look] >= 0),
            "macro_f1": macro(truth[look], some[look]),
        }
        | ({"silent": round(float((guess[look] < 0).mean()), 3)} if who == "writer" else {})
        | ({"seconds": round(seconds, 1)} if who == "writer" else {})
        for who, guess, some in rows
    ]


def write(shop: Dataset, kind: str, categories: Sequence[str] = ()) -> list[str | None]:
    """What the writer says of each item, from all reviews: there is nothing to hold out here."""
    material = everything(shop)
    writer = Extractive(text_encoder("minilm"), categories)
    tasks = list(material.tasks([kind]))
    written = {task.id: text for task, text in writer.write(material, tasks)}
    return [written.get(id) for id in shop.items["item_id"]]


def dearness(shop: Dataset) -> np.ndarray:
    """Votes of each item's sentences for overpriced and fair, less those for cheap."""
    context = WriterContext(everything(shop), text_encoder("minilm"), (), 80)
    read_ = Sentences.of(shop.reviews["text"].to_list(), context.encoder)
    labels: Labels = context.price
    votes = labels.votes(read_.vectors) @ np.array([1.0, 1.0, -1.0])
    item = shop.item_ids.rows(shop.reviews["item_id"])
    whose = np.repeat(item, np.diff(read_.start))
    return np.bincount(whose, votes, minlength=len(shop.item_ids))[: len(shop.items)]


def everything(shop: Dataset) -> Material:
    return Material(
        shop,
        {"reviews": np.arange(len(shop.reviews)), "events": np.arange(len(shop.events))},
        {},
    )


def said_of(shop: Dataset) -> list[str]:
    """All reviews of each item as one text."""
    said = shop.reviews.group_by("item_id").agg(pl.col("text").str.join(" "))
    joined = shop.items.join(said, on="item_id", how="left", maintain_order="left")
    return joined["text"].fill_null("").to_list()


def supervised(
    texts: Sequence[str], truth: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Chances and decisions of one logistic regression per label, each item by a model without it.

    Five folds, words and pairs of words, balanced classes where the choice is between two.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    rows = np.flatnonzero(known)
    fold = np.random.default_rng(0).permutation(len(rows)) % 5
    chance = np.zeros(truth.shape)
    for out in range(5):
        seen, held = rows[fold != out], rows[fold == out]
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
        x = words.fit_transform([texts[row] for row in seen])
        new: sparse.csr_matrix = words.transform([texts[row] for row in held])
        for label in range(truth.shape[1]):
            if not truth[seen, label].any():
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = LogisticRegression(C=30, solver="liblinear")
                model.fit(x, truth[seen, label])
            chance[held, label] = model.predict_proba(new)[:, 1]
    return chance, (chance > 0.5).astype(int)


def scores(truth: np.ndarray, guess: np.ndarray) -> dict[str, float]:
    both = np.stack([truth, ~truth], axis=1).astype(int), np.stack([guess, ~guess], axis=1)
    return {
        "accuracy": round(float((truth == guess).mean()), 4),
        "macro_f1": macro(both[0], both[1].astype(int)),
    }


def hit(truth: np.ndarray, guess: np.ndarray, said: np.ndarray) -> float:
    """Share of items whose first guess is one of their labels; silence is a miss."""
    right = truth[np.arange(len(guess)), guess] * said
    return round(float(right.mean()), 4)


def macro(truth: np.ndarray, guess: np.ndarray) -> float:
    """F1 of each label that occurs, averaged."""
    both = (truth * guess).sum(axis=0)
    total = truth.sum(axis=0) + guess.sum(axis=0)
    f1 = 2 * both / np.maximum(total, 1)
    return round(float(f1[truth.any(axis=0)].mean()), 4)


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Chance that a true one scores above a false one; ties count half."""
    from scipy.stats import rankdata

    rank = rankdata(score)[truth].sum()
    yes, no = truth.sum(), (~truth).sum()
    return round(float((rank - yes * (yes + 1) / 2) / (yes * no)), 4)


if __name__ == "__main__":
    main()
