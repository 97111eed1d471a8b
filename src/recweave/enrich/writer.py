"""The interface of writers, and their results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from recweave.enrich.material import Material, Task


@dataclass(frozen=True)
class Failure:
    """Why there is no text for a task; equal reasons are counted together."""

    reason: str


Written = tuple[Task, str | Failure | None]
"""A task and its text; None if there was nothing to write from."""


@runtime_checkable
class Writer(Protocol):
    """Writes texts from the training part, and from nothing else."""

    @property
    def name(self) -> str:
        """The writer with its version and settings: equal names write equal texts."""

    def write(self, material: Material, tasks: Sequence[Task]) -> Iterator[Written]:
        """The text of each task, as soon as it is there, in any order.

        A text may depend on the rows of its task and on what `material.corpus` gives for the
        task's entity and fold; on no other row. A task that failed gives a `Failure`, or is left
        out, and is given to the writer again by the next run.
        """
