"""The writer that asks a language model, through `llm.LLMClient`."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel

from recweave.core.errors import BadSetting
from recweave.data.html import strip_html_column
from recweave.enrich.answers import Answer, Notes, choices, schema
from recweave.enrich.catalogue import facts
from recweave.enrich.interest import DAY
from recweave.enrich.material import KINDS, Material, Task
from recweave.enrich.prompts import LONGEST, QUESTIONS, VERSION, fenced, messages
from recweave.enrich.script import other_script
from recweave.enrich.writer import Failure, Written
from recweave.llm import Estimate, LLMClient, Reply, Request, Usage
from recweave.llm.choice import Scores, among, can_choose
from recweave.llm.store import Store

WINDOW = 12_000
"""Characters of reviews, or of notes on them, in one prompt; of more, notes are taken first."""

LEAST = 5_000
"""Least window: the notes on one take half of it at most, so rounds of notes come to an end."""

AGES = {"first day": 1.0, "first week": 7.0, "first month": 30.0, "first quarter": 91.0}
"""Upper limits of age, in days, of the event counts in the question about interest."""

EXPECTED = [
    "Most like how clear it sounds and how easy it is to set up; some find it too heavy."
] * 12
"""Typical notes, for estimates before notes are written."""


NotesByPart = dict[int, dict[int, Sequence[str]]]
"""Notes by the number of a question and of its part."""


@dataclass(frozen=True)
class Question:
    """A task with what the model is to read, and the notes so far.

    Attributes:
        task: The text to write.
        shown: The catalogue's fields, if it is about an item.
        heading: Of the texts in the prompt.
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
        for row, size in enumerate(sizes):
            if size > room:
                ends.append(row)
                room = window
            room -= size
        return [self.texts[a:b] for a, b in pairwise([*ends, len(self.texts)])]


