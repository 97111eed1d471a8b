"""How long interest in an item lasts, fitted from the times of its events."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.core.errors import BadInput
from recweave.core.memory import require_memory
from recweave.data.interactions import Interactions
from recweave.enrich.lexicon import HORIZONS

DAY = 86_400.0
MINUTE = 1 / 1440
"""In days."""
GRID = 256
"""Half-lives that are tried, evenly spaced in their logarithm."""

ROUNDS = 20
"""Iterations of expectation maximisation."""


@dataclass(frozen=True, eq=False)
class Interest:
    """The half-life of interest in each item.

    Attributes:
        half_life: In days; after it, an item gets half as many events as before. Items with one
            event or none have the common one.
        common: The typical half-life of all items; each item's own is shrunk to it.
    """

    half_life: Float[Array, " items"]
    common: float

    @classmethod
    def fit(cls, log: Interactions) -> "Interest":
        """Exponential decay from an item's first event, observed until the end of the log.

        The ages a of the events after the first have the density λ e^(−λa) / (1 − e^(−λT)), where T
        is the time from the first event to the end of the log: later events are not observed, so an
        item with a constant rate of events has no half-life of its own. log λ is normal over items,
        with mean and variance fitted by expectation maximisation; an item's half-life is at the
        posterior mean of its log λ. So items with few events stay near the common half-life, the
        more so the more similar the items are. Half-lives lie between a minute and ten times the
        span of the log, on a grid of `GRID`. O(items · `GRID` · `ROUNDS`).

        Raises:
            BadInput: if the log has an order but no times.
            TooLarge: if the grid of all items would not fit into memory.
        """
        if log.clock != "seconds":
            raise BadInput("how long interest lasts cannot be fitted from a log without times")
        items = log.shape[1]
        time = log.time / DAY
        end = float(time.max(initial=0))
        first = np.full(items, end)
        np.minimum.at(first, log.item, time)
        count = np.maximum(log.item_counts() - 1, 0)
        fitted = np.flatnonzero(count)
        require_memory(12 * GRID * len(fitted), "fitting half-lives", "leave out rare items")
        total = np.bincount(log.item, time - first[log.item], minlength=items).astype(np.float64)
        window = np.maximum(end - first, MINUTE)
        longest = 10 * float(window.max(initial=MINUTE))
        rate = np.log(2) / np.geomspace(longest, MINUTE, GRID)
        likely = _likelihood(count[fitted], total[fitted], window[fitted], rate)
        mean, common = _shrunk(likely, np.log(rate))
        half_life = np.full(items, np.log(2) / np.exp(common))
        half_life[fitted] = np.log(2) / np.exp(mean)
        return cls(half_life, float(np.log(2) / np.exp(common)))

    def relevance(self, log: Interactions, now: int) -> Csr:
        """Each user's remaining interest in the items of their events, users by items.

        An event of age a counts 2^(−a / half-life of the item). Of several events of a pair the
        newest counts; events after `now` (seconds) are ignored.
        """
        past = log[log.time <= now]
        weight = np.exp2((past.time - now) / DAY / self.half_life[past.item])
        order = np.lexsort((-weight, past.item, past.user))
        user, item = past.user[order], past.item[order]
        best = np.ones(len(order), bool)
        best[1:] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
        newest = weight[order][best].astype(np.float32)
        interest: Csr = sparse.csr_array((newest, (user[best], item[best])), shape=log.shape)
        return interest


def horizon(half_life: float) -> str:
    """A half-life in days as a word.

    >>> [horizon(days) for days in (0.5, 10, 100, 1000)]
    ['hours', 'weeks', 'season', 'evergreen']
    """
    return next((name for name, below in HORIZONS.items() if half_life < below), "evergreen")


def _likelihood(
    count: Int[Array, " items"],
    total: Float[Array, " items"],
    window: Float[Array, " items"],
    rate: Float[Array, " grid"],
) -> Float[Array, "items grid"]:
    """The log likelihood of each rate: n log λ − λ Σ a − n log(1 − e^(−λT))."""
    n, ages, span = (column[:, None].astype(np.float32) for column in (count, total, window))
    rates = rate[None].astype(np.float32)
    observed = np.log(-np.expm1(-np.maximum(rates * span, 1e-6)))
    return np.asarray(n * (np.log(rates) - observed) - rates * ages)


def _shrunk(
    likely: Float[Array, "items grid"], at: Float[Array, " grid"]
) -> tuple[Float[Array, " items"], float]:
    """Posterior means, and the mean of the most likely normal prior over all items."""
    mean, std = float(at.mean()), float(at.std())
    own = np.full(len(likely), mean)
    for _ in range(ROUNDS if len(likely) else 0):
        weight = likely - ((at - mean) ** 2 / (2 * std**2)).astype(np.float32)
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        own = weight @ at
        mean = float(own.mean())
        std = float(np.sqrt((weight @ at**2 - 2 * mean * own + mean**2).mean()))
        std = max(std, float(at[1] - at[0]))
    return own, mean
