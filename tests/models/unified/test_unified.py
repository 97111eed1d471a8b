"""The unified model: useful sources are used, and useless ones do no harm."""

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
from recweave.models.scorer import Scorer
from recweave.models.training import Checkpoints, Options, TrainingData
from recweave.models.unified.holdout import hold_out
from recweave.models.unified.numbers import CODES, EventNumbers
from recweave.models.unified.recipe import Unified

ITEMS = 20
SMALL = {"dim": 16, "epochs": 5, "batch": 256, "lr": 0.01, "negatives": 16, "targets": "all"}


def shop(users=300, seed=0):
    """After item i, 90 % view item i + 5 or buy item i + 1; the last event is a purchase."""
    rng = np.random.default_rng(seed)
    bought = rng.random((users, 10)) < 0.4
    bought[:, -1] = True
    item = np.zeros((users, 10), int)
    item[:, 0] = rng.integers(0, ITEMS, users)
    for position in range(1, 10):
        follows = item[:, position - 1] + np.where(bought[:, position], 1, 5)
        other = rng.integers(0, ITEMS, users)
        item[:, position] = np.where(rng.random(users) < 0.9, follows, other) % ITEMS
    return Interactions.of(
        np.repeat(np.arange(users), 10),
        item.ravel(),
        time=np.tile(np.arange(10) * 60, users),
        behavior=np.where(bought.ravel(), "purchase", "view").tolist(),
        shape=(users, ITEMS),
    )


def query_of(views):
    user = np.repeat(np.arange(len(views)), [len(v) for v in views])
    log = Interactions.of(user, np.concatenate(views), behavior="view", shape=(len(views), ITEMS))
    return Query.of(log)


def test_purchases_are_predicted_from_views():
    model = Unified(target=("purchase",), auxiliary=0.0, **SMALL).fit(shop())
    network = model.members[0]
    best = network.scores(query_of([[3, i] for i in range(ITEMS)])).argmax(axis=1)
    assert (best == (np.arange(ITEMS) + 1) % ITEMS).mean() > 0.7


def test_another_behaviour_can_be_predicted():
    model = Unified(target=("purchase",), **(SMALL | {"epochs": 20, "auxiliary": 1.0})).fit(shop())
    network = model.members[0]
    query = query_of([[3, i] for i in range(ITEMS)])
    bought, viewed = network.scores(query), network.predicting("view").scores(query)
    assert (bought.argmax(axis=1) == (np.arange(ITEMS) + 1) % ITEMS).mean() > 0.7
    assert (viewed.argmax(axis=1) == (np.arange(ITEMS) + 5) % ITEMS).mean() > 0.7


def test_a_behaviour_that_was_never_a_target_cannot_be_predicted():
    network = Unified(target=("purchase",), **SMALL | {"auxiliary": 0.0}).fit(shop()).members[0]
    with pytest.raises(BadSetting, match=r"not trained to predict the next view, only purchase"):
        network.predicting("view")
    with pytest.raises(UnknownName, match="purchase"):
        network.predicting("purchased")


def last_held_out(log, seed=1):
    """Train, and the last purchase of each user for validation."""
    last = (np.arange(len(log)) % 10) == 9
    return log[~last], log[last]


def test_the_blend_is_not_worse_on_validation_than_any_member():
    train, valid = last_held_out(shop())
    scorers = [{"name": "popularity"}, {"name": "markov"}, {"name": "item_knn"}]
    recipe = Unified.parse({"target": ["purchase"], "scorers": scorers, **SMALL}, "here")
    blend = recipe.fit(TrainingData(train, valid=valid))
    assert len(blend.members) == 4
    split = Split(train, train[:0], valid)

    def value(model):
        return evaluate_model(model, split, ["ndcg@10"]).means()["ndcg@10"].mean

    assert value(blend) >= max(value(member) for member in blend.members) - 1e-9


