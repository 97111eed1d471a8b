import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from recweave.core.errors import BadArtifact, TooLarge
from recweave.encode.cache import Cached


class Counting:
    """An encoder that records its texts, and fails after a number of calls."""

    name, dim = "counting/1", 2

    def __init__(self, calls_to_live=1_000):
        self.asked = []
        self.calls_to_live = calls_to_live

    def encode(self, texts):
        if not self.calls_to_live:
            raise AssertionError(f"asked for {texts}")
        self.calls_to_live -= 1
        self.asked += texts
        return np.array([[len(text), 1] for text in texts], np.float32)


def test_each_text_is_encoded_once_and_vectors_are_in_the_order_of_the_texts(tmp_path):
    encoder = Counting()
    vectors = Cached(encoder, tmp_path / "new" / "v.sqlite").encode(
        ["a", "bbb", "a", "", "cc", "bbb"]
    )
    assert vectors[:, 0].tolist() == [1, 3, 1, 0, 2, 3]
    assert sorted(encoder.asked) == ["a", "bbb", "cc"]


def test_known_texts_need_no_call(tmp_path):
    first = Cached(Counting(), tmp_path / "v.sqlite").encode(["a", "bb"])
    again = Cached(Counting(calls_to_live=0), tmp_path / "v.sqlite").encode(["bb", "a"])
    np.testing.assert_array_equal(again, first[::-1])


def test_another_encoder_has_vectors_of_its_own(tmp_path):
    Cached(Counting(), tmp_path / "v.sqlite").encode(["a"])
    other = Counting()
    other.name = "counting/2"
    Cached(other, tmp_path / "v.sqlite").encode(["a"])
    assert other.asked == ["a"]


def test_a_killed_process_keeps_the_chunks_that_were_done(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
import numpy as np
from recweave.encode import cache
class Dying:
    name, dim, calls = "counting/1", 2, 0
    def encode(self, texts):
        self.calls += 1
        if self.calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.array([[len(text), 1] for text in texts], np.float32)
cache.CHUNK = 2
cache.Cached(Dying(), Path(sys.argv[1])).encode(["a", "bb", "ccc", "dddd", "eeeee"])
"""
    file = tmp_path / "v.sqlite"
    done = subprocess.run([sys.executable, "-c", code, file], check=False)
    assert done.returncode == -signal.SIGKILL
    after = Counting()
    vectors = Cached(after, file).encode(["a", "bb", "ccc", "dddd", "eeeee"])
    assert after.asked == ["a"]  # the longest are encoded first
    assert vectors[:, 0].tolist() == [1, 2, 3, 4, 5]


def test_blank_texts_are_zero_and_are_not_asked_for(tmp_path):
    encoder = Counting()
    vectors = Cached(encoder, tmp_path / "v.sqlite").encode(["", " \n"])
    assert vectors.tolist() == [[0, 0], [0, 0]]
    assert Cached(encoder, tmp_path / "v.sqlite").encode([]).shape == (0, 2)
    assert not encoder.asked


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "v.sqlite").write_text("not a database " * 100)
    with pytest.raises(BadArtifact, match="remove the file"):
        Cached(Counting(), tmp_path / "v.sqlite").encode(["a"])


def test_an_encoder_that_changed_under_its_name_is_refused(tmp_path):
    Cached(Counting(), tmp_path / "v.sqlite").encode(["a"])
    with sqlite3.connect(tmp_path / "v.sqlite") as store:
        store.execute("UPDATE vectors SET vector = ?", (bytes(12),))
    store.close()
    with pytest.raises(BadArtifact, match="several lengths"):
        Cached(Counting(), tmp_path / "v.sqlite").encode(["a", "bb"])


def test_more_vectors_than_there_is_memory_are_refused_before_any_call(tmp_path, monkeypatch):
    monkeypatch.setattr("recweave.core.memory.available", lambda: 30)
    encoder = Counting()
    with pytest.raises(TooLarge, match="vectors of 2 texts"):
        Cached(encoder, tmp_path / "v.sqlite").encode(["a", "bb"])
    assert not encoder.asked
