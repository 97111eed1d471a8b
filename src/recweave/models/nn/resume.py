"""Where a training keeps its checkpoints, said by whoever calls it, not by recipes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_folder: ContextVar[Path | None] = ContextVar("checkpoints", default=None)


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Every training inside keeps its state here after each epoch, and goes on from there.

    A folder may hold several trainings, told apart by what is trained, with what, on what, and by
    which seed. One that was killed, at any moment, ends up with the numbers it would have had.
    """
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def checkpoints() -> Path | None:
    """The folder, if there is one."""
    return _folder.get()
