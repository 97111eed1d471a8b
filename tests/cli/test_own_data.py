"""The page about one's own data, followed as a newcomer would: its commands as written."""

import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from recweave.cli import main
from recweave.data.dataset import Dataset

PAGE = (Path(__file__).parents[2] / "docs/howto/own-data.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def commands():
    """The page's commands up to the lists, with lines joined."""
    text = PAGE.partition("## ")[0].replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    (recweave .*)$", text, re.MULTILINE)]


def write_export(folder):
    """Orders of 30 customers and 12 products, as on the page; some have no customer."""
    lines = ["Order No;Customer ID;Stock Code;Description;Quantity;Invoice Date;Unit Price"]
    for n in range(240):
        user = 17850 + n % 30
        item = 1 + (n + n // 30 * (user % 3)) % 12 if n > 2 else n + 1
        who = "" if n == 2 or (n % 17 == 0 and n) else f"{user}.0"
        when = f"{1 + n // 12:02}.12.2025 {8 + n % 12:02}:00"
        cells = [f"A{1000 + n}", who, f"S{item:02}", f"Bügel Größe {item}", str(2 - n % 2), when]
        lines.append(";".join([*cells, f"{item + 1},55"]))
    folder.mkdir()
    (folder / "orders.csv").write_text("\n".join(lines) + "\n", encoding="cp1252")
    goods = [f"S{i:02};Bügel Größe {i};Küche und Möbel;{i + 1},55" for i in range(1, 13)]
    text = "\n".join(["Stock Code;Product Name;Category;List Price", *goods]) + "\n"
    (folder / "products.csv").write_text(text, encoding="cp1252")
    return lines


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECWEAVE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("recweave.report.page.plots", lambda *_: {})
    return tmp_path


def run(words, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", words)
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    out, err = capsys.readouterr()
    assert code == 0, err
    return out, err


def test_from_a_messy_export_to_lists_for_all_users(here, monkeypatch, capsys):
    lines = write_export(here / "export")
    assert "\n".join(lines[:4]) + "\n" == blocks("csv")[0]
    (here / "recipe.toml").write_text(blocks("toml")[0])
    look, *others = commands()
    assert len([look, *others]) <= 5
    out, _ = run(look, monkeypatch, capsys)
    proposed = shlex.split(out.splitlines()[-1])
    assert proposed[:6] == others[0][:6]
    assert sorted(proposed) == sorted(others[0])
    _, err = run(others[0], monkeypatch, capsys)
    assert "left out: export/orders.csv:4: Customer ID is missing (14 more like it)" in err
    assert "all ids of users are whole numbers, so '17850.0' is read as '17850'" in err
    for words in others[1:]:
        run(words, monkeypatch, capsys)
    shop = Dataset.load("shop")
    assert len(shop.events) == 225
    assert shop.events["behavior"].unique().to_list() == ["purchase"]
    assert shop.items["title"][0] == "Bügel Größe 1"
    assert shop.items["price"][0] == 2.55
    lists = pl.read_csv("lists.csv", infer_schema=False)
    assert set(lists["user_id"]) == {str(17850 + n) for n in range(30)}
    assert set(lists["item_id"]) <= set(shop.items["item_id"])
