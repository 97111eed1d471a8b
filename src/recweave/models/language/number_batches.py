"""Training batches of `Numbered`: of users' events, and of the corpora learned before."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.models.language.arithmetic import make_sums
from recweave.models.language.number_text import NumberText, Packed, Pairs
from recweave.models.language.number_tokens import compact, ragged
from recweave.models.language.numbered import Numbered, Pretrain
from recweave.models.language.prompts import prompts
from recweave.models.nn.sequences import Batch, Windows

Texts = Callable[[], Packed | Pairs]
"""Makes the texts of a batch when they are needed."""

ANONYMOUS = 0.1
"""Share of training prompts without the user's number, so that cold users can be read."""
RANDOM_ITEMS = 2
"""Items in the history of a prompt of the corpus `prompts`; it is as long as a sum."""


@dataclass(frozen=True, eq=False)
class EventBatches:
    """Batches of windows of users' histories.

    Attributes:
        recipe: The settings.
        text: The texts.
        windows: The histories, cut.
        packed: Whether all items of a window are learned at once, or one random item.
    """

    recipe: Numbered
    text: NumberText
    windows: Windows
    packed: bool

    def epoch(self, rng: np.random.Generator) -> list[Texts]:
        """The batches of an epoch, in a random order."""
        made: list[Texts] = []
        for batch in self.windows.batches(rng, self.recipe.batch):
            seed = int(rng.integers(2**63))
            made.append(partial(self._sequential, batch, seed))
            if self.recipe.straightforward:
                made.append(partial(self._straightforward, batch, seed))
        return [made[index] for index in rng.permutation(len(made))]

    def _sequential(self, batch: Batch, seed: int) -> Packed | Pairs:
        rng = np.random.default_rng(seed)
        user = batch.owners()
        item, learned = self._events(batch, user)
        wordings = prompts("sequential", self.recipe.wordings)
        choice = rng.integers(0, len(wordings), len(user))
        if not self.recipe.users:
            user = np.full(len(user), -1)
        head = self.text.heads(wordings, choice, _some_left_out(user, rng))
        if self.packed:
            return self.text.packed(head, item, learned)
        target = _random_true(learned, rng)
        goal = item[np.arange(len(item)), target]
        before = np.where(np.arange(item.shape[1]) < target[:, None], item, -1)
        question = ragged([self.text.tokens.encode(one.question) for one in wordings])[choice]
        return Pairs(self.text.prompt(head, before, question), self.text.item[goal])

    def _straightforward(self, batch: Batch, seed: int) -> Pairs:
        rng = np.random.default_rng([seed, 1])
        user = batch.owners()
        item, learned = self._events(batch, user)
        wordings = prompts("straightforward", self.recipe.wordings)
        choice = rng.integers(0, len(wordings), len(user))
        head = self.text.heads(wordings, choice, user)
        goal = item[np.arange(len(item)), _random_true(learned, rng)]
        return Pairs(compact(head)[0], self.text.item[goal])

    def _events(
        self, batch: Batch, user: Int[Array, " batch"]
    ) -> tuple[Int[Array, "batch events"], Bool[Array, "batch events"]]:
        """The items of each window, and which are learned: the first one only of a whole history,
        as in later windows it was learned before."""
        windows = self.windows
        start, size = windows.start[batch.rows], windows.size[batch.rows]
        step = np.arange(int(size.max()))
        inside = step < size[:, None]
        at = np.where(inside, start[:, None] + step, 0)
        item = np.where(inside, windows.history.item[at], -1)
        learned = inside & (windows.weight[at] > 0)
        learned[:, 0] &= start == windows.history.start[user]
        return item, learned


def corpus_batches(
    pretrain: Pretrain, text: NumberText, seed: int, rng: np.random.Generator
) -> list[Texts]:
    """The batches of an epoch of a corpus: the same texts in each epoch, in another order."""
    make = _corpus(pretrain, text, seed)
    order = rng.permutation(pretrain.samples)
    parts = np.split(order, np.arange(pretrain.batch, len(order), pretrain.batch))
    return [partial(make, rows) for rows in parts]


def _corpus(
    pretrain: Pretrain, text: NumberText, seed: int
) -> Callable[[Int[Array, " batch"]], Pairs]:
    items = len(text.number)
    if pretrain.corpus != "prompts":
        sums = make_sums(items, pretrain.samples, seed, permuted=pretrain.corpus == "permuted")
        return lambda rows: text.sums(sums.rows(rows))
    rng = np.random.default_rng([seed, pretrain.samples])
    wordings = prompts("sequential", 10)
    choice = rng.integers(0, len(wordings), pretrain.samples)
    user = rng.integers(0, 10_000, pretrain.samples)
    item = rng.integers(0, items, (pretrain.samples, RANDOM_ITEMS + 1))

    def make(rows: Int[Array, " batch"]) -> Pairs:
        head = text.heads(wordings, choice[rows], user[rows])
        history = item[rows, :RANDOM_ITEMS]
        return Pairs(text.prompt(head, history), text.item[item[rows, RANDOM_ITEMS]])

    return make


def _some_left_out(user: Int[Array, " batch"], rng: np.random.Generator) -> Int[Array, " batch"]:
    return np.where(rng.random(len(user)) < ANONYMOUS, -1, user)


def _random_true(
    mark: Bool[Array, "rows columns"], rng: np.random.Generator
) -> Int[Array, " rows"]:
    """A random column of each row in which the mark is set."""
    return np.asarray(np.where(mark, rng.random(mark.shape), -1.0).argmax(axis=1))
