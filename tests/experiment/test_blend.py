"""Weights of a blend are learned as evaluation asks: at the time of each validation event."""

from pathlib import Path

from raced import news

from recweave.experiment.blend import learn_weights
from recweave.experiment.prepare import prepare
from recweave.models.popularity import Popularity
from recweave.models.sequence.recency import Recency
from recweave.runs.spec import Experiment


def test_a_member_that_knows_the_day_of_the_query_gets_its_weight(tmp_path):
    news().save(tmp_path / "data")
    experiment = Experiment.parse(
        {"data": str(tmp_path / "data"), "models": [{"kind": "popularity"}]}, "here"
    )
    prepared = prepare(experiment, Path())
    train = prepared.split.train
    members = [Popularity().fit(train), Recency(half_life=0.1, at="query").fit(train)]
    assert learn_weights(prepared, members).weights.tolist() == [0.0, 1.0]
