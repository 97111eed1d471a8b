"""Hugging Face vision models by path: each family's vector is what its own code gives."""

import numpy as np
import pytest
from encode.images import tiny

from recweave.core.errors import BadArtifact, MissingExtra, Unavailable
from recweave.core.settings import Settings
from recweave.encode.images.encoder import JointEncoder, image_encoder
from recweave.encode.images.items import encode_pictures

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
Image = pytest.importorskip("PIL.Image")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch and transformers
]
FAMILIES = {
    "resnet": lambda net, x: net(**x).last_hidden_state.mean((2, 3)),
    "vit": lambda net, x: net(**x).last_hidden_state[:, 0],
    "dinov2": lambda net, x: net(**x).last_hidden_state[:, 0],
    "clip": lambda net, x: net.visual_projection(net.vision_model(**x).pooler_output),
    "siglip": lambda net, x: net.vision_model(**x).pooler_output,
}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "pictures"
    place.mkdir()
    rng = np.random.default_rng(0)
    for number, size in enumerate([(40, 60), (60, 40), (50, 50)]):
        pixels = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    (place / "page.png").write_text("<html>")
    return place


@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_s_vector_is_the_model_s_own(family, folder, tmp_path):
    import transformers

    tiny.write(family, tmp_path / family)
    encoder = image_encoder(family, Settings(home=tmp_path / "home"), base_dir=tmp_path)
    names = ["0.png", "page.png", "1.png", "2.png"]
    found = encode_pictures(names, folder, encoder, settings=Settings(home=tmp_path / "home"))
    assert found.present.tolist() == [True, False, True, True]
    net = transformers.AutoModel.from_pretrained(tmp_path / family).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / family)
    for name, vector in zip(names, found.vectors, strict=True):
        if name != "page.png":
            pixels = processor(images=Image.open(folder / name), return_tensors="pt")
            with torch.inference_mode():
                expected = FAMILIES[family](net, pixels)[0].numpy()
            np.testing.assert_allclose(vector, expected, atol=1e-5)
    assert encoder.dim == found.vectors.shape[1]
    assert encoder.side == tiny.SIDE
    assert encoder.name.startswith(f"images/{family}@")
    assert isinstance(encoder, JointEncoder) == (family in ("clip", "siglip"))


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_words_are_encoded_into_the_space_of_pictures(family, tmp_path):
    import transformers

    tiny.write(family, tmp_path / family)
    encoder = image_encoder(str(tmp_path / family))
    vectors = encoder.encode_words(["red dress", "a blue dress"])
    net = transformers.AutoModel.from_pretrained(tmp_path / family).eval()
    ids = torch.tensor([[3, 5, 2, 0, 0, 0, 0, 0], [6, 4, 5, 2, 0, 0, 0, 0]])
    with torch.inference_mode():
        made = net.get_text_features(input_ids=ids, attention_mask=(ids > 0).long())
    expected = made.pooler_output.numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert vectors.shape == (2, encoder.dim)


def test_another_model_and_another_processor_have_another_name(tmp_path):
    import transformers

    first = image_encoder(str(tiny.write("vit", tmp_path / "a" / "vit"))).name
    assert image_encoder(str(tiny.write("vit", tmp_path / "b" / "vit"))).name == first
    other = tiny.write("vit", tmp_path / "c" / "vit", transformers.ViTModel(
        transformers.ViTConfig(**tiny.SEEN)))  # fmt: skip
    pixels = tiny.write("vit", tmp_path / "d" / "vit")
    transformers.ViTImageProcessorPil(size=tiny.SQUARE, image_mean=[0, 0, 0]).save_pretrained(
        pixels
    )
    assert len({first, image_encoder(str(other)).name, image_encoder(str(pixels)).name}) == 3


def test_a_classifier_s_file_may_lack_what_is_not_read_and_nothing_else(tmp_path):
    import transformers
    from safetensors.numpy import load_file, save_file

    config = transformers.ViTConfig(**tiny.SEEN)
    folder = tiny.write("vit", tmp_path / "vit", transformers.ViTForImageClassification(config))
    encoder = image_encoder(str(folder))  # its pooler is missing, and random each time
    assert encoder.name == image_encoder(str(folder)).name
    picture = Image.new("RGB", (32, 32), "red")
    assert encoder.encode([encoder.prepare(picture)]).any()
    file = folder / "model.safetensors"
    weights = load_file(file)
    del weights["vit.layernorm.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(BadArtifact, match=r"lacks 1 of its weights, the first is layernorm"):
        image_encoder(str(folder))


def test_what_is_no_vision_model_is_refused(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unavailable, match="empty cannot be loaded"):
        image_encoder("empty", base_dir=tmp_path)
    with pytest.raises(Unavailable, match=r"there is no folder .*models/a/b"):
        image_encoder("models/a/b", base_dir=tmp_path)


def test_without_the_extra_the_error_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'recweave\[vision\]'"):
        image_encoder(str(tmp_path))


def test_weights_in_a_pickle_are_not_read(tmp_path):
    tiny.write("vit", tmp_path / "vit")
    (weights,) = (tmp_path / "vit").glob("*.safetensors")
    weights.unlink()
    torch.save(tiny.parts("vit")[0].state_dict(), tmp_path / "vit" / "pytorch_model.bin")
    with pytest.raises(Unavailable, match="safetensors"):
        image_encoder("vit", Settings(home=tmp_path / "home"), base_dir=tmp_path)
