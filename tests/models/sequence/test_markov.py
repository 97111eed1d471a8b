import numpy as np
import pytest

from recweave.core import memory
from recweave.core.errors import TooLarge
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query
from recweave.models.behaviors import BehaviorWeights
from recweave.models.sequence.markov import Markov
from recweave.rank import recommend


def reference(log, order, decay, smoothing, strength):
    """Event by event, as the docstring says it."""
    follows = np.zeros((log.shape[1],) * 2)
    for user in range(log.shape[0]):
        events = np.flatnonzero(log.user == user)
        for place, first in enumerate(events):
            for apart, then in enumerate(events[place + 1 : place + 1 + order]):
                both = strength[log.behavior[first]] * strength[log.behavior[then]]
                follows[log.item[first], log.item[then]] += both * decay**apart
    return follows / np.maximum(follows.sum(axis=1, keepdims=True) + smoothing, 1e-9)


@pytest.fixture
def log():
    """30 users, 12 items, histories from 0 to about 40 events, views and carts, repeats."""
    rng = np.random.default_rng(0)
    user = np.sort(rng.geometric(0.1, 300) % 29)
    kinds = rng.choice(["view", "cart"], 300).tolist()
    return Interactions.of(user, rng.integers(0, 11, 300), behavior=kinds, shape=(30, 12))


@pytest.fixture
def circle():
    """Everybody goes some steps through the same circle of ten items, from one of their own."""
    user = np.repeat(np.arange(40), 6)
    return Interactions.of(user, (user + np.tile(np.arange(6), 40)) % 10, shape=(40, 10))


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_weights_are_the_shares_of_what_followed(log, order, decay):
    behaviors = BehaviorWeights(view=0.5)
    model = Markov(order=order, decay=decay, smoothing=2, behaviors=behaviors).fit(log)
    expected = reference(log, order, decay, 2, behaviors.by_code())
    np.testing.assert_allclose(model.weights.toarray(), expected, atol=1e-6)


def test_without_decay_the_last_event_alone_is_heard(log):
    model = Markov(decay=0, smoothing=0).fit(log)
    history = Histories.of(log)
    some = np.flatnonzero(history.lengths > 0)
    last = history.item[history.start[some + 1] - 1]
    np.testing.assert_allclose(
        model.scores(Query.of(log))[some], model.weights.toarray()[last], atol=1e-6
    )


def test_puts_the_next_item_of_a_circle_first_for_users_known_and_new(circle):
    history = Histories.of(circle)
    last = history.item[history.start[1:] - 1]
    nobody = np.full(40, -1)
    for query in (Query.of(circle), Query(nobody, history, nobody)):
        top = recommend(Markov().fit(circle), query, 1).item[:, 0]
        np.testing.assert_array_equal(top, (last + 1) % 10)


def test_what_was_seen_once_is_less_certain_than_what_was_seen_often():
    # After 0 came 1 once; after 2 came 3 ten times and 4 once.
    pairs = [(0, 1), *[(2, 3)] * 10, (2, 4)]
    log = Interactions.of(np.repeat(np.arange(12), 2), np.ravel(pairs))
    asked = Query.of(Interactions.of([0, 0], [0, 2], shape=(1, 5)))
    for smoothing, first in ((0.0, 1), (5.0, 3)):
        scores = Markov(decay=1, smoothing=smoothing).fit(log).scores(asked)[0]
        assert scores.argmax() == first


def test_transitions_too_many_for_memory_are_refused_with_the_way_out(monkeypatch, circle):
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    Markov(order=2).fit(circle)
    with pytest.raises(TooLarge, match=r"transitions of order 20 over 240 events .* lower order"):
        Markov(order=20).fit(circle)
