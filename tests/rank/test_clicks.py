"""A click model as a stage: its arithmetic, a planted taste, a control, and a saved bundle."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from planted_taste import ITEMS, USERS, Indifferent, context, gain, listed, planted, rated  # noqa: F401

from recweave.bundle import Bundle
from recweave.bundle.make import make_bundle
from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.data.interactions import Interactions
from recweave.encode.features import EventFeature, Feature
from recweave.models.artifact import model_hash
from recweave.models.ctr.logistic import LogisticClicks
from recweave.models.kinds import ItemScores
from recweave.models.query import Query
from recweave.models.training import TrainingData
from recweave.rank.clicks import Clicks, ClicksRecipe
from recweave.rank.explain import explain, moved
from recweave.rank.ranking import PAD
from recweave.rank.recommend import recommend
from recweave.rank.stages import StageContext, read_stage

TREES = {"kind": "boosted_trees", "features": ["objects", "taste"], "trees": 20}
LOGISTIC = {"kind": "logistic", "features": ["objects"]}


def clicks(item_odds, strength=1.0, user=(0.0,), unknown_item=0.0):
    """A stage whose log-odds are those of the item, plus those of the user."""
    model = LogisticClicks(np.array(user), np.array(item_odds), 0.0, unknown_item, 0.0)
    return Clicks(model, (len(user), len(item_odds)), strength)


def context_of(log, features=None, rows=None):
    """A context of a log of its own; items have ids and nothing else."""
    ids = pl.DataFrame({"item_id": [f"i{n}" for n in range(log.shape[1])]})
    dataset = Dataset("made", items=ids, numbering="table")
    return StageContext(dataset, log, features=features or {}, rows=rows)


def with_taste(made):
    """The context with a feature of users: which of the two kinds they like."""
    taste = (np.arange(USERS) % 2).astype(np.float32)[:, None]
    feature = Feature(taste, np.ones(USERS, bool), "made/1", "made", of="user")
    return replace(made, features={**made.features, "taste": feature})


def test_the_probability_is_added_to_standardized_scores_by_hand():
    query = rated([0], [3], [1.0], items=4)
    before = listed(query, [0, 1, 2, PAD])  # scores 0, -1, -2: standardized √1.5, 0, -√1.5
    after = clicks([np.log(1 / 9), 0.0, np.log(9), 5.0], strength=2.0)(before)
    np.testing.assert_array_equal(after.item, [[0, 1, 2, PAD]])
    level = np.sqrt(1.5)
    np.testing.assert_allclose(after.score[0, :3], [level + 0.2, 1.0, 1.8 - level], rtol=1e-6)
    after = clicks([np.log(1 / 9), 0.0, np.log(9), 5.0], strength=4.0)(before)
    np.testing.assert_array_equal(after.item, [[2, 1, 0, PAD]])


def test_unknown_users_and_items_are_cold_for_the_click_model():
    query = rated([0, 1, 2], [0, 0, 0], [1.0] * 3, items=5, users=3)
    query = Query(np.array([0, 2, -1], np.int32), query.history, query.now)
    stage = clicks([-1.0, 1.0], user=(3.0, 0.0), unknown_item=-2.0)
    found = stage.probability(listed(query, *[[0, 1, 4]] * 3), np.array([[0, 1, 4]] * 3))
    odds = np.array([[2.0, 4.0, 1.0], [-1.0, 1.0, -2.0], [-1.0, 1.0, -2.0]])
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-odds)))


def test_who_dislikes_what_gains_on_liked_items_that_nobody_has_seen(planted):  # noqa: F811
    pytest.importorskip("sklearn")
    recipe = read_stage({"kind": "clicks", "model": TREES, "positive_from": 4})
    known = with_taste(context(planted, planted[3]))
    stage = recipe.fit(known)
    assert stage.strength > 0
    assert gain(planted, stage) > 0.1  # all that can be gained here is 0.108
    settled = recipe.settled(stage)
    assert (settled.strength, settled.learns, recipe.learns) == (stage.strength, False, True)
    again = settled.fit(replace(known, valid=None, model=None))
    before = recommend(Indifferent(), Query.of(known.train), 30)
    np.testing.assert_array_equal(again(before).item, stage(before).item)


@pytest.mark.parametrize("model", [TREES, LOGISTIC])
def test_permuted_labels_gain_nothing_and_lose_nothing(planted, model):  # noqa: F811
    pytest.importorskip("sklearn")
    made = with_taste(context(planted, planted[3]))
    log = made.train
    value = np.random.default_rng(1).permutation(log.value)
    permuted = Interactions.of(log.user, log.item, value, log.time, shape=log.shape)
    recipe = read_stage({"kind": "clicks", "model": model, "positive_from": 4})
    stage = recipe.fit(replace(made, train=permuted))
    assert abs(gain(planted, stage)) < 0.03
    before = recommend(Indifferent(), Query.of(log), 30)
    unchanged = replace(stage, strength=0.0)(before)
    np.testing.assert_array_equal(unchanged.item, before.item)


def test_a_model_that_is_bad_on_validation_leaves_the_lists_as_they_were(planted):  # noqa: F811
    """All labels of train are the wrong way round, so any strength above 0 is worse."""
    pytest.importorskip("sklearn")
    made = with_taste(context(planted, planted[3]))
    log = made.train
    wrong = Interactions.of(log.user, log.item, 6 - log.value, log.time, shape=log.shape)
    recipe = read_stage({"kind": "clicks", "model": TREES, "positive_from": 4})
    stage = recipe.fit(replace(made, train=wrong))
    assert stage.strength == 0
    assert gain(planted, stage) == 0


def test_features_of_events_are_read_by_the_rows_of_the_log():
    """Row r of the log says the label of its event, and the training events are every other row."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 200).astype(np.float32)
    log = Interactions.of(rng.integers(0, 9, 200), rng.integers(0, 8, 200), label, shape=(9, 8))
    rows = np.arange(0, 200, 2)
    own = Feature(np.full((8, 1), 0.5, np.float32), np.ones(8, bool), "made/1", "made")
    event = EventFeature(own, log.item, np.arange(200), label[:, None], np.ones(200, bool))
    made = context_of(log[rows], {"said": event}, rows)
    recipe = ClicksRecipe.parse(
        {"model": {"kind": "logistic", "features": ["said"]}, "strength": 1.0}, "here"
    )
    stage = recipe.fit(made)
    data = TrainingData(log[rows], features={"said": event}, rows=rows)
    assert model_hash(stage.model) == model_hash(recipe.model.recipe().fit(data))
    assert recipe.features_used() == ("said",)
    with pytest.raises(BadSetting, match="said"):
        recipe.fit(replace(made, rows=None))


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        ([1.0, 1.0, 1.0], {}, r"all 3 training events are positive \(values from 1 to 1\)"),
        ([4.0, 5.0, 5.0], {"positive_from": 3}, r"positive \(.* 4 to 5, positive from 3\)"),
        ([1.0, 2.0, 2.0], {"positive_from": 3}, r"negative \(.* 1 to 2, positive from 3\)"),
        ([1.0, 2.0, 5.0], {}, r"stage 'clicks': the values go from 1 to 5.*set positive_from"),
    ],
)
def test_events_that_teach_nothing_are_refused(values, settings, message):
    log = Interactions.of([0, 0, 1], [0, 1, 2], values, shape=(2, 3))
    recipe = read_stage(
        {"kind": "clicks", "model": {"kind": "logistic"}, "strength": 1.0} | settings
    )
    with pytest.raises(BadSetting, match=message):
        recipe.fit(context_of(log))


