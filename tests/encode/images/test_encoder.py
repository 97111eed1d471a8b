import numpy as np
import pytest

from recweave.core.errors import BadSetting, UnknownName
from recweave.core.settings import Settings
from recweave.encode.images.colour import ColourTexture
from recweave.encode.images.encoder import Joined, image_encoder

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("skimage")

RED, GREEN, BLUE = (200, 30, 40), (30, 160, 60), (20, 40, 210)


def picture(colour, shape="circle"):
    """A thing of one colour before a light wall."""
    from PIL import ImageDraw

    image = Image.new("RGB", (90, 90), (240, 240, 240))
    pen = ImageDraw.Draw(image)
    draw = pen.ellipse if shape == "circle" else pen.rectangle
    corners = (20, 20, 70, 70) if shape == "circle" else (10, 40, 80, 50)
    draw(corners, fill=colour)
    return image


def cosines(encoder, *pictures):
    vectors = encoder.encode([encoder.prepare(one) for one in pictures])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_colours_and_edges_are_a_unit_vector_of_the_promised_length():
    encoder = ColourTexture()
    vectors = encoder.encode([encoder.prepare(picture(RED)), encoder.prepare(picture(BLUE, "bar"))])
    assert vectors.shape == (2, encoder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_same_shape_is_nearer_in_the_same_colour_and_the_same_colour_in_the_same_shape():
    near = cosines(
        ColourTexture(), picture(RED), picture(BLUE), picture(RED, "bar"), picture(BLUE, "bar")
    )
    assert near[0, 0] > near[0, 1] > near[0, 3]
    assert near[0, 0] > near[0, 2] > near[0, 3]


def test_colours_alone_know_no_shape_and_are_those_of_the_whole_encoder():
    alone, whole = image_encoder("colours"), ColourTexture()
    pictures = [picture(RED), picture(RED, "bar"), picture(BLUE)]
    vectors = alone.encode([alone.prepare(one) for one in pictures])
    both = whole.encode([whole.prepare(one) for one in pictures])
    np.testing.assert_allclose(vectors, both[:, : alone.dim] / np.sqrt(0.4), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors.shape == (3, alone.dim) == (3, 245)
    assert vectors[0] @ vectors[1] > 0.9 > vectors[0] @ vectors[2] + 0.2
    assert alone.name != whole.name


def test_a_picture_without_any_edge_is_no_division_by_zero():
    flat = Image.new("RGB", (30, 30), GREEN)
    assert np.isfinite(cosines(ColourTexture(), flat, picture(RED))).all()


class Halves:
    """A vector of each colour's mean."""

    name, dim, side = "images/halves/1", 3, 8

    def prepare(self, picture):
        return np.asarray(picture.resize((8, 8)), float)

    def encode(self, prepared):
        return np.stack([one.reshape(-1, 3).mean(axis=0) for one in prepared])


def halves(settings):
    return Halves()


def test_joined_encoders_have_the_mean_of_their_cosines():
    joined = Joined((ColourTexture(), Halves()))
    pictures = picture(RED), picture(BLUE), picture(GREEN, "bar")
    expected = (cosines(ColourTexture(), *pictures) + cosines(Halves(), *pictures)) / 2
    np.testing.assert_allclose(cosines(joined, *pictures), expected, atol=1e-5)
    assert joined.dim == ColourTexture().dim + 3
    assert joined.name == "images/colour/1+halves/1"
    assert joined.side == 64


def test_encoders_are_found_by_name_or_by_path_and_joined_by_a_plus(monkeypatch, tmp_path):
    module = tmp_path / "shop_pictures.py"
    module.write_text(
        "class One:\n"
        "    name, dim, side = 'images/one', 1, 8\n"
        "    def prepare(self, picture): return 1.0\n"
        "    def encode(self, prepared): return [[1.0]] * len(prepared)\n"
        "def one(settings): return One()\n"
        "def none(settings): return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = Settings(home=tmp_path)
    assert image_encoder("shop_pictures:one", settings).name == "images/one"
    assert image_encoder("colour + shop_pictures:one", settings).name == "images/colour/1+one"
    with pytest.raises(BadSetting, match="gives a int, which is no image encoder"):
        image_encoder("shop_pictures:none", settings)
    with pytest.raises(UnknownName, match=r"colour"):
        image_encoder("color", settings)
    with pytest.raises(UnknownName, match=r"efficientnet"):
        image_encoder("colour+eficientnet", settings)
