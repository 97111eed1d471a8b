"""An LLM that is asked no faster than its server allows."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from recweave.core.value import Value
from recweave.llm.base import LLM, Failed, Message, Reply, T
from recweave.llm.clock import Clock
from recweave.llm.tokens import Tokens

MINUTE = 60.0
CONCURRENCY = 8


class Limits(Value):
    """How fast a server may be asked."""

    concurrency: int | None = Field(
        None,
        ge=1,
        description=f"calls at one time; {CONCURRENCY} for servers if left out, and for a local "
        "model as many as it answers together",
    )
    requests_per_minute: int | None = Field(None, ge=1, description="calls in any 60 seconds")
    tokens_per_minute: int | None = Field(None, ge=1, description="tokens in any 60 seconds")

    def calls_at_once(self, llm: LLM) -> int:
        """How many questions a model is asked at one time."""
        return self.concurrency or int(getattr(llm, "concurrency", CONCURRENCY))


@dataclass
class _Call:
    at: float
    tokens: float


class Limited:
    """Calls wait, first come first served, until the last minute has room for them.

    A call's tokens are expected ones until it is answered, then what it really took. One that alone
    is over the limit goes when nothing else was asked for a minute.
    """

    def __init__(
        self,
        llm: LLM,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        tokens: Tokens | None = None,
        *,
        clock: Clock = Clock(),  # noqa: B008
    ) -> None:
        self.name = llm.name
        self._llm = llm
        self._limits = limits
        self._tokens = tokens or Tokens()
        self._clock = clock
        self._at_once = asyncio.Semaphore(limits.calls_at_once(llm))
        self._turn = asyncio.Lock()
        self._minute: deque[_Call] = deque()

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """See `LLM.ask`."""
        async with self._at_once:
            call = await self._admitted(messages, schema)
            try:
                reply = await self._llm.ask(messages, schema)
            except Failed as failure:
                if failure.usage is not None:
                    call.tokens = failure.usage.tokens
                raise
            call.tokens = reply.usage.tokens
            return reply

    async def _admitted(self, messages: Sequence[Message], schema: type[BaseModel]) -> _Call:
        async with self._turn:
            call = _Call(self._clock.now(), sum(self._tokens.expect(messages, schema)))
            while (wait := self._wait(call)) > 0:
                await self._clock.sleep(wait)
            call.at = self._clock.now()
            self._minute.append(call)
            return call

    def _wait(self, call: _Call) -> float:
        """Seconds until the oldest call leaves the minute, or 0 if there is room now."""
        now = self._clock.now()
        while self._minute and now - self._minute[0].at >= MINUTE:
            self._minute.popleft()
        calls, tokens = self._limits.requests_per_minute, self._limits.tokens_per_minute
        full = calls is not None and len(self._minute) >= calls
        if tokens is not None:
            full = full or sum(one.tokens for one in self._minute) + call.tokens > tokens
        return self._minute[0].at + MINUTE - now if full and self._minute else 0.0
