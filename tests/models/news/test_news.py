"""Networks of news find planted tastes in words they have not been told about."""

import logging

import numpy as np
import pytest

pytest.importorskip("torch")

from made_impressions import Planted, shown, texts

from recweave.core.errors import BadSetting
from recweave.core.shown_lists import impression_values
from recweave.data.interactions import Histories, Interactions
from recweave.evaluate.candidates import score_candidates
from recweave.models import RECIPES, Query, load_model, save_model
from recweave.models.news.model import NewsModel
from recweave.models.training import Checkpoints, Options, TrainingData

PLANTED = Planted()
SMALL = {
    "nrms": {"heads": 4, "head_dim": 8},
    "naml": {"filters": 32, "abstract": 10},
    "lstur": {"filters": 32, "categories": ""},
}
CASES = [
    ("nrms", {}),
    ("naml", {}),
    ("naml", {"categories": "kinds", "category_dim": 8, "abstract": 0}),
    ("lstur", {"how": "ini"}),
    ("lstur", {"how": "con", "categories": "kinds", "category_dim": 8}),
    ("nrms", {"read": "vectors"}),
    ("naml", {"read": "vectors", "categories": "kinds"}),
    ("lstur", {"read": "vectors"}),
    ("nrms", {"popk": 2}),
    ("nrms", {"tune_words": True}),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return PLANTED.words(tmp_path_factory.mktemp("words"))


def events(impressions, users):
    """The clicks as a log."""
    clicked = impressions.clicked
    row = impressions.row_numbers()[clicked]
    shape = (users, impressions.shape[1])
    user, time = impressions.user[row], impressions.time[row]
    return Interactions.of(user, impressions.item[clicked], time=time, shape=shape)


def data(planted=PLANTED, **more):
    train = events(planted.impressions, 300)
    return TrainingData(train, features=planted.features(), impressions=planted.impressions, **more)


def made(kind, file, **settings):
    usual = {"query": 16, "epochs": 6, "lr": 3e-3, "batch": 16, "words": file, "dropout": 0.1}
    return RECIPES[kind](**(usual | SMALL[kind] | settings))


def auc(model, impressions):
    nothing = Interactions.of([], [], shape=(300, impressions.shape[1]))
    query = Query.of_impressions(impressions, nothing)
    score = score_candidates(model, query, impressions.start, impressions.item)
    values = impression_values(["auc"], impressions.start, impressions.clicked, score)
    return float(values["auc"].mean())


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=lambda case: str(case))
def test_cold_users_are_served_by_what_they_have_read(kind, settings, file):
    """Readers of test were not in training; a random order has .5."""
    model = made(kind, file, **settings).fit(data(), Options(seed=0))
    assert isinstance(model, NewsModel)
    assert auc(model, PLANTED.others) > 0.9


def test_an_article_without_text_has_no_score_and_is_told(file, caplog):
    with caplog.at_level(logging.WARNING):
        model = made("nrms", file, epochs=1).fit(data())
    assert "1 of 120 shown articles have no text, and the score 0" in caplog.text
    query = Query.of_impressions(PLANTED.others, data().train)
    assert (model.scores(query)[:, -1] == 0).all()
    assert np.abs(model.scores(query)[:, 0]).max() > 0


def test_the_newest_articles_of_a_history_are_read(file):
    model = made("nrms", file, epochs=1, history=2).fit(data())
    log = Interactions.of([0, 0, 0, 1, 1], [0, 5, 6, 5, 6], time=[1, 2, 3, 2, 3], shape=(2, 120))
    one, other = model.scores(Query.of(log))
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_an_unknown_article_in_a_history_changes_nothing(file):
    """Article 119 has no text."""
    model = made("naml", file, epochs=1).fit(data())
    log = Interactions.of([0, 0, 1], [3, 119, 3], time=[1, 2, 1], shape=(2, 120))
    one, other = model.scores(Query.of(log))
    np.testing.assert_array_equal(one, other)


