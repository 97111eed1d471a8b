import hashlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from recweave.core.errors import BadArtifact
from recweave.store.arrays import ALGORITHM, ARRAYS, HASH, MANIFEST, read, write

ARRAYS_OF_ALL_KINDS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
    "every second": np.arange(10, dtype=np.int32)[::2],
    "one number": np.array(3.5, np.float32),
    "nothing": np.zeros((0, 4), np.int64),
    "flags": np.array([True, False]),
}


def test_what_is_written_is_read(tmp_path):
    write(tmp_path / "deep" / "model", ARRAYS_OF_ALL_KINDS, {"name": "é", "list": [1, None]})
    arrays, manifest = read(tmp_path / "deep" / "model")
    assert manifest == {"name": "é", "list": [1, None]}
    assert arrays.keys() == ARRAYS_OF_ALL_KINDS.keys()
    for name, array in ARRAYS_OF_ALL_KINDS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)


def test_an_older_one_is_replaced_whole(tmp_path):
    folder = tmp_path / "model"
    write(folder, {"old": np.ones(3)}, {})
    write(folder, {"new": np.ones(2)}, {})
    assert list(read(folder)[0]) == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]  # no draft stays behind


def test_a_write_that_fails_leaves_the_older_one(tmp_path):
    folder = tmp_path / "model"
    write(folder, {"old": np.ones(3)}, {})
    with pytest.raises(TypeError):
        write(folder, {"new": np.ones(2)}, {"not JSON": object()})
    assert list(read(folder)[0]) == ["old"]


def test_a_folder_that_a_killed_writer_moved_aside_is_read(tmp_path):
    folder = tmp_path / "model"
    write(folder, {"old": np.ones(3)}, {})
    body = f"""
import os, signal
from pathlib import Path
import numpy as np
from recweave.store.arrays import write
real = os.rename
def rename(source, target):
    real(source, target)
    os.kill(os.getpid(), signal.SIGKILL)
os.rename = rename
write(Path({str(folder)!r}), {{"new": np.ones(2)}}, {{}})
"""
    done = subprocess.run([sys.executable, "-c", body], check=False)
    assert done.returncode == -signal.SIGKILL and not folder.exists()
    assert list(read(folder)[0]) == ["old"]
    assert os.listdir(tmp_path) == ["model"]


def test_an_empty_folder_may_be_written_to(tmp_path):
    write(tmp_path, {"a": np.ones(1)}, {})
    assert list(read(tmp_path)[0]) == ["a"]


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_recweave_did_not_write_is_never_removed(tmp_path, what):
    place = tmp_path / "photos"
    if what == "folder":
        place.mkdir()
    precious = place / "baby.jpg" if what == "folder" else place
    precious.write_text("smile")
    with pytest.raises(BadArtifact, match="was not written by recweave"):
        write(place, {"a": np.ones(1)}, {})
    assert precious.read_text() == "smile"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "manifest.json is missing"),
        (lambda folder: (folder / ARRAYS).unlink(), "arrays.safetensors is missing"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "cannot be read"),
        (lambda folder: (folder / MANIFEST).write_text("[1]"), "holds no object"),
        (lambda folder: (folder / MANIFEST).write_bytes(b"\xff"), "cannot be read"),
        (lambda folder: (folder / ARRAYS).write_bytes(b"\x08\x00"), "cannot be read"),
        (
            lambda folder: (folder / ARRAYS).write_bytes((folder / ARRAYS).read_bytes()[:-4]),
            "cannot be read",
        ),
    ],
)
def test_a_broken_folder_is_refused_with_what_is_broken(tmp_path, broken, said):
    write(tmp_path / "model", {"a": np.ones(9)}, {})
    broken(tmp_path / "model")
    with pytest.raises(BadArtifact, match=said):
        read(tmp_path / "model")


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadArtifact, match="holds no model"):
        read(tmp_path / "file")


def edit(folder, **changes):
    """Change keys of the manifest; None removes one."""
    manifest = json.loads((folder / MANIFEST).read_text()) | changes
    kept = {key: value for key, value in manifest.items() if value is not None}
    (folder / MANIFEST).write_text(json.dumps(kept))


def flip(file, byte, bit=0):
    content = bytearray(file.read_bytes())
    content[byte] ^= 1 << bit
    file.write_bytes(content)


@pytest.fixture
def saved(tmp_path):
    write(tmp_path / "model", {"a": np.arange(9.0)}, {"format": 1})
    return tmp_path / "model"


@pytest.mark.parametrize("byte", [0, 12, -1, -40])
def test_a_flipped_bit_is_refused_with_the_name_of_the_file(saved, byte):
    flip(saved / ARRAYS, byte)
    with pytest.raises(BadArtifact, match=r"arrays\.safetensors cannot be read: its sha256 is not"):
        read(saved)


def test_the_manifest_says_how_the_arrays_were_hashed(saved):
    value = hashlib.new(ALGORITHM, (saved / ARRAYS).read_bytes()).hexdigest()
    noted = json.loads((saved / MANIFEST).read_text())[HASH]
    assert noted == {"algorithm": ALGORITHM, "value": value}


def test_a_folder_without_a_hash_is_read_unchecked(saved):
    edit(saved, **{HASH: None})
    flip(saved / ARRAYS, -1)
    assert list(read(saved)[0]) == ["a"]


def test_a_folder_hashed_by_another_known_algorithm_is_checked_by_that(saved):
    value = hashlib.blake2b((saved / ARRAYS).read_bytes()).hexdigest()
    edit(saved, **{HASH: {"algorithm": "blake2b", "value": value}})
    assert list(read(saved)[0]) == ["a"]
    flip(saved / ARRAYS, -1)
    with pytest.raises(BadArtifact, match="its blake2b is not"):
        read(saved)


@pytest.mark.parametrize(
    "noted",
    [3, [], {}, {"algorithm": "sha256"}, {"algorithm": "crc", "value": "1"}, {"value": "1"}],
)
def test_a_hash_that_is_not_understood_is_refused(saved, noted):
    edit(saved, **{HASH: noted})
    with pytest.raises(BadArtifact, match=r"manifest\.json names no hash .+; save the model again"):
        read(saved)


@pytest.mark.parametrize("text", ["{}", "[]", "[{}]", "3", "null", "[" * 100_000])
def test_a_manifest_without_keys_is_refused_with_what_to_do(saved, text):
    (saved / MANIFEST).write_text(text)
    with pytest.raises(BadArtifact, match=r"manifest\.json .+; save the model again"):
        read(saved)


def test_a_manifest_without_a_key_that_is_needed_is_refused(saved):
    with pytest.raises(BadArtifact, match=r"manifest\.json lacks kind, recipe; save the model"):
        read(saved, keys=("format", "kind", "recipe"))


def test_the_key_of_the_hash_cannot_be_used_for_something_else(tmp_path):
    with pytest.raises(ValueError, match="'hash'"):
        write(tmp_path / "model", {"a": np.ones(1)}, {HASH: "mine"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_file_is_refused(saved):
    (saved / ARRAYS).unlink()
    (saved / ARRAYS).mkdir()
    with pytest.raises(BadArtifact, match="cannot be read"):
        read(saved)
