import numpy as np

from recweave.enrich.labels import Labels, verdict
from recweave.enrich.lexicon import NEUTRAL, PRICE


def test_only_so_many_neutral_sentences_are_given_a_label(encoder):
    labels = Labels.of(PRICE, NEUTRAL, encoder, false_alarms=0.1)
    wrongly = (labels.votes(encoder.encode(NEUTRAL)) > 0).any(axis=1)
    assert wrongly.mean() <= 0.1


def test_each_phrase_votes_for_its_own_label(encoder):
    labels = Labels.of(PRICE, NEUTRAL, encoder)
    for place, name in enumerate(labels.names):
        votes = labels.votes(encoder.encode(PRICE[name]))
        assert (votes.argmax(axis=1) == place).all() and (votes.max(axis=1) > 0).all()


def test_a_verdict_needs_more_than_half():
    names = ["a", "b", "c"]
    assert verdict(np.array([[1.0, 0, 0], [0, 0.7, 0]]), names, "?") == "a"
    assert verdict(np.array([[1.0, 0, 0], [0, 1, 0]]), names, "?") == "?"
    assert verdict(np.zeros((0, 3)), names, "?") == "?"
