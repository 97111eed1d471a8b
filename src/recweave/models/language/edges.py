"""Relations of the users and items of a document: how far apart they are in the training graph."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from recweave.core.arrays import Array, Csr
from recweave.models.language.documents import Ragged

FAR = 6
"""Path length of everything that is at least this far, or not connected."""
UNRELATED = FAR + 1
"""Code of a pair of which one is a word."""
CODES = UNRELATED + 1


def closed_form() -> Float[Array, " codes"]:
    """LLM4REC's attention bias by path length, as its code computes it.

    A + min-max(max(6 − P, 0)), scaled by minimum and maximum again, with A = 1 at P = 1. The last
    value is that of words, 0.

    >>> (closed_form() * 11).round(6).tolist()
    [6.0, 11.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0]
    """
    length = np.arange(FAR + 1)
    score = np.maximum(FAR - length, 0) / FAR + (length == 1)
    return np.append(score / score.max(), 0).astype(np.float32)


def damped_form(damping: float, longest: int = FAR - 1) -> Float[Array, " codes"]:
    """The bias as the paper describes it: 1 for an edge, plus max(0, 1 − δ · P / max P).

    Args:
        damping: δ, in (0, 1].
        longest: max P: the longest path that is measured.

    >>> damped_form(1.0).astype(float).round(6).tolist()
    [1.0, 1.8, 0.6, 0.4, 0.2, 0.0, 0.0, 0.0]
    """
    length = np.arange(FAR + 1)
    path = np.where(length < FAR, np.maximum(0, 1 - damping * length / longest), 0)
    return np.append(path + (length == 1), 0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class EdgeGraph:
    """The graph of users and items in training; nothing of validation or test.

    Attributes:
        events: Users by items, 1 where there is an event.
    """

    events: Csr

    @classmethod
    def of_histories(cls, histories: Ragged, items: int) -> "EdgeGraph":
        """From the different items of each user, and the number of all items."""
        ones = np.ones(len(histories.value), np.float32)
        shape = (len(histories), items)
        return cls(sparse.csr_array((ones, (histories.row, histories.value)), shape=shape))

    @cached_property
    def _by_item(self) -> Csr:
        """Items by users: a row is read directly, a column in a pass over all events."""
        return self.events.T.tocsr()

    def between_items(self, item: Int[Array, " n"], without: int = -1) -> Int[Array, "n n"]:
        """Path lengths between items: 0, 2, 4 or `FAR`.

        Args:
            item: The items.
            without: A user whose events are left out; -1 leaves none out.
        """
        near = self._shared_users(item, without)
        linked = near[:, item] > 0
        far = (near @ near.T) > 0 if near.size else linked
        length = np.where(linked, 2, np.where(far, 4, FAR))
        length[item[:, None] == item] = 0
        return length.astype(np.int8)

    def _shared_users(self, item: Int[Array, " n"], without: int) -> Float[Array, "n items"]:
        """Number of users that each of the items shares with every item."""
        shared = np.asarray((self._by_item[item] @ self.events).toarray())
        if without >= 0:
            own = self.events[[without]].toarray()[0]
            shared -= own[item][:, None] * own
        return shared


@dataclass(frozen=True, eq=False)
class Relations:
    """Path lengths between the items of each history, for batches of documents of them.

    A user's items are all at distance 2 through that user, so the graph says nothing within a
    history unless the user's own events are left out.

    Attributes:
        items: The items of each history, ascending, each once.
        length: The path lengths of all pairs of a history, one history after another.
        start: Where those of each history start.
    """

    items: Ragged
    length: Int[Array, " pairs"]
    start: Int[Array, " histories"]

    @classmethod
    def of(
        cls,
        graph: EdgeGraph | None,
        histories: Ragged,
        user: Int[Array, " histories"],
        *,
        leave_user_out: bool,
    ) -> "Relations":
        """Measure the items of each history.

        Args:
            graph: The training events; not needed if users are not left out.
            histories: The items of each history.
            user: Row of each history's user in the graph; -1 for a cold user.
            leave_user_out: Whether the user's own events are left out of the graph.
        """
        own = _each_once(histories)
        pairs = own.lengths**2
        start = np.cumsum(pairs) - pairs
        if not leave_user_out:  # all at distance 2 through the user
            length = np.full(int(pairs.sum()), 2, np.int8)
            within = np.arange(len(own.value)) - own.start[own.row]
            length[start[own.row] + within * (own.lengths[own.row] + 1)] = 0
            return cls(own, length, start)
        assert graph is not None
        parts = [
            graph.between_items(own.value[first:end], without).ravel()
            for first, end, without in zip(own.start, own.start[1:], user.tolist(), strict=False)
        ]
        length = np.concatenate([np.zeros(0, np.int8), *parts])
        return cls(own, length, start)

    def codes(
        self,
        item: Int[Array, "batch time"],
        is_user: Bool[Array, "batch time"],
        history: Int[Array, " batch"],
    ) -> Int[Array, "batch time time"]:
        """The path length between the tokens of documents; `UNRELATED` if one is a word.

        Args:
            item: Row of the item at each position; -1 where there is none.
            is_user: Where the user of the history is.
            history: Number of each document's history.
        """
        items = int(max(self.items.value.max(initial=0), item.max(initial=0))) + 1
        keys = self.items.row * items + self.items.value
        row, column = np.nonzero(item >= 0)
        at = np.searchsorted(keys, history[row] * items + item[row, column])
        own = np.full(item.shape, -1, np.int64)
        own[row, column] = at - self.items.start[history[row]]
        size = self.items.lengths[history]
        pair = own[:, :, None] * size[:, None, None] + own[:, None, :]
        both = (own[:, :, None] >= 0) & (own[:, None, :] >= 0)
        codes = np.full(pair.shape, UNRELATED, np.int8)
        codes[both] = self.length[(self.start[history][:, None, None] + pair)[both]]
        edge = is_user[:, :, None] & (item[:, None, :] >= 0)
        codes[edge | edge.transpose(0, 2, 1)] = 1
        codes[is_user[:, :, None] & is_user[:, None, :]] = 0
        return codes


def _each_once(histories: Ragged) -> Ragged:
    """The different items of each history, ascending."""
    order = np.lexsort((histories.value, histories.row))
    value, row = histories.value[order], histories.row[order]
    new = np.ones(len(value), bool)
    new[1:] = (value[1:] != value[:-1]) | (row[1:] != row[:-1])
    return Ragged.of(value[new], np.bincount(row[new], minlength=len(histories)))
