"""Every value equal to ranx (Bassani, ECIR 2022), an implementation that shares no line with ours.

Where the two differ, ours is: a user without relevant items has no value (ranx: 0, and counted);
`recall_vae` (ranx has none). ranx breaks ties by its own order, so it is handed ranks, not scores.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from recweave.data.interactions import Interactions
from recweave.data.split import RatioUser, Split
from recweave.evaluate import evaluate_model
from recweave.models.base import Model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # a LaTeX string of theirs has escapes that Python warns of
    from ranx import Qrels, Run
    from ranx import evaluate as evaluate_by_ranx

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*unsafe cast:numba.core.errors.NumbaTypeSafetyWarning"),
    # What is compiled without optimization (see conftest) is not kept for the next time.
    pytest.mark.filterwarnings("ignore:.*Cannot cache compiled:numba.core.errors.NumbaWarning"),
]

OURS_TO_THEIRS = {
    "recall": "recall",
    "precision": "precision",
    "hit": "hit_rate",
    "mrr": "mrr",
    "ndcg": "ndcg",
    "map": "map",
}
CUTS = (1, 5, 20)


@dataclass(frozen=True, eq=False)
class Table(Model):
    """A model that is its scores."""

    table: np.ndarray

    def scores(self, query):
        return self.table[query.user]


def by_ranx(split, score, relevant_from):
    """User to metric to value. The lists are made by a stable sort of the scores."""
    hidden = score.astype(np.float64)
    hidden[split.known.user, split.known.item] = -np.inf
    order = np.argsort(-hidden, axis=1, kind="stable")[:, : max(CUTS)]
    users = np.unique(split.test.user)
    relevant, run = {}, {}
    for user in users:
        rows = split.test.user == user
        value = zip(split.test.item[rows], split.test.value[rows] >= relevant_from, strict=True)
        relevant[str(user)] = {str(item): int(liked) for item, liked in value}
        shown = [i for i in order[user] if np.isfinite(hidden[user, i])]
        run[str(user)] = {str(item): float(-rank) for rank, item in enumerate(shown)}
    names = {f"{o}@{k}": f"{t}@{k}" for o, t in OURS_TO_THEIRS.items() for k in CUTS}
    ran = Run(run)
    evaluate_by_ranx(Qrels(relevant), ran, list(names.values()))
    return {o: np.array([ran.scores[t][str(u)] for u in users]) for o, t in names.items()}


def assert_equal_to_ranx(split, score, relevant_from=1):
    theirs = by_ranx(split, score, relevant_from)
    report = evaluate_model(Table(score), split, list(theirs), relevant_from=relevant_from)
    some = report.per_user["relevant"].to_numpy() > 0
    means = report.means("normal")
    for name, value in theirs.items():
        ours = report.per_user[name].to_numpy()
        np.testing.assert_allclose(ours[some], value[some], rtol=0, atol=1e-9, err_msg=name)
        assert np.isnan(ours[~some]).all()
        assert (value[~some] == 0).all()
        assert means[name].mean == pytest.approx(value[some].mean(), abs=1e-9)


def drawn_split(rng, users, items):
    part = rng.choice(4, size=(users, items), p=[0.75, 0.1, 0.05, 0.1])
    parts = []
    for code in (1, 2, 3):
        user, item = np.nonzero(part == code)
        value = np.where(rng.random(len(user)) < 0.8, 5.0, 0.0)  # a fifth is not liked
        parts.append(Interactions.of(user, item, value, shape=(users, items)))
    return Split(*parts)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", [False, True])
def test_equal_to_ranx_on_random_rankings(seed, ties):
    rng = np.random.default_rng(seed)
    split = drawn_split(rng, users=60, items=45)
    score = rng.integers(4, size=(60, 45)) if ties else rng.random((60, 45))
    assert_equal_to_ranx(split, score.astype(np.float32))


def test_equal_to_ranx_on_lists_shorter_than_k():
    rng = np.random.default_rng(7)
    split = drawn_split(rng, users=40, items=21)
    assert_equal_to_ranx(split, rng.random((40, 21)).astype(np.float32))


@pytest.mark.realdata
def test_equal_to_ranx_on_a_real_run(real_data):
    """Item cosine on MovieLens 100K; a held-out film is relevant if it was rated 4 or 5."""
    table = pl.read_csv(real_data / "ml-100k" / "ml-100k.inter", separator="\t")
    user, item, value, time = (column.to_numpy() for column in table.iter_columns())
    split = RatioUser(test=0.2, by="time").cut(
        Interactions.of(user - 1, item - 1, value, time), published=None, seed=0
    )
    train = split.train.matrix(values=False).toarray()
    unit = train / np.maximum(1, np.linalg.norm(train, axis=0))
    assert_equal_to_ranx(split, train @ (unit.T @ unit), relevant_from=4)
