"""Columns, stages and row order that know how popular items are in the held-out events."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from recweave.core.arrays import Array
from recweave.data.split import TEST, VALID
from recweave.report.audit.case import Case
from recweave.report.audit.columns import Column, all_columns, unreadable_stages
from recweave.report.audit.finding import CheckResult, Finding, Level

CHECK = "held-out popularity"
MOST = 20_000
"""Items that are looked at; of more, a random sample."""
FEWEST = 30
"""With fewer items or held-out pairs, nothing can be said."""
PERMUTATIONS = 199
SIGNIFICANT = 0.01
HALVES = 20
FLOOR = 0.3
"""The bound for honest columns is not taken below it."""
EQUAL = 1e-3
"""Sizes that differ by less are the same: ten items that nobody buys follow any counts strictly."""
SUSPICIOUS_FROM, NEARLY = 0.5, 0.85
"""A column below its bound is suspicious from this size on, if it is this part of the bound."""
WAYS = (
    "by counts, beyond what train says",
    "by ranks, beyond what train says",
    "with the counts themselves",
)
PARTS = {"test": TEST, "valid": VALID}
Scaled = Float[Array, "items columns"]


@dataclass(frozen=True, eq=False)
class Scale:
    """One way to compare a column with held-out popularity, what train says taken out of both.

    Attributes:
        name: counts, or ranks.
        weight: Of each item: counts vary as much as they are high, and are weighted for it.
        basis: Orthonormal; spans all that train and the other held-out part say.
        popularity: Of the held-out part, what is left of it; of length 1.
        bound: The most that an honest column can correlate with it (see `held_out_popularity`).
    """

    name: str
    weight: Float[Array, " items"]
    basis: Float[Array, "items controls"]
    popularity: Float[Array, " items"]
    bound: float

    def rest(self, values: Scaled) -> Scaled:
        """What is left of columns, each of length 1; 0 where nothing is."""
        scaled = _scaled(values, self.name) * self.weight[:, None]
        left = scaled - self.basis @ (self.basis.T @ scaled)
        left -= self.basis @ (self.basis.T @ left)  # once more: large columns lose digits
        size = np.linalg.norm(left, axis=0)
        known = size > 1e-6 * np.maximum(1e-12, np.linalg.norm(scaled, axis=0))
        return np.asarray(left / np.where(known, size, 1.0) * known)


def held_out_popularity(case: Case) -> CheckResult:
    """Whether a column of the items explains held-out popularity beyond what an honest one can.

    For every column: its partial correlation with the number of held-out events of items, once by
    counts and once by ranks, given what train says (number of events, old and recent; first and
    last time) and given the other held-out part. It is divided by the highest that a column with
    these values can have, so that yes-or-no columns count as well.

    Honest columns may correlate: the price, or the release date of what comes into fashion. But
    they can only know how popular an item tends to be, not how often it happened to be sampled. How
    much of held-out popularity is tendency is known from the correlation r of two random halves of
    the held-out events: honest columns reach at most √(2r / (1 + r)), with two standard errors
    added to r. A column above this bound has seen the events; one that nearly reaches it is
    suspicious. Both must be significant at 1 % by permutation, corrected for the number of columns
    by the highest of each permutation. What follows the held-out counts more closely than their
    own expectation could is a leak too (see `_uncontrolled`).
    """
    columns = all_columns(case)
    findings: list[Finding] = list(unreadable_stages(case))
    checked = []
    for name, code in PARTS.items():
        if len(case.pairs[code]) < FEWEST or case.split.train.shape[1] < FEWEST or not columns:
            continue
        effects, bounds = _effects(case, name, columns)
        order = np.argsort(-(effects["size"] - effects["bound"]))
        for at in order:
            findings += _findings(case, name, columns[int(at)], effects, int(at))
        top = int(np.argmax(effects["size"]))
        checked.append(
            f"{len(columns):,} columns of the items against popularity in {name}: the strongest is "
            f"{columns[top].where} at {effects['size'][top]:.2f}; an honest one reaches "
            f"{bounds}"
        )
    return CheckResult(_once(findings), checked)


def _effects(case: Case, part: str, columns: Sequence[Column]) -> tuple[dict[str, Array], str]:
    """Size, bound, p and scale of each column's effect, and the bounds in words."""
    rows = _sampled(case.split.train.shape[1])
    values = np.column_stack([column.values[rows] for column in columns])
    scales = _scales(case, part, rows)
    size, bound = np.zeros(len(columns)), np.ones(len(columns))
    p, which = np.ones(len(columns)), np.zeros(len(columns), int)
    rng = np.random.default_rng(0)
    for at, scale in enumerate(scales):
        found, chance = _compared(scale, values, rng)
        better = (found - scale.bound > size - bound) | (at == 0)
        size, bound = np.where(better, found, size), np.where(better, scale.bound, bound)
        p, which = np.where(better, chance, p), np.where(better, at, which)
    plain, highest = _uncontrolled(values, _held(case, part)[rows])
    known = plain > np.maximum(highest, FLOOR) + EQUAL
    size, bound = np.where(known, plain, size), np.where(known, highest, bound)
    p, which = np.where(known, 1 / (1 + PERMUTATIONS), p), np.where(known, 2, which)
    bounds = ", ".join(f"{scale.bound:.2f} by {scale.name}" for scale in scales)
    return {"size": size, "bound": bound, "p": p, "scale": which}, bounds


