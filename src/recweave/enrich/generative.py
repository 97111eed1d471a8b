"""The writer that asks a language model, through the door of `llm`."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

from recweave.core.errors import BadSetting
from recweave.enrich.answers import Notes, schema
from recweave.enrich.catalogue import facts
from recweave.enrich.interest import DAY
from recweave.enrich.material import KINDS, Material, Task
from recweave.enrich.prompts import LONGEST, QUESTIONS, VERSION, fenced, messages
from recweave.llm import Door, Estimate, Reply, Request, Usage
from recweave.llm.store import Store

WINDOW = 12_000
"""Characters of reviews, or of notes on them, in one prompt; more are first noted in parts."""

LEAST = 5_000
"""Of a window: the notes on one take half of it at most, so that rounds of notes come to an end."""

AGES = {"first day": 1.0, "first week": 7.0, "first month": 30.0, "first quarter": 91.0}
"""Until which age, in days, events are counted for the question of interest."""

EXPECTED = [
    "Most like how clear it sounds and how easy it is to set up; some find it too heavy."
] * 12
"""Stands for notes that are not there yet, in estimates."""


Noted = dict[int, dict[int, Sequence[str]]]
"""Notes by the place of a draft and of its part."""


@dataclass(frozen=True)
class Draft:
    """A task on its way.

    Attributes:
        task: What is to be written.
        shown: What the catalogue says, if it is about an item.
        heading: What the texts are.
        texts: Reviews, the newest first; after a round, notes on them.
    """

    task: Task
    shown: Sequence[str]
    heading: str
    texts: Sequence[str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to ask about: a question without texts invites invention."""
        return not self.texts and not (self.shown and KINDS[self.task.kind].catalogue)

    def parts(self, window: int) -> list[Sequence[str]]:
        """The texts in runs that fit into a prompt each; one run at least."""
        sizes = [min(len(text), LONGEST) + 3 for text in self.texts]
        ends, room = [0], window
        for place, size in enumerate(sizes):
            if size > room:
                ends.append(place)
                room = window
            room -= size
        return [self.texts[a:b] for a, b in pairwise([*ends, len(self.texts)])]