def test_a_model_that_gives_no_probability_is_refused():
    with pytest.raises(BadSetting, match="'ease' gives no probability of a click; name a click"):
        read_stage({"kind": "clicks", "model": {"kind": "ease"}})
    with pytest.raises(BadSetting, match="unknown key 'feature', did you mean 'features'"):
        read_stage({"kind": "clicks", "model": {"kind": "logistic", "feature": ["x"]}})


def test_a_model_that_stops_early_stops_by_a_tenth_of_each_class_of_train(planted, monkeypatch):  # noqa: F811
    pytest.importorskip("sklearn")
    given = []
    made = with_taste(context(planted, planted[3]))
    trees = type(read_stage({"kind": "clicks", "model": TREES}).model.recipe())
    fit = trees.fit
    monkeypatch.setattr(
        trees, "fit", lambda one, data, more: given.append(data) or fit(one, data, more)
    )
    settings = {"kind": "clicks", "model": TREES, "positive_from": 4, "strength": 1.0}
    rows = np.arange(len(made.train)) + 7
    read_stage(settings).fit(replace(made, rows=rows))
    (data,) = given
    for liked in (True, False):
        whole, held_out = ((log.value >= 4) == liked for log in (made.train, data.valid))
        assert held_out.sum() == round(whole.sum() / 10)
    both = np.concatenate([data.train.time, data.valid.time])
    np.testing.assert_array_equal(np.sort(both), made.train.time)
    where = {time: row for time, row in zip(made.train.time.tolist(), rows.tolist(), strict=True)}
    assert data.rows.tolist() == [where[time] for time in data.train.time.tolist()]
    assert data.valid_rows.tolist() == [where[time] for time in data.valid.time.tolist()]


