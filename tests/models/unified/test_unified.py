"""What the unified model promises: sources that help are used, and none can do harm."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("torch")


from recweave.core.errors import BadSetting, UnknownName
from recweave.data.interactions import Histories, Interactions, join
from recweave.data.split import Split
from recweave.encode import Feature
from recweave.encode.numeric import LogBucket, encode_numbers
from recweave.evaluate import evaluate_model
from recweave.models import Query, load_model, save_model
from recweave.models.behaviors import BehaviorWeights
from recweave.models.nn.items import Content
from recweave.models.nn.reading import read_events
from recweave.models.nn.sequences import newest
from recweave.models.training import Checkpoints, Options, TrainingData
from recweave.models.unified.holdout import hold_out
from recweave.models.unified.numbers import CODES, EventNumbers
from recweave.models.unified.recipe import Unified
from recweave.models.unified.scorer import Scorer

ITEMS = 20
SMALL = {"dim": 16, "epochs": 5, "batch": 256, "lr": 0.01, "negatives": 16, "targets": "all"}


def shop(users=300, seed=0):
    """After item i, nine in ten view item i + 5 or buy item i + 1; the last event is a purchase."""
    rng = np.random.default_rng(seed)
    bought = rng.random((users, 10)) < 0.4
    bought[:, -1] = True
    item = np.zeros((users, 10), int)
    item[:, 0] = rng.integers(0, ITEMS, users)
    for place in range(1, 10):
        follows = item[:, place - 1] + np.where(bought[:, place], 1, 5)
        other = rng.integers(0, ITEMS, users)
        item[:, place] = np.where(rng.random(users) < 0.9, follows, other) % ITEMS
    return Interactions.of(
        np.repeat(np.arange(users), 10),
        item.ravel(),
        time=np.tile(np.arange(10) * 60, users),
        behavior=np.where(bought.ravel(), "purchase", "view").tolist(),
        shape=(users, ITEMS),
    )


def asking(views):
    user = np.repeat(np.arange(len(views)), [len(v) for v in views])
    log = Interactions.of(user, np.concatenate(views), behavior="view", shape=(len(views), ITEMS))
    return Query.of(log)


def test_what_will_be_bought_is_told_from_what_was_viewed():
    model = Unified(target=("purchase",), auxiliary=0.0, **SMALL).fit(shop())
    network = model.members[0]
    best = network.scores(asking([[3, i] for i in range(ITEMS)])).argmax(axis=1)
    assert (best == (np.arange(ITEMS) + 1) % ITEMS).mean() > 0.7


def test_another_behaviour_may_be_asked_for():
    model = Unified(target=("purchase",), **(SMALL | {"epochs": 20, "auxiliary": 1.0})).fit(shop())
    network = model.members[0]
    query = asking([[3, i] for i in range(ITEMS)])
    bought, viewed = network.scores(query), network.asking("view").scores(query)
    assert (bought.argmax(axis=1) == (np.arange(ITEMS) + 1) % ITEMS).mean() > 0.7
    assert (viewed.argmax(axis=1) == (np.arange(ITEMS) + 5) % ITEMS).mean() > 0.7


def test_a_behaviour_that_was_never_a_target_is_not_asked_for():
    network = Unified(target=("purchase",), **SMALL | {"auxiliary": 0.0}).fit(shop()).members[0]
    with pytest.raises(BadSetting, match=r"not taught what comes as the next view, only purchase"):
        network.asking("view")
    with pytest.raises(UnknownName, match="purchase"):
        network.asking("purchased")


def held(log, seed=1):
    """The last purchase of each user for validation."""
    last = (np.arange(len(log)) % 10) == 9
    return log[~last], log[last]


def test_the_whole_is_not_worse_on_validation_than_any_part():
    train, valid = held(shop())
    scorers = [{"name": "popularity"}, {"name": "markov"}, {"name": "item_knn"}]
    recipe = Unified.parse({"target": ["purchase"], "scorers": scorers, **SMALL}, "here")
    blend = recipe.fit(TrainingData(train, valid=valid))
    assert len(blend.members) == 4
    split = Split(train, train[:0], valid)

    def value(model):
        return evaluate_model(model, split, ["ndcg@10"]).means()["ndcg@10"].mean

    assert value(blend) >= max(value(member) for member in blend.members) - 1e-9


def test_who_is_held_out_to_choose_by_keeps_a_history():
    """Everybody views an item and buys it; only odd users had another one before."""
    user = np.repeat(np.arange(40), 4)
    item = np.tile([5, 6, 7, 7], 40)
    item[user % 2 == 0] = 7
    what = np.tile(["view", "view", "view", "purchase"], 40).tolist()
    log = Interactions.of(user, item, time=np.tile(np.arange(4), 40), behavior=what, shape=(40, 20))
    kept, valid = hold_out(log, [int(log.behavior[3])], seed=0)
    assert len(valid) == 2
    assert (valid.user % 2 == 1).all()
    assert (kept.user_counts()[valid.user] == 2).all()


def test_a_target_that_nothing_is_learned_of_is_refused():
    """Each purchase is of an item that was viewed before."""
    user, item = np.repeat(np.arange(30), 6), np.tile(np.repeat(np.arange(3), 2), 30)
    log = Interactions.of(
        user,
        (item + user) % ITEMS,
        time=np.tile(np.arange(6), 30),
        behavior=["view", "purchase"] * 90,
        shape=(30, ITEMS),
    )
    few = {**SMALL, "target": ("purchase",), "epochs": 1}
    with pytest.raises(BadSetting, match='targets = "all"'):
        Unified(**few | {"targets": "new"}).fit(log)
    with pytest.raises(BadSetting, match="weight of 0"):
        Unified(**few, behaviors=BehaviorWeights(purchase=0)).fit(log)
    assert Unified(**few).fit(log).members[0].asked == log.behavior[1]


def test_without_validation_events_some_are_held_out_of_training():
    log = shop()
    kept, valid = hold_out(log, [int(log.behavior[9])], seed=0)
    assert len(valid) == 30
    assert (valid.behavior == log.behavior[9]).all()
    pairs = set(zip(kept.user.tolist(), kept.item.tolist(), strict=True))
    assert not pairs & set(zip(valid.user.tolist(), valid.item.tolist(), strict=True))
    later = {u: t for u, t in zip(valid.user.tolist(), valid.time.tolist(), strict=True)}
    assert all(
        t < later.get(u, 10**9) for u, t in zip(kept.user.tolist(), kept.time.tolist(), strict=True)
    )
    everything = join(kept, valid)
    assert set(everything.user) == set(log.user)


def test_an_item_without_events_is_found_by_its_content():
    log = shop()
    vectors = np.zeros((ITEMS + 1, ITEMS), np.float32)
    vectors[np.arange(ITEMS), np.arange(ITEMS)] = 1
    vectors[ITEMS] = vectors[7] + 0.2 * vectors[9]
    text = {"text": Feature(vectors, np.ones(ITEMS + 1, bool), "made", "up")}
    grown = Interactions(
        log.user, log.item, log.behavior, log.value, log.time, (log.shape[0], ITEMS + 1)
    )
    recipe = Unified(features=("text",), target=("purchase",), graph=0, **SMALL)
    network = recipe.fit(TrainingData(grown, features=text)).members[0]
    assert network.share[ITEMS] == 1
    likeness = network.item[:ITEMS] @ network.item[ITEMS]
    assert likeness.argmax() == 7


def test_a_gate_learns_to_doubt_edges_that_do_not_fit():
    """Two thirds of the edges join users and items of one colour, and their signal says so."""
    import torch

    from recweave.models.unified.graph import BehaviorGraph

    rng = np.random.default_rng(0)
    same = np.arange(60)[:, None] % 2 == np.arange(40) % 2
    true = sparse.csr_array((same & (rng.random((60, 40)) < 0.3)).astype(np.float32))
    noise = sparse.csr_array((~same & (rng.random((60, 40)) < 0.15)).astype(np.float32))
    both = (true + noise).tocsr()
    user = np.repeat(np.arange(60), np.diff(both.indptr))
    agrees = same[user, both.indices]
    signal = np.stack([agrees.astype(np.float32), rng.random(len(agrees))], 1).astype(np.float32)
    graph = BehaviorGraph(both, signal)
    clean = BehaviorGraph(true, None)
    x = torch.from_numpy(rng.standard_normal((40, 8)).astype(np.float32))
    optimiser = torch.optim.Adam(graph.parameters(), 0.1)
    for _ in range(100):
        optimiser.zero_grad()
        ((graph(x, 0.0) - clean(x, 0.0)) ** 2).sum().backward()
        optimiser.step()
    share = graph.share().detach().numpy()
    assert share[agrees].min() > 2 * share[~agrees].max()


@pytest.mark.processor
def test_gates_are_learned_with_all_digits_where_products_have_fewer():
    """The gate's likelihoods are sums over many edges; bf16 would not even fit the sums."""
    made = [
        Unified(target=("purchase",), **SMALL).fit(shop(), Options(precision=digits)).members[0]
        for digits in ("bf16", "fp32")
    ]
    lower, whole = (model.scores(asking([[3, i] for i in range(ITEMS)])) for model in made)
    assert not np.array_equal(lower, whole)
    assert np.corrcoef(lower.ravel(), whole.ravel())[0, 1] > 0.9


