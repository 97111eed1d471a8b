"""A click model as a stage end to end: a recipe, a run, a bundle, the reasons."""

import numpy as np
import polars as pl
import pytest

from recweave.cli import main
from recweave.data.dataset import Dataset
from recweave.experiment.run import run
from recweave.runs.spec import read_recipe

USERS, ITEMS = 80, 60

RECIPE = """
data = "shop"
split = { kind = "ratio_user", valid = 0.2, test = 0.3 }
metrics = ["ndcg@10"]
choose = "ndcg@10"
relevant_from = 4
refit = "train+valid"
baseline = "base"
slices = []

[features.ratings]
kind = "statistics"
of = "item"
share_from = 4

[[models]]
kind = "popularity"
row = "base"

[[models]]
kind = "popularity"
row = "logistic"

[[models.stages]]
kind = "clicks"
positive_from = 4
model = { kind = "logistic", features = ["ratings"] }

[[models]]
kind = "popularity"
row = "dlrm"

[[models.stages]]
kind = "clicks"
positive_from = 4

[models.stages.model]
kind = "dlrm"
dense = ["ratings"]
ids = false
dim = 4
epochs = 30
lr = 0.01
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A shop whose even items are liked by nearly all and bought as often as the others."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})
    rows = [
        (f"u{user}", f"i{item}", 5.0 if (item % 2 == 0) ^ (rng.random() < 0.1) else 1.0, time)
        for user in range(USERS)
        for time, item in enumerate(rng.permutation(ITEMS)[:20])
    ]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "value", "time"], orient="row")
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(ITEMS)],
            "title": [f"A {'bad' if item % 2 else 'good'} thing" for item in range(ITEMS)],
        }
    )
    Dataset("shop", events=events.with_columns(behavior=pl.lit("rating")), items=items).save(
        tmp_path / "shop"
    )
    (tmp_path / "shop.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["recweave", *words])
    try:
        main()
    except SystemExit as stop:
        assert not stop.code


def test_a_click_model_moves_what_is_liked_and_says_so(shop, monkeypatch, capsys):
    pytest.importorskip("torch")
    found = run(read_recipe(shop / "shop.toml"), shop / "run", base_dir=shop)
    values = {row.name: row.value("ndcg@10") for row in found.rows}
    for name in ("logistic", "dlrm"):
        assert values[name] > values["base"] + 0.1
        (stage,) = found.row(name).stages
        assert stage.strength > 0
        command(monkeypatch, "fit", "shop.toml", "--row", name, "--run", "run", "--out", name)
        command(monkeypatch, "explain", name, "--user", "u0", "-k", "40")
        lines = [line for line in capsys.readouterr().out.splitlines() if " thing" in line]
        good = np.array(["A good thing" in line for line in lines])
        assert good[:10].sum() >= 9
        assert good[-10:].sum() <= 1
        reasons = [line for line in lines if "liked with probability" in line]
        assert any("moved up" in line for line in reasons)
        for line in reasons:
            probability = float(line.split("liked with probability ")[1].split()[0].strip(",;"))
            assert (probability > 0.5) == ("A good thing" in line)
