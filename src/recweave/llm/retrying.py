"""An LLM that asks again: with what was wrong after a bad answer, later after a passing trouble."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import Field

from recweave.core.value import Value
from recweave.llm.answer import repaired
from recweave.llm.base import LLM, BadAnswer, Failed, Message, Reply, T, TemporaryFailure, Usage
from recweave.llm.clock import Clock


class RetryPolicy(Value):
    """How often to ask again."""

    repairs: int = Field(2, ge=0, description="times a bad answer is asked for again")
    attempts: int = Field(5, ge=1, description="calls that may meet a busy or silent server")
    pause: float = Field(1.0, gt=0, description="seconds before the second attempt, then doubled")
    longest: float = Field(120.0, gt=0, description="the most seconds waited before one attempt")


class Retrying:
    """Ask until there is a good answer or the policy ends it, then fail with the last reason.

    Waiting is drawn from 0.5 to 1 of pause · 2^n, so that callers held up together do not come
    back together; never shorter than the server's Retry-After. A server that wants a longer wait
    than `longest` is not waited for.
    """

    def __init__(
        self,
        llm: LLM,
        retry_policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        *,
        seed: int = 0,
        clock: Clock = Clock(),  # noqa: B008
    ) -> None:
        self.name = llm.name
        self._llm = llm
        self._policy = retry_policy
        self._rng = np.random.default_rng(seed)
        self._clock = clock

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """See `LLM.ask`. The reply's usage is that of all calls."""
        asked, spent = messages, Usage()
        bad = held_up = 0
        while True:
            try:
                reply = await self._llm.ask(asked, schema)
                return replace(reply, usage=spent + reply.usage)
            except BadAnswer as failure:
                bad += 1
                spent += failure.usage or Usage()
                if bad > self._policy.repairs:
                    raise Failed(f"{failure.reason} (answers: {bad})", failure.raw, spent) from None
                asked = repaired(messages, failure, schema)
            except TemporaryFailure as failure:
                held_up += 1
                spent += failure.usage or Usage()
                wait = self._wait(held_up, failure.retry_after or 0)
                if held_up == self._policy.attempts or wait > self._policy.longest:
                    reason = f"{failure.reason} (attempts: {held_up})"
                    raise Failed(reason, failure.raw, spent) from None
                await self._clock.sleep(wait)

    def _wait(self, attempt: int, least: float) -> float:
        longest = min(self._policy.pause * 2 ** (attempt - 1), self._policy.longest)
        return max(least, float(longest * self._rng.uniform(0.5, 1)))