def test_behaviour_alone_speaks_against_edges_that_nothing_goes_with():
    """Views within a taste, a fifth as many drawn at random, and a purchase each; no words."""
    from recweave.models.unified.edges import behavior_graphs

    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(200), 12)
    item = 30 * (user % 2) + rng.integers(0, 30, len(user))
    item[::6] = rng.integers(0, 60, len(item[::6]))
    what = np.where(np.arange(len(user)) % 12 == 11, "purchase", "view").tolist()
    log = Interactions.of(user, item, behavior=what, shape=(200, 60))
    recipe, codes = Unified(target=("purchase",)), BehaviorWeights().by_code()
    nothing = Content.of(None, (), log.item_counts())
    made = behavior_graphs(
        recipe, read_events(Histories.of(log), codes), nothing, [int(log.behavior[11])]
    )
    views, bought = made.graphs
    fits = (views.user % 2 == views.item // 30).numpy()
    around = views.signal[:, 1].numpy()
    assert bought.gate is None
    assert views.gate is not None
    assert (around[fits][:, None] > around[~fits]).mean() > 0.9
    np.testing.assert_allclose(views.signal.mean(0), 0, atol=1e-5)


def test_other_ways_are_counted_by_hand(monkeypatch):
    from recweave.models.unified import edges

    rng = np.random.default_rng(3)
    dense = rng.random((12, 9)) < 0.35
    dense[:, 8] = True
    monkeypatch.setattr(edges, "CROWDED", 11)  # all have item 8
    monkeypatch.setattr(edges, "BLOCK", 30)
    at_user, at_item = dense.sum(1), dense.sum(0)
    wanted = [
        sum(
            1 / (at_item[k] * at_user[v])
            for k in np.flatnonzero(dense[u])
            for v in np.flatnonzero(dense[:, j])
            if k not in (j, 8) and v != u and dense[v, k]
        )
        for u, j in zip(*np.nonzero(dense), strict=True)
    ]
    made = edges.other_ways(sparse.csr_array(dense.astype(np.float32)))
    np.testing.assert_allclose(made, wanted, atol=1e-6)


def test_a_round_is_that_of_dense_matrices():
    import torch

    from recweave.models.unified.graph import BehaviorGraph

    rng = np.random.default_rng(0)
    dense = (rng.random((9, 7)) < 0.4).astype(np.float32)
    dense[:, 3] = 0
    graph = BehaviorGraph(sparse.csr_array(dense), None)
    x = rng.standard_normal((7, 4)).astype(np.float32)
    scaled = dense / np.sqrt(np.maximum(dense.sum(1, keepdims=True), 1e-6))
    scaled = scaled / np.sqrt(np.maximum(dense.sum(0), 1e-6))
    made = graph(torch.from_numpy(x), 0.0).detach().numpy()
    np.testing.assert_allclose(made, scaled.T @ (scaled @ x), atol=1e-5)


def test_who_has_no_history_gets_zeros_and_reasons_name_what_mattered(tmp_path):
    model = Unified(target=("purchase",), auxiliary=0.0, **SMALL).fit(shop())
    query = asking([[], [3, 11, 5]])
    assert (model.members[0].scores(query)[0] == 0).all()
    lines = model.reasons(query, np.array([[6], [6]]))
    assert lines[[0]].nnz == 0
    assert lines[[1]].toarray()[0].argmax() == 5
    save_model(model, tmp_path / "m")
    loaded, _ = load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.scores(query), model.scores(query))


