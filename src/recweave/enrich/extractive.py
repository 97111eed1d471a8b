"""The writer that generates nothing: it picks sentences, counts phrases and fits half-lives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from recweave.core.errors import BadSetting
from recweave.core.progress import track
from recweave.encode.text import TextEncoder
from recweave.encode.tfidf import TfIdf
from recweave.enrich.batch import TaskBatch
from recweave.enrich.context import WriterContext
from recweave.enrich.material import Material, Task
from recweave.enrich.writer import Written

VERSION = 1
CHUNK = 500
"""Reviews whose sentences are in memory at the same time."""


@dataclass(frozen=True, eq=False)
class Extractive:
    """Central sentences, nearest labels, counted phrases, fitted half-lives.

    Attributes:
        encoder: For sentences. One whose vectors depend on the other texts (TF-IDF) is refused:
            texts that the writer may not read would influence them (data leakage).
        categories: A closed set to choose categories from; empty for an open list.
        length: Words of a summary at most.
    """

    encoder: TextEncoder
    categories: Sequence[str] = ()
    length: int = 80

    def __post_init__(self) -> None:
        if isinstance(self.encoder, TfIdf):
            raise BadSetting(
                "tfidf vectors depend on all texts, also on those that the writer may not read; "
                "take minilm, or another encoder with weights"
            )

    @property
    def name(self) -> str:
        """See `Writer.name`."""
        closed = f", of {len(self.categories)} categories" if self.categories else ""
        return f"extractive/{VERSION} ({self.encoder.name}, {self.length} words{closed})"

    def write(self, material: Material, tasks: Sequence[Task]) -> Iterator[Written]:
        """See `Writer.write`."""
        context = WriterContext(material, self.encoder, self.categories, self.length)
        texts = (text for chunk in _chunks(tasks) for text in TaskBatch(context, chunk).texts())
        yield from track(texts, "writing", total=len(tasks))


def _chunks(tasks: Sequence[Task]) -> Iterator[Sequence[Task]]:
    """Runs of tasks whose reviews are about `CHUNK`, cut between entities."""
    first, size = 0, 0
    for position, task in enumerate(tasks):
        new = position > first and (task.entity, task.id) != (
            tasks[position - 1].entity,
            tasks[position - 1].id,
        )
        if new and size >= CHUNK:
            yield tasks[first:position]
            first, size = position, 0
        if task.fold is None:
            size = size + len(task.rows)
    if len(tasks) > first:
        yield tasks[first:]