def news_of_the_day(users=60, days=15, seed=0):
    """Everybody reads what came out on that day; an article is read on no other."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), 5)
    day = np.concatenate([np.sort(rng.choice(days, 5, replace=False)) for _ in range(users)])
    item = day * 4 + rng.integers(0, 4, len(day))
    time = day * 86_400 + rng.integers(0, 80_000, len(day))
    log = Interactions.of(user, item, time=time, shape=(users, days * 4))
    return log, np.arange(len(log)) % 5 == 4


def test_automatic_scorers_know_what_is_read_now():
    log, last = news_of_the_day()
    train, valid = log[~last], log[last]
    recipe = Unified(scorers="auto", **SMALL | {"epochs": 1})
    blend = recipe.fit(TrainingData(train, valid=valid))
    split = Split(train, train[:0], valid)

    def value(model):
        return evaluate_model(model, split, ["ndcg@10"]).means()["ndcg@10"].mean

    values = {n: value(m) for n, m in zip(blend.names, blend.members, strict=True)}
    assert len(values) == len(blend.names)  # no name twice
    assert value(blend) >= max(values.values()) - 1e-9
    present = [name for name in values if name.startswith("popular in")] + ["newest"]
    assert len(present) == 4
    others = [values[name] for name in values if name not in present]
    assert max(values[name] for name in present) > 2 * max(others)


def test_automatic_scorers_are_those_that_the_data_have_something_for():
    from recweave.models.unified.standard import standard_scorers

    log, _ = news_of_the_day()
    order = Interactions.of(log.user, log.item)
    with_text = Unified(scorers="auto", features=("text",))
    names = dict(standard_scorers(with_text, TrainingData(order)))
    assert not [name for name in names if name.startswith(("popular in", "newest"))]
    assert {"ease-features", "slit-features", "content_knn text"} <= names.keys()
    assert "text" in with_text.features_used()
    plain = dict(standard_scorers(Unified(scorers="auto"), TrainingData(log)))
    assert not [name for name in plain if "features" in name or "content" in name]


def test_validation_users_keep_a_history():
    """All users view an item and buy it; only users of odd rows had another item before."""
    user = np.repeat(np.arange(40), 4)
    item = np.tile([5, 6, 7, 7], 40)
    item[user % 2 == 0] = 7
    behavior = np.tile(["view", "view", "view", "purchase"], 40).tolist()
    log = Interactions.of(
        user, item, time=np.tile(np.arange(4), 40), behavior=behavior, shape=(40, 20)
    )
    train, valid = hold_out(log, [int(log.behavior[3])], seed=0)
    assert len(valid) == 2
    assert (valid.user % 2 == 1).all()
    assert (train.user_counts()[valid.user] == 2).all()


def test_targets_without_training_events_are_refused():
    """Each purchased item was viewed before."""
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
    train, valid = hold_out(log, [int(log.behavior[9])], seed=0)
    assert len(valid) == 30
    assert (valid.behavior == log.behavior[9]).all()
    pairs = set(zip(train.user.tolist(), train.item.tolist(), strict=True))
    assert not pairs & set(zip(valid.user.tolist(), valid.item.tolist(), strict=True))
    later = {u: t for u, t in zip(valid.user.tolist(), valid.time.tolist(), strict=True)}
    assert all(
        t < later.get(u, 10**9)
        for u, t in zip(train.user.tolist(), train.time.tolist(), strict=True)
    )
    everything = join(train, valid)
    assert set(everything.user) == set(log.user)


def test_an_item_without_events_is_found_by_its_content():
    log = shop()
    vectors = np.zeros((ITEMS + 1, ITEMS), np.float32)
    vectors[np.arange(ITEMS), np.arange(ITEMS)] = 1
    vectors[ITEMS] = vectors[7] + 0.2 * vectors[9]
    text = {"text": Feature(vectors, np.ones(ITEMS + 1, bool), "made", "random")}
    grown = Interactions(
        log.user, log.item, log.behavior, log.value, log.time, (log.shape[0], ITEMS + 1)
    )
    recipe = Unified(features=("text",), target=("purchase",), graph=0, **SMALL)
    network = recipe.fit(TrainingData(grown, features=text)).members[0]
    assert network.share[ITEMS] == 1
    similarity = network.item[:ITEMS] @ network.item[ITEMS]
    assert similarity.argmax() == 7


def test_a_gate_learns_to_remove_noisy_edges():
    """Two thirds of the edges join users and items of one group, and their signal says so."""
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
def test_gates_are_learned_in_fp32_also_with_bf16_products():
    """The gradients of a gate are sums over many edges; bf16 is too coarse for these."""
    models = [
        Unified(target=("purchase",), **SMALL).fit(shop(), Options(precision=precision)).members[0]
        for precision in ("bf16", "fp32")
    ]
    bf16, fp32 = (model.scores(query_of([[3, i] for i in range(ITEMS)])) for model in models)
    assert not np.array_equal(bf16, fp32)
    assert np.corrcoef(bf16.ravel(), fp32.ravel())[0, 1] > 0.9


def test_edges_without_other_paths_get_a_low_signal_without_content():
    """Views within two groups, one in six views random, and one purchase each; no text."""
    from recweave.models.unified.edges import behavior_graphs

    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(200), 12)
    item = 30 * (user % 2) + rng.integers(0, 30, len(user))
    item[::6] = rng.integers(0, 60, len(item[::6]))
    behavior = np.where(np.arange(len(user)) % 12 == 11, "purchase", "view").tolist()
    log = Interactions.of(user, item, behavior=behavior, shape=(200, 60))
    recipe, codes = Unified(target=("purchase",)), BehaviorWeights().by_code()
    no_content = Content.of(None, (), log.item_counts())
    graphs = behavior_graphs(
        recipe, read_events(Histories.of(log), codes), no_content, [int(log.behavior[11])]
    )
    views, bought = graphs.graphs
    same_group = (views.user % 2 == views.item // 30).numpy()
    paths = views.signal[:, 1].numpy()
    assert bought.gate is None
    assert views.gate is not None
    assert (paths[same_group][:, None] > paths[~same_group]).mean() > 0.9
    np.testing.assert_allclose(views.signal.mean(0), 0, atol=1e-5)


def test_path_weights_agree_with_a_plain_loop(monkeypatch):
    from recweave.models.unified import edges

    rng = np.random.default_rng(3)
    dense = rng.random((12, 9)) < 0.35
    dense[:, 8] = True
    monkeypatch.setattr(edges, "MAX_DEGREE", 11)  # all users have item 8
    monkeypatch.setattr(edges, "BLOCK", 30)
    at_user, at_item = dense.sum(1), dense.sum(0)
    expected = [
        sum(
            1 / (at_item[k] * at_user[v])
            for k in np.flatnonzero(dense[u])
            for v in np.flatnonzero(dense[:, j])
            if k not in (j, 8) and v != u and dense[v, k]
        )
        for u, j in zip(*np.nonzero(dense), strict=True)
    ]
    weights = edges.path_weights(sparse.csr_array(dense.astype(np.float32)))
    np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_a_round_agrees_with_dense_matrices():
    import torch

    from recweave.models.unified.graph import BehaviorGraph

    rng = np.random.default_rng(0)
    dense = (rng.random((9, 7)) < 0.4).astype(np.float32)
    dense[:, 3] = 0
    graph = BehaviorGraph(sparse.csr_array(dense), None)
    x = rng.standard_normal((7, 4)).astype(np.float32)
    scaled = dense / np.sqrt(np.maximum(dense.sum(1, keepdims=True), 1e-6))
    scaled = scaled / np.sqrt(np.maximum(dense.sum(0), 1e-6))
    result = graph(torch.from_numpy(x), 0.0).detach().numpy()
    np.testing.assert_allclose(result, scaled.T @ (scaled @ x), atol=1e-5)


def test_no_history_gives_zeros_and_reasons_name_the_items_that_mattered(tmp_path):
    model = Unified(target=("purchase",), auxiliary=0.0, **SMALL).fit(shop())
    query = query_of([[], [3, 11, 5]])
    assert (model.members[0].scores(query)[0] == 0).all()
    lines = model.reasons(query, np.array([[6], [6]]))
    assert lines[[0]].nnz == 0
    assert lines[[1]].toarray()[0].argmax() == 5
    save_model(model, tmp_path / "m")
    loaded, _ = load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.scores(query), model.scores(query))


def test_user_profiles_are_read_before_the_history():
    """The purchase depends only on the user's kind, which only the profile contains."""
    rng = np.random.default_rng(0)
    kind = np.arange(200) % 2
    first = rng.integers(0, 10, (200, 3))
    last = 10 + 5 * kind[:, None] + rng.integers(0, 5, (200, 1))
    log = Interactions.of(
        np.repeat(np.arange(200), 4), np.concatenate([first, last], 1).ravel(), shape=(200, ITEMS)
    )
    vectors = np.eye(2, dtype=np.float32)[kind]
    features = {"who": Feature(vectors, np.ones(200, bool), "made", "random", of="user")}
    recipe = Unified(user_feature="who", **(SMALL | {"epochs": 40, "batch": 64, "patience": 0}))
    network = recipe.fit(TrainingData(log, features=features)).members[0]
    query = Query.of(log[np.arange(len(log)) % 4 < 3])
    scores = network.scores(query)
    first_kind = scores[:, 10:15].mean(1) > scores[:, 15:].mean(1)
    assert (first_kind == (kind == 0)).mean() > 0.9
    cold_users = replace(query, user=np.full(len(query), -1))
    without = replace(network, profile=np.zeros_like(network.profile))
    np.testing.assert_array_equal(network.scores(cold_users), without.scores(query))
    with pytest.raises(BadSetting, match="of users"):
        Unified(user_feature="t", **SMALL).fit(
            TrainingData(
                log,
                features={"t": Feature(np.ones((ITEMS, 2), "f4"), np.ones(ITEMS, bool), "a", "b")},
            )
        )


