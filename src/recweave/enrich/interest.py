"""How long interest in an item lasts, fitted from the times of its events."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadInput
from recweave.data.interactions import Interactions
from recweave.enrich.lexicon import HORIZONS

DAY = 86_400.0
SHRINKAGE = 5.0
"""Events that the common half-life counts for, beside an item's own."""

STEPS = 60
"""Halvings of a range of rates; the last is below one part in 10^12."""


@dataclass(frozen=True, eq=False)
class Interest:
    """The half-life of interest in each item.

    Attributes:
        half_life: In days; after it, an item draws half as many events as before. Items without
            events of their own have the common one.
        common: The half-life fitted to all items together, toward which each is shrunk.
    """

    half_life: Float[Array, " items"]
    common: float

    @classmethod
    def fit(cls, log: Interactions) -> "Interest":
        """Exponential fading from an item's first event, seen until the end of the log.

        The ages a of the events after the first are drawn with density λ e^(−λa) / (1 − e^(−λT)),
        where T is the time from the first event to the end of the log: what would come later is not
        seen, so an item that sells evenly to the end has no half-life that the log can tell. For
        each item the posterior mode of λ under a gamma prior worth `SHRINKAGE` events at the common
        rate, which is fitted to all items likewise. λ is kept within what the log can tell: half-
        lives from a minute to ten times its span. O(items · `STEPS`).

        Raises:
            BadInput: if the log has an order but no times.
        """
        if log.clock != "seconds":
            raise BadInput("how long interest lasts cannot be told from a log without times")
        items = log.shape[1]
        time = log.time / DAY
        end = float(time.max(initial=0))
        first = np.full(items, end)
        np.minimum.at(first, log.item, time)
        window = np.maximum(end - first, 1 / 1440)
        count = np.maximum(log.item_counts() - 1.0, 0)
        total = np.bincount(log.item, time - first[log.item], minlength=items)
        span = max(float(window.max(initial=0)), 1 / 1440)
        low, high = np.log(2) / (10 * span), np.log(2) * 1440
        common = _rate(count, total, window, 0.0, 1.0, low, high, together=True)
        rate = _rate(count, total, window, SHRINKAGE, float(common[0]), low, high)
        return cls(np.log(2) / rate, float(np.log(2) / common[0]))

    def relevance(self, log: Interactions, now: int) -> Csr:
        """What is left of each user's interest in the items they touched, users by items.

        An event of age a is worth 2^(−a / half-life of the item), the newest of a pair counts, and
        events after `now` (seconds) are not looked at.
        """
        seen = log[log.time <= now]
        left = np.exp2((seen.time - now) / DAY / self.half_life[seen.item])
        order = np.lexsort((-left, seen.item, seen.user))
        user, item = seen.user[order], seen.item[order]
        best = np.ones(len(order), bool)
        best[1:] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
        strongest = left[order][best].astype(np.float32)
        made: Csr = sparse.csr_array((strongest, (user[best], item[best])), shape=log.shape)
        return made


def horizon(half_life: float) -> str:
    """A half-life in days as a word.

    >>> [horizon(days) for days in (0.5, 10, 100, 1000)]
    ['hours', 'weeks', 'season', 'evergreen']
    """
    return next((name for name, below in HORIZONS.items() if half_life < below), "evergreen")


def _rate(
    count: Float[Array, " items"],
    total: Float[Array, " items"],
    window: Float[Array, " items"],
    prior: float,
    common: float,
    low: float,
    high: float,
    *,
    together: bool = False,
) -> Float[Array, " fits"]:
    """Where the slope of the log posterior is 0, by halving: it falls as the rate grows."""
    fits = 1 if together else len(count)
    below, above = np.full(fits, np.log(low)), np.full(fits, np.log(high))
    for _ in range(STEPS):
        middle = (below + above) / 2
        rate = np.exp(middle)
        slope = count * _mean_age(rate, window) - total
        slope = np.atleast_1d(slope.sum()) if together else slope
        slope = slope + prior * (1 / rate - 1 / common)
        below, above = np.where(slope > 0, middle, below), np.where(slope > 0, above, middle)
    return np.asarray(np.exp((below + above) / 2))


def _mean_age(rate: Float[Array, " fits"], window: Float[Array, " items"]) -> Array:
    """The mean of an exponential cut off at the window: 1/λ − T / (e^(λT) − 1)."""
    x = rate * window
    # For small x the two terms cancel; the series is T (1/2 − x/12 + x³/720).
    series = window * (0.5 - x / 12 + x**3 / 720)
    big = np.minimum(np.maximum(x, 1e-2), 500)
    return np.asarray(np.where(x < 1e-2, series, 1 / rate - window / np.expm1(big)))
