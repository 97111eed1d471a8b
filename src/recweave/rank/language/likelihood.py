"""Candidates by how much likelier a history makes their titles."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from recweave.core.arrays import Array
from recweave.core.progress import track
from recweave.rank.language.position import shuffles
from recweave.rank.language.prompts import Prompts
from recweave.rank.language.reader import KEPT, Reader, Recent
from recweave.rank.language.tally import Asked, Tally

TITLES_ALONE = 40
"""Titles whose likelihood without a history is asked for at once."""

_SCORES = Recent(KEPT)
"""Rows of a run, and lists of one user, ask the same of one model."""


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Scores candidates by log P(title | history) less log P(title | no history).

    The difference is divided by the root of the title's length in tokens: without that, long titles
    would be at both ends of a list.

    Attributes:
        prompts: What is written.
        reader: The language model.
        shots: What stands before each prompt: examples of other users; may be empty.
        listed: Whether the prompt lists the candidates.
        orders: Orders of the candidates that are averaged over, where the prompt lists them.
        seed: Of these orders.
    """

    prompts: Prompts
    reader: Reader
    shots: str = ""
    listed: bool = False
    orders: int = 1
    seed: int = 0

    def scores(
        self, asked: Sequence[Asked], tally: Tally
    ) -> Sequence[Float[Array, " candidates"] | None]:
        """See `Ranker.scores`; None where even the newest item alone makes too long a prompt."""
        return [self._scores(one, tally) for one in track(asked, "reading titles")]

    def _scores(self, one: Asked, tally: Tally) -> Float[Array, " candidates"] | None:
        alone = self.alone(one.candidates, tally)
        orders = self.orders if self.listed else 1  # else the order is not in the prompt
        found = []
        for order in shuffles(len(one.candidates), orders, self.seed, one.shown):
            given = self._given(one.shown, [one.candidates[at] for at in order], tally)
            if given is None:
                tally.reasons["the prompt is longer than the context"] += 1
                return None
            found.append((given - alone[order])[np.argsort(order)])
            if self.listed:
                tally.position(order, found[-1])
        return np.asarray(np.mean(found, axis=0))

    def alone(self, items: Sequence[int], tally: Tally) -> Float[Array, " items"]:
        """Log-likelihoods without a history, over the root of the length; computed once an item."""
        prompt = self.prompts.continuation(())
        keys = {item: self._key(prompt, [item]) for item in items}
        asked = [item for item, key in keys.items() if _SCORES.find(key) is None]
        for first in range(0, len(asked), TITLES_ALONE):
            part = asked[first : first + TITLES_ALONE]
            for item, value in zip(part, self._read(prompt, part, tally), strict=True):
                _SCORES.put(keys[item], float(value))
        return np.array([_SCORES.find(keys[item]) for item in items], np.float64)

    def _given(self, shown: Sequence[int], items: Sequence[int], tally: Tally) -> Array | None:
        """The same after a history; the oldest items of one that is too long are left out.

        None where the newest alone is too long.
        """
        listed = items if self.listed else ()
        longest = max(len(self._answer(item)) for item in items)
        room = self.reader.context - longest
        while True:
            prompt = self.shots + self.prompts.continuation(shown, listed)
            if len(self.reader.tokens(prompt)) <= room:
                break
            if len(shown) == 1:
                return None
            shown = shown[1:]
            tally.dropped += 1
        key = self._key(prompt, items)
        found = _SCORES.find(key)
        if found is None:
            found = self._read(prompt, items, tally)
            _SCORES.put(key, found)
        return np.asarray(found)

    def _read(self, prompt: str, items: Sequence[int], tally: Tally) -> Array:
        asked = self.reader.tokens(prompt)
        answers = [self._answer(item) for item in items]
        tally.prompt_tokens += len(asked)
        tally.answer_tokens += sum(map(len, answers))
        tally.asked += 1
        length = np.array([len(answer) for answer in answers])
        return np.asarray(self.reader.log_likelihoods(asked, answers) / np.sqrt(length))

    def _answer(self, item: int) -> list[int]:
        return self.reader.tokens(self.prompts.title(item))

    def _key(self, prompt: str, items: Sequence[int]) -> str:
        titles = "\n".join(map(self.prompts.title, items))
        return hashlib.sha256(f"{self.reader.name}\n{prompt}\n\n{titles}".encode()).hexdigest()
