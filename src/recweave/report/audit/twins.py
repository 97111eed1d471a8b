"""Twin accounts: users whose train part holds a copy of another user's history and target."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import sparse
from scipy.stats import poisson

from recweave.core.arrays import Array, Csr
from recweave.data.split import TEST, VALID
from recweave.report.audit.case import Case
from recweave.report.audit.finding import CheckResult, Finding, Level

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
        user: Whose held-out items are looked for.
        twin: The other user.
        holds: Whether the twin has a held-out item of the user in train.
        expected: The chance of that if the other items of the twin were sampled by popularity.
    """

    user: Int[Array, " pairs"]
    twin: Int[Array, " pairs"]
    holds: Array
    expected: Array


def twin_accounts(case: Case) -> CheckResult:
    """Users who have a near-duplicate in train that already has what is held out of them.

    Two users are twins if of all training items of either, the held-out ones of the first aside, at
    least 80 % are of both. Honest twins, who happen to have bought the same, hold the target as
    often as popularity says; copied accounts hold it nearly always.
    """
    train = case.split.train.matrix(values=False)
    held_out = _held_out(case)
    users = np.flatnonzero(np.diff(train.indptr) >= SHORTEST)
    users = users[np.diff(held_out.indptr)[users] > 0]
    if len(users) > MOST:
        users = np.sort(np.random.default_rng(0).choice(users, MOST, replace=False))
    if not len(users):
        return CheckResult()
    found = find_twins(train, held_out, users)
    line = f"{len(users):,} users with held-out events: searched for twin accounts"
    return CheckResult(_findings(case, found, len(users)), [line])


def _findings(case: Case, found: Twins, searched: int) -> list[Finding]:
    users = np.unique(found.user[found.holds])
    share = len(users) / searched
    expected = float(found.expected.sum())
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
            what=f"{len(users):,} of {searched:,} users ({share:.1%}) have a twin account: another "
            "user with nearly the same training items, who also has an item that is held out of "
            f"them (by chance {expected:.1f} would); in {same:.0%} of these pairs, the events have "
            "the same times too",
            count=len(users),
            example=f"user {ids[int(found.user[first])]} and their twin "
            f"{ids[int(found.twin[first])]}",
            remedy="remove the copies before the split, or split by person and not by account",
            evidence={
                "users": len(users),
                "share": share,
                "pairs": int(found.holds.sum()),
                "expected_by_chance": expected,
                "same_times": same,
            },
        )
    ]


def find_twins(train: Csr, held_out: Csr, users: Int[Array, " users"]) -> Twins:
    """Every pair of a user and a near-duplicate.

    Candidates share one of the user's two rarest items, so popular items cost nothing.

    Args:
        train: Users by items, 1 for each pair.
        held_out: The same of the held-out events.
        users: Rows of the users whose twins are looked for.
    """
    counts = np.bincount(train.indices, minlength=train.shape[1])
    user, twin = _candidates(train, users, counts)
    size = np.diff(train.indptr)
    both = _shared(train, train, user, twin)
    target = _shared(held_out, train, user, twin)  # held-out items of the user that the twin has
    # A pair may be held out and in train, when an item is bought twice: then it is no leak.
    twice = held_out.multiply(train).tocsr()
    target -= _shared(twice, train, user, twin)
    either = size[user] + size[twin] - both - target
    near = both >= ALIKE * either
    user, twin, both, target = user[near], twin[near], both[near], target[near]
    popularity = counts / counts.sum()
    chance = np.asarray(held_out @ popularity).ravel()[user] * (size[twin] - both)
    return Twins(user, twin, target > 0, np.minimum(1.0, chance))


def _candidates(
    train: Csr, users: Int[Array, " users"], counts: Int[Array, " items"]
) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """Users who share one of the two rarest items of each user."""
    rows = train[users]
    line = np.repeat(np.arange(len(users)), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, counts[rows.indices], line))
    rank = np.arange(len(line)) - rows.indptr[line]
    rarest = order[(rank < 2) & (counts[rows.indices[order]] <= CROWD)]
    ones = np.ones(len(rarest), np.float32)
    rare = sparse.csr_array((ones, (line[rarest], rows.indices[rarest])), shape=rows.shape)
    met = (rare @ train.T).tocsr()
    met.sort_indices()
    user = np.repeat(users, np.diff(met.indptr))
    twin = met.indices.astype(np.int64)
    size = np.diff(train.indptr)
    # A user with far more items cannot be a twin; up to five held-out items do not count.
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