def _compared(
    scale: Scale, values: Scaled, rng: np.random.Generator
) -> tuple[Float[Array, " columns"], Float[Array, " columns"]]:
    """The size of each column's effect, in [0, 1], and its corrected p."""
    left = scale.rest(values)
    ordered = np.sort(left, axis=0)
    popularity = np.sort(scale.popularity)
    # The highest correlation that these values can have, in either direction.
    highest = np.maximum(popularity @ ordered, -(popularity @ ordered[::-1]))
    highest = np.where(highest > 1e-9, highest, 1.0)
    size = np.abs(scale.popularity @ left) / highest
    permuted = np.stack([rng.permutation(scale.popularity) for _ in range(PERMUTATIONS)])
    best = (np.abs(permuted @ left) / highest).max(axis=1)
    above = (best[:, None] >= size).sum(axis=0)
    return np.minimum(size, 1.0), (1 + above) / (1 + PERMUTATIONS)


def _uncontrolled(
    values: Scaled, held: Int[Array, " rows"]
) -> tuple[Float[Array, " columns"], Float[Array, " columns"]]:
    """The size of each column's correlation with held-out popularity itself, and its bound.

    What follows the held-out counts strictly, such as a mark on the best sellers, has the size 1.
    The bound is what the same values reach at most if they follow the counts' expectation: counts
    are sampled from a Poisson distribution around the true ones, which vary more than expectations
    do, so the bound is rather too high than too low; three standard deviations are added.
    """
    rng = np.random.default_rng(2)
    ranks = _scaled(values, "ranks")
    ranks = ranks - ranks.mean(axis=0)
    ordered = np.sort(ranks, axis=0)
    order = np.argsort(held, kind="stable")

    def size(arranged: Scaled, counts: Int[Array, " rows"]) -> tuple[Array, Array]:
        root = np.sqrt(counts)
        root = root - root.mean()
        top = np.sort(root)
        found = root @ arranged
        highest, lowest = top @ ordered, top @ ordered[::-1]
        return found / np.maximum(highest, 1e-12), found / np.minimum(lowest, -1e-12)

    up, down = size(ranks, held)
    rises = up >= 0
    sampled = []
    for _ in range(HALVES):
        counts = rng.poisson(held[order])
        along, against = size(ordered, counts)[0], size(ordered[::-1], counts)[1]
        sampled.append(np.where(rises, along, against))
    bound = np.mean(sampled, axis=0) + 3 * np.std(sampled, axis=0)
    return np.where(rises, up, down), np.asarray(bound)


