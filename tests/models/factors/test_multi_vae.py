"""Multi-VAE on planted tastes, and its formulas against torch's own distributions."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from recweave.core.errors import BadSetting, TooLarge
from recweave.data.interactions import Interactions
from recweave.models import Query, load_model, save_model
from recweave.models.base import DotProduct
from recweave.models.behaviors import BehaviorWeights
from recweave.models.factors.multi_vae import MultiVAE, histories
from recweave.models.factors.multi_vae_net import VAENet, trained
from recweave.models.training import Checkpoints, Options, TrainingData
from recweave.rank import recommend

SMALL = MultiVAE(dim=8, hidden=(24,), epochs=60, lr=0.01, batch=20, anneal=10)


def first_place(model, log):
    return recommend(model, Query.of(log), 1).item[:, 0]


@pytest.mark.parametrize("recipe", [SMALL, SMALL.model_copy(update={"sample": False, "beta": 0.0})])
def test_the_missing_item_of_each_taste_is_recommended(two_tastes, recipe):
    found = first_place(recipe.fit(two_tastes), two_tastes)
    assert (found == np.arange(40)).mean() > 0.9


def test_permuted_events_teach_no_taste(two_tastes):
    item = np.random.default_rng(0).permutation(two_tastes.item)
    other = Interactions.of(two_tastes.user, item, behavior="purchase", shape=two_tastes.shape)
    found = first_place(SMALL.fit(other), two_tastes)
    assert (found == np.arange(40)).mean() < 0.5


def test_the_divergence_is_that_of_torchs_normal_distributions():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = VAENet(SMALL, 12).eval()
        x = torch.rand(5, 12)
    _, found = net(x)
    code = torch.tanh(net.encoder[0](x))
    own = Normal(net.mean(code), (0.5 * net.log_variance(code)).exp())
    expected = kl_divergence(own, Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(found, expected)


def test_the_model_answers_as_the_network_does(two_tastes):
    recipe = SMALL.model_copy(update={"hidden": (16, 12)})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = VAENet(recipe, 40).eval()
    codes = recipe.behaviors.by_code()
    query = Query.of(two_tastes)
    with torch.inference_mode():
        events = histories(query.history.matrix(weights=codes)).toarray()
        expected = net(torch.from_numpy(events))[0].numpy()
    model = trained(net, codes)
    assert isinstance(model, DotProduct)
    np.testing.assert_allclose(model.scores(query), expected, atol=1e-5)
    item = np.array([[3, -1]] * len(query))
    found = model.score(query, item)
    np.testing.assert_allclose(found[:, 0], expected[:, 3], atol=1e-5)
    assert np.isneginf(found[:, 1]).all()


def test_a_history_has_unit_length_and_forgets_what_weighs_nothing():
    log = Interactions.of(
        [0, 0, 0, 1], [0, 1, 2, 2], behavior=["view", "purchase", "purchase", "view"], shape=(2, 4)
    )
    codes = BehaviorWeights(view=0.0).by_code()
    read = histories(Query.of(log).history.matrix(weights=codes)).toarray()
    np.testing.assert_allclose(read, [[0, 0.5**0.5, 0.5**0.5, 0], [0, 0, 0, 0]])


def test_a_cold_user_is_read_by_their_history(two_tastes):
    model = SMALL.fit(two_tastes)
    query = Query.of(two_tastes)
    cold = Query(np.full(len(query), -1, np.int32), query.history, query.now)
    np.testing.assert_array_equal(model.scores(cold), model.scores(query))


@pytest.mark.processor
def test_the_same_seed_gives_the_same_model_and_another_seed_another(two_tastes):
    recipe = SMALL.model_copy(update={"epochs": 3})
    one, same = (recipe.fit(two_tastes, Options(seed=4)).item for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, recipe.fit(two_tastes, Options(seed=5)).item)


def test_early_stopping_keeps_the_best_on_validation(two_tastes):
    user = np.arange(40, dtype=np.int32)
    valid = Interactions.of(user, user, shape=(40, 40))
    recipe = SMALL.model_copy(update={"patience": 3})
    model = recipe.fit(TrainingData(two_tastes, valid))
    assert (first_place(model, two_tastes) == user).mean() > 0.9


def test_a_resumed_training_has_the_same_weights(two_tastes, tmp_path):
    """The weight of the divergence goes on where it was."""
    recipe = SMALL.model_copy(update={"epochs": 6, "anneal": 5})
    whole = recipe.fit(two_tastes).item
    checkpoints = Options(checkpoints=Checkpoints(tmp_path))
    stopped = pytest.MonkeyPatch()
    from recweave.models.nn import loop

    real, calls = loop._epoch, []

    def killed(*args):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*args)

    stopped.setattr(loop, "_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(two_tastes, checkpoints)
    stopped.undo()
    np.testing.assert_array_equal(recipe.fit(two_tastes, checkpoints).item, whole)


def test_a_saved_model_gives_the_same_scores(two_tastes, tmp_path):
    model = SMALL.model_copy(update={"epochs": 2}).fit(two_tastes)
    save_model(model, tmp_path / "vae")
    query = Query.of(two_tastes)
    loaded, _ = load_model(tmp_path / "vae")
    np.testing.assert_array_equal(loaded.scores(query), model.scores(query))


def test_what_cannot_be_trained_is_refused(two_tastes):
    nothing = BehaviorWeights(purchase=0.0)
    with pytest.raises(BadSetting, match="no events to learn from"):
        SMALL.model_copy(update={"behaviors": nothing}).fit(two_tastes)
    with pytest.raises(TooLarge, match="set a smaller batch"):
        SMALL.model_copy(update={"batch": 10**12}).fit(two_tastes)