def test_users_profiles_are_read_before_their_history():
    """What is bought depends on the user's kind alone, which only their profile tells."""
    rng = np.random.default_rng(0)
    kind = np.arange(200) % 2
    first = rng.integers(0, 10, (200, 3))
    last = 10 + 5 * kind[:, None] + rng.integers(0, 5, (200, 1))
    log = Interactions.of(
        np.repeat(np.arange(200), 4), np.concatenate([first, last], 1).ravel(), shape=(200, ITEMS)
    )
    vectors = np.eye(2, dtype=np.float32)[kind]
    told = {"who": Feature(vectors, np.ones(200, bool), "made", "up", of="user")}
    recipe = Unified(user_feature="who", **(SMALL | {"epochs": 40, "batch": 64, "patience": 0}))
    network = recipe.fit(TrainingData(log, features=told)).members[0]
    query = Query.of(log[np.arange(len(log)) % 4 < 3])
    scores = network.scores(query)
    mine = scores[:, 10:15].mean(1) > scores[:, 15:].mean(1)
    assert (mine == (kind == 0)).mean() > 0.9
    strangers = replace(query, user=np.full(len(query), -1))
    without = replace(network, profile=np.zeros_like(network.profile))
    np.testing.assert_array_equal(network.scores(strangers), without.scores(query))
    with pytest.raises(BadSetting, match="of users"):
        Unified(user_feature="t", **SMALL).fit(
            TrainingData(
                log,
                features={"t": Feature(np.ones((ITEMS, 2), "f4"), np.ones(ITEMS, bool), "a", "b")},
            )
        )