def test_an_explanation_names_the_probability():
    query = rated([0], [3], [1.0], items=4)
    model = ItemScores(np.array([3.0, 2.0, 1.0, 0.0], np.float32))
    stage = clicks([-2.0, 0.0, np.log(13), 0.0], strength=5.0)
    before = recommend(model, query, 3)
    first = explain(model, before, stages=[stage])[0][0]
    assert first.item == 2
    assert (
        moved(first.moves[0], str) == "moved up from 3 to 1 by clicks: liked with probability 0.93"
    )


def test_a_saved_bundle_gives_the_same_lists(planted, tmp_path):  # noqa: F811
    pytest.importorskip("sklearn")
    made = with_taste(context(planted, planted[3]))
    settings = {"kind": "clicks", "model": TREES, "positive_from": 4, "strength": 2.0}
    stage = read_stage(settings).fit(made)
    events = pl.DataFrame({
        "user_id": [f"u{user}" for user in made.train.user],
        "item_id": [f"i{item}" for item in made.train.item],
        "value": made.train.value,
        "time": made.train.time,
    })  # fmt: skip
    dataset = Dataset("made", items=made.dataset.items, events=events, numbering="table")
    scores = ItemScores(np.linspace(1, 0, ITEMS, dtype=np.float32))
    bundle = make_bundle(dataset, scores, name="x", stages=[stage])
    bundle.save(tmp_path / "bundle")
    again = Bundle.load(tmp_path / "bundle")
    users = [f"u{n}" for n in range(5)]
    ours, theirs = (one.recommend(users, k=10).table for one in (bundle, again))
    assert ours.equals(theirs)
    plain = make_bundle(dataset, scores, name="x").recommend(users, k=10).table
    assert not ours["item_id"].equals(plain["item_id"])


def test_new_items_extend_the_click_model_or_are_cold_for_it():
    stage = clicks([-1.0, 1.0])
    assert stage.with_items({}, 3) is stage  # log-odds of items, which know no features

    class Extended(LogisticClicks):
        def with_items(self, features, count):
            return replace(self, item=np.append(self.item, features["odds"].vectors[:, 0]))

    model = Extended(np.zeros(1), np.array([-1.0, 1.0]), 0.0, 0.0, 0.0)
    odds = Feature(np.array([[3.0]], np.float32), np.ones(1, bool), "made/1", "made")
    grown = replace(stage, model=model).with_items({"odds": odds}, 1)
    assert grown.shape == (1, 3)
    query = rated([0], [0], [1.0], items=4)
    found = grown.probability(listed(query, [1, 2, 3]), np.array([[1, 2, 3]]))
    np.testing.assert_allclose(found, [1 / (1 + np.exp([-1.0, -3.0, 0.0]))])