def _scales(case: Case, part: str, rows: Int[Array, " rows"]) -> list[Scale]:
    other = VALID if part == "test" else TEST
    held = _held(case, part)[rows]
    known = _known(case, other)[rows]
    expected = known[:, 0] * held.sum() / max(1.0, known[:, 0].sum())
    found = []
    for name, weight in (("counts", 1 / np.sqrt(1 + expected)), ("ranks", np.ones(len(rows)))):
        basis = _basis(known, weight)
        scale = Scale(name, weight, basis, np.zeros(len(rows)), 0.0)
        popularity = scale.rest(held[:, None].astype(float))[:, 0]
        found.append(Scale(name, weight, basis, popularity, _bound(scale, held)))
    return found


def _held(case: Case, part: str) -> Int[Array, " items"]:
    """Held-out pairs of each item."""
    items = case.split.train.shape[1]
    return np.bincount(case.pairs[PARTS[part]] % items, minlength=items)


def _bound(scale: Scale, held: Int[Array, " rows"]) -> float:
    """The most that a column can correlate which knows tendencies, but no events."""
    rng = np.random.default_rng(1)
    first = np.column_stack([rng.binomial(held, 0.5) for _ in range(HALVES)])
    one, other = scale.rest(first.astype(float)), scale.rest((held[:, None] - first).astype(float))
    r = max(0.0, float((one * other).sum(axis=0).mean())) + 2 / np.sqrt(len(held))
    return max(FLOOR, float(np.sqrt(min(1.0, 2 * r / (1 + r)))))


def _known(case: Case, other: int) -> Float[Array, "items columns"]:
    """What train, and the other held-out part, say of each item's popularity."""
    train, items = case.split.train, case.split.train.shape[1]
    when = rankdata(train.time) / max(1, len(train))
    counts = [train.item_counts(), np.bincount(train.item[when > 0.5], minlength=items)]
    counts += [np.bincount(train.item[when > share], minlength=items) for share in (0.8, 0.95)]
    counts.append(np.bincount(case.pairs[other] % items, minlength=items))
    first, last = np.ones(items), np.zeros(items)
    np.minimum.at(first, train.item, when)
    np.maximum.at(last, train.item, when)
    return np.column_stack([*counts, first, last]).astype(float)


def _basis(known: Scaled, weight: Float[Array, " rows"]) -> Float[Array, "rows controls"]:
    ranks = _scaled(known, "ranks")
    made = [known, np.sqrt(known), ranks, ranks**2, known[:, :1] == 0]
    controls = np.column_stack([np.ones(len(known)), *made])
    controls = controls / np.maximum(1e-12, np.linalg.norm(controls, axis=0))
    left, sizes, _ = np.linalg.svd(controls * weight[:, None], full_matrices=False)
    return np.asarray(left[:, sizes > 1e-9 * sizes[0]])


def _scaled(values: Scaled, scale: str) -> Scaled:
    if scale == "ranks":
        return np.asarray(rankdata(values, axis=0) / len(values))
    return values


def _sampled(items: int) -> Int[Array, " rows"]:
    if items <= MOST:
        return np.arange(items)
    return np.sort(np.random.default_rng(0).choice(items, MOST, replace=False))


def _findings(
    case: Case, part: str, column: Column, effects: dict[str, Array], at: int
) -> list[Finding]:
    size, p = float(effects["size"][at]), float(effects["p"][at])
    bound = float(effects["bound"][at])
    nearly = size >= max(SUSPICIOUS_FROM, NEARLY * bound)
    if p > SIGNIFICANT or not (size > bound or nearly):
        return []
    level: Level = "leak" if size > bound else "suspicious"
    way = WAYS[int(effects["scale"][at])]
    return [
        Finding(
            check=CHECK,
            level=level if column.read else "note",
            where=column.where,
            what=f"it knows how popular items are in {part}: its correlation, {way}, is {size:.2f} "
            f"of the highest possible (p = {p:.3f}, corrected for all columns); a column that has "
            f"not seen the held-out events reaches at most {bound:.2f}",
            count=len(column.values),
            example=column.example(case, part),
            remedy=column.remedy,
            features=column.features,
            stages=column.stages,
            evidence={"part": part, "size": size, "bound": bound, "p": p, "scale": way},
        )
    ]


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """The strongest finding of each place: a column may show in several ways."""
    found: dict[str, Finding] = {}
    for finding in findings:
        found.setdefault(finding.where, finding)
    return list(found.values())
