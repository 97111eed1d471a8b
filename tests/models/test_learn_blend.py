from importlib import import_module

import numpy as np
import pytest

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions, join
from recweave.models import Query, load_model, save_model
from recweave.models.base import Model
from recweave.models.blend import Blend, standardized
from recweave.models.kinds import Factors, ItemScores
from recweave.models.learn_blend import _mean_ndcg, _select, learn_blend
from recweave.parallel import Serial, Threads
from recweave.rank import recommend

USERS, ITEMS = 300, 50


def as_model(scores) -> Factors:
    """A model that gives a table of scores: the items' vectors are the axes."""
    return Factors(scores.astype(np.float32), np.eye(scores.shape[1], dtype=np.float32))


class Table(Model):
    """Scores by a table that may hold -inf."""

    def __init__(self, scores):
        self.table = np.asarray(scores, np.float32)

    def scores(self, query):
        return self.table[query.user]


@pytest.fixture(scope="module")
def truth():
    return np.random.default_rng(0).standard_normal((USERS, ITEMS)) * 2


@pytest.fixture(scope="module")
def halves(truth):
    """Two members with the true scores of half of the users each, and constant scores else."""
    even = (np.arange(USERS) % 2 == 0)[:, None]
    return [as_model(np.where(even, truth, 7)), as_model(np.where(even, -3, truth))]


@pytest.fixture(scope="module")
def noise():
    """Random scores, on a different scale."""
    return np.random.default_rng(1).standard_normal((USERS, ITEMS)) * 70 + 1000


@pytest.fixture(scope="module")
def logs(truth):
    """Train, validation, test: three items, one, one, sampled for each user by the true scores."""
    chance = truth + np.random.default_rng(2).gumbel(size=truth.shape)
    sampled = np.argsort(-chance, axis=1)[:, :5]
    sampled = np.random.default_rng(3).permuted(sampled, axis=1)
    user = np.arange(USERS)
    made = [
        Interactions.of(np.repeat(user, len(part.T)), part.ravel(), shape=(USERS, ITEMS))
        for part in (sampled[:, :3], sampled[:, 3:4], sampled[:, 4:])
    ]
    return made


def ndcg(model, query, held_out, k=10):
    """The definition, user by user."""
    item = recommend(model, query, k).item
    gains = []
    for row, user in enumerate(query.user):
        liked = set(held_out.item[held_out.user == user].tolist())
        if liked:
            hit = [1 / np.log2(r + 2) for r, i in enumerate(item[row].tolist()) if i in liked]
            best = [1 / np.log2(r + 2) for r in range(min(k, len(liked)))]
            gains.append(sum(hit) / sum(best))
    return np.mean(gains)


def test_noise_gets_no_weight(truth, noise, logs):
    train, valid, _ = logs
    blend = learn_blend([as_model(noise), as_model(truth)], Query.of(train), valid)
    assert blend.weights.tolist() == [0, 1]


def test_members_that_know_half_of_the_users_each_share_the_weight(halves, logs):
    train, valid, test = logs
    blend = learn_blend(halves, Query.of(train), valid)
    np.testing.assert_allclose(blend.weights, 0.5, atol=0.1)
    later = Query.of(join(train, valid))
    assert ndcg(blend, later, test) > 1.5 * max(ndcg(half, later, test) for half in halves)


def test_members_with_independent_errors_are_better_together(truth, logs):
    train, valid, test = logs
    rng = np.random.default_rng(4)
    members = [as_model(truth + 2 * rng.standard_normal(truth.shape)) for _ in range(3)]
    blend = learn_blend(members, Query.of(train), valid)
    assert (blend.weights > 0.15).all()
    later = Query.of(join(train, valid))
    assert ndcg(blend, later, test) > max(ndcg(member, later, test) for member in members)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("k", [1, 10])
def test_no_blend_is_worse_on_validation_than_its_best_member(truth, logs, seed, k):
    train, valid, _ = logs
    few = Query.of(train, np.arange(seed * 20, seed * 20 + 12, dtype=np.int32))
    rng = np.random.default_rng(seed)
    members = [
        as_model(truth * signal + rng.standard_normal(truth.shape)) for signal in (0.1, 0.3, 0.5)
    ]
    blend = learn_blend(members, few, valid, k=k, depth=5)
    best = max(ndcg(member, few, valid, k) for member in members)
    assert ndcg(blend, few, valid, k) >= best - 1e-12


