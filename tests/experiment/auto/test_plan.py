"""What is seen in a dataset, and which split and models follow from it."""

import numpy as np
import polars as pl
import pytest

from recweave.data.catalogue import load
from recweave.data.dataset import Dataset
from recweave.data.split import Given, GlobalTime, LeaveLastOut, RatioUser
from recweave.experiment.auto import plan
from recweave.experiment.auto.look import Look


def dataset(users=120, each=4, time=True, behavior=("purchase",), **columns):
    rows = [(f"u{u}", f"i{(u * 7 + n) % 30}") for u in range(users) for n in range(each)]
    user, item = zip(*rows, strict=True)
    events = {"user_id": user, "item_id": item}
    events["behavior"] = [behavior[n % len(behavior)] for n in range(len(rows))]
    if time:
        events["time"] = [1_500_000_000 + n * 3600 for n in range(len(rows))]
    events |= {name: [make(n) for n in range(len(rows))] for name, make in columns.items()}
    return Dataset.from_frames(events=pl.DataFrame(events), name="made")


def rows_of(look, items=30, allowance=1e18):
    counts = np.full(items, 5)
    return {one.row: one for one in plan.candidates(look, counts, 86_400.0 * 100, allowance)}


def test_times_give_the_last_event_and_models_of_the_present():
    look = Look.at(dataset())
    split, why = plan.splitter(look)
    assert split == LeaveLastOut()
    assert "last event" in why
    assert {"popular-now", "newest-now", "markov", "slit"} <= rows_of(look).keys()


def test_without_order_events_are_drawn_and_no_model_reads_one():
    look = Look.at(dataset(time=False))
    assert plan.splitter(look)[0] == RatioUser()
    rows = rows_of(look)
    assert not rows.keys() & {"popular-now", "newest-now", "markov", "slit"}
    assert not any("decay" in one.knobs for one in rows.values())


def test_several_behaviours_aim_at_purchases_and_drop_what_led_to_them():
    look = Look.at(dataset(each=12, behavior=("view", "view", "purchase")))
    assert look.target == ("purchase",)
    assert plan.splitter(look)[0] == LeaveLastOut(target=("purchase",), fresh=True)
    assert Look.at(dataset(behavior=("view", "view", "cart"))).target == ("view",)
    assert Look.at(dataset(behavior=("view", "cart")), "cart").target == ("cart",)


def test_a_rare_behaviour_is_no_target_unless_it_is_asked_for():
    rare = ("rating",) * 199 + ("favorite",)
    assert Look.at(dataset(behavior=rare)).target == ()
    assert Look.at(dataset(behavior=rare), "favorite").target == ("favorite",)


def test_few_long_histories_are_cut_by_time():
    assert isinstance(plan.splitter(Look.at(dataset(each=2)))[0], GlobalTime)


@pytest.mark.parametrize(("time", "inner"), [(True, "leave_last_out"), (False, "ratio_user")])
def test_the_publishers_cut_is_kept(time, inner):
    log = dataset(time=time, part=lambda n: "test" if n % 4 == 3 else "train")
    split, _ = plan.splitter(Look.at(log))
    assert isinstance(split, Given)
    assert split.valid.kind == inner


def test_texts_bring_rows_that_read_them():
    look = Look.at(load("synthetic:small"))
    assert look.texts == ("title", "brand", "categories", "description")
    assert {"content_knn", "ease-text", "slit-text"} <= rows_of(look).keys()
    assert "prior_weight" in rows_of(look)["slit-text"].knobs
    assert not {"prior_weight", "feature_reg"} & rows_of(look)["slit"].knobs.keys()
    assert not rows_of(Look.at(dataset())).keys() & {"content_knn", "ease-text"}


def test_a_large_catalogue_is_cut_to_what_an_inverse_can_afford():
    counts = np.arange(1, 1001)
    look = Look.at(dataset())
    allowance = plan.INVERSE * 200.0**3
    made = {one.row: one for one in plan.candidates(look, counts, 0.0, allowance)}
    assert made["ease"].settings == {"min_count": 801}
    assert made["ease"].work == pytest.approx(allowance)
    assert "200 items with 801 or more events" in made["ease"].why
    whole = {one.row: one for one in plan.candidates(look, counts, 0.0, 1e18)}
    assert whole["ease"].settings == {}


def test_every_candidate_is_a_model_with_settings_that_it_takes():
    from recweave.models import RECIPES

    look = Look.at(load("synthetic:small"))
    for one in [*rows_of(look).values(), plan.network(look)]:
        start = {name: knob.start for name, knob in one.knobs.items()}
        RECIPES[one.kind].parse({**one.settings, **start}, one.row)
