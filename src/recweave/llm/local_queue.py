"""Questions to a model in this process, answered in batches that new ones join."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from recweave.llm.causal import CausalLM

if TYPE_CHECKING:  # they import torch
    from recweave.llm.generation import Continuation, Generation

GATHER = 0.02
"""Seconds without a new question after which the first batch begins."""


@dataclass(eq=False)
class Question:
    """A question, and then its answer.

    Attributes:
        prompt: Its tokens.
        most: Tokens of the answer, at most.
        constraint: What the answer is held to.
        choices: Answers to score; the model writes one of its own if there are none.
        answer, outcome: Of what was written; see `Continuation`.
        scores: Log-likelihood and tokens of each choice.
        done: Set when it is answered.
    """

    prompt: list[int]
    most: int = 1
    constraint: Any = None
    choices: Sequence[list[int]] = ()
    answer: list[int] = field(default_factory=list)
    outcome: str = ""
    scores: Any = None
    done: "Future[None]" = field(default_factory=Future)

    @property
    def used(self) -> int:
        """Tokens of the answer, or of the answers that were scored."""
        return len(self.answer) + sum(map(len, self.choices))


class LocalQueue:
    """A thread that answers what is waiting, and ends when nothing is.

    A question that is cancelled leaves the batch; the others go on.
    """

    def __init__(self, lm: CausalLM) -> None:
        self._lm = lm
        self._waiting: list[Question] = []
        self._lock = Lock()
        self._at_work = False

    def put(self, question: Question) -> "Future[None]":
        """Ask; the future is done when the question has its answer."""
        with self._lock:
            self._waiting.append(question)
            if not self._at_work:
                self._at_work = True
                Thread(target=self._work, name="recweave-local", daemon=True).start()
        return question.done

    def _work(self) -> None:
        known: dict[Continuation, Question] = {}
        try:
            self._gather()
            with self._lm.inference():
                generation = self._lm.generation()
                while not self._finished(generation):
                    self._score(self._take(lambda waiting: len(waiting), scored=True))
                    self._join(generation, known)
                    self._step(generation, known)
        except BaseException as error:  # of torch, mostly memory: every open question fails with it
            with self._lock:
                left = [*known.values(), *self._waiting]
                self._waiting, self._at_work = [], False
            for question in left:
                if question.done.set_running_or_notify_cancel():
                    question.done.set_exception(error)

    def _finished(self, generation: "Generation") -> bool:
        with self._lock:
            self._at_work = bool(self._waiting or generation.under_way)
            return not self._at_work

    def _gather(self) -> None:
        """Wait until no more questions come at once."""
        count = 0
        while len(self._waiting) > count:
            count = len(self._waiting)
            time.sleep(GATHER)

    def _take(self, fit: Callable[[list[Question]], int], *, scored: bool) -> list[Question]:
        """As many as fit of those to be scored, or written; similar ones follow each other."""
        with self._lock:
            self._waiting = [one for one in self._waiting if not one.done.cancelled()]
            kind = [one for one in self._waiting if bool(one.choices) == scored]
            kind.sort(key=lambda question: question.prompt)
            taken = kind[: fit(kind)]
            gone = set(map(id, taken))
            self._waiting = [one for one in self._waiting if id(one) not in gone]
            return taken

    def _score(self, questions: Sequence[Question]) -> None:
        prompts = [question.prompt for question in questions]
        choices = [question.choices for question in questions]
        try:
            for row, likelihoods, tokens in self._lm.scored(prompts, choices):
                questions[row].scores = likelihoods, tokens
                _settle(questions[row])
        finally:  # after an error, those without scores fail with the others that wait
            with self._lock:
                self._waiting += [one for one in questions if one.scores is None]

    def _join(self, generation: "Generation", known: dict["Continuation", Question]) -> None:
        taken = self._take(
            lambda waiting: generation.room([len(one.prompt) for one in waiting]), scored=False
        )
        new = {self._lm.continuation(q.prompt, q.most, q.constraint): q for q in taken}
        known |= new
        if new:
            generation.add(list(new))

    def _step(self, generation: "Generation", known: dict["Continuation", Question]) -> None:
        under_way = generation.under_way
        generation.drop([n for n, one in enumerate(under_way) if known[one].done.cancelled()])
        for one in generation.step():
            question = known.pop(one)
            question.answer, question.outcome = one.tokens, one.outcome
            _settle(question)


def _settle(question: Question) -> None:
    """Say that it is answered, unless it was cancelled."""
    if question.done.set_running_or_notify_cancel():
        question.done.set_result(None)
