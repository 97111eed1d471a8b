"""Twin accounts: users whose train part holds a copy of another user's history and target."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import sparse
from scipy.stats import poisson

from recweave.core.arrays import Array, Csr
from recweave.data.split import TEST, VALID
from recweave.report.audit.case import Case
from recweave.report.audit.finding import Finding, Found, Level

CHECK = "twin accounts"
MOST = 20_000
"""Users that are looked at; of more, a random sample."""
SHORTEST = 3
"""Users with fewer different items in train have twins by chance."""
ALIKE = 0.8
"""Share of the items of either that both have, the held-out ones aside."""
CROWD = 2_000
"""An item of more users than this leads to no candidates."""
FEWEST, LEAKS_FROM = 5, 0.01
"""Real logs hold some double accounts: below this share of the users they are noted, no more."""
BY_CHANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Twins:
    """Pairs of users whose training items are nearly the same.

    Attributes:
        user: Whose held-out items are asked for.
        twin: The other user.
        holds: Whether the twin has a held-out item of the user in train.
        hoped: The chance of that, if what the twin has beyond the user were drawn by popularity.
    """

    user: Int[Array, " pairs"]
    twin: Int[Array, " pairs"]
    holds: Array
    hoped: Array


def twin_accounts(case: Case) -> Found:
    """Users who have a near-duplicate in train that already has what is held out of them.

    Two users are twins if of all training items of either, the held-out ones of the first aside, at
    least 80 % are of both. Honest twins, who happen to have bought the same, hold the target as
    often as popularity says; copied accounts hold it nearly always.
    """
    train = case.split.train.matrix(values=False)
    held = _held_out(case)
    asked = np.flatnonzero(np.diff(train.indptr) >= SHORTEST)
    asked = asked[np.diff(held.indptr)[asked] > 0]
    if len(asked) > MOST:
        asked = np.sort(np.random.default_rng(0).choice(asked, MOST, replace=False))
    if not len(asked):
        return Found()
    found = find_twins(train, held, asked)
    told = f"{len(asked):,} users with held-out events: searched for twin accounts"
    return Found(_judged(case, found, len(asked)), [told])


def _judged(case: Case, found: Twins, asked: int) -> list[Finding]:
    users = np.unique(found.user[found.holds])
    share = len(users) / asked
    expected = float(found.hoped.sum())
    unlikely = poisson.sf(int(found.holds.sum()) - 1, expected) < BY_CHANCE
    if len(users) < FEWEST or not unlikely:
        return []
    level: Level = "leak" if share >= LEAKS_FROM else "note"
    first = int(np.flatnonzero(found.holds)[0])
    ids = case.dataset.user_ids.ids
    same = _same_times(case, found)
    return [
        Finding(
            check=CHECK,
            level=level,
            where="the training events",
            what=f"{len(users):,} of {asked:,} users ({share:.1%}) have a twin account: another "
            "user with nearly the same training items, who also has an item that is held out of "
            f"them (by chance {expected:.1f} would); in {same:.0%} of these pairs, the events have "
            "the same times too",
            count=len(users),
            example=f"user {ids[int(found.user[first])]} and their twin "
            f"{ids[int(found.twin[first])]}",
            mend="remove the copies before the split, or split by person and not by account",
            evidence={
                "users": len(users),
                "share": share,
                "pairs": int(found.holds.sum()),
                "expected_by_chance": expected,
                "same_times": same,
            },
        )
    ]


def find_twins(train: Csr, held: Csr, asked: Int[Array, " users"]) -> Twins:
    """Every pair of an asked user and a near-duplicate.

    Candidates share one of the user's two rarest items, so popular items cost nothing.

    Args:
        train: Users by items, 1 for each pair.
        held: The same of the held-out events.
        asked: Rows of the users.
    """
    counts = np.bincount(train.indices, minlength=train.shape[1])
    user, twin = _candidates(train, asked, counts)
    size = np.diff(train.indptr)
    both = _shared(train, train, user, twin)
    target = _shared(held, train, user, twin)  # held-out items of the user that the twin has
    # A pair may be held out and in train, when an item is bought twice; it is no secret then.
    twice = held.multiply(train).tocsr()
    target -= _shared(twice, train, user, twin)
    either = size[user] + size[twin] - both - target
    near = both >= ALIKE * either
    user, twin, both, target = user[near], twin[near], both[near], target[near]
    popularity = counts / counts.sum()
    chance = np.asarray(held @ popularity).ravel()[user] * (size[twin] - both)
    return Twins(user, twin, target > 0, np.minimum(1.0, chance))


def _candidates(
    train: Csr, asked: Int[Array, " users"], counts: Int[Array, " items"]
) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """Users who share one of the two rarest items of each asked user."""
    rows = train[asked]
    line = np.repeat(np.arange(len(asked)), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, counts[rows.indices], line))
    place = np.arange(len(line)) - rows.indptr[line]
    kept = order[(place < 2) & (counts[rows.indices[order]] <= CROWD)]
    ones = np.ones(len(kept), np.float32)
    rare = sparse.csr_array((ones, (line[kept], rows.indices[kept])), shape=rows.shape)
    met = (rare @ train.T).tocsr()
    met.sort_indices()
    user = np.repeat(asked, np.diff(met.indptr))
    twin = met.indices.astype(np.int64)
    size = np.diff(train.indptr)
    # Who has far more items than the user cannot be alike; the held-out ones may come on top.
    able = (twin != user) & (size[twin] * ALIKE <= size[user] + 5)
    return user[able], twin[able]


def _shared(
    mine: Csr, theirs: Csr, user: Int[Array, " n"], twin: Int[Array, " n"]
) -> Int[Array, " n"]:
    """How many items row `user` of one matrix and row `twin` of the other have in common."""
    found = np.empty(len(user), np.int64)
    for first in range(0, len(user), 200_000):
        part = slice(first, first + 200_000)
        both = mine[user[part]].multiply(theirs[twin[part]])
        found[part] = np.rint(np.asarray(both.sum(axis=1)).ravel())
    return found


def _held_out(case: Case) -> Csr:
    pairs = np.union1d(case.pairs[VALID], case.pairs[TEST])
    user, item = np.divmod(pairs, case.split.train.shape[1])
    ones = np.ones(len(pairs), np.float32)
    return sparse.csr_array((ones, (user, item)), shape=case.split.train.shape)


def _same_times(case: Case, found: Twins) -> float:
    """Share of the pairs that hold a target in which a shared item has the same time in both."""
    log = case.split.train
    if log.clock == "order" or not found.holds.any():
        return 0.0
    moment = np.unique(log.time, return_inverse=True)[1]
    ones = np.ones(len(log), np.float32)
    stamped = sparse.csr_array((ones, (log.user, moment)), shape=(log.shape[0], moment.max() + 1))
    user, twin = found.user[found.holds], found.twin[found.holds]
    return float((_shared(stamped, stamped, user, twin) > 0).mean())
