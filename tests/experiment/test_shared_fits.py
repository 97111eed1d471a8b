"""Rows that need the same model share one fit, and nothing is kept longer than it is needed."""

import pytest

from recweave.experiment.run import run
from recweave.experiment.shared_fits import SharedFits, fit_key
from recweave.models.neighbours.knn import ItemKNN
from recweave.runs.spec import Experiment

LESS = [{"kind": "popularity", "strength": -1}]
CONTENT = {
    "data": "synthetic:small",
    "metrics": ["ndcg@10"],
    "save": False,
    "seeds": [0, 1],
    "models": [
        {"kind": "item_knn"},
        {"kind": "item_knn", "row": "less-popular", "stages": LESS},
        {"kind": "popularity"},
        {"kind": "item_knn", "row": "other", "k": 3},
        {"kind": "blend", "row": "both", "members": ["item_knn", "popularity"]},
    ],
}


@pytest.fixture
def fitted(monkeypatch):
    """The settings of each item_knn that is fitted."""
    seen, fit = [], ItemKNN.fit

    def counted(self, *given, **named):
        seen.append(self.k)
        return fit(self, *given, **named)

    monkeypatch.setattr(ItemKNN, "fit", counted)
    return seen


def test_rows_of_one_model_fit_it_once_and_get_the_numbers_of_their_own_fits(
    tmp_path, fitted, monkeypatch
):
    experiment = Experiment.parse(CONTENT, "here")
    together = run(experiment, tmp_path / "together")
    assert fitted == [100, 3]
    monkeypatch.setattr(SharedFits, "keep", lambda *_: None)
    apart = run(experiment, tmp_path / "apart")
    assert fitted == [100, 3, 100, 100, 3, 100]
    values = {row.name: row.value("ndcg@10") for row in together.rows}
    assert values == {row.name: row.value("ndcg@10") for row in apart.rows}
    assert values["less-popular"] != values["item_knn"]


def test_a_model_is_dropped_after_the_last_row_that_needs_it():
    experiment = Experiment.parse(CONTENT, "here")
    fits = SharedFits.of(experiment, SharedFits())
    keys = [fit_key(ItemKNN(k=k), 0, joined=False) for k in (100, 3)]
    assert fits.last[keys[0]] == 4
    assert keys[1] not in fits.last  # one row alone
    fits.models[keys[0]] = fits.models["given before"] = (None, None)
    fits.forget(3)
    assert keys[0] in fits.models
    fits.forget(4)
    assert list(fits.models) == ["given before"]


def test_models_of_other_settings_or_parts_are_others():
    keys = {
        fit_key(ItemKNN(k=k), seed, joined=joined)
        for k in (3, 4)
        for seed in (0, 1)
        for joined in (True, False)
    }
    assert len(keys) == 4  # it draws nothing, so the seed does not count
