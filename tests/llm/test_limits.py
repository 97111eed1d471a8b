"""A server is asked no faster than it allows, in any minute and at any time."""

import asyncio

import numpy as np
import pytest
from llm.conftest import Mood, answer_of, request

from recweave.llm import Failed, Limited, Limits, Message, Reply, Usage
from recweave.llm.tokens import Tokens


class Watch:
    """Notes when it is asked and how many are being asked at once."""

    name = "watch"

    def __init__(self, still, tokens=lambda number: 100, pace=0.0):
        self.still, self.tokens, self.pace = still, tokens, pace
        self.times, self.now, self.most = [], 0, 0

    async def ask(self, messages, schema):
        number = len(self.times)
        self.still.time += self.pace
        self.times.append(self.still.time)
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(3):
            await asyncio.sleep(0)
        self.now -= 1
        if number % 5 == 4:
            raise Failed("no", usage=Usage(self.tokens(number), 0))
        value = schema.model_validate_json(answer_of(number))
        return Reply(value, Usage(self.tokens(number), 0))


def ask(still, limits, n, watch=None, tokens=None):
    watch = watch or Watch(still)

    async def all_at_once():
        llm = Limited(watch, limits, tokens, clock=still.clock)
        asked = (llm.ask(request(number).messages, Mood) for number in range(n))
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(all_at_once())
    assert len(watch.times) == n
    return watch


def busiest(times, weights=None):
    """The most in any 60 seconds that start with a call."""
    times = np.array(times)
    weights = np.ones(len(times)) if weights is None else np.array(weights)
    return max(weights[(times >= t) & (times < t + 60)].sum() for t in times)


@pytest.mark.parametrize("most", [1, 3, 16])
def test_no_more_than_the_given_number_at_once(still, most):
    assert ask(still, Limits(concurrency=most), 40).most == most


def test_no_more_than_the_given_calls_in_any_minute(still):
    watch = ask(still, Limits(requests_per_minute=10), 35)
    assert busiest(watch.times) == 10
    assert still.time == 180  # and no slower than that


@pytest.mark.parametrize("pace", [1.0, 4.0, 7.0])
def test_calls_spread_over_the_minute_are_counted_over_any_minute(still, pace):
    watch = ask(still, Limits(requests_per_minute=10, concurrency=1), 60, Watch(still, pace=pace))
    assert busiest(watch.times) == min(10, np.ceil(60 / pace))


def test_no_more_than_the_given_tokens_in_any_minute(still):
    tokens = Tokens()
    for _ in range(9):
        tokens.observe(request(0).messages, Mood, Usage(90, 0), True)
    taken = lambda number: 60 + 20 * (number % 3)  # noqa: E731
    watch = ask(still, Limits(tokens_per_minute=1000), 40, Watch(still, taken), tokens)
    spent = [taken(number) for number in range(40)]
    # What is expected of a call may be wrong by as much as there are calls under way.
    assert busiest(watch.times, spent) <= 1000 + 8 * 20
    assert still.time <= 60 * np.ceil(sum(spent) / 800)


def test_a_call_over_the_limit_by_itself_goes_alone(still):
    words = Message("user", "long " * 4000)

    async def two():
        watch = Watch(still, lambda number: 5000)
        llm = Limited(watch, Limits(tokens_per_minute=1000), clock=still.clock)
        for _ in range(2):
            await llm.ask([words], Mood)
        return watch.times

    assert asyncio.run(two()) == [0, 60]


def test_without_limits_nobody_waits(still):
    ask(still, Limits(), 100)
    assert still.slept == []
