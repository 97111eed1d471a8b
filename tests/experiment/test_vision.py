"""The vision re-ranker end to end: picture files, a recipe, a run, a bundle, the reasons."""

import numpy as np
import polars as pl
import pytest

from recweave.cli import main
from recweave.data.dataset import Dataset
from recweave.experiment.run import run
from recweave.runs.spec import read_recipe

USERS, ITEMS = 80, 60
COLOURS = {"red": (220, 0, 0), "blue": (0, 0, 220)}

RECIPE = """
data = "shop"
split = { kind = "ratio_user", valid = 0.2, test = 0.3 }
metrics = ["ndcg@10"]
choose = "ndcg@10"
relevant_from = 4
refit = "train+valid"
baseline = "base"
slices = []

[features.objects]
kind = "objects"
folder = "photos"
detector = "planted_taste:colours"

[features.permuted]
kind = "shuffled"
feature = "objects"

[[models]]
kind = "popularity"
row = "base"

[[models]]
kind = "popularity"
row = "blend"
stages = [{ kind = "vision" }]

[[models]]
kind = "popularity"
row = "blend-permuted"
stages = [{ kind = "vision", feature = "permuted" }]
"""


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A shop with a picture for each item; a user likes one colour and dislikes the other."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})
    (tmp_path / "photos").mkdir()
    colour = [list(COLOURS)[n % 2] for n in range(ITEMS)]
    for item, name in enumerate(colour):
        image.new("RGB", (16, 16), COLOURS[name]).save(tmp_path / "photos" / f"{item}.png")
    rows = [
        (f"u{user}", f"i{item}", 5.0 if item % 2 == user % 2 else 1.0, time)
        for user in range(USERS)
        for time, item in enumerate(rng.permutation(ITEMS)[:20])
    ]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "value", "time"], orient="row")
    items = pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(ITEMS)],
            "title": [f"A {name} thing" for name in colour],
            "images": [[f"{item}.png"] for item in range(ITEMS)],
        }
    )
    Dataset("shop", events=events.with_columns(behavior=pl.lit("rating")), items=items).save(
        tmp_path / "shop"
    )
    (tmp_path / "shop.toml").write_text(RECIPE)
    return tmp_path


def test_pictures_change_lists_as_planted_and_the_reason_is_shown(photos, monkeypatch, capsys):
    found = run(read_recipe(photos / "shop.toml"), photos / "run", base_dir=photos)
    assert found.names() == ["base", "blend", "blend-permuted"]
    values = {row.name: row.value("ndcg@10") for row in found.rows}
    assert values["blend"] > values["base"] + 0.1
    assert values["blend"] > values["blend-permuted"] + 0.1
    (stage,) = found.row("blend").stages
    assert stage.strength == 1.0
    monkeypatch.chdir(photos)
    fit = ["fit", "shop.toml", "--row", "blend", "--run", "run", "--out", "live"]
    for words in (fit, ["explain", "live", "--user", "u0", "-k", "40"]):
        monkeypatch.setattr("sys.argv", ["recweave", *words])
        try:
            main()
        except SystemExit as stop:
            assert not stop.code
    lines = capsys.readouterr().out.splitlines()
    red = np.array(["A red thing" in line for line in lines])
    assert red[:10].sum() >= 8 > red[-10:].sum()  # u0 likes red
    shop = Dataset.load(photos / "shop")
    history = shop.events.filter(user_id="u0")["value"].to_list()
    counts = {5.0: history.count(5.0), 1.0: history.count(1.0)}
    moved = [line for line in lines if "moved" in line]
    up = f"by vision 1: red, as in {counts[5.0]} items you liked"
    down = f"by vision 1: blue, as in {counts[1.0]} items you disliked"
    assert any("moved up" in line for line in moved) and any("moved down" in line for line in moved)
    for line in moved:
        assert line.endswith((up, down, ", as other items moved"))
        assert not (line.endswith(up) and "moved down" in line)
