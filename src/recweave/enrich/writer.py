"""Who writes: the contract, and what was written."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from recweave.enrich.material import Material, Task


@runtime_checkable
class Writer(Protocol):
    """Writes texts from the training part, and from nothing else."""

    @property
    def name(self) -> str:
        """The writer with its version and settings: equal names write equal texts."""

    def write(self, material: Material, tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
        """The text of each task, as soon as it is there, in any order.

        A text may depend on the rows of its task and on what `material.corpus` gives for the
        task's entity and fold; on no other row. None says that there was nothing to write from.
        A task that failed is left out, and asked for again by the next run.
        """
