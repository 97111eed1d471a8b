import zipfile

import polars as pl
import pytest

from recweave.core.errors import BadInput
from recweave.data.dataset import Dataset
from recweave.data.pictures import PictureFiles
from recweave.data.readers import read
from recweave.data.readers.photos import with_photos


@pytest.fixture
def packed(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("20.jpg", b"twenty")
        archive.writestr("10.jpg", b"ten")
        archive.writestr("README.txt", b"no photo")
    return tmp_path


def test_styles_and_photographs_meet_by_id(packed):
    (packed / "styles.csv").write_text(
        "id,gender,masterCategory,subCategory,articleType,year,productDisplayName,image\n"
        "10,Men,Apparel,Topwear,Shirts,2011,Check Shirt,10.jpg\n"
        "30,Women,Apparel,,Skirts,2012,Skirt,30.jpg\n"
    )
    items = read("photos", packed).items
    assert items["images"].to_list() == [["photos.zip!/10.jpg"], None]
    assert items["categories"].to_list() == [
        ["Apparel", "Topwear", "Shirts"],
        ["Apparel", "Skirts"],
    ]
    assert items["title"].to_list() == ["Check Shirt", "Skirt"]
    assert items["year"].to_list() == [2011, 2012]
    with PictureFiles(packed) as files:
        assert files.read(items["images"][0][0]) == b"ten"


def test_a_folder_of_photographs_is_enough(tmp_path):
    (tmp_path / "men").mkdir()
    (tmp_path / "men" / "5.JPG").write_bytes(b"five")
    (tmp_path / "6.png").write_bytes(b"six")
    items = read("photos", tmp_path).items
    assert items.select("item_id", "images").rows() == [("5", ["men/5.JPG"]), ("6", ["6.png"])]
    assert PictureFiles(tmp_path).read("men/5.JPG") == b"five"


def test_another_datasets_items_get_their_photographs(packed):
    shop = Dataset("shop", items=pl.DataFrame({"item_id": ["30", "20"]}))
    pictured = with_photos(shop, packed / "photos.zip")
    assert pictured.items["item_id"].to_list() == ["30", "20"]
    assert pictured.items["images"].to_list() == [None, ["photos.zip!/20.jpg"]]


def test_a_broken_zip_is_a_broken_file(packed):
    whole = (packed / "photos.zip").read_bytes()
    (packed / "photos.zip").write_bytes(whole[:-30])
    with pytest.raises(BadInput, match=r"photos\.zip: is not a whole zip .*; fetch it again"):
        read("photos", packed)


def test_no_photographs_are_said_so(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BadInput, match="holds no photographs"):
        read("photos", tmp_path)
