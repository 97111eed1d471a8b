import numpy as np
import pytest

from recweave.core.errors import MissingExtra
from recweave.data.pictures import PictureFiles
from recweave.data.synthetic import Shop, draw_photographs, make_shop, photographs
from recweave.data.synthetic.lexicon import CATEGORIES, COLOURS, STYLES
from recweave.data.synthetic.photographs import PATTERNS, SHAPES, draw

Image = pytest.importorskip("PIL.Image")

SIZE = 48


@pytest.fixture(scope="module")
def shop():
    return make_shop(Shop(users=10, items=160, views=60))


@pytest.fixture(scope="module")
def pixels(shop):
    return np.stack([draw(shop[1], row, size=SIZE, seed=0) for row in range(160)]).astype(float)


def things(pixels):
    """Where something stands before the wall, which is light and without colour."""
    return (pixels.max(axis=3) - pixels.min(axis=3) > 30) | (pixels.max(axis=3) < 170)


def test_every_kind_and_every_style_can_be_drawn():
    assert SHAPES.keys() == CATEGORIES.keys()
    assert len(PATTERNS) == len(STYLES)


def test_each_item_gets_a_photograph_that_its_row_names(shop, tmp_path):
    dataset, truth = shop
    shown = draw_photographs(dataset, truth, tmp_path / "photos", size=SIZE)
    assert shown.items["images"].to_list() == [[f"{id}.jpg"] for id in shown.items["item_id"]]
    for images in shown.items["images"].head(3):
        path = tmp_path / "photos" / images[0]
        with Image.open(path) as photograph:
            assert photograph.size == (SIZE, SIZE)
        assert PictureFiles(tmp_path / "photos").read(images[0]) == path.read_bytes()


def test_the_same_seed_gives_the_same_bytes(shop, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        draw_photographs(*shop, tmp_path / name, size=SIZE, seed=seed)
    first, same, other = (
        [path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in "abc"
    )
    assert first == same
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_the_paint_shows_the_colour(shop, pixels):
    _, truth = shop
    paints = np.array(list(COLOURS.values()), float)
    paints /= np.linalg.norm(paints, axis=1, keepdims=True)
    there = things(pixels)
    mean = (pixels * there[..., None]).sum(axis=(1, 2)) / there.sum(axis=(1, 2))[:, None]
    guess = (mean / np.linalg.norm(mean, axis=1, keepdims=True) @ paints.T).argmax(axis=1)
    assert (guess == truth.colour).mean() > 0.9


def test_the_shape_shows_the_category(shop, pixels):
    _, truth = shop
    there = things(pixels)
    both = np.einsum("axy,bxy->ab", there, there, dtype=float)
    alike = both / (there.sum(axis=(1, 2))[:, None] + there.sum(axis=(1, 2)) - both)
    np.fill_diagonal(alike, 0)
    guess = truth.category[alike.argmax(axis=1)]
    assert (guess == truth.category).mean() > 0.85


def test_the_pattern_shows_the_taste(shop, pixels):
    _, truth = shop
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    patterns = np.stack([pattern(x, y) for pattern in PATTERNS]).astype(float)
    there = things(pixels)
    bright = pixels.sum(axis=3)
    found = []
    for row in range(160):
        dark = bright[row][there[row]] < np.median(bright[row][there[row]]) * 0.999
        match = [np.mean(dark == pattern[there[row]]) for pattern in patterns]
        found.append(int(np.argmax(match)) == truth.item_group[row])
    assert np.mean(found) > 0.6  # one in eight by chance


def test_a_dataset_of_another_shop_is_refused(shop, tmp_path):
    with pytest.raises(ValueError, match="not the one"):
        draw_photographs(make_shop(Shop(users=10, items=9, views=60))[0], shop[1], tmp_path)


def test_without_pillow_the_message_has_the_command_that_adds_it(shop, tmp_path, monkeypatch):
    def missing(module, *, extra):
        raise MissingExtra(f"pip install 'recweave[{extra}]'")

    monkeypatch.setattr(photographs, "require", missing)
    with pytest.raises(MissingExtra, match="images"):
        draw_photographs(*shop, tmp_path / "photos")
    assert not (tmp_path / "photos").exists()
