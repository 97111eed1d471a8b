"""What words are worth: planted values of users in a run's folder, and one run from end to end."""

import csv
import io
import json
from functools import partial

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from recweave.cli import app
from recweave.core.errors import BadSetting
from recweave.data.dataset import Dataset
from recweave.evaluate import Report, differences
from recweave.evaluate.statistics import holm, paired_bootstrap
from recweave.experiment.run import run
from recweave.llm import Message, Usage
from recweave.llm.store import Store
from recweave.report.words import Spent, words
from recweave.report.words_verdict import words_verdict
from recweave.runs.folder import RunFolder, write_json
from recweave.runs.layout import FEATURES, MADE_FROM
from recweave.runs.spec import Experiment

USERS = 200
COLD_USERS = 50
RESAMPLES = 1_000
FEATURES_ASKED = {
    "title": {"kind": "items", "fields": ["title"]},
    "written": {"kind": "profiles", "folder": "texts"},
    "permuted": {"kind": "shuffled", "feature": "title"},
    "random": {"kind": "random", "feature": "title"},
    "length": {"kind": "length"},
}
SECONDS = {"title": 3.0, "written": 5.0, "permuted": 0.5, "random": 0.25, "length": 0.125}


@pytest.fixture(autouse=True, scope="module")
def fewer_draws():
    """The usual 10,000 resamples of each gain would take most of the time."""
    fewer = partial(differences, resamples=RESAMPLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recweave.report.words.differences", fewer)
        yield


def model(variant, *features, name="ease"):
    return {"name": name, "variant": variant, "features": list(features)}


def write_run(folder, rows, metric="ndcg@10", baseline="ease-plain", features=FEATURES_ASKED):
    """A finished run: each row an entry, values of users on all events, and on the cold ones."""
    entries = [entry for entry, _, _ in rows]
    experiment = Experiment.parse(
        {
            "data": "made up",
            "metrics": [metric],
            "choose": metric,
            "baseline": baseline,
            "features": features,
            "models": entries,
        },
        "here",
    )
    data = {"name": "made-up"}
    write_json(folder / MADE_FROM, {"recipe": experiment.model_dump(mode="json"), "data": data})
    write_json(folder / "environment.json", {})
    if features:
        write_json(folder / FEATURES, {name: {"seconds": SECONDS[name]} for name in features})
    for place, (entry, values, cold) in enumerate(rows):
        settings = {key: value for key, value in entry.items() if key not in ("name", "variant")}
        result = {
            "recipe": {"name": entry["name"], "settings": settings},
            "tried": [],
            "fit_seconds": 10.0 + place,
            "peak_mb": None,
        }
        counts = {"relevant": 1, "rated": 1, "predicted": 1}
        table = pl.DataFrame({"user": np.arange(USERS), metric: values}).with_columns(
            **{name: pl.lit(count) for name, count in counts.items()}
        )
        some = table[:COLD_USERS].with_columns(pl.Series(metric, cold), label=pl.lit("cold"))
        slices = {"item": pl.concat([table.with_columns(label=pl.lit("warm"))[60:], some])}
        name = experiment.rows()[place]
        RunFolder(folder).keep_cell(name, 0, result, Report(table, {}, slices))
    return folder


def sample_values():
    """The baseline's values of users, and noise to be added to another row's."""
    rng = np.random.default_rng(5)
    base = rng.random(USERS)
    return base, lambda size, users=USERS: size + rng.normal(0, 0.01, users)


@pytest.fixture
def values():
    """Drawn anew for each test, so that none hangs on which ran before."""
    return sample_values()


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Titles gain .05, and .2 on cold items; the controls gain nothing."""
    base, noise = sample_values()
    none = np.zeros(COLD_USERS)
    return write_run(
        tmp_path_factory.mktemp("planted") / "run",
        [
            (model("plain"), base, none),
            (model("title", "title"), base + noise(0.05), none + noise(0.2, COLD_USERS)),
            (model("permuted", "permuted"), base + noise(0), none + noise(0, COLD_USERS)),
            (model("random", "random"), base + noise(-0.001), none),
        ],
    )


@pytest.fixture(scope="module")
def found(planted, fewer_draws):
    return words(planted)


def by_name(found):
    return {row.row: row for row in found.rows}


def test_a_gain_is_given_on_all_on_warm_and_on_cold_items(found):
    title = by_name(found)["ease-title"]
    assert {part: gain.users for part, gain in title.gains.items()} == {
        "all": USERS,
        "warm": USERS - 60,
        "cold": COLD_USERS,
    }
    assert title.gains["all"].by.mean == pytest.approx(0.05, abs=0.003)
    assert title.gains["warm"].by.mean == pytest.approx(0.05, abs=0.003)
    assert title.gains["cold"].by.mean == pytest.approx(0.2, abs=0.006)
    assert title.pays


def test_controls_are_known_by_their_kinds(found, tmp_path, values):
    assert {name: row.control for name, row in by_name(found).items()} == {
        "ease-title": False,
        "ease-permuted": True,
        "ease-random": True,
    }
    base, noise = values
    none = np.zeros(COLD_USERS)
    entries = [model("plain"), model("mixed", "title", "random"), model("length", "length")]
    mixed = [(entry, base + noise(0), none) for entry in entries]
    found = by_name(words(write_run(tmp_path / "mixed", mixed)))
    assert not found["ease-mixed"].control
    assert found["ease-length"].control


def test_all_gains_of_the_report_are_corrected_together(found):
    gains = [gain for row in found.rows for gain in (*row.gains.values(), row.over_control) if gain]
    assert len(gains) == 3 * 3 + 1
    assert [gain.p for gain in gains] == holm([gain.by.p for gain in gains])


def test_the_interval_is_that_of_the_paired_bootstrap(planted, found):
    tables = [
        RunFolder(planted).read_cell(row, 0)[1].per_user for row in ("ease-title", "ease-plain")
    ]
    ours, theirs = (table["ndcg@10"].to_numpy()[:, None] for table in tables)
    ones = np.ones_like(ours)
    expected = paired_bootstrap((ours, ones), (theirs, ones), resamples=RESAMPLES)[0]
    assert by_name(found)["ease-title"].gains["all"].by == expected


def test_a_text_that_gains_no_more_than_its_control_does_not_pay(tmp_path, values):
    base, noise = values
    none = np.zeros(COLD_USERS)
    rows = [
        (model("plain"), base, none),
        (model("title", "title"), base + noise(0.05), none),
        (model("permuted", "permuted"), base + noise(0.05), none),
        (model("random", "random"), base + noise(0), none),
    ]
    found = words(write_run(tmp_path / "run", rows))
    title = by_name(found)["ease-title"]
    assert (title.gains["all"].sure, title.best_control, title.pays) == (
        True,
        "ease-permuted",
        False,
    )
    verdict = words_verdict(found)
    assert "no text feature pays" in verdict
    assert "its control ease-permuted: the text is not shown to be the cause" in verdict
    assert "controls gain significantly as well: ease-permuted" in verdict


def test_a_row_is_held_against_a_control_of_its_own_model(tmp_path, values):
    base, noise = values
    none = np.zeros(COLD_USERS)
    rows = [
        (model("plain"), base, none),
        (model("title", "title"), base + noise(0.02), none),
        (model("permuted", "permuted"), base + noise(0), none),
        (model("title", "title", name="slit"), base + noise(0.05), none),
        (model("permuted", "permuted", name="slit"), base + noise(0.04), none),
    ]
    found = by_name(words(write_run(tmp_path / "run", rows)))
    assert found["ease-title"].best_control == "ease-permuted"
    assert found["slit-title"].best_control == "slit-permuted"
    assert found["slit-title"].over_control.by.mean == pytest.approx(0.01, abs=0.003)


def test_seconds_count_what_a_feature_was_made_from_and_the_longer_fit(found):
    title, permuted = (by_name(found)[name] for name in ("ease-title", "ease-permuted"))
    assert (title.making, title.fitting) == (3.0, 1.0)
    assert (permuted.making, permuted.fitting) == (3.5, 2.0)
    assert title.per_gain(title.seconds) == pytest.approx(4 * 0.001 / title.gains["all"].by.mean)
    assert permuted.per_gain(permuted.seconds) is None
    assert title.spent == Spent(0, 0, 0.0)


def test_the_catalogue_s_own_categories_cost_nothing_and_are_no_control(tmp_path, values):
    base, _ = values
    none = np.zeros(COLD_USERS)
    rows = [(model("plain"), base, none), (model("kinds", "categories"), base, none)]
    found = by_name(words(write_run(tmp_path / "run", rows, features={})))["ease-kinds"]
    assert (found.making, found.control, found.features) == (0, False, ("categories",))


def test_money_is_that_of_the_ledger_next_to_the_texts(tmp_path, values, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base, noise = values
    none = np.zeros(COLD_USERS)
    rows = [(model("plain"), base, none), (model("w", "written"), base + noise(0.05), none)]
    folder = write_run(tmp_path / "run", rows)
    assert by_name(words(folder))["ease-w"].spent is None
    with Store(tmp_path / "texts-answers") as store:
        for cost in (0.5, 0.25):
            row = store.begin("m", [Message("user", "?")], Experiment, Usage())
            store.settle(row, Usage(90, 10, cost), 1.0, "answered")
    found = by_name(words(folder))["ease-w"]
    assert found.spent == Spent(2, 200, 0.75)
    assert found.per_gain(0.75) == pytest.approx(0.00075 / found.gains["all"].by.mean)


def test_where_less_is_better_a_smaller_error_is_a_gain(tmp_path, values):
    base, noise = values
    none = np.ones(COLD_USERS)
    rows = [(model("plain"), base + 1, none), (model("title", "title"), base + noise(0.9), none)]
    gain = by_name(words(write_run(tmp_path / "run", rows, "mae")))["ease-title"].gains["all"]
    assert gain.by.mean == pytest.approx(0.1, abs=0.005)
    assert gain.sure


@pytest.mark.parametrize(("metric", "by"), [("mae", -0.1), ("ndcg@10", 0.1)])
def test_a_row_without_words_that_beats_the_baseline_is_named(tmp_path, values, metric, by):
    base, noise = values
    none = np.ones(COLD_USERS)
    rows = [
        (model("plain"), base + 1, none),
        (model("stronger"), base + 1 + by, none),
        (model("weaker"), base + 1 - by, none),
        (model("title", "title"), base + noise(1), none),
    ]
    found = words(write_run(tmp_path / "run", rows, metric))
    assert found.stronger == ["ease-stronger"]


def test_a_blend_reads_what_its_members_read(tmp_path, values):
    base, noise = values
    none = np.zeros(COLD_USERS)
    blend = {"name": "blend", "variant": "", "members": ["ease-plain", "ease-title"]}
    rows = [(model("plain"), base, none), (model("title", "title"), base, none)]
    found = words(write_run(tmp_path / "run", [*rows, (blend, base + noise(0), none)]))
    assert by_name(found)["blend"].features == ("title",)


def test_the_verdict_says_which_texts_pay_what_the_controls_do_and_how_cold_items_fare(found):
    verdict = words_verdict(found)
    assert "text features pay: ease-title gains +0.0497, +0.0" in verdict
    assert "The controls are not significantly better than the baseline" in verdict
    assert "On cold items (50 users) these gain: ease-title +0.2" in verdict


def test_the_verdict_misses_controls_and_warns_of_a_weak_baseline(tmp_path, values):
    base, noise = values
    none = np.zeros(COLD_USERS)
    rows = [
        (model("plain"), base, none),
        (model("tuned"), base + 0.1, none),
        (model("title", "title"), base + noise(0), none),
    ]
    verdict = words_verdict(words(write_run(tmp_path / "run", rows)))
    assert "No control was run" in verdict
    assert "ease-tuned without text does better than the baseline ease-plain" in verdict
    assert "On cold items (50 users) no text feature gains significantly" in verdict


def test_runs_that_cannot_tell_are_refused(tmp_path, values):
    base, _ = values
    none = np.zeros(COLD_USERS)
    plain = (model("plain"), base, none)
    with pytest.raises(BadSetting, match="no text to evaluate"):
        words(write_run(tmp_path / "a", [plain]))
    text = (model("title", "title"), base, none)
    folder = write_run(tmp_path / "b", [plain, text], baseline="ease-title")
    with pytest.raises(BadSetting, match="reads text itself"):
        words(folder)
    with pytest.raises(BadSetting, match=r"recall@20.*--metric"):
        words(write_run(tmp_path / "c", [plain, text]), "recall@20")


def test_the_command_prints_the_same_for_people_and_machines(planted):
    printed = CliRunner().invoke(app, ["words", str(planted)])
    assert printed.exit_code == 0
    assert "ease-permuted (control)" in printed.stdout
    asked = json.loads(CliRunner().invoke(app, ["words", str(planted), "--json"]).stdout)
    assert [row["name"] for row in asked["rows"] if row["pays"]] == ["ease-title"]
    assert asked["verdict"] in printed.stdout
    markdown = CliRunner().invoke(app, ["words", str(planted), "--markdown"]).stdout
    assert markdown.startswith("| row | features | all |")


def test_a_csv_has_a_line_for_each_row_and_part(planted, found):
    printed = CliRunner().invoke(app, ["words", str(planted), "--csv"]).stdout
    lines = list(csv.DictReader(io.StringIO(printed)))
    assert len(lines) == 3 * 3 + 1
    title = by_name(found)["ease-title"]
    by_part = {line["part"]: line for line in lines if line["row"] == "ease-title"}
    assert by_part.keys() == {"all", "warm", "cold", "over control"}
    cold = by_part["cold"]
    assert float(cold["gain"]) == title.gains["cold"].by.mean
    assert [float(cold[end]) for end in ("low", "high")] == [
        title.gains["cold"].by.low,
        title.gains["cold"].by.high,
    ]
    assert (float(cold["p"]), int(cold["users"])) == (title.gains["cold"].p, COLD_USERS)
    assert cold["compared_with"] == "ease-plain"
    assert by_part["over control"]["compared_with"] == title.best_control == "ease-permuted"
    assert float(by_part["over control"]["gain"]) == title.over_control.by.mean
    assert (cold["pays"], cold["seconds"], cold["cost"]) == ("true", "4.0", "0.0")
    assert {line["row"]: line["control"] for line in lines} == {
        "ease-title": "false",
        "ease-permuted": "true",
        "ease-random": "true",
    }


def test_a_latex_table_marks_what_pays_and_what_is_significant(planted, found):
    printed = CliRunner().invoke(app, ["words", str(planted), "--latex"]).stdout
    assert r"\begin{tabular}{llrrrrrrr}" in printed
    lines = {line.partition(" & ")[0]: line for line in printed.splitlines()}
    gain = by_name(found)["ease-title"].gains["all"].by
    half = (gain.high - gain.low) / 2
    title = lines[r"\textbf{ease-title}"]
    assert rf"& title & ${gain.mean:+.4f} \pm {half:.4f}^{{*}}$ &" in title
    permuted = lines["ease-permuted (control)"]
    assert "^{*}" not in permuted
    assert permuted.endswith(r"& -- & 5.5 & -- & -- \\")
    assert printed.startswith("% needs \\usepackage{booktabs}; gain in ndcg@10 over ease-plain (")
    assert all(line.startswith("% ") for line in printed.partition("\\begin")[0].splitlines())


def test_one_form_of_the_table_is_asked_for_at_a_time(planted):
    refused = CliRunner().invoke(app, ["words", str(planted), "--latex", "--json"])
    assert isinstance(refused.exception, BadSetting)
    assert "--json and --latex cannot be given together" in str(refused.exception)


def test_words_that_decide_are_found_from_end_to_end(tmp_path):
    """Users buy things of one colour; one purchase each is learned from, so behaviour is silent."""
    rng = np.random.default_rng(3)
    colours = ["red", "blue", "green", "black"]
    bought = [
        (f"u{user}", f"i{4 * item + user % 4}", time)
        for user in range(160)
        for time, item in enumerate(rng.choice(20, 3, replace=False))
    ]
    events = pl.DataFrame(bought, schema=["user_id", "item_id", "time"], orient="row")
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(80)],
            "title": [f"{colours[item % 4]} thing" for item in range(80)],
        }
    )
    Dataset("colours", events=events, items=items).save(tmp_path / "shop")
    title = {"kind": "items", "fields": ["title"], "encoder": "tfidf"}
    features = {"title": title, "permuted": {"kind": "shuffled", "feature": "title"}}
    models = [model("plain"), model("title", "title"), model("permuted", "permuted")]
    recipe = {"data": str(tmp_path / "shop"), "features": features, "models": models}
    recipe |= {"metrics": ["ndcg@10"], "slices": ["item"], "save": False}
    run(Experiment.parse(recipe, "here"), tmp_path / "run")
    found = by_name(words(tmp_path / "run"))
    assert found["ease-title"].pays
    assert not found["ease-permuted"].gains["all"].sure
