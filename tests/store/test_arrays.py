import numpy as np
import pytest

from recweave.core.errors import BadArtifact
from recweave.store.arrays import ARRAYS, MANIFEST, read, write

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
