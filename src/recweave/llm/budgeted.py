"""An LLM with a budget: every call is in the ledger, and none is made that it cannot pay."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from recweave.core.errors import RecweaveError
from recweave.core.value import Value
from recweave.llm.base import LLM, Failed, Message, Reply, T, Usage
from recweave.llm.clock import Clock
from recweave.llm.store import ANSWERED, Store
from recweave.llm.tokens import Prices, Tokens


class Budget(Value):
    """The most that all jobs of one folder may spend together, over all their runs."""

    calls: int | None = Field(None, ge=0, description="calls, failed ones included")
    tokens: int | None = Field(None, ge=0, description="tokens of prompts and answers")
    cost: float | None = Field(None, ge=0, description="money, in the currency of the prices")


class BudgetSpent(RecweaveError):
    """The next call might go over the budget; it was not made."""


class Budgeted:
    """Each call is entered with what it is expected to take, then with what it took.

    What is under way counts as expected, so the budget can be passed by no more than those calls
    take beyond that. A call that a kill or a lost connection left without an end stays as expected:
    the server may well have charged for it.
    """

    def __init__(
        self,
        llm: LLM,
        store: Store,
        budget: Budget = Budget(),  # noqa: B008 - a frozen value
        prices: Prices | None = None,
        tokens: Tokens | None = None,
        *,
        clock: Clock = Clock(),  # noqa: B008
    ) -> None:
        self.name = llm.name
        self._llm = llm
        self._store = store
        self._budget = budget
        self._prices = prices
        self._tokens = tokens or Tokens(store.seen(llm.name))
        self._clock = clock
        self._calls, self._spent = store.spent()
        self._before = self._spent.cost
        self._under_way = 0
        self._ended = asyncio.Event()

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """See `LLM.ask`.

        Raises:
            BudgetSpent: before a call that the budget does not hold, once nothing is under way.
        """
        expected = await self._granted(messages, schema)
        row = self._store.begin(self.name, messages, schema, expected)
        start = self._clock.now()

        def settle(reported: Usage | None, outcome: str) -> Usage:
            used = expected if reported is None else self._priced(reported)
            self._store.settle(row, used, self._clock.now() - start, outcome)
            self._spent += used + _negative(expected)
            if reported is not None and reported.prompt_tokens:
                self._tokens.observe(messages, schema, used, outcome == ANSWERED)
            return used

        try:
            reply = await self._llm.ask(messages, schema)
        except Failed as failure:
            failure.usage = settle(failure.usage, failure.reason)
            raise
        except RecweaveError as error:
            settle(Usage(), str(error))
            raise
        else:
            return replace(reply, usage=settle(reply.usage, ANSWERED))
        finally:
            self._under_way -= 1
            self._ended.set()

    def spent_text(self) -> str:
        """What was spent since this was made, in a few words."""
        if self._prices is None:
            return "no prices given"
        return f"cost {self._spent.cost - self._before:,.4f}"

    async def _granted(self, messages: Sequence[Message], schema: type[BaseModel]) -> Usage:
        """What the call is expected to take, set aside from the budget.

        A call that does not fit waits for those under way, which may take less than expected.
        """
        while True:
            prompt, completion = self._tokens.expect(messages, schema)
            expected = self._priced(Usage(round(prompt), round(completion)))
            short = self._short(expected)
            if short is None:
                self._calls += 1
                self._spent += expected
                self._under_way += 1
                return expected
            if not self._under_way:
                raise BudgetSpent(
                    f"the budget of {short} does not hold another call: {self._calls:,} calls took "
                    f"{self._spent.tokens:,} tokens and cost {self._spent.cost:,.4f} so far. The "
                    f"{self._store.counts()['answers']:,} answers in {self._store.path.parent} are "
                    "not paid for again: raise the budget and run again to go on"
                )
            self._ended.clear()
            await self._ended.wait()

    def _short(self, expected: Usage) -> str | None:
        """The part of the budget that does not hold one more call."""
        after = self._spent + expected
        for what, need, most in (
            ("calls", self._calls + 1, self._budget.calls),
            ("tokens", after.tokens, self._budget.tokens),
            ("in money", after.cost, self._budget.cost),
        ):
            if most is not None and need > most:
                return f"{most:,} {what}"
        return None

    def _priced(self, usage: Usage) -> Usage:
        if self._prices is None:
            return usage
        return replace(usage, cost=self._prices.of(usage.prompt_tokens, usage.completion_tokens))


def _negative(usage: Usage) -> Usage:
    return Usage(-usage.prompt_tokens, -usage.completion_tokens, -usage.cost)
