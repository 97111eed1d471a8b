"""Pictures of items on the page: of the right item, small, and from this machine alone."""

import base64
import re
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import polars as pl
import pytest
from PIL import Image

from recweave.core import extras
from recweave.data.dataset import Dataset
from recweave.experiment.run import run
from recweave.report.page import page
from recweave.report.pictures import SIDE, picture_folders, small_picture
from recweave.runs.spec import Experiment, read_recipe


def color_of(item):
    """Each of the shop's 30 items is painted in its own colour."""
    return (8 * item, 40, 255 - 8 * item)


def paint(file, color, size=(300, 200)):
    file.parent.mkdir(exist_ok=True)
    Image.new("RGB", size, color).save(file)


def pixels(address):
    content = base64.b64decode(address.removeprefix("data:image/jpeg;base64,"))
    return np.asarray(Image.open(BytesIO(content)), float)


def test_each_item_of_the_page_has_its_own_picture(shop, recipe, monkeypatch):
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})
    dataset = Dataset.load(shop)
    names = [f"pictures/{item_id}.png" for item_id in dataset.items["item_id"]]
    images = pl.Series("images", [[name] for name in names])
    shop.rename(shop.with_name("before"))
    dataset.replace(items=dataset.items.with_columns(images)).save(shop)
    for item in range(30):
        paint(shop / "pictures" / f"i{item}.png", color_of(item))
    html = page(run(read_recipe(recipe), recipe.parent / "run", base_dir=recipe.parent))
    cards = html.partition('<div class="people">')[2].partition("<h2>")[0]
    shown = re.findall(r'<img alt="" src="([^"]+)"><div>Item &lt;b&gt;(\d+)&lt;/b&gt;', cards)
    assert len(shown) == cards.count("<li>") >= 15
    for address, item in shown:
        assert pixels(address).mean((0, 1)) == pytest.approx(color_of(int(item)), abs=4)


def test_a_picture_becomes_small_and_keeps_its_form(tmp_path):
    paint(tmp_path / "wide.jpg", (200, 10, 10), size=(900, 300))
    assert pixels(small_picture("wide.jpg", [tmp_path])).shape == (29, SIDE, 3)


def test_a_path_may_start_from_the_data_the_recipe_or_the_root(tmp_path):
    for folder, level in (("data", 50), ("base", 200)):
        paint(tmp_path / folder / "a.png", (level,) * 3)
    folders = [tmp_path / "data", tmp_path / "base"]
    assert pixels(small_picture("a.png", folders)).mean() == pytest.approx(50, abs=2)
    (tmp_path / "data" / "a.png").unlink()
    assert pixels(small_picture("a.png", folders)).mean() == pytest.approx(200, abs=2)
    absolute = str(tmp_path / "base" / "a.png")
    assert pixels(small_picture(absolute, folders)).mean() == pytest.approx(200, abs=2)


def test_a_picture_in_a_zip_is_read(tmp_path):
    paint(tmp_path / "a.png", (90, 90, 90))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "1.png")
    assert pixels(small_picture("photos.zip!/1.png", [tmp_path])).mean() == pytest.approx(90, abs=2)


def test_what_is_transparent_is_white(tmp_path):
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert pixels(small_picture("a.png", [tmp_path])).min() > 250


@pytest.mark.parametrize(
    "image",
    ["https://example.org/a.jpg", "missing.jpg", "broken.jpg", "huge.png", "a\0b.jpg", ".."],
)
def test_what_is_no_picture_here_is_left_out(tmp_path, monkeypatch, image):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    paint(tmp_path / "huge.png", (0, 0, 0))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    assert small_picture(image, [tmp_path]) == ""


def test_without_pillow_there_are_no_pictures(tmp_path, monkeypatch):
    paint(tmp_path / "a.png", (0, 0, 0))

    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(extras, "import_module", missing)
    assert small_picture("a.png", [tmp_path]) == ""


def test_the_folders_are_those_of_the_data_and_of_the_recipe(recipe, shop):
    found = run(read_recipe(recipe), recipe.parent / "run", base_dir=recipe.parent)
    assert picture_folders(found)[:2] == [shop, recipe.parent]
    (recipe.parent / "raw").mkdir()
    (recipe.parent / "raw" / "events.csv").touch()
    source = {"source": "table", "path": "raw/events.csv"}
    asked = Experiment.parse({"data": source, "models": [{"kind": "popularity"}]}, "here")
    assert picture_folders(replace(found, experiment=asked))[0] == recipe.parent / "raw"