def test_the_mixture_is_compared_on_the_whole_catalogue():
    """The item that both members rank second wins in their mixture, but is no candidate."""
    fillers = np.tile([-1.0, 0.0], 20)
    certain, uncertain = [1.0, -1.0, 0.9, *fillers], [-0.1, 0.3, 0.25, *fillers]
    swapped = [[one[1], one[0], *one[2:]] for one in (certain, uncertain)]
    first = as_model(
        np.array([certain, swapped[1]] * 50)
    )  # item 0 of user 0 is held out, item 1 of user 1, …
    second = as_model(np.array([uncertain, swapped[0]] * 50))
    nothing = Interactions.of([], [], shape=(100, 43))
    held_out = Interactions.of(np.arange(100), np.tile([0, 1], 50), shape=(100, 43))
    query = Query.of(nothing)
    mixture = Blend((first, second), np.array([0.5, 0.5], np.float32))
    assert (recommend(mixture, query, 1).item == 2).all()
    blend = learn_blend([first, second], query, held_out, k=1, depth=1)
    assert sorted(blend.weights.tolist()) == [0, 1]


def test_the_best_items_of_every_member_are_candidates():
    """Each member ranks a different item above the held-out one, and the other's item last.

    If the item of the second member were no candidate, the second alone would look perfect.
    """
    held_out = Interactions.of(np.arange(100), np.zeros(100), shape=(100, 12))
    query = Query.of(Interactions.of([], [], shape=(100, 12)))
    fillers = [0.0] * 9
    first, second = ([0.9, *own, *fillers] for own in ([1.0, -1.0], [-1.0, 1.0]))
    members = [as_model(np.array([scores] * 100)) for scores in (first, second)]
    assert [ndcg(member, query, held_out, k=1) for member in members] == [0, 0]
    blend = learn_blend(members, query, held_out, k=1, depth=2)
    assert ndcg(blend, query, held_out, k=1) == 1


def test_without_a_gain_one_member_gets_the_whole_weight(truth, logs):
    train, valid, _ = logs
    query = Query.of(train)
    blend = learn_blend([as_model(truth), as_model(truth), as_model(-truth)], query, valid)
    assert blend.weights.tolist() == [1, 0, 0]
    alone = learn_blend([as_model(truth)], query, valid)
    assert alone.weights.tolist() == [1]
    np.testing.assert_array_equal(alone.scores(query), as_model(truth).scores(query))


@pytest.mark.parametrize("at_a_time", [1, 7, 1000])
def test_the_same_whatever_the_pool_and_the_batches(halves, logs, at_a_time, monkeypatch):
    train, valid, _ = logs
    query = Query.of(train, np.arange(60, dtype=np.int32))
    one = learn_blend(halves, query, valid, pool=Threads(2))
    module = import_module("recweave.models.learn_blend")
    monkeypatch.setattr(module, "BATCH_BYTES", at_a_time * 4 * ITEMS)
    other = learn_blend(halves, query, valid, pool=Serial())
    assert one.weights.min() > 0
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-6)


def test_a_held_out_item_that_cannot_be_shown_is_left_out(halves, logs):
    train, valid, _ = logs
    again = join(valid, train)  # items of the history are hidden
    query = Query.of(train)
    np.testing.assert_array_equal(
        learn_blend(halves, query, again).weights, learn_blend(halves, query, valid).weights
    )
    shown = learn_blend(halves, query, train, hide_history=False)
    np.testing.assert_allclose(shown.weights, 0.5, atol=0.1)


def test_a_user_whose_held_out_items_are_all_hidden_does_not_change_the_weights(halves, logs):
    train, valid, _ = logs
    hidden = train.user < 20
    mixed = join(
        valid[valid.user >= 20], train[hidden]
    )  # all held-out items of the first twenty are hidden
    blend = learn_blend(halves, Query.of(train), mixed)
    np.testing.assert_allclose(blend.weights, 0.5, atol=0.1)


def test_users_without_validation_events_and_new_ones_do_not_count(halves, logs):
    train, valid, _ = logs
    part = valid[valid.user < 60]
    of_all_users = learn_blend(halves, Query.of(train, np.arange(-1, USERS, dtype=np.int32)), part)
    of_few_users = learn_blend(halves, Query.of(train, np.arange(60, dtype=np.int32)), part)
    assert of_few_users.weights.min() > 0
    np.testing.assert_allclose(of_all_users.weights, of_few_users.weights, rtol=1e-6)