@dataclass(frozen=True, eq=False)
class Generative:
    """A language model that reads an entity's reviews, the newest first, and answers one question.

    What is too long for a prompt is noted part by part, and the question is asked about the notes.
    The reviews stand before the question, so a server that caches prefixes reads them once for all
    kinds of text.

    Attributes:
        door: To the model, with its cache, budget and limits.
        categories: A closed set to choose categories from; empty for an open list.
        window: Characters of texts in one prompt.
    """

    door: Door
    categories: Sequence[str] = ()
    window: int = WINDOW

    def __post_init__(self) -> None:
        if self.window < LEAST:
            raise BadSetting(f"a window of {self.window} characters is too small; take {LEAST:,}")

    @property
    def name(self) -> str:
        """See `Writer.name`."""
        closed = f", of {len(self.categories)} categories" if self.categories else ""
        return f"generative/{VERSION} ({self.door.llm.name}, {self.window} characters{closed})"

    def write(self, material: Material, tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
        """See `Writer.write`. What ends in the door's quarantine is left out."""
        drafts = []
        for task in tasks:
            draft = begin(material, task)
            if draft.empty:
                yield task, None
            else:
                drafts.append(draft)
        while drafts:
            notes: Noted = defaultdict(dict)
            for place, part, answer in self._answers(self._requests(drafts)):
                if isinstance(answer, Notes):
                    notes[place][part] = answer.notes
                else:
                    yield drafts[place].task, answer.text() or None
            drafts = self._noted(drafts, notes)

    def estimate(self, material: Material, tasks: Sequence[Task], probe: int = 0) -> Estimate:
        """What it will take; see `Door.estimate`. Notes to come are taken to be of usual length."""
        formed, waiting = self._formed(material, tasks)
        if probe:
            self.door.estimate(formed, probe)
        while waiting:
            expected: Noted = {
                place: dict.fromkeys(range(len(draft.parts(self.window))), EXPECTED)
                for place, draft in enumerate(waiting)
            }
            waiting = self._noted(waiting, expected)
            formed += self._requests(waiting)
        return self.door.estimate(formed)

    def spent(self) -> tuple[int, Usage]:
        """Calls, tokens and cost of all runs in the door's folder so far."""
        with Store(self.door.folder) as store:
            return store.spent()

    def requests(self, material: Material, tasks: Sequence[Task]) -> list[Request]:
        """What can be asked now, for batch files.

        Questions about notes are among them once all notes are answered: import those, then export
        again.
        """
        return self._formed(material, tasks)[0]

    def _formed(
        self, material: Material, tasks: Sequence[Task]
    ) -> tuple[list[Request], list[Draft]]:
        """Requests, and drafts that wait for notes which are among them."""
        drafts = [draft for task in tasks if not (draft := begin(material, task)).empty]
        formed: list[Request] = []
        while drafts:
            asked = self._requests(drafts)
            formed += asked
            noting = [request for request in asked if request.schema is Notes]
            if noting and self.door.estimate(noting).calls:
                return formed, drafts
            notes: Noted = defaultdict(dict)
            for place, part, answer in self._answers(noting):  # all settled: this costs nothing
                notes[place][part] = answer.notes
            drafts = self._noted(drafts, notes)
        return formed, []

    def _answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, int, Any]]:
        """Good answers, by the places of their drafts and parts; the door keeps the others."""
        for key, reply in self.door.run(requests) if requests else ():
            place, part = map(int, key.split("."))
            if isinstance(reply, Reply):
                yield place, part, reply.value

    def _requests(self, drafts: Sequence[Draft]) -> list[Request]:
        """The question of each draft, or notes on its parts if it is too long."""
        made = []
        form: type[BaseModel]
        for place, draft in enumerate(drafts):
            parts = draft.parts(self.window)
            for number, texts in enumerate(parts):
                if len(parts) > 1:
                    data = fenced({draft.heading: texts})
                    asked, form = QUESTIONS["notes"], Notes
                else:
                    shown = {"The shop says": draft.shown} if draft.shown else {}
                    data = fenced(shown | {draft.heading: texts})
                    asked = self._question(draft.task)
                    form = schema(draft.task.kind, self.categories)
                made.append(Request(f"{place}.{number}", messages(data, asked), form))
        return made

    def _question(self, task: Task) -> str:
        if task.kind == "categories" and self.categories:
            listed = json.dumps(list(self.categories), ensure_ascii=False)
            return QUESTIONS["closed categories"].format(categories=listed)
        of = "say of this item" if task.entity == "item" else "tell of the tastes of their writer"
        return QUESTIONS[task.kind].format(of=of)

    def _noted(self, drafts: Sequence[Draft], notes: Noted) -> list[Draft]:
        """Drafts whose parts are all noted, with the notes for texts, if there are any."""
        following = []
        for place, draft in enumerate(drafts):
            parts, found = draft.parts(self.window), notes.get(place, {})
            if len(found) == len(parts) > 1:
                texts = [note for part in sorted(found) for note in found[part]]
                heading = f"Notes on {draft.heading[:1].lower()}{draft.heading[1:]}"
                following.append(replace(draft, heading=heading, texts=texts))
        return [draft for draft in following if not draft.empty]


def begin(material: Material, task: Task) -> Draft:
    """A task with what is to be read."""
    said = facts(material.dataset, task.id) if task.entity == "item" else {}
    shown = [f"{name}: {text}" for name, text in said.items()]
    if KINDS[task.kind].reads == "events":
        return Draft(task, shown, "Events since its first", _ages(material, task))
    rows = material.dataset.reviews[task.rows].filter(pl.col("text").str.strip_chars() != "")
    stars = rows["rating"].mean()
    average = f", {stars:.1f} stars on average" if isinstance(stars, float) else ""
    texts = [
        text if rating is None else f"{rating:g} stars: {text}"
        for rating, text in rows.select("rating", "text").iter_rows()
    ]
    whose = "Reviews" if task.entity == "item" else "Reviews by one person"
    return Draft(task, shown, f"{whose}, newest first ({len(texts):,}{average})", texts)


def _ages(material: Material, task: Task) -> list[str]:
    """Events since an item's first, counted by age."""
    time = material.dataset.events["time"].gather(task.rows).drop_nulls().to_numpy()
    if not len(time):
        return []
    age = (time - time.min()) / DAY
    edges = [0.0, *AGES.values(), np.inf]
    count = np.histogram(age, edges)[0]
    return [f"{name}: {n}" for name, n in zip([*AGES, "later"], count.tolist(), strict=True)]
