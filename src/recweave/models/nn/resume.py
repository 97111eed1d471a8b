"""Where a training keeps its checkpoints, said by whoever calls it, not by recipes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Kept:
    """What `resumable` said.

    Attributes:
        folder: For checkpoints.
        seconds: Of training that was taken over from checkpoints, not done again.
    """

    folder: Path
    seconds: float = 0.0


_kept: ContextVar[Kept | None] = ContextVar("checkpoints", default=None)


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Every training inside keeps its state here after each epoch, and goes on from there.

    A folder may hold several trainings, told apart by what is trained, with what, on what, and by
    which seed. One that was killed, at any moment, ends up with the numbers it would have had.
    """
    token = _kept.set(Kept(folder))
    try:
        yield
    finally:
        _kept.reset(token)


def checkpoints() -> Path | None:
    """The folder, if there is one."""
    kept = _kept.get()
    return None if kept is None else kept.folder


def take_over(seconds: float) -> None:
    """Count training that an earlier process did."""
    kept = _kept.get()
    if kept is not None:
        kept.seconds += seconds


def taken_over() -> float:
    """Seconds of training that were taken over so far, inside the innermost `resumable`."""
    kept = _kept.get()
    return 0.0 if kept is None else kept.seconds
