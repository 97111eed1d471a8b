"""DLRM and DCN-v2 on planted structure, and against their formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recweave.core.errors import BadSetting
from recweave.data.interactions import Interactions
from recweave.encode.features import OTHER, CategoricalFeature, EventFeature, Feature
from recweave.evaluate.classification import roc_auc
from recweave.models import load_model, save_model
from recweave.models.base import ClickModel
from recweave.models.ctr.dcn import DCN
from recweave.models.ctr.dlrm import DLRM
from recweave.models.ctr.fit import Examples
from recweave.models.ctr.inputs import Inputs, padded_codes
from recweave.models.ctr.logistic import Logistic
from recweave.models.ctr.model import Layer, cross_network, dot_interactions
from recweave.models.ctr.net import ClickNet, pairwise_products
from recweave.models.ctr.reducer import aligned
from recweave.models.ctr.settings import Reducer
from recweave.models.training import Checkpoints, Options, TrainingData

USERS, ITEMS = 60, 50
NETWORKS = [
    DLRM(ids=False, lr=0.01, epochs=30, dropout=0.1, dim=8),
    DCN(ids=False, lr=0.01, epochs=30, dropout=0.1, dim=8),
]


def feature(vectors, of="item", present=None, columns=()):
    vectors = np.asarray(vectors, np.float32)
    present = np.ones(len(vectors), bool) if present is None else np.asarray(present)
    vectors = vectors * present[:, None]
    return Feature(vectors, present, "made/1", "made", of=of, columns=columns)


@pytest.fixture(scope="module")
def planted():
    """A user of group 0 or 1 likes exactly the items of the same group.

    The groups are labels ("kind", "taste"), and are encoded in numbers and vectors as well.
    """
    rng = np.random.default_rng(0)
    taste, kind = np.arange(USERS) % 2, np.arange(ITEMS) % 2
    user, item = rng.integers(0, USERS, 4000), rng.integers(0, ITEMS, 4000)
    value = (taste[user] == kind[item]).astype(np.float32)
    features = {
        "taste": feature(np.eye(2)[taste], "user", columns=("a", "b")),
        "kind": feature(np.eye(2)[kind], columns=("x", "y")),
        "user_number": feature(taste[:, None] + 0.1 * rng.standard_normal((USERS, 1)), "user"),
        "item_number": feature(kind[:, None] + 0.1 * rng.standard_normal((ITEMS, 1))),
        "user_text": feature(
            np.eye(2)[taste] @ rng.standard_normal((2, 12)) + 0.1 * rng.random((USERS, 12)), "user"
        ),
        "item_text": feature(
            np.eye(2)[kind] @ rng.standard_normal((2, 9)) + 0.1 * rng.random((ITEMS, 9))
        ),
    }
    log = Interactions.of(user, item, value, shape=(USERS, ITEMS))
    return TrainingData(log[:3000], log[3000:], features=features)


def held_out_auc(model, data):
    return roc_auc(data.valid.value == 1, model.probability(data.valid.user, data.valid.item))


INPUTS = [
    {"embed": ("taste", "kind")},
    {"dense": ("user_number", "item_number")},
    {"reduce": (("user_text", "item_text"),)},
    {"reduce": (("user_text",), ("item_text",))},
    {"ids": True, "batch": 256, "patience": 0},
]


@pytest.mark.parametrize("recipe", NETWORKS, ids=["dlrm", "dcn"])
@pytest.mark.parametrize("inputs", INPUTS, ids=lambda given: "-".join(given))
def test_an_interaction_is_learned_that_a_linear_model_cannot_learn(planted, recipe, inputs):
    recipe = recipe.model_copy(update=inputs)
    assert held_out_auc(recipe.fit(planted), planted) > 0.97
    if "reduce" not in inputs:
        linear = Logistic(features=recipe.features_used()).fit(planted)
        assert abs(held_out_auc(linear, planted) - 0.5) < 0.06


@pytest.mark.parametrize("recipe", NETWORKS, ids=["dlrm", "dcn"])
def test_permuted_labels_give_chance(planted, recipe):
    value = np.random.default_rng(1).permutation(planted.train.value)
    data = replace(planted, train=replace(planted.train, value=value))
    model = recipe.model_copy(update={"embed": ("taste", "kind")}).fit(data)
    assert abs(held_out_auc(model, planted) - 0.5) < 0.06


def test_dot_interactions_are_the_products_of_all_pairs():
    f = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, -6.0]]])
    # (1·3 + 2·4, 1·5 - 2·6, 3·5 - 4·6)
    np.testing.assert_array_equal(dot_interactions(f), [[11.0, -7.0, -9.0]])


def test_a_cross_layer_multiplies_the_input_with_a_linear_map():
    start = np.array([[1.0, 2.0]])
    first = (Layer(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([0.5, 0.0])),)
    # x W + b = (1 + 2 + 0.5, 2); x0 ⊙ that + x = (3.5 + 1, 4 + 2)
    np.testing.assert_allclose(cross_network(start, (first,)), [[4.5, 6.0]])
    low_rank = (
        Layer(np.array([[1.0], [1.0]]), np.zeros(1)),
        Layer(np.array([[2.0, 3.0]]), np.array([0.0, 1.0])),
    )
    # From x = (4.5, 6): 10.5 · (2, 3) + (0, 1) = (21, 32.5); x0 ⊙ that + x = (25.5, 71)
    np.testing.assert_allclose(cross_network(start, (first, low_rank)), [[25.5, 71.0]])


EVERYTHING = {
    "dense": ("user_number", "item_number"),
    "reduce": (("user_text", "item_text"), ("item_text",)),
    "embed": ("taste", "kind"),
    "ids": True,
}


@pytest.mark.parametrize("upstream", ["joint", "cross_fitted", "same_labels"])
@pytest.mark.parametrize(
    "recipe", [*NETWORKS, DCN(rank=3, epochs=3, dim=8)], ids=["dlrm", "dcn", "low_rank"]
)
def test_the_model_answers_as_the_network_does(planted, recipe, upstream, monkeypatch):
    """The torch network, as it validated last, against the arrays of the model."""
    recipe = recipe.model_copy(
        update=EVERYTHING | {"upstream": upstream, "epochs": 2, "reducer": Reducer(epochs=2)}
    )
    nets = []
    monkeypatch.setattr(
        "recweave.models.ctr.fit.ClickNet", lambda *a: nets.append(ClickNet(*a)) or nets[-1]
    )
    # Users and items without training events have mean embeddings in the model alone.
    model = recipe.fit(planted)
    examples = Examples.of(recipe, planted, Options())
    with torch.inference_mode():
        odds = torch.cat([nets[0](batch) for batch in examples.valid.batches()]).numpy()
    pairs = planted.valid.user, planted.valid.item
    np.testing.assert_allclose(model.log_odds(*pairs), odds, rtol=1e-3, atol=1e-4)
    assert isinstance(model, ClickModel)


@pytest.mark.parametrize(
    ("place", "upstream"),
    [
        ("dense", "joint"),
        ("embed", "joint"),
        ("reduce", "joint"),
        ("reduce", "cross_fitted"),
        ("reduce", "same_labels"),
    ],
)
def test_a_training_row_reads_vectors_computed_without_it(place, upstream):
    """The whole vectors hold the label, the variants are empty: nothing can be learned."""
    rng = np.random.default_rng(2)
    n = 600
    user, item = np.zeros(n, int), np.arange(n)
    label = rng.integers(0, 2, n)
    whole = feature(np.eye(2)[label])
    variants = np.tile([1.0, 0.0], (n, 1)).astype(np.float32)
    leak_free = EventFeature(whole, item, item, variants, np.ones(n, bool))
    leaky = EventFeature(whole, item, np.full(n, -1), variants, np.ones(n, bool))
    log = Interactions.of(user, item, label.astype(np.float32), shape=(1, n))
    names = (("f",),) if place == "reduce" else ("f",)
    recipe = DLRM(
        ids=False,
        epochs=15,
        lr=0.01,
        dim=4,
        upstream=upstream,
        reducer=Reducer(hidden=(16,), epochs=15, lr=0.01, folds=2),
    ).model_copy(update={place: names})
    spread = []
    for made in (leak_free, leaky):
        model = recipe.fit(TrainingData(log, features={"f": made}, rows=item))
        odds = model.log_odds(user, item)
        spread.append(odds[label == 1].mean() - odds[label == 0].mean())
    assert spread[1] > 2
    assert abs(spread[0]) < spread[1] / 4


@pytest.mark.parametrize("place", ["dense", "embed", "reduce"])
def test_validation_events_that_features_were_computed_from_read_vectors_without_them(place):
    """Variants are right for three events of four, the whole vectors for all.

    A network that reads the whole ones on validation finds itself far too unsure.
    """
    rng = np.random.default_rng(5)
    n, split = 2000, 1200
    item = np.arange(n)
    label = rng.integers(0, 2, n)
    seen = np.where(rng.random(n) < 0.75, label, 1 - label)
    made = EventFeature(
        feature(np.eye(2)[label]), item, item, np.eye(2, dtype=np.float32)[seen], np.ones(n, bool)
    )
    log = Interactions.of(np.zeros(n, int), item, label.astype(np.float32), shape=(1, n))
    data = TrainingData(
        log[:split],
        log[split:],
        {"f": made},
        rows=item[:split],
        valid_rows=item[split:],
    )
    names = (("f",),) if place == "reduce" else ("f",)
    recipe = DLRM(ids=False, epochs=20, lr=0.01, dim=4, dropout=0.0, calibrate=True)
    recipe = recipe.model_copy(update={place: names})
    assert 0.5 < recipe.fit(data).slope < 2
    assert recipe.fit(replace(data, valid_rows=None)).slope > 3


@pytest.mark.parametrize("recipe", NETWORKS, ids=["dlrm", "dcn"])
def test_unknown_users_and_items_have_missing_features_and_the_mean_embedding(recipe):
    """Items 0 to 9 have no features; users and items 20 to 29 have no events."""
    rng = np.random.default_rng(3)
    present = np.arange(30) >= 10
    values = feature(rng.standard_normal((30, 2)), present=present)
    value = rng.integers(0, 2, 500).astype(np.float32)
    log = Interactions.of(rng.integers(0, 20, 500), rng.integers(0, 20, 500), value, shape=(30, 30))
    for inputs in ({"dense": ("f",)}, {"embed": ("f",)}, {"reduce": (("f",),)}):
        small = recipe.model_copy(update=inputs | {"epochs": 2})
        model = small.fit(TrainingData(log, features={"f": values}))
        odds = model.log_odds(np.array([0, 0]), np.array([-1, 3]))
        assert odds[0] == pytest.approx(odds[1], rel=1e-5)
    model = recipe.model_copy(update={"ids": True, "epochs": 2}).fit(TrainingData(log))
    odds = model.log_odds(np.array([-1, 25, 22]), np.array([-1, 21, 28]))
    np.testing.assert_allclose(odds, odds[0], rtol=1e-5)
    mean = model.parts[0].user[:20].mean(axis=0)
    np.testing.assert_allclose(model.parts[0].user[-1], mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("recipe", NETWORKS, ids=["dlrm", "dcn"])
def test_new_items_are_scored_by_their_features_alone(planted, recipe):
    """New items with the features of known ones, labels in another order, get their scores."""
    inputs = EVERYTHING | {"ids": False}
    model = recipe.model_copy(update=inputs | {"epochs": 3}).fit(planted)
    rows = np.array([4, 9, 2])
    new = {
        name: feature(made.vectors[rows], columns=made.columns)
        for name, made in planted.features.items()
        if made.of == "item"
    }
    swapped = new | {"kind": feature(new["kind"].vectors[:, ::-1], columns=("y", "x"))}
    user = np.array([0, 1, 2])
    for given in (new, swapped):
        grown = model.with_items(given, 3)
        np.testing.assert_allclose(
            grown.log_odds(user, ITEMS + np.arange(3)), model.log_odds(user, rows), rtol=1e-4
        )
        np.testing.assert_array_equal(
            grown.log_odds(user, np.array([-1, 4, 9])), model.log_odds(user, np.array([-1, 4, 9]))
        )
    assert model.with_items({}, 3) is None


def test_labels_of_new_items_that_do_not_fit_are_refused(planted):
    model = DLRM(ids=False, embed=("kind",), epochs=1).fit(planted)
    with pytest.raises(BadSetting, match="3 labels"):
        model.with_items({"kind": feature(np.ones((2, 3)))}, 2)


def test_labels_are_pooled_by_their_mean_and_padding_adds_nothing():
    present = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], bool)
    np.testing.assert_array_equal(padded_codes(present), [[0, 2], [-1, -1], [1, -1]])
    data = TrainingData(
        Interactions.of([0, 0, 0], [0, 1, 2], [1.0, 0.0, 1.0]), features={"l": feature(present)}
    )
    recipe = DLRM(ids=False, embed=("l", "l"), epochs=2)
    assert [one.first for one in Inputs.of(recipe, data).labels] == [0, 3]
    model = recipe.fit(data)
    part = model.parts[1]
    table = part.sources[0].vectors
    np.testing.assert_allclose(part.item[0], (table[0] + table[2]) / 2, rtol=1e-6)
    assert not part.item[1].any()
    assert not part.item[-1].any()


@pytest.mark.parametrize("upstream", ["joint", "cross_fitted"])
def test_a_saved_model_gives_the_same_probabilities(planted, tmp_path, upstream):
    recipe = DCN(**EVERYTHING, epochs=1, upstream=upstream, reducer=Reducer(epochs=1))
    model = recipe.fit(planted)
    save_model(model, tmp_path / "model")
    loaded, _ = load_model(tmp_path / "model")
    pairs = np.array([0, -1, 7]), np.array([3, 2, -1])
    np.testing.assert_array_equal(loaded.probability(*pairs), model.probability(*pairs))


def test_a_resumed_training_gives_the_same_model(planted, tmp_path):
    recipe = DLRM(**EVERYTHING, epochs=4, upstream="same_labels", reducer=Reducer(epochs=2))
    options = Options(checkpoints=Checkpoints(tmp_path))
    pairs = planted.valid.user, planted.valid.item
    whole = recipe.fit(planted).log_odds(*pairs)
    np.testing.assert_array_equal(recipe.fit(planted, options).log_odds(*pairs), whole)
    np.testing.assert_array_equal(recipe.fit(planted, options).log_odds(*pairs), whole)


def test_a_network_without_inputs_is_refused(planted):
    with pytest.raises(BadSetting, match="reads nothing"):
        DLRM(ids=False).fit(planted)


@pytest.mark.parametrize("stop_by", ["auc", "fpr"])
def test_validation_events_of_one_class_are_refused_where_they_decide_nothing(planted, stop_by):
    data = replace(planted, valid=planted.valid[planted.valid.value == 1])
    with pytest.raises(BadSetting, match=stop_by):
        DLRM(stop_by=stop_by).fit(data)
    DLRM(epochs=1).fit(data)


def categories(codes, levels, of="item"):
    codes = np.asarray(codes, np.int32).reshape(len(codes), -1)
    fields = tuple(f"f{number}" for number in range(codes.shape[1]))
    return CategoricalFeature(codes, fields, levels, "made/1", "made", of=of)


@pytest.mark.parametrize("recipe", NETWORKS, ids=["dlrm", "dcn"])
def test_fields_of_categories_are_embedded_and_other_models_read_them_one_hot(recipe):
    """The label is an exclusive or of two fields of the item; a third field is noise."""
    rng = np.random.default_rng(5)
    n = 3000
    codes = np.stack([rng.integers(0, 2, n), rng.integers(0, 2, n), rng.integers(-1, 40, n)], 1)
    levels = (("a", "b"), ("c", "d"), tuple(map(str, range(40))))
    value = (codes[:, 0] != codes[:, 1]).astype(np.float32)
    log = Interactions.of(np.arange(n), np.arange(n), value)
    features = {"c": categories(codes, levels)}
    data = TrainingData(log[:2400], log[2400:], features=features)
    assert held_out_auc(recipe.model_copy(update={"embed": ("c",)}).fit(data), data) > 0.97
    assert held_out_auc(recipe.model_copy(update={"dense": ("c",)}).fit(data), data) > 0.9
    linear = Logistic(features=("c",)).fit(data)
    assert len(linear.item) == n
    assert abs(held_out_auc(linear, data) - 0.5) < 0.07


@pytest.mark.parametrize("recipe", NETWORKS, ids=["dlrm", "dcn"])
def test_the_model_answers_as_the_network_does_with_one_and_several_labels(recipe, monkeypatch):
    """Of many labels, shares become look-ups; the order of the inputs stays the same."""
    rng = np.random.default_rng(6)
    item, user = rng.integers(0, 30, 500), rng.integers(0, 30, 500)
    log = Interactions.of(user, item, rng.integers(0, 2, 500).astype(np.float32), shape=(30, 30))
    features = {
        "several": feature(rng.random((30, 7)) < 0.4),
        "many": feature(rng.random((30, 300)) < 0.02, "user"),
        "codes": categories(rng.integers(-1, 4, (30, 2)), (tuple("abcd"), tuple("efgh"))),
    }
    data = TrainingData(log[:400], log[400:], features=features)
    recipe = recipe.model_copy(update={"embed": tuple(features), "epochs": 2})
    nets = []
    monkeypatch.setattr(
        "recweave.models.ctr.fit.ClickNet", lambda *a: nets.append(ClickNet(*a)) or nets[-1]
    )
    model = recipe.fit(data)
    examples = Examples.of(recipe, data, Options())
    assert [one.dtype.is_floating_point for one in examples.valid.several] == [True, False]
    with torch.inference_mode():
        odds = torch.cat([nets[0](batch) for batch in examples.valid.batches()]).numpy()
    np.testing.assert_allclose(
        model.log_odds(data.valid.user, data.valid.item), odds, rtol=1e-3, atol=1e-5
    )


def test_unknown_levels_of_new_items_are_the_other_level_of_their_field():
    codes = np.stack([np.arange(60) % 3, np.arange(60) % 2], 1)
    levels = (("a", "b", OTHER), ("c", "d"))
    log = Interactions.of(np.zeros(60, int), np.arange(60), (np.arange(60) % 2).astype(float))
    data = TrainingData(log, features={"c": categories(codes, levels)})
    model = DLRM(ids=False, embed=("c",), epochs=2).fit(data)
    new = categories([[0, 0], [1, 1]], (("b", "zzz"), ("c", "zzz")))
    first, second = model.with_items({"c": new}, 2).parts
    np.testing.assert_array_equal(first.item[60:62], first.item[[1, 2]])
    np.testing.assert_array_equal(second.item[60], second.item[0])
    assert not second.item[61].any()


def test_dot_products_of_few_and_many_vectors_are_the_same_sums():
    for count in (2, 5, 9):
        vectors = torch.randn(4, count, 3, generator=torch.Generator().manual_seed(count))
        pairs = torch.triu_indices(count, count, 1)
        expected = dot_interactions(vectors.numpy())
        np.testing.assert_allclose(
            pairwise_products(vectors, pairs), expected, rtol=1e-5, atol=1e-6
        )


def test_cross_fitted_codes_do_not_know_the_labels_of_their_own_rows():
    """Random labels and long vectors: a network learns its training rows by heart."""
    rng = np.random.default_rng(7)
    n = 300
    label = rng.integers(0, 2, n).astype(np.float32)
    log = Interactions.of(np.zeros(n, int), np.arange(n), label)
    data = TrainingData(log, features={"f": feature(rng.standard_normal((n, 60)))})
    reducer = Reducer(hidden=(32,), epochs=40, lr=0.01, dropout=0.0, batch=64)
    codes = {}
    for upstream in ("same_labels", "cross_fitted"):
        recipe = DLRM(ids=False, reduce=(("f",),), dim=4, upstream=upstream, reducer=reducer)
        codes[upstream] = Examples.of(recipe, data, Options()).reduced[0].train
    whole = codes["same_labels"]
    direction = whole[label == 1].mean(axis=0) - whole[label == 0].mean(axis=0)
    separation = {name: roc_auc(label == 1, code @ direction) for name, code in codes.items()}
    assert separation["same_labels"] > 0.97
    assert abs(separation["cross_fitted"] - 0.5) < 0.1


def test_codes_are_aligned_by_the_affine_map_of_the_rows_outside_the_fold():
    rng = np.random.default_rng(8)
    source, rows = rng.standard_normal((50, 3)), rng.standard_normal((4, 3))
    matrix, shift = rng.standard_normal((3, 3)), np.array([1.0, -2.0, 0.5])
    target = source @ matrix + shift
    np.testing.assert_allclose(aligned(source, target, rows), rows @ matrix + shift, rtol=1e-5)
