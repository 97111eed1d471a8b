import io
import stat
import tarfile
import zipfile

import pytest

from recweave.core.errors import BadInput
from recweave.data.unpack import unpack


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


MAKE = {"zip": zipped, "tar": tarred}


def read_back(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", MAKE)
def test_files_and_folders_come_out_as_they_are(tmp_path, kind):
    members = {"readme": b"hello", "deep/er/u.data": b"1 2 3", "empty": b""}
    unpack(MAKE[kind](tmp_path / "a", members), tmp_path / "out")
    assert read_back(tmp_path / "out") == members
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "out"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_any_tar_will_do(tmp_path, mode):
    unpack(tarred(tmp_path / "a", {"x": b"1", "y": b"2"}, mode), tmp_path / "out")
    assert read_back(tmp_path / "out") == {"x": b"1", "y": b"2"}


@pytest.mark.parametrize("kind", MAKE)
def test_a_single_folder_around_everything_is_left_out(tmp_path, kind):
    unpack(MAKE[kind](tmp_path / "a", {"ml/u.data": b"1", "ml/ml/x": b"2"}), tmp_path / "out")
    assert read_back(tmp_path / "out") == {"u.data": b"1", "ml/x": b"2"}


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "C:\\evil", "..\\evil"])
def test_no_file_is_written_outside_the_folder(tmp_path, kind, name):
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(BadInput, match="names a place outside its folder"):
        unpack(MAKE[kind](inner / "a", {"fine": b"1", name: b"bad"}), inner / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "a"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_tar_with_links_or_devices_is_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a", "w") as archive:
        info = tarfile.TarInfo("passwords")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(BadInput, match="'passwords', which is no plain file"):
        unpack(tmp_path / "a", tmp_path / "out")


def test_a_zip_with_links_is_refused(tmp_path):
    info = zipfile.ZipInfo("passwords")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BadInput, match="'passwords', which is no plain file"):
        unpack(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize("kind", MAKE)
def test_a_small_file_that_grows_is_stopped(tmp_path, kind):
    bomb = MAKE[kind](tmp_path / "a", {"zeros": bytes(3_000_000), "more": bytes(3_000_000)})
    assert bomb.stat().st_size < 20_000
    with pytest.raises(BadInput, match=r"more than the 3\.8 MiB that may come out"):
        unpack(bomb, tmp_path / "out", limit=4_000_000)
    assert not (tmp_path / "out").exists()


def test_many_empty_files_are_stopped_too(tmp_path):
    crowd = zipped(tmp_path / "a", {str(n): b"" for n in range(50)})
    with pytest.raises(BadInput, match="may come out"):
        unpack(crowd, tmp_path / "out", limit=10_000)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"no archive at all",
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:200] + b"\0" * 40 + content[240:],
    ],
)
@pytest.mark.parametrize("kind", MAKE)
def test_a_broken_archive_is_refused_and_nothing_stays(tmp_path, kind, spoil):
    archive = MAKE[kind](tmp_path / "a", {"x": bytes(range(256)) * 40, "y": b"2"})
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(BadInput, match=r"a cannot be unpacked \(.+\); remove it"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("kind", MAKE)
def test_a_name_that_is_file_and_folder_at_once_is_refused(tmp_path, kind):
    with pytest.raises(BadInput, match="cannot be unpacked"):
        unpack(MAKE[kind](tmp_path / "a", {"x": b"1", "x/y": b"2"}), tmp_path / "out")
