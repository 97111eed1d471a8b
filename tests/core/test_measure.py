"""Peak memory is measured by reading alone, so measurements do not disturb each other."""

import mmap
import threading
import time

import pytest

from recweave.core import measure
from recweave.core.measure import STATM, STATUS, measured

pytestmark = pytest.mark.skipif(not STATM.exists(), reason="needs /proc")

MB = 1_000_000


def take(megabytes):
    """Hold pages for a few samples, then hand them back to the system at once."""
    with mmap.mmap(-1, megabytes * MB) as pages:
        for page in range(0, len(pages), mmap.PAGESIZE):
            pages[page] = 1
        time.sleep(5 * measure.INTERVAL)


def record():
    """The kernel's highest resident size, in bytes."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def test_what_is_taken_and_freed_inside_is_the_peak():
    take(400)  # from here on the kernel's record says nothing of 200
    with measured() as cost:
        take(200)
    assert 195 < cost.peak_mb < 230


def test_a_new_record_of_the_process_is_exact_without_any_sample(monkeypatch):
    monkeypatch.setattr(measure, "INTERVAL", 1e6)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    before = int(STATM.read_text().split()[1]) * mmap.PAGESIZE
    above = (record() - before) // MB + 100
    with measured() as cost:
        take(above)
    assert above - 5 < cost.peak_mb < above + 30


def test_what_was_taken_before_does_not_count():
    with mmap.mmap(-1, 200 * MB) as pages:
        for page in range(0, len(pages), mmap.PAGESIZE):
            pages[page] = 1
        with measured() as cost:
            take(20)
    assert cost.peak_mb < 60


def test_nested_measurements_are_both_right():
    with measured() as outer:
        take(200)
        with measured() as inner:
            take(60)
    assert 195 < outer.peak_mb < 230
    assert 55 < inner.peak_mb < 90


def test_an_inner_peak_is_the_outer_one_too():
    with measured() as outer, measured() as inner:
        take(200)
    assert 195 < inner.peak_mb < 230
    assert 195 < outer.peak_mb < 230


def test_the_kernels_record_is_never_lowered():
    take(200)
    before = record()
    with measured():
        take(10)
    assert record() >= before


def test_no_thread_is_left_even_after_an_error():
    with pytest.raises(ZeroDivisionError), measured():
        raise ZeroDivisionError
    assert not [thread for thread in threading.enumerate() if thread.name == "peak-memory"]


def test_where_the_system_does_not_tell_there_is_no_peak(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "STATM", tmp_path / "missing")
    with measured() as cost:
        pass
    assert cost.peak_mb is None
    assert cost.seconds >= 0
