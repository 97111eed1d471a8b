"""Progress bars on stderr: silent in a library, on where a program asks for them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import length_hint
from typing import TypeVar

T = TypeVar("T")
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
        what: A few words that stand before the bar; a function is asked again after each item.
        total: How many there are, where `items` has no length.
    """
    if not _shown.get():
        yield from items
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

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        words = what if callable(what) else lambda: what
        task = bar.add_task(words(), total=length_hint(items) or None if total is None else total)
        for item in items:
            yield item
            bar.update(task, advance=1, description=words())
