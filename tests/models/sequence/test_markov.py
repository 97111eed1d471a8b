import numpy as np
import pytest

from recweave.core import memory
from recweave.core.errors import TooLarge
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.behaviors import BehaviorWeights
from recweave.models.sequence.markov import Markov
from recweave.rank import recommend


def reference(log, order, decay, smoothing, weight):
    """Event by event, as in the docstring."""
    follows = np.zeros((log.shape[1],) * 2)
    for user in range(log.shape[0]):
        events = np.flatnonzero(log.user == user)
        for position, first in enumerate(events):
            for between, second in enumerate(events[position + 1 : position + 1 + order]):
                both = weight[log.behavior[first]] * weight[log.behavior[second]]
                follows[log.item[first], log.item[second]] += both * decay**between
    return follows / np.maximum(follows.sum(axis=1, keepdims=True) + smoothing, 1e-9)


@pytest.fixture
def log():
    """30 users, 12 items, histories from 0 to about 40 events, views and carts, repeats."""
    rng = np.random.default_rng(0)
    user = np.sort(rng.geometric(0.1, 300) % 29)
    behaviors = rng.choice(["view", "cart"], 300).tolist()
    return Interactions.of(user, rng.integers(0, 11, 300), behavior=behaviors, shape=(30, 12))


@pytest.fixture
def circle():
    """Each user goes six steps through the same circle of ten items, from different items."""
    user = np.repeat(np.arange(40), 6)
    return Interactions.of(user, (user + np.tile(np.arange(6), 40)) % 10, shape=(40, 10))


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_weights_are_the_shares_of_transitions(log, order, decay):
    behaviors = BehaviorWeights(view=0.5)
    model = Markov(order=order, decay=decay, smoothing=2, behaviors=behaviors).fit(log)
    expected = reference(log, order, decay, 2, behaviors.by_code())
    np.testing.assert_allclose(model.weights.toarray(), expected, atol=1e-6)


def test_with_decay_zero_only_the_last_event_counts(log):
    model = Markov(decay=0, smoothing=0).fit(log)
    history = Histories.of(log)
    has_history = np.flatnonzero(history.lengths > 0)
    last = history.item[history.start[has_history + 1] - 1]
    np.testing.assert_allclose(
        model.scores(Query.of(log))[has_history], model.weights.toarray()[last], atol=1e-6
    )


def test_the_next_item_of_a_circle_is_first_for_known_and_cold_users(circle):
    history = Histories.of(circle)
    last = history.item[history.start[1:] - 1]
    unknown = np.full(40, -1)
    for query in (Query.of(circle), Query(unknown, history, unknown)):
        top = recommend(Markov().fit(circle), query, 1).item[:, 0]
        np.testing.assert_array_equal(top, (last + 1) % 10)


def test_smoothing_favours_transitions_seen_often():
    # Item 1 followed item 0 once; item 3 followed item 2 ten times and item 4 once.
    pairs = [(0, 1), *[(2, 3)] * 10, (2, 4)]
    log = Interactions.of(np.repeat(np.arange(12), 2), np.ravel(pairs))
    query = Query.of(Interactions.of([0, 0], [0, 2], shape=(1, 5)))
    for smoothing, first in ((0.0, 1), (5.0, 3)):
        scores = Markov(decay=1, smoothing=smoothing).fit(log).scores(query)[0]
        assert scores.argmax() == first


def test_too_many_transitions_for_the_memory_are_refused_with_advice(monkeypatch, circle):
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    Markov(order=2).fit(circle)
    with pytest.raises(TooLarge, match=r"transitions of order 20 over 240 events .* lower order"):
        Markov(order=20).fit(circle)
