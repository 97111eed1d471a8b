import pytest

from recweave.core import memory
from recweave.core.errors import TooLarge
from recweave.core.memory import available, human, require_memory

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
def test_sizes_are_told_in_the_unit_that_fits(size, words):
    assert human(size) == words
