"""Pictures to vectors: how many a second beside a plain loop, and what is found by them.

Speed: reading, decoding and encoding photographs by EfficientNet-Lite0, and finding what they show
(ImageNet's labels), beside a plain loop that does the same with Pillow and the package
efficientnet-lite-pytorch, a picture at a time, in turns.
Finding: of fashion-photos, how many of the ten nearest photographs show the same type of article,
and the same base colour: by each encoder, by the products' titles, and by both together. Weights
were chosen on one half of the photographs; the figures are of the other half.

Damaged: of so many photographs, in sixteen ways, what cannot be read is refused by name, and all
others are encoded as they are without the damaged ones.

    python benchmarks/bench_images.py [--photos 500] [--turns 3] [--find] [--damaged 200]
"""

import argparse
import csv
import json
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from damaged import inject

from recweave.core.settings import Settings
from recweave.data.catalogue import find
from recweave.data.pictures import PictureFiles
from recweave.encode.images import image_encoder
from recweave.encode.images.efficientnet import MEAN, STD, published
from recweave.encode.images.items import encode_pictures
from recweave.encode.images.objects import detector
from recweave.encode.text import text_encoder

ENCODERS = (
    "efficientnet",
    "colour",
    "colours",
    "efficientnet+colour",
    "efficientnet+colour+colours",
)
TEXT = "tfidf"
NEAREST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--find", action="store_true", help="the figures of what is found, too")
    parser.add_argument("--damaged", type=int, help="only: so many of the photographs damaged")
    asked = parser.parse_args()
    folder = find("fashion-photos", Settings())
    if folder is None:
        raise SystemExit("fashion-photos is not here; set RECWEAVE_DATA")
    styles = list(csv.DictReader((folder / "styles.csv").open()))
    pictures = [f"photos.zip!/{row['id']}.jpg" for row in styles]
    if asked.damaged is not None:
        print(json.dumps(damaged(folder, pictures[: asked.photos], asked.damaged)), flush=True)
        return
    print(json.dumps(speed(folder, pictures[: asked.photos], asked.turns)), flush=True)
    if asked.find:
        for encoder in ENCODERS:
            vectors = looks(folder, pictures, encoder)
            print(json.dumps(found(styles, encoder, vectors)), flush=True)
        titles = text_encoder(TEXT).encode([row["productDisplayName"] for row in styles])
        print(json.dumps(found(styles, f"titles by {TEXT}", titles)), flush=True)
        # As `similar --by text+look+look+look` does it, with the last encoder: a mean of cosines.
        both = np.hstack([0.5 * titles, np.sqrt(0.75) * vectors])
        by = f"titles by {TEXT} + 3 x {ENCODERS[-1]}"
        print(json.dumps(found(styles, by, both)), flush=True)


def damaged(folder: Path, pictures: list[str], count: int) -> dict[str, object]:
    with PictureFiles(folder) as files, tempfile.TemporaryDirectory() as place:
        contents = [files.read(picture) for picture in pictures]
        return inject(contents, count, Path(place), image_encoder("efficientnet", Settings()))


def speed(folder: Path, pictures: list[str], turns: int) -> dict[str, object]:
    import torch

    threads = Settings().threads
    torch.set_num_threads(threads)
    ours, plain, cosine, same = [], [], 0.0, 0.0
    peer = plain_loop(folder)
    peer(pictures[:8])
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(home=Path(home), threads=threads)
            encoder = image_encoder("efficientnet", settings)
            finder = detector("imagenet", settings, threshold=0)
            encode_pictures(pictures[:8], folder, encoder, settings=settings)
            start = time.perf_counter()
            vectors = encode_pictures(pictures[8:], folder, encoder, settings=settings).vectors
            labels = encode_pictures(pictures[8:], folder, finder, settings=settings).vectors
            ours.append((len(pictures) - 8) / (time.perf_counter() - start))
        start = time.perf_counter()
        others, theirs = peer(pictures[8:])
        plain.append((len(pictures) - 8) / (time.perf_counter() - start))
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(others, axis=1)
        cosine = float(((vectors * others).sum(axis=1) / norms).min())
        same = float((labels.argmax(axis=1) == theirs.argmax(axis=1)).mean())
    return {
        "benchmark": "pictures to vectors and labels, with decoding",
        "photos": len(pictures) - 8,
        "ours_per_second": round(float(np.median(ours)), 1),
        "plain_per_second": round(float(np.median(plain)), 1),
        "ratio": round(float(np.median(ours) / np.median(plain)), 2),
        "smallest_cosine": round(cosine, 5),
        "same_first_label": round(same, 4),
        "threads": threads,
    }


def plain_loop(folder: Path):
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image

    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict({name: torch.tensor(value) for name, value in published().items()})
    net.eval()

    def encode(pictures: list[str]) -> tuple[np.ndarray, np.ndarray]:
        vectors, labels = [], []
        with PictureFiles(folder) as files, torch.inference_mode():
            for picture in pictures:
                image = Image.open(BytesIO(files.read(picture))).convert("RGB").resize((224, 224))
                pixels = (np.asarray(image, np.float32) / 255 - MEAN) / STD
                batch = torch.tensor(pixels.transpose(2, 0, 1), dtype=torch.float32)[None]
                pooled = net.extract_features(batch).mean((2, 3))
                vectors.append(pooled.numpy()[0])
                labels.append(net._fc(pooled).softmax(1).numpy()[0])
        return np.stack(vectors), np.stack(labels)

    return encode


def looks(folder: Path, pictures: list[str], name: str) -> np.ndarray:
    settings = Settings()
    encoded = encode_pictures(pictures, folder, image_encoder(name, settings), settings=settings)
    return encoded.vectors / np.linalg.norm(encoded.vectors, axis=1, keepdims=True)


def found(styles: list[dict], name: str, vectors: np.ndarray) -> dict[str, object]:
    asked = np.random.default_rng(0).permutation(len(styles))[len(styles) // 2 :]
    near = vectors[asked] @ vectors.T
    near[np.arange(len(asked)), asked] = -np.inf
    nearest = np.argpartition(-near, NEAREST, axis=1)[:, :NEAREST]
    line: dict[str, object] = {"benchmark": "what looks alike", "by": name}
    for field in ("articleType", "baseColour"):
        label = np.unique([row[field] for row in styles], return_inverse=True)[1]
        line[f"same_{field}"] = round(float((label[nearest] == label[asked, None]).mean()), 3)
        line[f"chance_{field}"] = round(float(((np.bincount(label) / len(label)) ** 2).sum()), 3)
    return line


if __name__ == "__main__":
    main()