def test_no_members_and_no_usable_events_are_refused(truth, logs):
    train, valid, _ = logs
    query = Query.of(train)
    with pytest.raises(BadSetting, match="at least one model"):
        learn_blend([], query, valid)
    for empty in (valid[:0], train):
        with pytest.raises(BadSetting, match="no query user has a validation event"):
            learn_blend([as_model(truth)], query, empty)


def test_a_member_that_hides_items_can_get_a_weight(truth, logs):
    train, valid, _ = logs
    hiding = truth.copy()
    hiding[:, :5] = -np.inf
    blend = learn_blend(
        [ItemScores(np.zeros(ITEMS, np.float32)), Table(hiding)], Query.of(train), valid
    )
    assert blend.weights[1] == 1


def test_selection_comes_near_the_best_of_all_mixtures():
    """Two members with independent errors, the second twice as large; 1,000 lists of 30."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((1000, 30))
    hit = truth == truth.max(axis=1, keepdims=True)
    errors = [rng.standard_normal((1000, 30)) * size for size in (0.8, 1.6)]
    tables = np.array([standardized((truth + e).astype(np.float32))[0] for e in errors])

    def value(share):
        rank = np.argsort(-(share * tables[0] + (1 - share) * tables[1]), axis=1)
        position = np.argmax(np.take_along_axis(hit, rank, axis=1), axis=1)
        return np.where(position < 5, 1 / np.log2(position + 2), 0).mean()

    shares = _select(tables, hit, 5)
    assert shares.sum() == pytest.approx(1)
    assert value(shares[0]) >= max(value(share) for share in np.linspace(0, 1, 21)) - 1e-3
    assert value(shares[0]) > value(1) + 0.01


def test_scores_are_summed_on_one_scale_within_each_row():
    query = Query.of(Interactions.of([], [], shape=(2, 4)))
    a = np.array([[0, 1, 2, 3.0], [5, 5, 5, 5]])
    b = np.array([[400, 200, 300, 100.0], [0, 10, -np.inf, 20]])
    blend = Blend((Table(a), Table(b)), np.array([0.25, 0.75], np.float32))
    z = np.array([-1.5, -0.5, 0.5, 1.5]) / np.sqrt(1.25)
    y = np.array([-1, 0, 1]) / np.sqrt(2 / 3)
    expected = [0.25 * z + 0.75 * z[[3, 1, 2, 0]], [0.75 * y[0], 0.75 * y[1], -np.inf, 0.75 * y[2]]]
    np.testing.assert_allclose(blend.scores(query), expected, rtol=1e-5)


def test_a_member_without_weight_is_not_called(truth, logs):
    class Broken(Model):
        def scores(self, query):
            raise AssertionError("called")

    query = Query.of(logs[0])
    blend = Blend((as_model(truth), Broken()), np.array([1, 0], np.float32))
    np.testing.assert_array_equal(blend.scores(query), as_model(truth).scores(query))


@pytest.mark.parametrize("level", [0.0, 0.1, -3e7])
def test_equal_scores_become_zero(level):
    row = np.full((1, 1001), level, np.float32)
    np.testing.assert_array_equal(standardized(row)[0], 0)
    row[0, 3] = -np.inf
    np.testing.assert_array_equal(np.flatnonzero(standardized(row)[0]), [3])
    np.testing.assert_array_equal(standardized(np.full((1, 3), -np.inf, np.float32))[0], -np.inf)


def test_standardized_does_not_change_its_argument(truth):
    given = truth.astype(np.float32)
    found, deviation = standardized(given)
    np.testing.assert_array_equal(given, truth.astype(np.float32))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(deviation, truth.std(axis=1), rtol=1e-5)


def test_ndcg_is_that_of_the_specification(truth, logs):
    train, valid, test = logs
    query = Query.of(train)
    both = join(valid, test)
    held_out = np.unique(both.user.astype(np.int64) * ITEMS + both.item)
    for k in (1, 2, 10):
        item = recommend(as_model(truth), query, k).item
        cells = np.where(item < 0, -1, np.arange(len(item))[:, None] * ITEMS + item)
        assert _mean_ndcg(cells, held_out, ITEMS) == pytest.approx(
            ndcg(as_model(truth), query, both, k)
        )


def test_a_blend_is_saved_and_loaded(truth, noise, logs, tmp_path):
    query = Query.of(logs[0])
    members = (as_model(truth), ItemScores(noise[0].astype(np.float32)))
    blend = Blend(members, np.array([0.7, 0.3], np.float32))
    save_model(blend, tmp_path / "blend")
    loaded, _ = load_model(tmp_path / "blend")
    np.testing.assert_array_equal(loaded.scores(query), blend.scores(query))
