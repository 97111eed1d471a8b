"""Pools: the same `map`, done here, in threads or in processes."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")
R = TypeVar("R")


@runtime_checkable
class Pool(Protocol):
    """Where work is done."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The function's answers, in the order of `items`, each given as soon as it is there."""


@dataclass(frozen=True)
class Serial:
    """One after the other, in this thread."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See `Pool.map`."""
        return map(function, items)


@dataclass(frozen=True)
class Threads:
    """Threads of this process: for work inside NumPy, which lets other threads run."""

    workers: int = os.cpu_count() or 1

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See `Pool.map`."""
        with ThreadPoolExecutor(self.workers) as executor:
            yield from _windowed(executor, function, items, 2 * self.workers)


@dataclass(frozen=True)
class Processes:
    """Processes of this machine: for work in Python. Function and items must be picklable."""

    workers: int

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See `Pool.map`."""
        # Imported here, as most programs start no process and the import takes a while.
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        # "spawn": a forked child of a program that has threads (BLAS, Polars) can hang.
        with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as executor:
            yield from _windowed(executor, function, items, 2 * self.workers)


def _windowed(
    executor: Executor, function: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[R]:
    """Map with only so many items taken ahead, so that a stream stays a stream."""
    source = iter(items)
    waiting = [executor.submit(function, item) for item in islice(source, ahead)]
    while waiting:
        answer = waiting.pop(0).result()
        waiting += [executor.submit(function, item) for item in islice(source, 1)]
        yield answer