def test_a_target_without_events_is_an_error():
    with pytest.raises(BadSetting, match="target"):
        Unified(target=("favorite",), **SMALL).fit(shop())
    with pytest.raises(BadSetting, match="favourite"):
        Unified.parse({"target": ["favourite"]}, "here")


def test_a_scorer_is_a_hashable_value_and_survives_json():
    settings = {"name": "slit", "decay": 0.5, "features": ["text"], "behaviors": {"view": 0.5}}
    scorer = Scorer.parse(settings, "here")
    assert hash(scorer) == hash(Scorer.parse(dict(reversed(settings.items())), "here"))
    assert Scorer.model_validate_json(scorer.model_dump_json()) == scorer
    assert scorer.recipe().decay == 0.5
    assert scorer.recipe().behaviors.view == 0.5
    with pytest.raises(BadSetting, match="unknown key 'decoy'"):
        Scorer.parse({"name": "slit", "decoy": 1}, "here")
    with pytest.raises(BadSetting, match="did you mean 'ease'"):
        Unified.parse({"scorers": [{"name": "esae"}]}, "here")


def test_sources_give_the_shares_of_content_and_of_each_scorer():
    log, vectors = shop(), np.eye(ITEMS, dtype=np.float32)
    text = {"text": Feature(vectors, np.ones(ITEMS, bool), "made", "random")}
    scorers = [{"name": "markov"}]
    settings = {"features": ["text"], "target": ["purchase"], "scorers": scorers, **SMALL}
    model = Unified.parse(settings, "here").fit(TrainingData(log, features=text))
    shares = model.sources(log.item_counts())
    assert set(shares) == {"network: content", "network: behaviour", "markov"}
    np.testing.assert_allclose(sum(shares.values()), 1, atol=1e-5)
    network = replace(model.members[0], share=np.linspace(1, 0, ITEMS, dtype=np.float32))
    content = network.sources(np.arange(ITEMS))["content"]
    assert (np.diff(content) < 0).all()


