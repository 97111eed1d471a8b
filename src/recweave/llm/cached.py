"""An LLM that never asks twice."""

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from recweave.llm.base import LLM, Failed, Message, Reply, T, digest
from recweave.llm.store import Store


class Cached:
    """Answers out of the store; new ones are in it before they are handed on.

    A question that failed is in quarantine and fails again without being asked, unless `retry`.
    Equal questions at one time are asked once.
    """

    def __init__(self, llm: LLM, store: Store, *, retry: bool = False) -> None:
        self.name = llm.name
        self._llm = llm
        self._store = store
        self._retry = retry
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """See `LLM.ask`."""
        address = digest(self.name, messages, schema)
        async with self._under_way.setdefault(address, asyncio.Lock()):
            if known := self._store.answer(address, schema):
                return known
            if not self._retry and (aside := self._store.quarantined(address)):
                raise Failed(aside.reason, aside.raw)
            try:
                reply = await self._llm.ask(messages, schema)
            except Failed as failure:
                self._store.set_aside(address, failure.reason, failure.raw)
                raise
            self._store.keep(address, self.name, reply)
            return reply
