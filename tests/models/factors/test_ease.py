import tracemalloc

import numpy as np
import pytest

from recweave.core import memory
from recweave.core.errors import BadSetting, TooLarge
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query, gram
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.ease import EASE
from recweave.rank import recommend


def reference(events, reg):
    """Steck 2019, equation 8: dense, in float64, by a general inverse."""
    inverse = np.linalg.inv(events.T @ events + reg * np.eye(events.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


@pytest.fixture
def log():
    """300 users, 80 items, popular and rare ones and one without events."""
    rng = np.random.default_rng(0)
    item = np.minimum(rng.geometric(0.05, 4_000) - 1, 78)
    return Interactions.of(rng.integers(0, 300, 4_000), item, shape=(300, 80))


@pytest.mark.parametrize("reg", [0.5, 20.0, 1000.0])
@pytest.mark.parametrize("rows", [7, 80, 512], ids=lambda rows: f"{rows} rows at once")
def test_weights_are_those_of_the_paper(log, reg, rows, monkeypatch):
    monkeypatch.setattr(gram, "ROWS", rows)
    model = EASE(reg=reg).fit(log)
    expected = reference(log.matrix(values=False).toarray().astype(float), reg)
    assert model.weights.dtype == np.float32
    np.testing.assert_allclose(model.weights, expected, atol=1e-5)


def test_behaviours_count_by_their_weight(log):
    kinds = np.where(np.arange(len(log)) % 3, "purchase", "view").tolist()
    mixed = Interactions.of(log.user, log.item, behavior=kinds, shape=log.shape)
    views, purchases = (
        mixed.only([kind]).matrix(values=False).toarray().astype(float)
        for kind in ("view", "purchase")
    )
    events = np.maximum(0.25 * views, purchases)
    model = EASE(reg=10, behaviors=BehaviorWeights(view=0.25)).fit(mixed)
    np.testing.assert_allclose(model.weights, reference(events, 10), atol=1e-5)
    np.testing.assert_allclose(
        model.scores(Query.of(mixed)), events @ reference(events, 10), atol=1e-4
    )


def test_items_with_few_users_have_no_weights_and_score_zero(log):
    events = log.matrix(values=False).toarray().astype(float)
    frequent = np.flatnonzero(events.sum(axis=0) >= 40)
    assert 5 < len(frequent) < 75
    scores = EASE(reg=10, min_count=40).fit(log).scores(Query.of(log))
    expected = np.zeros(log.shape)
    expected[:, frequent] = events[:, frequent] @ reference(events[:, frequent], 10)
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_a_minimum_that_no_item_reaches_is_refused_with_the_largest_count():
    log = Interactions.of([0, 1, 2], [0, 0, 1], shape=(3, 2))
    with pytest.raises(BadSetting, match="min_count is 3, but no item has more than 2 users"):
        EASE(min_count=3).fit(log)


def test_puts_the_missing_item_of_each_taste_first_for_users_known_and_new(two_tastes):
    model = EASE(reg=10).fit(two_tastes)
    users = np.full(40, -1)
    for query in (Query.of(two_tastes), Query(users, Histories.of(two_tastes), users)):
        np.testing.assert_array_equal(recommend(model, query, 1).item[:, 0], np.arange(40))


def test_recent_events_can_count_more(two_tastes):
    both = Interactions.of(np.zeros(15), [*range(1, 25, 2), 0, 2, 4], shape=(1, 40))
    for decay, parity in ((1.0, 1), (0.5, 0)):
        model = EASE(decay=decay).fit(two_tastes)
        assert (recommend(model, Query.of(both), 5).item % 2 == parity).all()


def test_a_catalogue_too_large_for_memory_is_refused_before_training(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 4 * 2**30)
    log = Interactions.of([0, 0], [0, 1], shape=(1, 40_981))
    with pytest.raises(TooLarge, match=r"EASE on 40,981 items needs 6\.\d GiB .* raise min_count"):
        EASE().fit(log)
    assert EASE(min_count=1).fit(log).weights.shape == (2, 2)


def test_no_more_memory_is_used_than_was_checked(monkeypatch):
    checked = []
    monkeypatch.setattr(memory, "available", lambda: None)
    monkeypatch.setattr(
        "recweave.models.gram.require_memory", lambda needed, *_: checked.append(needed)
    )
    rng = np.random.default_rng(0)
    log = Interactions.of(
        rng.integers(0, 500, 3_000), rng.integers(0, 2_000, 3_000), shape=(500, 2_000)
    )
    tracemalloc.start()
    EASE().fit(log)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < checked[0] < 2.1 * 4 * 2_000**2


def test_a_matrix_that_cannot_be_factorized_is_refused_with_advice():
    everybody_has_both = Interactions.of(np.repeat(np.arange(50), 2), [0, 1] * 50)
    with pytest.raises(BadSetting, match=r"not positive definite .* raise reg"):
        EASE(reg=1e-9).fit(everybody_has_both)
