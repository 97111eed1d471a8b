"""Progress on stderr: silent in a library, on where a program asks for it.

On a terminal a bar; in a log file plain lines, one for each item done, at most one in two seconds.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import length_hint
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
EVERY = 2.0
"""Seconds between two lines where there is no terminal, at least."""
_shown: ContextVar[bool] = ContextVar("progress_shown", default=False)


@contextmanager
def show_progress(shown: bool = True) -> Iterator[None]:
    """Show the bars of all work done inside (the command line does; a library stays silent)."""
    token = _shown.set(shown)
    try:
        yield
    finally:
        _shown.reset(token)


def track(
    items: Iterable[T], what: str | Callable[[], str], total: int | None = None
) -> Iterator[T]:
    """Pass items on, showing how many are done, the rate and the time left.

    Args:
        items: What to pass on.
        what: The label before the bar; a function is called again after each item.
        total: How many there are, where `items` has no length.
    """
    if not _shown.get():
        yield from items
        return
    length = (length_hint(items) or None) if total is None else total
    label = what if callable(what) else lambda: what
    if not _on_a_terminal():
        yield from _in_lines(items, label, length)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.1f}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
    )
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(label(), total=length)
        for item in items:
            yield item
            bar.update(task, advance=1, description=label())


def _on_a_terminal() -> bool:
    return sys.stderr.isatty()


def _in_lines(items: Iterable[T], label: Callable[[], str], total: int | None) -> Iterator[T]:
    """Pass items on, with a line now and then: what is done, and the time left."""
    begun = last = monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = monotonic()
        if now - last < EVERY and not (done == total and last > begun):
            continue  # quick work needs no lines
        last = now
        left = "" if total is None else f", {_clock((now - begun) / done * (total - done))} left"
        of = "" if total is None else f"/{total:,}"
        print(f"{label()}: {done:,}{of} done{left}", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
