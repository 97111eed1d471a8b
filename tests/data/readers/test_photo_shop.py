"""The photo shop from a folder of photographs: by a reader, by its name, in a recipe."""

import json

import polars as pl
import pytest

from recweave.cli import main
from recweave.core.errors import BadSetting
from recweave.core.settings import Settings
from recweave.data.catalogue import DATASETS, find, get, load
from recweave.data.interactions import behavior_code
from recweave.data.known import Layout
from recweave.data.readers import read
from recweave.data.readers.photo_shop import planted

HEADER = "id,gender,masterCategory,subCategory,articleType,baseColour,productDisplayName\n"
KINDS = ("Shirts", "Jeans", "Watches")
COLOURS = ("Black", "Red", "Blue", "Green", "White", "Pink")


@pytest.fixture
def folder(tmp_path):
    """Forty items in the form of fashion-photos; photographs of the first ten."""
    folder = tmp_path / "shared" / "fashion-photos"
    folder.mkdir(parents=True)
    rows = [
        f"{n},{('Men', 'Women')[n % 2]},Apparel,Wear,{KINDS[n % 3]},{COLOURS[n % 6]},"
        f"Acme {COLOURS[n % 6]} {KINDS[n % 3]}\n"
        for n in range(100, 140)
    ]
    (folder / "styles.csv").write_text(HEADER + "".join(rows))
    for n in range(100, 110):
        (folder / f"{n}.jpg").write_bytes(b"a photograph")
    return folder


SMALL = {"users": 30, "views": 300}


def test_people_are_let_into_the_catalogue(folder):
    shop = read("photo_shop", folder, **SMALL)
    assert len(shop.users) == 30
    assert (shop.events["behavior"] == "view").sum() == 300
    assert set(shop.events["item_id"]) <= set(shop.items["item_id"])
    items = {row["item_id"]: row for row in shop.items.to_dicts()}
    assert items["100"]["images"] == ["100.jpg"]
    assert items["110"]["images"] is None
    assert items["100"]["title"] == "Acme Jeans"
    assert all(row["price"] > 0 for row in items.values())


def test_the_same_options_give_the_same_data_and_others_do_not(folder):
    first = read("photo_shop", folder, **SMALL).fingerprint
    assert read("photo_shop", folder, **SMALL).fingerprint == first
    for option in ({"seed": 1}, {"look": 0.0}, {"noise": 0.0}, {"price": 0.0}, {"named": True}):
        assert read("photo_shop", folder, **SMALL, **option).fingerprint != first


def test_the_card_names_the_folder_and_says_what_is_simulated(folder):
    source = read("photo_shop", folder, **SMALL, look=2.0).source
    assert source.startswith(f"{folder}: titles, types and photographs are real; SIMULATED")
    assert "strength 2 (30 users, 300 views, seed 0)" in source


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"users": 200, "views": 300}, "fewer than two"),
        ({"look": -1.0}, "look"),
        ({"seed": -1}, "seed=-1"),
        ({"colour": 1}, "no option 'colour'"),
    ],
)
def test_bad_options_are_refused(folder, options, message):
    with pytest.raises(BadSetting, match=message):
        read("photo_shop", folder, **options)


def test_the_name_is_read_from_the_folder_of_the_photographs(folder, tmp_path, monkeypatch):
    settings = Settings(data=tmp_path / "shared", home=tmp_path / "home")
    assert find("photo-shop", settings) == get("photo-shop", settings) == folder
    monkeypatch.setenv("RECWEAVE_DATA", str(tmp_path / "shared"))
    layout = Layout(mark="styles.csv", source="photo_shop", options=SMALL)
    known = DATASETS["photo-shop"].model_copy(update={"layouts": (layout,)})
    monkeypatch.setitem(DATASETS, "photo-shop", known)
    shop = load("photo-shop")
    assert (shop.name, len(shop.users)) == ("photo-shop", 30)
    assert "SIMULATED" in shop.source
    assert "simulated: CC0" in shop.licence


def test_events_of_one_person_are_in_order(folder):
    events = read("photo_shop", folder, **SMALL).events
    assert events["time"].is_sorted()
    bought = events.filter(pl.col("behavior") == "purchase").select("user_id", "item_id")
    assert bought.is_unique().all()


def test_the_truth_of_the_same_options_is_that_of_the_data(folder, tmp_path):
    shop = read("photo_shop", folder, **SMALL, look=2.0, seed=3)
    truth = planted(folder, **SMALL, look=2.0, seed=3)
    log = shop.interactions()
    assert truth.user_ids.to_list() == shop.user_ids.ids.to_list()
    bought = (log.behavior == behavior_code("purchase")) & ~truth.noise
    disliked = (truth.disliked_colours[log.user] == truth.item_colour[log.item, None]).any(axis=1)
    assert bought.sum() > 50
    assert disliked[bought].mean() < 0.1 < disliked[truth.noise].mean()


def test_a_command_writes_the_truth(folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "truth"
    options = [f"--option={key}={value}" for key, value in {**SMALL, "look": 0}.items()]
    monkeypatch.setattr("sys.argv", ["recweave", "data", "truth", str(out), str(folder), *options])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert "likes_colours" not in pl.read_parquet(out / "users.parquet").columns
    assert json.loads((out / "settings.json").read_text())["users"] == 30
    assert "tastes of 30 users and looks of 40 items" in capsys.readouterr().err


def test_the_truth_of_an_unknown_option_is_refused(folder):
    with pytest.raises(BadSetting, match="hue"):
        planted(folder, hue=1)
