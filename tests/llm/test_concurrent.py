import asyncio
import threading
import time

import pytest

from recweave.llm.concurrent import run_concurrently


class Line:
    """Work that notes what is going on."""

    def __init__(self, wrong=()):
        self.wrong, self.begun, self.ended, self.closed = wrong, [], [], 0

    async def work(self, item):
        self.begun.append(item)
        await asyncio.sleep(0.001)
        if item in self.wrong:
            raise LookupError(item)
        self.ended.append(item)
        return item * 10

    async def close(self):
        self.closed += 1

    def run(self, items, workers=4):
        return run_concurrently(self.work, items, workers, self.close)


def test_all_answers_come_once():
    line = Line()
    assert sorted(line.run(range(100))) == list(range(0, 1000, 10))
    assert line.closed == 1


def test_no_items_are_no_answers():
    assert list(Line().run([])) == []


def test_items_are_taken_only_as_far_ahead_as_told():
    taken = []
    answers = Line().run((taken.append(n) or n for n in range(1000)), workers=3)
    for count in range(1, 20):
        next(answers)
        time.sleep(0.002)
        assert len(taken) <= count + 2 * 3
    answers.close()


def test_after_an_error_the_rest_under_way_is_handed_on_and_nothing_new_begun():
    line, got = Line(wrong=[20]), []
    with pytest.raises(LookupError, match="20"):
        for answer in line.run(range(1000)):
            got.append(answer)
    assert sorted(got) == sorted(item * 10 for item in line.ended)
    assert set(line.begun) - set(line.ended) == {20}
    assert len(line.begun) < 30 and line.closed == 1


def test_who_stops_reading_leaves_nothing_behind():
    before = threading.active_count()
    line = Line()
    answers = line.run(range(1000))
    next(answers)
    answers.close()
    assert threading.active_count() == before
    assert line.closed == 1 and len(line.begun) < 20


def test_an_error_of_the_reader_leaves_nothing_behind():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        for answer in Line().run(range(1000)):
            _ = 1 / answer if answer < 50 else 1 // 0
    assert threading.active_count() == before
