"""Candidates by what a language model writes: a list of titles, parsed and matched."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.rank.language.matching import match, names_in
from recweave.rank.language.position import shuffles
from recweave.rank.language.prompts import Prompts
from recweave.rank.language.tally import Asked, Tally
from recweave.rank.language.writers import LocalWriter, Prompt, ServerWriter, Written


@dataclass(frozen=True, eq=False)
class Generation:
    """Scores candidates by their rank in the list that a language model writes.

    Of n candidates the first one named has n points, the next n - 1, …, and those that are not
    named 0, so they follow in the retriever's order. With several orders of the candidates in the
    prompt, points are averaged.

    Attributes:
        prompts: What is written.
        writer: The language model.
        ids: Of the items, for answers that name ids.
        count: Titles that are asked for.
        shots: Examples of other users, before the prompt; may be empty.
        orders: Orders of the candidates that are averaged over.
        seed: Of these orders.
    """

    prompts: Prompts
    writer: LocalWriter | ServerWriter
    ids: tuple[str, ...]
    count: int = 10
    shots: str = ""
    orders: int = 1
    seed: int = 0

    def scores(
        self, asked: Sequence[Asked], tally: Tally
    ) -> Sequence[Float[Array, " candidates"] | None]:
        """See `Ranker.scores`; None for a list of which no answer names a candidate."""
        found: list[list[Array]] = [[] for _ in asked]
        todo = [
            (row, order, self._prompt(one, order))
            for row, one in enumerate(asked)
            for order in shuffles(len(one.candidates), self.orders, self.seed, one.shown)
        ]
        reasons: dict[int, str] = {}
        written = self.writer.write([prompt for _, _, prompt in todo], tally)
        for (row, order, _), answer in zip(todo, written, strict=True):
            points = self._points(asked[row], answer, tally)
            if points is None:
                reasons.setdefault(row, answer.failure or "no candidate in the answer")
                continue
            found[row].append(points)
            tally.position(order, points)
        for row, points_of_orders in enumerate(found):
            if not points_of_orders:
                tally.reasons[reasons[row]] += 1
        return [np.mean(points, axis=0) if points else None for points in found]

    def _prompt(self, one: Asked, order: Array) -> Prompt:
        listed = [one.candidates[at] for at in order]
        count = min(self.count, len(listed))

        def text(shown: Sequence[int]) -> str:
            return self.shots + self.prompts.request(shown, listed, count, self.writer.form)

        return Prompt(self.prompts.system, text, one.shown)

    def _points(self, one: Asked, answer: Written, tally: Tally) -> Array | None:
        if answer.failure:
            return None
        names = answer.names if answer.names is not None else names_in(answer.text)
        ids = [self.ids[item] for item in one.candidates]
        titles = [self.prompts.title(item) for item in one.candidates]
        found = match(names, ids, titles, [self.prompts.title(item) for item in one.shown])
        tally.invented += found.invented
        tally.consumed += found.consumed
        tally.repeated += found.repeated
        if not found.chosen:
            tally.unreadable += 1
            return None
        points = np.zeros(len(ids))
        points[list(found.chosen)] = len(ids) - np.arange(len(found.chosen))
        return points
