import resource

import numpy as np
import pytest

from recweave.core import memory
from recweave.core.errors import TooLarge
from recweave.core.memory import available, human, kept_memory, require_memory

GIB = 2**30


def test_what_fits_is_let_through_and_what_does_not_is_refused_with_sizes(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 2 * GIB)
    require_memory(2 * GIB, "EASE on 9 items", "take fewer items")
    with pytest.raises(TooLarge) as error:
        require_memory(3 * GIB, "EASE on 9 items", "take fewer items")
    assert str(error.value) == (
        "EASE on 9 items needs 3.0 GiB of memory and 2.0 GiB is free; take fewer items"
    )


def test_where_memory_is_not_known_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: None)
    require_memory(10**18, "everything", "none")


@pytest.mark.parametrize(
    ("machine", "container", "free"), [(5, 3, 3), (5, None, 5), (None, 3, 3), (None, None, None)]
)
def test_the_smaller_of_the_machines_and_the_containers_memory_counts(
    monkeypatch, machine, container, free
):
    monkeypatch.setattr(memory, "_meminfo", lambda: machine)
    monkeypatch.setattr(memory, "_cgroup", lambda: container)
    assert available() == free


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * GIB, "5.0 GiB"), (2**50, "1024.0 TiB")],
)
def test_sizes_are_shown_in_the_unit_that_fits(size, words):
    assert human(size) == words


def faults(times: int) -> int:
    """Pages that the system handed out while large arrays were made and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones(48 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(memory._glibc() is None, reason="speaks to glibc's malloc")
def test_freed_memory_stays_for_the_next_and_goes_back_in_the_end():
    with kept_memory():
        faults(1)
        kept = faults(10)
    assert kept < faults(10) / 5


@pytest.mark.skipif(memory._glibc() is None, reason="speaks to glibc's malloc")
def test_after_an_error_memory_goes_back_as_before():
    with pytest.raises(KeyError), kept_memory():
        raise KeyError
    faults(1)
    assert faults(10) > 10 * 20  # 48 MiB are at least 24 pages, however large these are


def test_without_glibc_nothing_is_set(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    with kept_memory():
        assert memory._glibc() is None
