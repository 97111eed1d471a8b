"""What a row's keys depend on: the events that it learns from, and those that it is reported on."""

import pytest

from recweave.runs.keys import row_keys
from recweave.runs.spec import Experiment

DATA = {"fingerprint": "a", "split": "…", "train": 9, "valid": 3, "test": 3, "held_out": "x"}


def key(protocol, **data):
    asked = {"data": "synthetic:small", "protocol": protocol, "models": [{"kind": "popularity"}]}
    experiment = Experiment.parse(asked, "a test")
    return row_keys(experiment, DATA | data)["popularity"]


@pytest.mark.parametrize("changed", [{"held_out": "y"}, {"test": 4}])
def test_other_test_events_are_reported_on_and_change_no_model(changed):
    one, other = key("rigorous"), key("rigorous", **changed)
    assert one.fit == other.fit and one.whole != other.whole


def test_a_training_that_test_may_stop_depends_on_the_test_events():
    assert key("paper").fit != key("paper", held_out="y").fit


def test_other_training_events_are_another_model():
    assert key("rigorous").fit != key("rigorous", train=8).fit
