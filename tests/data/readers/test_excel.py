"""Workbooks: right values, and bad ones refused. Written by hand, as the core writes none."""

import zipfile
from datetime import UTC, datetime

import pytest

from recweave.core.errors import BadInput, MissingExtra
from recweave.data.readers import examine, read

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
    assert "the sheet 'events' is read; not read: notes, more" in caplog.text


HEADER = ["user_id", "item_id", "time"]
BAD = {
    "an empty sheet": ([[]], "has nothing on its first sheet 'events'"),
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


@pytest.mark.parametrize(("rows", "said"), BAD.values(), ids=BAD)
def test_a_bad_workbook_is_refused_with_its_row(tmp_path, rows, said):
    with pytest.raises(BadInput, match=said):
        read("table", workbook(tmp_path / "log.xlsx", rows))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"user_id,item_id\n1,2\n"])
def test_what_is_no_workbook_is_told(tmp_path, content):
    path = tmp_path / "log.xlsx"
    path.write_bytes(content)
    problems = examine("table", path).problems
    assert "cannot be read as a workbook" in str(problems.broken[0])


def test_without_fastexcel_the_command_that_installs_it_is_told(tmp_path, monkeypatch):
    path = workbook(tmp_path / "log.xlsx", [["user_id", "item_id"], ["a", "b"]])
    monkeypatch.setitem(__import__("sys").modules, "fastexcel", None)
    with pytest.raises(MissingExtra, match=r"pip install 'recweave\[excel\]'"):
        read("table", path)