LONGER = SMALL | {"epochs": 40, "every": 40, "temperature": 0.2, "lr": 0.02}
HIGH, LOW, FIRST = np.arange(7), np.arange(7, 14), np.arange(14, ITEMS)


def pairs_log(high, first, value=1.0, users=300):
    """Pairs of events: an item of `first`, then a new item of HIGH where `high`, else of LOW."""
    rng = np.random.default_rng(0)
    item = np.empty((users, 8), int)
    item[:, ::2] = first
    for pairs, kind in ((np.where(high), HIGH), (np.where(~high), LOW)):
        row, pair = pairs
        nth = np.where(kind is HIGH, high, ~high).cumsum(axis=1)[row, pair] - 1
        item[row, 2 * pair + 1] = rng.permuted(np.tile(kind, (users, 1)), axis=1)[row, nth]
    values = np.ones((users, 8))
    values[:, ::2] = value
    time = np.tile(np.arange(8) * 60, users)
    user = np.repeat(np.arange(users), 8)
    return Interactions.of(user, item.ravel(), values.ravel(), time, shape=(users, ITEMS))


def rated():
    """An item of HIGH follows a rating of 5, an item of LOW a rating of 1."""
    rng = np.random.default_rng(1)
    high = rng.random((300, 4)) < 0.5
    return pairs_log(high, rng.choice(FIRST, (300, 4)), np.where(high, 5, 1))


