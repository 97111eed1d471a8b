"""Workbooks: right values, and bad ones refused. Written by hand, as the core writes none."""

import shlex
import zipfile
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from recweave.cli import app
from recweave.core.errors import BadInput, BadSetting, MissingExtra
from recweave.data.dataset import Dataset
from recweave.data.readers import examine, read
from recweave.data.readers.guess import guess

pytest.importorskip("fastexcel")

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
AT = int(datetime(2026, 3, 1, 10, 12, 44, tzinfo=UTC).timestamp())


def cell(value, at):
    if value is None:
        return ""
    if isinstance(value, datetime):
        # Days since 1899-12-30, as Excel counts.
        return f'<c r="{at}" s="1"><v>{25_569 + value.timestamp() / 86_400!r}</v></c>'
    if isinstance(value, str):
        return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'
    return f'<c r="{at}"><v>{value!r}</v></c>'


def workbook(path, *sheets, names=("events", "notes", "more")):
    """Write sheets, each a list of rows; a datetime is a cell of the format of dates."""
    named = list(zip(names, sheets, strict=False))
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    part = '<Override PartName="/xl/{}.xml" ContentType="' + sheet + '.{}+xml"/>'
    with zipfile.ZipFile(path, "w") as file:
        parts = "".join(
            part.format(f"worksheets/sheet{n}", "worksheet") for n, _ in enumerate(named, 1)
        )
        file.writestr(
            "[Content_Types].xml",
            f'{HEAD}<Types xmlns="{PACKAGE}/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f"{part.format('workbook', 'sheet.main')}{part.format('styles', 'styles')}"
            f"{parts}</Types>",
        )
        file.writestr(
            "_rels/.rels",
            f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r" '
            f'Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(
            f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>'
            for n, (name, _) in enumerate(named, 1)
        )
        file.writestr(
            "xl/workbook.xml",
            f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets>{listed}</sheets></workbook>',
        )
        targets = "".join(
            f'<Relationship Id="r{n}" Type="{REL}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n, _ in enumerate(named, 1)
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{targets}<Relationship Id="s" '
            f'Type="{REL}/styles" Target="styles.xml"/></Relationships>',
        )
        file.writestr(
            "xl/styles.xml",
            f'{HEAD}<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
            '<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
        )
        for n, (_, rows) in enumerate(named, 1):
            lines = "".join(
                f'<row r="{r}">'
                + "".join(cell(value, f"{'ABCDEFG'[c]}{r}") for c, value in enumerate(row))
                + "</row>"
                for r, row in enumerate(rows, 1)
            )
            file.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>',
            )
    return path


MOMENT = datetime(2026, 3, 1, 10, 12, 44, tzinfo=UTC)


def test_a_workbook_of_a_shop_is_read(tmp_path, caplog):
    rows = [
        ["user_id", "item_id", "value", "time"],
        [41.0, "A-1", 4.5, MOMENT],
        [42, "007", 5, MOMENT],
    ]
    log = read("table", workbook(tmp_path / "log.xlsx", rows)).events
    assert log["user_id"].to_list() == ["41", "42"]
    assert log["item_id"].to_list() == ["A-1", "007"]
    assert log["value"].to_list() == [4.5, 5.0]
    assert log["time"].to_list() == [AT, AT]
    assert log["behavior"].to_list() == ["rating", "rating"]
    assert not caplog.text


