"""Coroutines for those who have no event loop: many at once, their answers one after the other."""

import asyncio
import queue
from collections.abc import Awaitable, Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar, cast

A = TypeVar("A")
B = TypeVar("B")
_END = object()


def run_concurrently(
    function: Callable[[A], Awaitable[B]],
    items: Iterable[A],
    workers: int,
    close: Callable[[], Awaitable[None]],
) -> Generator[B, None, None]:
    """Answers in the order in which they come, from an event loop in a thread of its own.

    Items are taken as workers get free, and no more than twice as many as there are workers ahead
    of who reads the answers. After an error no further item is taken, what is under way is brought
    to its end and handed on, and only then the error is raised. Who stops reading cancels what is
    under way.

    Args:
        function: From an item to its answer.
        items: Read in the loop's thread.
        workers: How many items are worked on at once.
        close: Called in the loop when all is done.
    """
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = Future()
    room = asyncio.Semaphore(2 * workers)

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        begun.set_result((asyncio.get_running_loop(), task))
        try:
            await _work(function, items, workers, room, answers.put)
        finally:
            try:
                await close()
            finally:
                answers.put(_END)

    with ThreadPoolExecutor(1, "recweave-llm") as thread:
        done = thread.submit(asyncio.run, main())
        loop, task = begun.result()
        try:
            while (answer := answers.get()) is not _END:
                with suppress(RuntimeError):  # the loop is closed: no worker waits for room
                    loop.call_soon_threadsafe(room.release)
                yield cast(B, answer)
            done.result()
        finally:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)


async def _work(
    function: Callable[[A], Awaitable[B]],
    items: Iterable[A],
    workers: int,
    room: asyncio.Semaphore,
    hand_on: Callable[[B], None],
) -> None:
    source = iter(items)
    wrong: list[Exception] = []

    async def worker() -> None:
        await room.acquire()
        try:
            while not wrong:
                hand_on(await function(next(source)))
                await room.acquire()
        except StopIteration:
            pass
        except Exception as error:
            wrong.append(error)
        room.release()

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())
    if wrong:
        raise wrong[0]
