"""Pictures damaged in sixteen ways among whole ones: the benchmark's check, on drawn pictures."""

import importlib.util
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from recweave.encode.images.encoder import image_encoder

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("skimage")

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "damaged.py"
ALWAYS_REFUSED = (
    *("empty", "zeros", "noise", "cut off", "without its head"),
    *("a web page", "a zip", "huge header", "gone"),
)
STILL_READ = ("CMYK", "PNG called .jpg", "grey", "animated", "tiny")


@pytest.fixture(scope="module")
def damaged():
    spec = importlib.util.spec_from_file_location("damaged", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def photograph(rng):
    """A JPEG with something to see in it."""
    small = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(small).resize((60, 72), Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()


def test_what_cannot_be_read_is_named_and_all_else_is_encoded_as_before(damaged, tmp_path):
    rng = np.random.default_rng(0)
    pictures = [photograph(rng) for _ in range(90)]
    found = damaged.inject(pictures, 64, tmp_path, image_encoder("colour"))
    assert found["ways"].keys() == {*ALWAYS_REFUSED, *STILL_READ, "a hole", "bits flipped"}
    for way, count in found["ways"].items():
        assert sum(count.values()) == 4, way
    for way in ALWAYS_REFUSED:
        assert found["ways"][way] == {"refused by name": 4}, way
    for way in STILL_READ:
        assert "refused by name" not in found["ways"][way], way
    for way in ("CMYK", "animated", "tiny"):
        assert found["ways"][way] == {"remarked": 4}, way
    assert found["refused by name"] == found["cannot be read"] >= 4 * len(ALWAYS_REFUSED)
    assert found["encoded"] == 90 - found["cannot be read"]