def test_a_target_without_events_is_told():
    with pytest.raises(BadSetting, match="target"):
        Unified(target=("favorite",), **SMALL).fit(shop())
    with pytest.raises(BadSetting, match="favourite"):
        Unified.parse({"target": ["favourite"]}, "here")


def test_a_scorer_is_a_value_that_comes_back_from_json():
    told = {"name": "slit", "decay": 0.5, "features": ["text"], "behaviors": {"view": 0.5}}
    scorer = Scorer.parse(told, "here")
    assert hash(scorer) == hash(Scorer.parse(dict(reversed(told.items())), "here"))
    assert Scorer.model_validate_json(scorer.model_dump_json()) == scorer
    assert scorer.recipe().decay == 0.5
    assert scorer.recipe().behaviors.view == 0.5
    with pytest.raises(BadSetting, match="unknown key 'decoy'"):
        Scorer.parse({"name": "slit", "decoy": 1}, "here")
    with pytest.raises(BadSetting, match="did you mean 'ease'"):
        Unified.parse({"scorers": [{"name": "esae"}]}, "here")


def test_sources_tell_how_much_content_and_each_scorer_count():
    log, vectors = shop(), np.eye(ITEMS, dtype=np.float32)
    text = {"text": Feature(vectors, np.ones(ITEMS, bool), "made", "up")}
    scorers = [{"name": "markov"}]
    told = {"features": ["text"], "target": ["purchase"], "scorers": scorers, **SMALL}
    model = Unified.parse(told, "here").fit(TrainingData(log, features=text))
    found = model.sources(log.item_counts())
    assert set(found) == {"network: content", "network: behaviour", "markov"}
    np.testing.assert_allclose(sum(found.values()), 1, atol=1e-5)
    network = replace(model.members[0], share=np.linspace(1, 0, ITEMS, dtype=np.float32))
    content = network.sources(np.arange(ITEMS))["content"]
    assert (np.diff(content) < 0).all()


LONGER = SMALL | {"epochs": 40, "every": 40, "temperature": 0.2, "lr": 0.02}
HIGH, LOW, FIRST = np.arange(7), np.arange(7, 14), np.arange(14, ITEMS)


def told_by(high, first, value=1.0, users=300):
    """Pairs of events: one of `first`, then a new one of HIGH or of LOW, as `high` says."""
    rng = np.random.default_rng(0)
    item = np.empty((users, 8), int)
    item[:, ::2] = first
    for places, kind in ((np.where(high), HIGH), (np.where(~high), LOW)):
        row, pair = places
        nth = np.where(kind is HIGH, high, ~high).cumsum(axis=1)[row, pair] - 1
        item[row, 2 * pair + 1] = rng.permuted(np.tile(kind, (users, 1)), axis=1)[row, nth]
    values = np.ones((users, 8))
    values[:, ::2] = value
    time = np.tile(np.arange(8) * 60, users)
    user = np.repeat(np.arange(users), 8)
    return Interactions.of(user, item.ravel(), values.ravel(), time, shape=(users, ITEMS))


def rated():
    """What is rated 5 stands before one of HIGH, what is rated 1 before one of LOW."""
    rng = np.random.default_rng(1)
    high = rng.random((300, 4)) < 0.5
    return told_by(high, rng.choice(FIRST, (300, 4)), np.where(high, 5, 1))