def test_readers_without_a_history_get_what_pleases_anybody(file):
    """All click articles of topic 0 here; those who have read nothing too."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(200):
        others = 4 * rng.integers(29, size=4) + [1, 2, 3, 1]
        clicked = 4 * int(rng.integers(29))
        rows.append((user, user, [clicked, *others.tolist()], [clicked]))
    impressions = shown(rows, PLANTED.items)
    train = Interactions.of([], [], shape=(200, PLANTED.items))
    features = PLANTED.features()
    training = TrainingData(train, features=features, impressions=impressions)
    nobody = Query(np.array([-1]), Histories.of(train, np.array([-1])), np.array([0]))
    scores = made("nrms", file).fit(training).scores(nobody)[0]
    assert scores[0:116:4].mean() > scores[1:116:4].mean() + 0.5
    without = made("nrms", file, cold_vector=False).fit(training).scores(nobody)[0]
    assert (without == 0).all()
    assert made("nrms", file, epochs=1).fit(training).basis(nobody) == ["everybody"]


def test_reasons_name_what_was_read(file):
    model = made("nrms", file).fit(data())
    topic = PLANTED.topic
    log = Interactions.of([0, 0, 0], [0, 1, 4], time=[1, 2, 3], shape=(1, 120))
    query = Query.of(log)
    found = model.reasons(query, np.array([[8]])).toarray()[0]
    assert topic[8] == topic[0] == topic[4] != topic[1]
    assert min(found[0], found[4]) > found[1]
    assert model.basis(query) == ["history"]


@pytest.mark.parametrize("kind", SMALL)
def test_a_saved_model_gives_the_same_scores(kind, file, tmp_path):
    model = made(kind, file, epochs=1).fit(data())
    save_model(model, tmp_path / "model", {})
    loaded, _ = load_model(tmp_path / "model")
    query = Query.of_impressions(PLANTED.others, data().train)
    np.testing.assert_array_equal(loaded.scores(query), model.scores(query))


def test_the_long_term_vector_of_a_user_counts(file):
    """Readers differ in nothing but who they are: their histories are empty."""
    rng = np.random.default_rng(0)
    rows = []
    for user in np.repeat(np.arange(8), 30):
        own = rng.choice(np.flatnonzero(PLANTED.topic == user % 4)[:-1])
        rest = rng.choice(np.flatnonzero(PLANTED.topic != user % 4)[:-1], 4, replace=False)
        rows.append((int(user), 0, [int(own), *map(int, rest)], [int(own)]))
    impressions = shown(rows, PLANTED.items)
    train = Interactions.of([], [], shape=(8, PLANTED.items))
    training = TrainingData(train, features=PLANTED.features(), impressions=impressions)
    for how in ("ini", "con"):
        model = made("lstur", file, how=how, epochs=12, lr=0.01).fit(training)
        assert auc(model, impressions) > 0.8
    assert auc(made("nrms", file, epochs=2).fit(training), impressions) < 0.6


def test_the_best_network_on_held_out_impressions_is_kept(file):
    kept = made("nrms", file, epochs=4, patience=2).fit(data(valid_impressions=PLANTED.others))
    last = made("nrms", file, epochs=4).fit(data())
    assert auc(kept, PLANTED.others) >= auc(last, PLANTED.others) - 1e-9


def test_a_training_that_was_interrupted_goes_on(file, tmp_path):
    recipe = made("nrms", file, epochs=3)
    whole = recipe.fit(data(), Options(seed=1))
    options = Options(seed=1, checkpoints=Checkpoints(tmp_path))
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return 0.0

    import recweave.models.nn.loop as loop

    plain = loop._epoch
    try:
        loop._epoch = lambda *args: (stop(), plain(*args))[1]
        with pytest.raises(KeyboardInterrupt):
            recipe.fit(data(), options)
    finally:
        loop._epoch = plain
    resumed = recipe.fit(data(), options)
    np.testing.assert_array_equal(resumed.item, whole.item)


def test_without_impressions_it_says_what_to_do(file):
    train = events(PLANTED.impressions, 300)
    with pytest.raises(BadSetting, match="learns from impressions, lists that were shown"):
        made("nrms", file).fit(TrainingData(train, features=PLANTED.features()))


def test_everything_clicked_leaves_nothing_to_compare_with(file, caplog):
    rows = [(0, 5, [0, 4], [0, 4]), (1, 6, [1, 5], [1, 5])]
    train = Interactions.of([], [], shape=(2, PLANTED.items))
    features = PLANTED.features()
    everything = TrainingData(train, features=features, impressions=shown(rows, PLANTED.items))
    with pytest.raises(BadSetting, match="in none of 2 training impressions was anything shown"):
        made("nrms", file).fit(everything)
    some = shown([*rows, (1, 7, [2, 3], [3])], PLANTED.items)
    with caplog.at_level(logging.WARNING):
        made("nrms", file, epochs=1).fit(TrainingData(train, features=features, impressions=some))
    assert "NRMS: 4 of 5 clicks are left out: nothing else was shown with them" in caplog.text


def test_a_catalogue_without_titles_is_refused(file):
    features = {"documents": texts([""] * 9 + ["words that the table lacks"])}
    impressions = shown([(0, 5, [0, 4], [0])], 10)
    train = Interactions.of([], [], shape=(1, 10))
    with pytest.raises(BadSetting, match="no article has a text that can be read"):
        made("nrms", file).fit(TrainingData(train, features=features, impressions=impressions))


def test_a_feature_of_another_kind_is_refused(file):
    with pytest.raises(BadSetting, match='needs kind = "documents"'):
        made("nrms", file, text="kinds").fit(data())


def test_popk_above_the_negatives_is_refused():
    with pytest.raises(ValueError, match="popk"):
        RECIPES["nrms"](popk=5)
