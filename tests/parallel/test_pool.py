import os
import threading
import time
from itertools import count, islice

import pytest

from recweave.parallel import Pool, Processes, Serial, Threads

POOLS = [Serial(), Threads(1), Threads(4)]


def slow_square(number):
    """The first ones take longest: an unordered map would give them last."""
    time.sleep(0.02 if number < 2 else 0)
    return number * number


def pid_and_square(number):
    return os.getpid(), number * number


@pytest.mark.parametrize("pool", POOLS, ids=repr)
def test_answers_come_in_the_order_of_the_items(pool):
    assert isinstance(pool, Pool)
    assert list(pool.map(slow_square, range(30))) == [n * n for n in range(30)]
    assert list(pool.map(slow_square, [])) == []


@pytest.mark.parametrize("pool", POOLS, ids=repr)
def test_a_stream_stays_a_stream(pool):
    taken = []

    def endless():
        for number in count():
            assert number < 1_000, "the whole stream was taken"
            taken.append(number)
            yield number

    assert list(islice(pool.map(slow_square, endless()), 3)) == [0, 1, 4]
    assert len(taken) <= 3 + 2 * 4


@pytest.mark.parametrize("pool", POOLS, ids=repr)
def test_an_error_comes_out_as_it_is(pool):
    with pytest.raises(ZeroDivisionError):
        list(pool.map(lambda number: 1 // number, [2, 1, 0, 1]))


def test_threads_work_at_the_same_time():
    together = threading.Barrier(3, timeout=10)
    assert sorted(Threads(3).map(lambda _: together.wait(), range(3))) == [0, 1, 2]


@pytest.mark.slow
def test_processes_work_elsewhere_and_answer_in_order():
    answers = list(Processes(2).map(pid_and_square, range(20)))
    assert [square for _, square in answers] == [n * n for n in range(20)]
    assert os.getpid() not in {pid for pid, _ in answers}


@pytest.mark.slow
def test_an_error_in_a_process_comes_out_as_it_is():
    with pytest.raises(ValueError, match="nope"):
        list(Processes(1).map(int, ["1", "nope"]))