def test_a_catalogue_may_be_a_workbook_beside_a_log(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,item_id\n1,5\n")
    rows = [
        ["item_id", "title", "price", "categories"],
        [5, "Tea", 3.5, "Hot > Drinks"],
        [6, "Cup"],
    ]
    workbook(tmp_path / "items.xlsx", rows)
    items = read("table", tmp_path).items
    assert items["item_id"].to_list() == ["5", "6"]
    assert items["price"].to_list() == [3.5, None]
    assert items["categories"].to_list() == [["Hot", "Drinks"], None]


def test_other_sheets_are_named(tmp_path, caplog):
    rows = [["user_id", "item_id"], ["a", "b"]]
    assert len(read("table", workbook(tmp_path / "log.xlsx", rows, rows, rows)).events) == 1
    note = "log.xlsx: the sheet 'events' is read; sheets not read: notes, more; --sheet NAME reads"
    assert note in caplog.text


SALES = [["user_id", "item_id", "value"], ["ann", "tea", 4]]
GOODS = [["item_id", "title"], ["tea", "Green tea"]]


def test_a_sheet_is_chosen_by_its_name(tmp_path, caplog):
    path = workbook(tmp_path / "log.xlsx", [["a", "note"]], SALES, names=("Cover", "Orders 2026"))
    events = read("table", path, sheet="Orders 2026").events
    assert events.select("user_id", "item_id", "value").rows() == [("ann", "tea", 4.0)]
    assert not caplog.text
    with pytest.raises(BadSetting, match=r"log\.xlsx: no sheet is called 'Orders'; did you mean"):
        read("table", path, sheet="Orders")


def test_sheets_of_one_workbook_are_several_tables(tmp_path):
    path = workbook(tmp_path / "shop.xlsx", SALES, GOODS, names=("Orders", "Goods"))
    chosen = {"events": "Orders", "items": "Goods"}
    dataset = read("table", path, sheet=chosen)
    assert dataset.items["title"].to_list() == ["Green tea"]
    assert dataset.events["value"].to_list() == [4.0]
    given = read("table", tmp_path, events="shop.xlsx", items="shop.xlsx", sheet=chosen)
    assert given.items.equals(dataset.items) and given.events.equals(dataset.events)
    with pytest.raises(BadSetting, match="sheet: no table is called 'goods'"):
        read("table", path, sheet={"goods": "Goods"})


def test_a_sheet_of_what_is_no_workbook_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id\na,b\n")
    with pytest.raises(BadSetting, match=r"sheet='Orders': .*log\.csv is no workbook"):
        read("table", tmp_path / "log.csv", sheet="Orders")


def test_the_command_line_takes_sheets(tmp_path):
    path = workbook(tmp_path / "shop.xlsx", SALES, GOODS, names=("Orders", "Goods"))
    words = ["data", "read", "table", str(path), str(tmp_path / "out")]
    words += ["--sheet", "events=Orders", "--sheet", "items=Goods"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert Dataset.load(tmp_path / "out").items["title"].to_list() == ["Green tea"]


HEADER = ["user_id", "item_id", "time"]
BAD = {
    "an empty sheet": ([[]], "has nothing on its sheet 'events'"),
    "names and no rows": ([HEADER], "holds no rows"),
    "no user": ([HEADER, ["a", "b", 5], [None, "b", 5]], r"log\.xlsx:3: user_id is missing"),
    "no item": ([HEADER, ["a", None, 5]], r"log\.xlsx:2: item_id is missing"),
    "no time": ([HEADER, ["a", "b", 5], ["a", "c", None]], r"log\.xlsx:3: time is missing"),
    "a time in words": (
        [HEADER, ["a", "b", "soon"], ["a", "b", "2026-03-01"]],
        r"log\.xlsx:2: time 'soon' is not an ISO date",
    ),
    "a time after 2100": ([HEADER, ["a", "b", 5], ["a", "b", 5e9]], r"log\.xlsx:3: time .* 2100"),
    "no header": ([["a", "b"], ["c", "d"]], "has no column 'user_id' for user_id, only a, b"),
    "a title row": ([["Sales"], HEADER, ["a", "b", 5]], "columns without a name on the first row"),
    "a value in words": (
        [["user_id", "item_id", "value"], ["a", "b", 1.5], ["a", "c", "much"]],
        r"log\.xlsx:3: value 'much' is not a number",
    ),
}


@pytest.mark.parametrize(("rows", "message"), BAD.values(), ids=BAD)
def test_a_bad_workbook_is_refused_with_its_row(tmp_path, rows, message):
    with pytest.raises(BadInput, match=message):
        read("table", workbook(tmp_path / "log.xlsx", rows))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"user_id,item_id\n1,2\n"])
def test_what_is_no_workbook_is_refused(tmp_path, content):
    path = tmp_path / "log.xlsx"
    path.write_bytes(content)
    problems = examine("table", path).problems
    assert "cannot be read as a workbook" in str(problems.broken[0])


def test_without_fastexcel_the_message_has_the_command_that_installs_it(tmp_path, monkeypatch):
    path = workbook(tmp_path / "log.xlsx", [["user_id", "item_id"], ["a", "b"]])
    monkeypatch.setitem(__import__("sys").modules, "fastexcel", None)
    with pytest.raises(MissingExtra, match=r"pip install 'recweave\[excel\]'"):
        read("table", path)


def test_a_guess_names_the_sheets_of_a_workbook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    orders = [["Customer", "SKU", "Date"], [17, "A-1", MOMENT], [18, "A-2", MOMENT]]
    goods = [["SKU", "Product Name"], ["A-1", "Tea"], ["A-2", "Cup"]]
    path = workbook(
        tmp_path / "shop.xlsx",
        [["Sales of 2026"]],
        orders,
        goods,
        names=("Cover", "Orders", "Goods"),
    )
    found = guess(path.name)
    assert "shop.xlsx, sheet 'Orders': a sheet of a workbook; events" in str(found)
    words = shlex.split(found.command)
    assert "events=Orders" in words and "items=Goods" in words
    result = CliRunner().invoke(app, words[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    dataset = Dataset.load(found.out)
    assert dataset.events["user_id"].to_list() == ["17", "18"]
    assert dataset.events["time"].to_list() == [AT, AT]
    assert dataset.items["title"].to_list() == ["Tea", "Cup"]


def test_a_guess_reads_a_workbook_of_one_sheet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workbook(tmp_path / "orders.xlsx", [["Customer", "SKU"], [17, "A-1"]])
    words = shlex.split(guess("orders.xlsx").command)
    assert "--sheet" not in words
    assert CliRunner().invoke(app, words[1:], catch_exceptions=False).exit_code == 0
    assert Dataset.load("orders-dataset").events["item_id"].to_list() == ["A-1"]
