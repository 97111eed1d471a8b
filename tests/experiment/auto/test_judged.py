"""What is judged on test and how, what is said of it, and what a small budget leaves out."""

from dataclasses import replace

import polars as pl
import pytest
from raced import news, raced

from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.experiment.auto import auto as module
from recweave.experiment.auto import draft, plan
from recweave.experiment.auto import mixture as mixtures
from recweave.experiment.auto.draft import with_rows
from recweave.experiment.auto.mixture import Mixture, mixture_of
from recweave.experiment.auto.words import notes, remarks
from recweave.experiment.run import run
from recweave.report.compare import table_of
from recweave.report.verdict import chosen_verdict

ROWS = ("popularity", "popular-now", "user_knn", "item_knn")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    race, _ = raced(news(), folder, ROWS)
    mixture = mixture_of(race)
    ready, _ = with_rows(race.prepared, race, mixture, 1e9)
    return race, mixture, run(ready.experiment, folder / "judged", ready=ready)


def alone(race, row):
    """As if validation had chosen a row."""
    racer = next(one for one in race.racers if one.candidate.row == row)
    return Mixture((racer,), (1.0,), race.fitted_again(racer), racer.value)


def test_the_best_and_popularity_are_judged_beside_what_was_chosen(judged):
    race, mixture, summary = judged
    assert summary.names()[0] == "popularity"
    assert {one.candidate.row for one in race.ranked()[:3]} <= set(summary.names())
    assert {one.candidate.row for one in mixture.members} <= set(summary.names())
    assert summary.names()[-1] == mixture.name or not mixture.several


def test_a_row_that_is_better_on_test_than_the_chosen_one_is_told(judged, tmp_path):
    race, mixture, summary = judged
    said = notes(summary, race, alone(race, "popularity"), tmp_path / "r.toml", whole=True)
    assert any(line.startswith("on test popular-now is better than popularity") for line in said)
    assert not notes(summary, race, mixture, tmp_path / "r.toml", whole=True)


def test_a_bundle_without_the_held_out_events_comes_with_the_command_for_all(judged, tmp_path):
    race, mixture, summary = judged
    (said,) = notes(summary, race, mixture, tmp_path / "recipe.toml", whole=False)
    assert f"fit {tmp_path / 'recipe.toml'} --row {mixture.name} --run {tmp_path}" in said


def test_models_that_were_not_tried_are_named(judged, tmp_path):
    race, mixture, summary = judged
    idle = replace_racer(race)
    (said,) = notes(summary, idle, mixture, tmp_path / "r.toml", whole=True)
    assert said.startswith("not tried: slow")


def replace_racer(race):
    """The race with a candidate that was never tried."""
    from recweave.experiment.auto.climb import Climb
    from recweave.experiment.auto.plan import Candidate
    from recweave.experiment.auto.race import Racer

    slow = Racer(Candidate("slow", "ease", "it is slow"), Climb({}), reason="no time was left")
    return replace(race, racers=[*race.racers, slow])


def test_remarks_name_values_weights_and_reasons(judged):
    race, mixture, _ = judged
    from recweave.experiment.auto.look import Look

    look = Look.at(race.prepared.dataset)
    said = remarks(look, replace_racer(race), mixture, {"split": "because"})
    assert said["split"] == "because"
    assert "- slow; no time was left" in said[""]
    best = race.ranked()[0]
    assert f"- {best.candidate.row}: {best.value:.4f}, {len(best.climb.tried)} settings" in said[""]
    assert said[mixture.name].startswith("Chosen. ")


def test_the_verdict_says_which_row_to_use_and_what_it_beats(judged):
    _, _, summary = judged
    table = table_of(summary)
    best = max(summary.rows, key=lambda row: row.value("ndcg@10")).name
    said = chosen_verdict(table, best, "ndcg@10")
    assert said.startswith(f"Use {best}: on ")
    assert "Against the best other row, " in said
    worse = chosen_verdict(table, "popularity", "ndcg@10")
    assert f"On test {best}, the best other row, is better than it: +" in worse


def test_few_test_users_where_time_is_short(judged, monkeypatch):
    race, mixture, _ = judged
    monkeypatch.setattr(draft, "FEWEST_USERS", 20)
    ready, why = with_rows(race.prepared, race, mixture, 0.0)
    assert ready.experiment.test_users == 20
    assert len(set(ready.split.test.user.tolist())) == 20
    assert why["test_users"] == "20 of the 110 test users, for time"
    ready, why = with_rows(race.prepared, race, mixture, 1e9)
    assert ready.experiment.test_users is None
    assert "test_users" not in why


def test_models_learn_from_validation_too_where_it_was_drawn_at_random(tmp_path):
    events = news().events.drop("time", "order", strict=False)
    drawn = Dataset.from_frames(events=pl.DataFrame(events), name="drawn")
    race, _ = raced(drawn, tmp_path, ("popularity", "user_knn"))
    ready, why = with_rows(race.prepared, race, mixture_of(race), 1e9)
    assert ready.experiment.refit == "train+valid"
    assert "refit" in why
    fitted = [key.split()[2] for key in ready.fits.models]
    assert sorted(fitted) == ["False", "False", "True", "True"]
    short, _ = with_rows(race.prepared, race, mixture_of(race), 0.0)
    assert short.experiment.refit == "train"


def test_a_network_without_time_is_never_trained_and_its_time_is_the_others(tmp_path, monkeypatch):
    slow = plan.Candidate("network", "no such model", "it would fail if it were tried")
    monkeypatch.setattr(plan, "network", lambda look: slow)
    monkeypatch.setattr(mixtures, "LEAST", 0.0)
    monkeypatch.setattr(mixtures, "_epoch_seconds", lambda *_: 1e9)
    shares, ran = [], module._run
    monkeypatch.setattr(
        module, "_run", lambda race, share: shares.append(share) or ran(race, share)
    )
    found = module.auto(news(), 5, out=tmp_path / "bundle")
    assert shares == [module.SEARCHED, module.NETWORK]
    assert "- network; an epoch takes some 1000000000 s" in found.recipe.read_text()


def test_a_network_is_trained_for_the_epochs_that_fit_into_its_time(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    race, _ = raced(news(), tmp_path, ("popularity",))
    small = {"dim": 8, "layers": 1, "loss": "sampled", "negatives": 8, "patience": 0}
    candidate = plan.Candidate("network", "sasrec", "for the test", settings=small)
    monkeypatch.setattr(mixtures, "_epoch_seconds", lambda *_: race.clock.left(1.0) / 9.5)
    racer = mixtures.network_racer(race, candidate, 1.0)
    assert racer.reason == ""
    assert racer.entry.settings["epochs"] in (8, 9)
    assert racer.entry.settings["every"] == racer.entry.settings["epochs"]
    assert racer.value > 0
    assert racer not in race.racers


def test_if_no_model_could_be_fitted_each_reason_is_named(tmp_path):
    race, _ = raced(news(), tmp_path, ())
    with pytest.raises(BadSetting, match="no model could be fitted: slow: no time was left"):
        mixture_of(replace_racer(race))