@dataclass(frozen=True, eq=False)
class Generative:
    """A language model that reads an entity's reviews, the newest first, and answers one question.

    If the reviews are too long for a prompt, the model first takes notes on each part, and the
    question is asked about the notes. The reviews come before the question, so a server that caches
    prefixes reads them once for all kinds of text.

    Attributes:
        client: Of the model, with its cache, budget and limits.
        categories: A closed set to choose categories from; empty for an open list.
        window: Characters of texts in one prompt.
        labels: How a label of a closed set is found: written, held to the schema; or the one of
            highest likelihood (one pass, one label), if the model can score answers. A model may
            prefer some labels whatever it reads: compare both (`benchmarks/check_writer.py`).
    """

    client: LLMClient
    categories: Sequence[str] = ()
    window: int = WINDOW
    labels: Literal["likelihood", "written"] = "written"

    def __post_init__(self) -> None:
        if self.window < LEAST:
            raise BadSetting(f"a window of {self.window} characters is too small; take {LEAST:,}")

    @property
    def name(self) -> str:
        """See `Writer.name`."""
        closed = f", of {len(self.categories)} categories" if self.categories else ""
        how = ", labels by likelihood" if self._scores else ""
        model = self.client.llm.name
        return f"generative/{VERSION} ({model}, {self.window} characters{closed}{how})"

    @property
    def _scores(self) -> bool:
        return self.labels == "likelihood" and can_choose(self.client.llm)

    def write(self, material: Material, tasks: Sequence[Task]) -> Iterator[Written]:
        """See `Writer.write`. A task fails with the first of its parts that fails."""
        waiting = [question_of(material, task) for task in tasks]
        while waiting:
            yield from ((question.task, None) for question in waiting if question.empty)
            questions = [question for question in waiting if not question.empty]
            notes: NotesByPart = defaultdict(dict)
            failed: dict[int, Failure] = {}
            for row, part, answer in self._answers(self._requests(questions)):
                if isinstance(answer, Notes):
                    notes[row][part] = answer.notes
                elif isinstance(answer, Failure):
                    failed.setdefault(row, answer)
                else:
                    yield questions[row].task, self._text(questions[row], answer)
            for row, failure in failed.items():
                yield questions[row].task, failure
            waiting = self._with_notes(questions, notes)

    def estimate(self, material: Material, tasks: Sequence[Task], probe: int = 0) -> Estimate:
        """See `LLMClient.estimate`. Notes that are not written yet count with a typical length."""
        formed, waiting = self._requests_now(material, tasks)
        if probe:
            self.client.estimate(formed, probe)
        while waiting:
            expected: NotesByPart = {
                row: dict.fromkeys(range(len(question.parts(self.window))), EXPECTED)
                for row, question in enumerate(waiting)
            }
            waiting = self._with_notes(waiting, expected)
            formed += self._requests(waiting)
        return self.client.estimate(formed)

    def spent(self) -> tuple[int, Usage]:
        """Calls, tokens and cost of all runs in the client's folder so far."""
        with Store(self.client.folder) as store:
            return store.spent()

    def requests(self, material: Material, tasks: Sequence[Task]) -> list[Request]:
        """What can be asked now, for batch files.

        Questions about notes are among them once all notes are answered: import those, then export
        again.
        """
        return self._requests_now(material, tasks)[0]

    def _requests_now(
        self, material: Material, tasks: Sequence[Task]
    ) -> tuple[list[Request], list[Question]]:
        """Requests, and questions that wait for notes which are among them."""
        questions = [
            question for task in tasks if not (question := question_of(material, task)).empty
        ]
        formed: list[Request] = []
        while questions:
            asked = self._requests(questions)
            formed += asked
            noting = [request for request in asked if request.schema is Notes]
            if noting and self.client.estimate(noting).calls:
                return formed, questions
            notes: NotesByPart = defaultdict(dict)
            for row, part, answer in self._answers(noting):  # all settled: this costs nothing
                if isinstance(answer, Notes):
                    notes[row][part] = answer.notes
            noted = self._with_notes(questions, notes)
            questions = [question for question in noted if not question.empty]
        return formed, []

    def _answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, int, Any]]:
        """Answers, or why there is none, by the numbers of their questions and parts."""
        for key, reply in self.client.run(requests) if requests else ():
            row, part = map(int, key.split("."))
            yield row, part, reply.value if isinstance(reply, Reply) else Failure(reply.reason)

    def _requests(self, questions: Sequence[Question]) -> list[Request]:
        """The request of each question, or for notes on its parts if it is too long."""
        requests = []
        form: type[BaseModel]
        for row, question in enumerate(questions):
            parts = question.parts(self.window)
            for number, texts in enumerate(parts):
                if len(parts) > 1:
                    data = fenced({question.heading: texts})
                    asked, form = QUESTIONS["notes"], Notes
                else:
                    shown = {"The shop says": question.shown} if question.shown else {}
                    data = fenced(shown | {question.heading: texts})
                    asked = self._question(question.task)
                    form = self._form(question.task.kind)
                requests.append(Request(f"{row}.{number}", messages(data, asked), form))
        return requests

    def _form(self, kind: str) -> type[BaseModel]:
        """What the answer must be; the scores of all answers if labels are found by likelihood."""
        closed = choices(kind, self.categories) if self._scores else ()
        if closed:  # in the form that the questions show
            return among(tuple(json.dumps(one.model_dump(), ensure_ascii=False) for one in closed))
        return schema(kind, self.categories)

    def _text(self, question: Question, answer: Answer | Scores) -> str | Failure | None:
        """The text of an answer, or of the likeliest one; ties by position."""
        if isinstance(answer, Scores):
            answer = choices(question.task.kind, self.categories)[int(answer.values.argmax())]
        text = answer.text()
        if script := other_script(text, (*question.texts, *question.shown, *self.categories)):
            return Failure(f"the answer is in another script than the texts ({script.lower()})")
        return text or None

    def _question(self, task: Task) -> str:
        if task.kind == "categories" and self.categories:
            listed = json.dumps(list(self.categories), ensure_ascii=False)
            return QUESTIONS["closed categories"].format(categories=listed)
        by_entity = {"item": "say of this item", "user": "tell of the tastes of their writer"}
        return QUESTIONS[task.kind].format(content=by_entity[task.entity])

    def _with_notes(self, questions: Sequence[Question], notes: NotesByPart) -> list[Question]:
        """Questions of which each part has an answer, about the notes; empty if none was noted."""
        following = []
        for row, question in enumerate(questions):
            parts, found = question.parts(self.window), notes.get(row, {})
            if len(found) == len(parts) > 1:
                texts = [note for part in sorted(found) for note in found[part]]
                heading = f"Notes on {question.heading[:1].lower()}{question.heading[1:]}"
                following.append(replace(question, heading=heading, texts=texts))
        return following


def question_of(material: Material, task: Task) -> Question:
    """A task with the texts that the model reads."""
    fields = facts(material.dataset, task.id) if task.entity == "item" else {}
    shown = [f"{name}: {text}" for name, text in fields.items()]
    if KINDS[task.kind].reads == "events":
        return Question(task, shown, "Events since its first", _ages(material, task))
    rows = material.dataset.reviews[task.rows].with_columns(strip_html_column(pl.col("text")))
    rows = rows.filter(pl.col("text").str.strip_chars() != "")
    stars = rows["rating"].mean()
    average = f", {stars:.1f} stars on average" if isinstance(stars, float) else ""
    texts = [
        text if rating is None else f"{rating:g} stars: {text}"
        for rating, text in rows.select("rating", "text").iter_rows()
    ]
    whose = "Reviews" if task.entity == "item" else "Reviews by one person"
    return Question(task, shown, f"{whose}, newest first ({len(texts):,}{average})", texts)


def _ages(material: Material, task: Task) -> list[str]:
    """Events since an item's first, counted by age."""
    time = material.dataset.events["time"].gather(task.rows).drop_nulls().to_numpy()
    if not len(time):
        return []
    age = (time - time.min()) / DAY
    edges = [0.0, *AGES.values(), np.inf]
    count = np.histogram(age, edges)[0]
    return [f"{name}: {n}" for name, n in zip([*AGES, "later"], count.tolist(), strict=True)]
