import numpy as np
import pytest

from recweave.core import memory
from recweave.core.errors import BadSetting, TooLarge
from recweave.data.interactions import Histories, Interactions
from recweave.models import Query, gram
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors import slit
from recweave.models.factors.ease import EASE
from recweave.models.factors.slit import SLIT
from recweave.rank import recommend

EVENT_WEIGHTS = {"view": 0.5, "purchase": 1.0}


def reference(log, reg, decay):
    """The formula of the docstring, event by event; dense, in float64."""
    items = log.shape[1]
    gram, follows = np.zeros((items, items)), np.zeros((items, items))
    weights = np.where(log.behavior == log.behavior.max(), 1.0, 0.5)
    for user in range(log.shape[0]):
        events = np.flatnonzero(log.user == user)
        for t in range(1, len(events)):
            past = np.zeros(items)
            for age, event in enumerate(events[:t][::-1]):
                decayed = decay**age * weights[event]
                past[log.item[event]] = max(past[log.item[event]], decayed)
            weight = weights[events[t]]
            gram += weight * np.outer(past, past)
            follows[:, log.item[events[t]]] += weight * past
    return np.linalg.solve(gram + reg * np.eye(items), follows)


@pytest.fixture
def log():
    """60 users, 25 items, histories from 0 to about 30 events, views and purchases, repeats."""
    rng = np.random.default_rng(0)
    user = np.sort(rng.geometric(0.06, 700) % 59)
    kinds = rng.choice([*EVENT_WEIGHTS], 700).tolist()
    return Interactions.of(user, rng.integers(0, 24, 700), behavior=kinds, shape=(60, 25))


@pytest.fixture
def circle():
    """All users take some steps through the same circle of ten items, from different starts."""
    user = np.repeat(np.arange(40), 6 + np.arange(40) // 20)
    step = np.arange(len(user)) - np.searchsorted(user, user)
    return Interactions.of(user, (user + step) % 10, shape=(40, 10))


@pytest.mark.parametrize("decay", [0.3, 0.9])
@pytest.mark.parametrize("rows", [7, 512], ids=lambda rows: f"{rows} rows at once")
def test_weights_are_the_closed_form_over_every_step(log, decay, rows, monkeypatch):
    for module in (gram, slit):
        monkeypatch.setattr(module, "ROWS", rows)
    monkeypatch.setattr(slit, "MIN_WEIGHT", 1e-9)
    model = SLIT(reg=3, decay=decay, behaviors=BehaviorWeights(**EVENT_WEIGHTS)).fit(log)
    assert model.weights.dtype == np.float32
    np.testing.assert_allclose(model.weights, reference(log, 3, decay), atol=1e-5)


def test_events_of_weight_below_a_hundredth_hardly_matter(log):
    behaviors = BehaviorWeights(**EVENT_WEIGHTS)
    short = SLIT(reg=3, decay=0.6, behaviors=behaviors).fit(log).weights
    exact = reference(log, 3, 0.6)
    assert 0 < np.abs(short - exact).max() < 0.02 * np.abs(exact).max()


def test_puts_the_next_item_of_a_circle_first_for_users_known_and_new(circle):
    last = Histories.of(circle).item[Histories.of(circle).start[1:] - 1]
    model = SLIT(reg=1).fit(circle)
    users = np.full(40, -1)
    for query in (Query.of(circle), Query(users, Histories.of(circle), users)):
        top = recommend(model, query, 1)
        np.testing.assert_array_equal(top.item[:, 0], (last + 1) % 10)


def test_distinguishes_before_from_after_unlike_ease(circle):
    # Item 3 comes before item 4 as often as item 5 comes after it.
    one = Query.of(Interactions.of([0], [4], shape=(1, 10)))
    scores, of_ease = (recipe.fit(circle).scores(one)[0] for recipe in (SLIT(reg=1), EASE(reg=1)))
    assert scores[5] > scores[3] + 0.5
    assert abs(of_ease[5] - of_ease[3]) < 0.1


def test_behaviours_of_weight_zero_are_neither_read_nor_predicted(log):
    model = SLIT(behaviors=BehaviorWeights(view=0)).fit(log)
    views = log.only(["view"])
    only_views = Query.of(views)
    np.testing.assert_array_equal(model.scores(only_views), np.zeros(log.shape))
    bought = np.bincount(log.only(["purchase"]).item, minlength=25) > 0
    assert (model.weights[:, ~bought] == 0).all()


def test_items_with_few_users_have_no_weights_and_score_zero(log):
    users = np.bincount(log.matrix(values=False).indices, minlength=25)
    frequent = np.flatnonzero(users >= 18)
    assert 2 < len(frequent) < 22
    model = SLIT(min_count=18).fit(log)
    assert model.items.tolist() == frequent.tolist()
    scores = model.scores(Query.of(log))
    assert (scores[:, users < 18] == 0).all()
    assert (scores[:, frequent] != 0).any()


def test_a_log_without_a_second_event_gives_scores_of_zero():
    log = Interactions.of([0, 1, 2], [0, 1, 1], shape=(3, 4))
    np.testing.assert_array_equal(SLIT().fit(log).scores(Query.of(log)), np.zeros((3, 4)))


def test_a_decay_of_one_is_refused():
    with pytest.raises(BadSetting, match="'decay' is 1"):
        SLIT.parse({"decay": 1}, "here")


def test_histories_too_long_for_memory_are_refused_with_advice(monkeypatch):
    log = Interactions.of(np.zeros(2_000), np.arange(2_000) % 7, shape=(1, 7))
    monkeypatch.setattr(memory, "available", lambda: 50 * 2**20)
    with pytest.raises(TooLarge, match=r"SLIT on 1,999 histories .* lower decay"):
        SLIT(decay=0.999).fit(log)
    SLIT(decay=0.9).fit(log)
