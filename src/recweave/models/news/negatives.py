"""Negatives of clicks: articles that were shown and not clicked, and popular ones (POPK).

POPK (arXiv 2407.09939): what was popular at that moment competes for attention even if it was not
shown. So `popk` of the K negatives of a click are the popular articles of that moment, less those
that the reader knows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from recweave.core.arrays import Array
from recweave.core.lists import pair_keys
from recweave.data.impressions import Impressions
from recweave.models.news.settings import NewsRecipe
from recweave.models.popular_at import Occurrences, PopularAt


@dataclass(frozen=True, eq=False)
class Clicks:
    """The clicks of impressions, with what each is compared with.

    Attributes:
        impression: Row of each click's impression.
        item: The clicked item.
        start, other: Of each impression, the items that were shown and not clicked.
        popular: Of each impression, the popular articles of that moment that the reader does not
            know: `popk` negatives, then those that follow them; padded with -1.
        popk: Of the negatives, how many are popular ones.
        count: Negatives of a click (K).
    """

    impression: Int[Array, " clicks"]
    item: Int[Array, " clicks"]
    start: Int[Array, " impressions_and_one"]
    other: Int[Array, " shown"]
    popular: Int[Array, "impressions some"]
    popk: int
    count: int

    @classmethod
    def of(cls, recipe: NewsRecipe, impressions: Impressions) -> "Clicks":
        """Of training impressions; popularity is of these alone, and at each before its time."""
        row, clicked = impressions.row_numbers(), impressions.clicked
        others = np.bincount(row[~clicked], minlength=len(impressions))
        if recipe.popk:
            wanted = recipe.popk + recipe.negatives
            popular = popular_of(recipe, impressions).first(
                impressions.time, wanted, known_to_reader(impressions)
            )
        else:
            popular = np.full((len(impressions), 1), -1, np.int32)
        return cls(
            impression=row[clicked],
            item=impressions.item[clicked],
            start=np.concatenate([[0], np.cumsum(others)]),
            other=impressions.item[~clicked],
            popular=popular,
            popk=recipe.popk,
            count=recipe.negatives,
        )

    def __len__(self) -> int:
        return len(self.item)

    def usable(self) -> Bool[Array, " clicks"]:
        """Whether a click has any negative: others were shown, or something was popular."""
        others = np.diff(self.start)[self.impression] > 0
        return np.asarray(others | (self.popular[self.impression, 0] >= 0))

    def fewer(self) -> int:
        """How many clicks have fewer than `popk` popular negatives; random ones fill up."""
        missing = (self.popular[:, : self.popk] < 0).sum(axis=1)
        return int(np.count_nonzero(missing[self.impression]))

    def negatives(
        self, rows: Int[Array, " n"], rng: np.random.Generator
    ) -> Int[Array, "n negatives"]:
        """K negatives of each of some clicks, all of which are `usable`.

        First the popular ones, then others that were shown with the click, drawn without
        replacement; with replacement, once these are used up. Where nothing else was shown, popular
        articles follow, and repeat.
        """
        of = self.impression[rows]
        chosen = self.popular[of, : self.popk]
        taken = (chosen >= 0).sum(axis=1)
        start, shown = self._shuffled_others(of, chosen, rng)
        size = np.diff(start)
        again = rng.random((len(rows), self.count))
        found = np.empty((len(rows), self.count), np.int32)
        for column in range(self.count):
            nth = column - taken
            drawn = np.where(nth < size, nth, (again[:, column] * size).astype(np.int64))
            at = np.minimum(start[:-1] + np.maximum(drawn, 0), max(0, len(shown) - 1))
            # Where nothing else was shown: the popular articles in turn.
            popular = self.popular[of]
            turn = column % np.maximum(1, (popular >= 0).sum(axis=1))
            found[:, column] = np.where(
                (nth >= 0) & (size > 0) if len(shown) else False,
                shown[at] if len(shown) else -1,
                popular[np.arange(len(rows)), turn],
            )
        return found

    def _shuffled_others(
        self, of: Int[Array, " n"], chosen: Int[Array, "n popk"], rng: np.random.Generator
    ) -> tuple[Int[Array, " n_and_one"], Int[Array, " others"]]:
        """What was shown and not clicked, less what is chosen already, each row in random order."""
        size = np.diff(self.start)[of]
        row = np.repeat(np.arange(len(of)), size)
        first = np.repeat(self.start[of] - (np.cumsum(size) - size), size)
        item = self.other[first + np.arange(len(row))]
        key = rng.random(len(row))
        if chosen.size:
            left = ~(chosen[row] == item[:, None]).any(axis=1)
            row, item, key = row[left], item[left], key[left]
        order = np.lexsort((key, row))
        left_of = np.bincount(row, minlength=len(of))
        return np.concatenate([[0], np.cumsum(left_of)]), item[order]


def popular_of(recipe: NewsRecipe, impressions: Impressions) -> PopularAt:
    """What is popular at any moment, by the clicks of these impressions."""
    time = np.repeat(impressions.time, impressions.lengths)
    clicked = impressions.clicked
    return recipe.popular_at(
        Occurrences.of(impressions.item[clicked], time[clicked]),
        Occurrences.of(impressions.item, time),
        impressions.shape[1],
        impressions.clock,
    )


def known_to_reader(
    impressions: Impressions,
) -> tuple[Int[Array, " pairs"], Int[Array, " pairs"]]:
    """Pairs of an impression and an item that was clicked in it, or that its reader had read."""
    history = impressions.history
    items = impressions.shape[1]
    clicked = pair_keys(
        impressions.row_numbers()[impressions.clicked],
        impressions.item[impressions.clicked],
        items,
    )
    read = pair_keys(history.row_numbers(), history.item, items)
    row, item = np.divmod(np.union1d(clicked, read), items)
    return row, item
