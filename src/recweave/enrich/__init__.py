"""Texts and labels from reviews and the catalogue: summaries, profiles, tags; with or without a
language model."""

from recweave.enrich.extractive import Extractive
from recweave.enrich.generative import Generative
from recweave.enrich.interest import Interest
from recweave.enrich.job import enrich
from recweave.enrich.material import KINDS, Kind, Material, Task
from recweave.enrich.writer import Writer

__all__ = [
    "KINDS",
    "Extractive",
    "Generative",
    "Interest",
    "Kind",
    "Material",
    "Task",
    "Writer",
    "enrich",
]
