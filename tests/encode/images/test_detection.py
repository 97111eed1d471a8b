"""Hugging Face detectors by path: their classes, and how sure they are of each."""

import numpy as np
import pytest
from encode.images import tiny

from recweave.core.errors import BadArtifact, Unavailable
from recweave.encode.images.objects import Detector, detector

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
Image = pytest.importorskip("PIL.Image")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch and transformers
]


def picture(number, size):
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8))


@pytest.mark.parametrize("family", ["detr", "yolos", "rt-detr"])
def test_boxes_become_how_sure_the_model_is_of_each_class(family, tmp_path):
    import transformers as t

    tiny.detector(family, tmp_path / family)
    found = detector(family, threshold=0.2, base_dir=tmp_path)
    assert isinstance(found, Detector)
    assert list(found.classes) == ["cat", "dog", "N/A"]
    assert found.name.startswith(f"images/objects/{family}@") and found.name.endswith("/0.2")
    pictures = [picture(n, size) for n, size in enumerate([(40, 60), (64, 40), (64, 40)])]
    vectors = found.encode([found.prepare(one) for one in pictures])
    net = t.AutoModelForObjectDetection.from_pretrained(tmp_path / family).eval()
    processor = t.AutoImageProcessor.from_pretrained(tmp_path / family)
    for one, vector in zip(pictures, vectors, strict=True):
        with torch.inference_mode():
            made = net(**processor(images=one, return_tensors="pt"))
        (boxes,) = processor.post_process_object_detection(made, threshold=0.2)
        missing = np.ones(3)
        for label, score in zip(boxes["labels"].tolist(), boxes["scores"].tolist(), strict=True):
            missing[label] *= 1 - score
        np.testing.assert_allclose(vector, 1 - missing, atol=1e-4)
    assert vectors.any()
    surer = detector(family, threshold=0.99, base_dir=tmp_path)
    assert not surer.encode([surer.prepare(pictures[0])]).any()


def test_a_model_that_detects_nothing_is_refused(tmp_path):
    import transformers as t

    folder = tiny.detector("yolos", tmp_path / "yolos")
    t.YolosModel(t.YolosConfig(**tiny.SEEN | dict(image_size=[32, 32]))).save_pretrained(folder)
    with pytest.raises(BadArtifact, match="of a detector's weights"):
        detector(str(folder))
    with pytest.raises(Unavailable, match="vit cannot be loaded"):
        detector(str(tiny.write("vit", tmp_path / "vit")))
    with pytest.raises(Unavailable, match="there is no folder"):
        detector("models/no/where")
