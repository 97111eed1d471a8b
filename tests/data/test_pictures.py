import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from recweave.core.errors import BadInput
from recweave.data import pictures
from recweave.data.pictures import PictureFiles


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"alone")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            archive.writestr(f"in/{number}.jpg", bytes([number]) * 5000)
    return tmp_path


def test_files_and_files_in_zips_are_read_by_many_threads(folder):
    names = [f"b.zip!/in/{number}.jpg" for number in range(40)] * 5
    with PictureFiles(folder) as files, ThreadPoolExecutor(8) as threads:
        assert files.read("a.jpg") == b"alone"
        contents = list(threads.map(files.read, names))
    assert [content[0] for content in contents] == list(range(40)) * 5
    assert {len(content) for content in contents} == {5000}


def test_an_absolute_path_needs_no_folder(folder):
    with PictureFiles("elsewhere") as files:
        assert files.read(str(folder / "a.jpg")) == b"alone"


@pytest.mark.parametrize("name", ["no.jpg", "no.zip!/1.jpg", "b.zip!/no.jpg", "no/such/a.jpg"])
def test_what_is_not_there_is_said(name, folder):
    with PictureFiles(folder) as files, pytest.raises(BadInput, match="is not there"):
        files.read(name)


def test_what_cannot_be_read_is_said(folder):
    (folder / "c.zip").write_bytes(b"no zip")
    whole = bytearray((folder / "b.zip").read_bytes())
    whole[40:52] = b"\xff" * 12
    (folder / "d.zip").write_bytes(whole)
    with PictureFiles(folder) as files:
        for name in ("c.zip!/1.jpg", "d.zip!/in/0.jpg"):
            with pytest.raises(BadInput, match="is damaged inside its zip"):
                files.read(name)
        with pytest.raises(BadInput, match="cannot be read"):
            files.read(".")


@pytest.mark.parametrize("name", ["a.jpg", "b.zip!/in/3.jpg"])
def test_what_is_too_large_is_not_read(name, folder, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_BYTES", 4)
    with PictureFiles(folder) as files, pytest.raises(BadInput, match="has more than"):
        files.read(name)