def lean(model, log):
    """How much higher the score of HIGH is than that of LOW."""
    scores = model.scores(Query.of(log))
    return scores[:, HIGH].mean(axis=1) - scores[:, LOW].mean(axis=1)


@pytest.mark.parametrize("code", ["digits", "log_bucket", "fourier"])
def test_numbers_stand_with_their_events(code):
    """The code of the gap, then of the value, then what the item has; nothing where no event is."""
    recipe = Unified(gaps=code, values=code)
    item = np.arange(10, dtype=np.float32).reshape(5, 2)
    read = EventNumbers.of(recipe, item, clocked=True)
    log = Interactions.of([0, 0, 1], [3, 1, 2], [5, 2, 3], [100, 107, 50], shape=(2, 5))
    made = read.read(newest(Histories.of(log), 10))
    of = CODES[code].vectors
    gap, value = of(np.float32([0, 7, 0])), of(np.float32([5, 2, 3]))
    expected = np.concatenate([gap, value, item[[3, 1, 2]]], axis=1)
    assert read.width == expected.shape[1]
    np.testing.assert_array_equal(made[[0, 0, 1], [0, 1, 0]], expected)
    assert not made[1, 1].any()
    without = EventNumbers.of(Unified(gaps=code), item[:, :0], clocked=False)
    assert without.width == 0
    assert without.read(newest(Histories.of(log), 10)).shape == (2, 2, 0)


def test_how_an_event_was_rated_is_read(tmp_path):
    network = Unified(values="log_bucket", **LONGER).fit(rated()).members[0]
    log = Interactions.of([0, 1], [15, 15], [5, 1], shape=(2, ITEMS))
    save_model(network, tmp_path / "model")
    for model in (network, load_model(tmp_path / "model")[0]):
        one, other = lean(model, log)
        assert one > 1 > -1 > other


def test_a_training_on_other_ratings_is_another(tmp_path):
    """Else a checkpoint of the one would be taken for the other's."""
    log = rated()
    options = Options(checkpoints=Checkpoints(tmp_path))
    for value in (log.value, log.value[::-1].copy()):
        recipe = Unified(values="log_bucket", **SMALL | {"epochs": 1})
        recipe.fit(replace(log, value=value), options)
    assert len(list(tmp_path.iterdir())) == 2


def test_ratings_are_not_read_unless_asked_for():
    network = Unified(**SMALL).fit(rated()).members[0]
    log = Interactions.of([0, 1], [15, 15], [5, 1], shape=(2, ITEMS))
    one, other = lean(network, log)
    assert one == other


def test_values_below_zero_have_no_size():
    log = replace(rated(), value=rated().value - 3)
    with pytest.raises(BadSetting, match=r'values = "fourier" reads sizes, and the log has -2;'):
        Unified(values="fourier", **SMALL).fit(log)


def test_the_price_of_a_new_item_is_read_with_it(tmp_path):
    """What is dear stands before one of HIGH; the last two were never sold."""
    dear = np.arange(ITEMS) % 2 == 0
    first = np.random.default_rng(1).choice(FIRST[:-2], (300, 4))
    log = told_by(dear[first], first)
    price = encode_numbers(np.where(dear, 90.0, 3.0), LogBucket())
    recipe = Unified(numbers=("price",), **LONGER)
    network = recipe.fit(TrainingData(log, features={"price": price})).members[0]
    asked = Interactions.of([0, 1], [18, 19], shape=(2, ITEMS))
    save_model(network, tmp_path / "model")
    for model in (network, load_model(tmp_path / "model")[0]):
        one, other = lean(model, asked)
        assert one > 1 > -1 > other
    with pytest.raises(BadSetting, match="there is no feature 'price'"):
        recipe.fit(log)


def test_what_comes_after_what_is_held_out_leaves_training():
    """Everybody buys, then views something else: that view would tell of the purchase."""
    user, item = np.repeat(np.arange(40), 4), np.tile([1, 2, 3, 4], 40)
    what = ["view", "view", "purchase", "view"] * 40
    log = Interactions.of(user, item, behavior=what, shape=(40, 20))
    kept, valid = hold_out(log, [int(log.behavior[2])], seed=0)
    assert len(valid) == 4
    for row in range(40):
        whole = [1, 2] if row in valid.user else [1, 2, 3, 4]
        assert kept.item[kept.user == row].tolist() == whole
