import numpy as np

from recweave.enrich.labels import Labels, verdict
from recweave.enrich.lexicon import NEUTRAL, PRICE


def test_only_a_small_share_of_neutral_sentences_gets_a_label(encoder):
    labels = Labels.of(PRICE, NEUTRAL, encoder, false_alarms=0.1)
    wrongly = (labels.votes(encoder.encode(NEUTRAL)) > 0).any(axis=1)
    assert wrongly.mean() <= 0.1


def test_the_phrases_of_a_label_vote_for_it(encoder):
    labels = Labels.of(PRICE, NEUTRAL, encoder)
    for position, name in enumerate(labels.names):
        votes = labels.votes(encoder.encode(PRICE[name]))
        assert verdict(votes, labels.names, "?") == name
        assert (votes[:, position] > 0).mean() > 0.3


def test_a_label_of_one_phrase_is_as_near_as_that_phrase(encoder):
    labels = Labels.of({"cable": ["cable"], "lamp": ["lamp"]}, NEUTRAL, encoder)
    np.testing.assert_allclose(labels.cosines(encoder.encode(["lamp", "cable"])), [[0, 1], [1, 0]])


def test_a_verdict_needs_more_than_half():
    names = ["a", "b", "c"]
    assert verdict(np.array([[1.0, 0, 0], [0, 0.7, 0]]), names, "?") == "a"
    assert verdict(np.array([[1.0, 0, 0], [0, 1, 0]]), names, "?") == "?"
    assert verdict(np.zeros((0, 3)), names, "?") == "?"