def high_minus_low(model, log):
    """Mean score of HIGH minus mean score of LOW."""
    scores = model.scores(Query.of(log))
    return scores[:, HIGH].mean(axis=1) - scores[:, LOW].mean(axis=1)


@pytest.mark.parametrize("code", ["digits", "log_bucket", "fourier"])
def test_numbers_are_encoded_with_their_events(code):
    """The encoded gap, the encoded value, then the item's numbers; zeros without an event."""
    recipe = Unified(gaps=code, values=code)
    item = np.arange(10, dtype=np.float32).reshape(5, 2)
    numbers = EventNumbers.of(recipe, item, clocked=True)
    log = Interactions.of([0, 0, 1], [3, 1, 2], [5, 2, 3], [100, 107, 50], shape=(2, 5))
    result = numbers.read(newest(Histories.of(log), 10))
    encode = CODES[code].vectors
    gap, value = encode(np.float32([0, 7, 0])), encode(np.float32([5, 2, 3]))
    expected = np.concatenate([gap, value, item[[3, 1, 2]]], axis=1)
    assert numbers.width == expected.shape[1]
    np.testing.assert_array_equal(result[[0, 0, 1], [0, 1, 0]], expected)
    assert not result[1, 1].any()
    without = EventNumbers.of(Unified(gaps=code), item[:, :0], clocked=False)
    assert without.width == 0
    assert without.read(newest(Histories.of(log), 10)).shape == (2, 2, 0)


def test_ratings_of_events_are_read(tmp_path):
    network = Unified(values="log_bucket", **LONGER).fit(rated()).members[0]
    log = Interactions.of([0, 1], [15, 15], [5, 1], shape=(2, ITEMS))
    save_model(network, tmp_path / "model")
    for model in (network, load_model(tmp_path / "model")[0]):
        one, other = high_minus_low(model, log)
        assert one > 1 > -1 > other


def test_other_ratings_have_another_checkpoint(tmp_path):
    """Otherwise a training would resume from a checkpoint of other data."""
    log = rated()
    options = Options(checkpoints=Checkpoints(tmp_path))
    for value in (log.value, log.value[::-1].copy()):
        recipe = Unified(values="log_bucket", **SMALL | {"epochs": 1})
        recipe.fit(replace(log, value=value), options)
    assert len(list(tmp_path.iterdir())) == 2


def test_ratings_are_not_read_by_default():
    network = Unified(**SMALL).fit(rated()).members[0]
    log = Interactions.of([0, 1], [15, 15], [5, 1], shape=(2, ITEMS))
    one, other = high_minus_low(network, log)
    assert one == other


def test_values_below_zero_are_refused():
    log = replace(rated(), value=rated().value - 3)
    with pytest.raises(BadSetting, match=r'values = "fourier" needs .* the log has -2;'):
        Unified(values="fourier", **SMALL).fit(log)


def test_the_price_of_a_new_item_is_read_with_it(tmp_path):
    """An item of HIGH follows an expensive item; the last two items have no events."""
    expensive = np.arange(ITEMS) % 2 == 0
    first = np.random.default_rng(1).choice(FIRST[:-2], (300, 4))
    log = pairs_log(expensive[first], first)
    price = encode_numbers(np.where(expensive, 90.0, 3.0), LogBucket())
    recipe = Unified(numbers=("price",), **LONGER)
    network = recipe.fit(TrainingData(log, features={"price": price})).members[0]
    queries = Interactions.of([0, 1], [18, 19], shape=(2, ITEMS))
    save_model(network, tmp_path / "model")
    for model in (network, load_model(tmp_path / "model")[0]):
        one, other = high_minus_low(model, queries)
        assert one > 1 > -1 > other
    with pytest.raises(BadSetting, match="there is no feature 'price'"):
        recipe.fit(log)


def test_events_after_a_held_out_event_leave_training():
    """All users buy, then view another item; that view would leak the purchase."""
    user, item = np.repeat(np.arange(40), 4), np.tile([1, 2, 3, 4], 40)
    behavior = ["view", "view", "purchase", "view"] * 40
    log = Interactions.of(user, item, behavior=behavior, shape=(40, 20))
    train, valid = hold_out(log, [int(log.behavior[2])], seed=0)
    assert len(valid) == 4
    for row in range(40):
        remaining = [1, 2] if row in valid.user else [1, 2, 3, 4]
        assert train.item[train.user == row].tolist() == remaining
