import pytest

from recweave.experiment import tune as module
from recweave.experiment.choose import try_out
from recweave.runs.spec import read_recipe

pytest.importorskip("optuna")


@pytest.fixture
def tuned(recipe):
    def search(folder, trials=6, seed=0):
        return list(
            module.tune(
                read_recipe(recipe), folder, trials=trials, seed=seed, base_dir=recipe.parent
            )
        )

    return search


def test_tuned_settings_are_never_worse_than_those_of_the_recipe(tuned, tmp_path):
    own = tuned(tmp_path / "one", trials=1)
    more = tuned(tmp_path / "more", trials=6)
    assert more[0].value >= own[0].value
    assert [row.trials for row in own] == [1, 1]


def test_every_searchable_row_gets_the_same_number_of_trials(tuned, tmp_path):
    by_row = {row.row: row.trials for row in tuned(tmp_path / "t", trials=5)}
    assert by_row == {"popularity": 5, "random": 1}  # random has nothing to search


def test_a_killed_search_asks_for_the_same_settings_again(tuned, tmp_path, monkeypatch):
    whole = tuned(tmp_path / "whole")
    fits = []

    def cut(*args):
        if len(fits) == 3:
            raise KeyboardInterrupt
        fits.append(args)
        return try_out(*args)

    monkeypatch.setattr(module, "try_out", cut)
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "cut")
    monkeypatch.setattr(module, "try_out", try_out)
    assert tuned(tmp_path / "cut") == whole
    kept = {p.name for p in (tmp_path / "cut/trials").iterdir()}
    assert kept == {p.name for p in (tmp_path / "whole/trials").iterdir()}
