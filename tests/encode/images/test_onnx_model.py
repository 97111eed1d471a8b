"""Image models in ONNX files: shapes, sizes and pixels as the graph says."""

import json

import numpy as np
import pytest

from recweave.core.errors import BadArtifact, Unavailable
from recweave.encode.images.encoder import image_encoder
from recweave.encode.images.onnx import GraphBuilder

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
Image = pytest.importorskip("PIL.Image")
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
RED, GREY = Image.new("RGB", (50, 40), (255, 0, 51)), Image.new("RGB", (9, 9), (102, 102, 102))


def network(file, shape, kind=np.float32, keep="rows"):
    """A model that gives the mean of each channel: as rows, as tokens or as a feature map."""
    net = GraphBuilder(opset=13)
    x = net.input("pixels", kind, shape)
    x = net.add("Cast", [x], to=np.float32)
    last = shape[-1] == 3
    if last:
        x = net.add("Transpose", [x], perm=[0, 3, 1, 2])
    ends = ["pictures", 3]
    if keep == "map":
        x, ends = net.add("AveragePool", [x], kernel_shape=[2, 2]), ["pictures", 3, "h", "w"]
        if last:
            x, ends = net.add("Transpose", [x], perm=[0, 2, 3, 1]), ["pictures", "h", "w", 3]
    else:
        x = net.add("Flatten", [net.add("GlobalAveragePool", [x])])
        if keep == "tokens":
            x = net.add("Unsqueeze", [x, net.constant(np.array([1]))])
            x = net.add("Concat", [x, net.add("Neg", [x])], axis=1)
            ends = ["pictures", 2, 3]
    file.write_bytes(net.model(x, ends))
    return f"onnx:{file}"


@pytest.mark.parametrize("keep", ["rows", "tokens", "map"])
@pytest.mark.parametrize(
    "shape",
    [["n", 3, 32, 32], [1, 3, 32, 32], [3, 3, 32, 32], ["n", 32, 32, 3], ["n", 3, "h", "w"]],
)
def test_the_graph_says_how_large_and_how_many_pictures_it_reads(shape, keep, tmp_path):
    encoder = image_encoder(network(tmp_path / "m.onnx", shape, keep=keep))
    assert (encoder.side, encoder.dim) == (224 if "h" in shape else 32, 3)
    pictures = [encoder.prepare(RED), encoder.prepare(GREY)] * 2
    expected = (np.array([[1, 0, 0.2], [0.4, 0.4, 0.4]] * 2) - MEAN) / STD
    np.testing.assert_allclose(encoder.encode(pictures), expected, rtol=1e-3)


def test_bytes_are_given_as_they_are(tmp_path):
    encoder = image_encoder(network(tmp_path / "m.onnx", ["n", 16, 16, 3], np.uint8))
    np.testing.assert_allclose(encoder.encode([encoder.prepare(RED)]), [[255, 0, 51]], atol=1e-3)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}, [1, -1, -0.6]),
        ({"do_normalize": False}, [1, 0, 0.2]),
        ({"image_mean": [0, 0, 0]}, [1, 0, 0.2] / STD),
    ],
)
def test_a_processor_s_file_beside_the_model_says_how_to_standardise(said, expected, tmp_path):
    name = network(tmp_path / "m.onnx", ["n", 3, 32, 32])
    plain = image_encoder(name).name
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    encoder = image_encoder("onnx:m.onnx", base_dir=tmp_path)
    np.testing.assert_allclose(encoder.encode([encoder.prepare(RED)]), [expected], atol=1e-4)
    assert encoder.name != plain


@pytest.mark.parametrize(
    "content",
    ["[]", "?", '{"image_mean": ["a"]}', '{"image_std": [0, 1, 1]}', '{"image_mean": [1]}'],
)
def test_a_damaged_processor_s_file_is_named(content, tmp_path):
    name = network(tmp_path / "m.onnx", ["n", 3, 32, 32])
    (tmp_path / "preprocessor_config.json").write_text(content)
    with pytest.raises(BadArtifact, match="preprocessor_config"):
        image_encoder(name)


def test_models_of_other_things_are_refused(tmp_path):
    with pytest.raises(Unavailable, match=r"no file .*gone\.onnx"):
        image_encoder(f"onnx:{tmp_path / 'gone.onnx'}")
    for shape in ([1, 4, 32, 32], ["n", 3, 32, 16]):
        with pytest.raises(
            BadArtifact, match=r"an image model has one, \[pictures, 3, side, side\]"
        ):
            _ = image_encoder(network(tmp_path / "m.onnx", shape)).name
