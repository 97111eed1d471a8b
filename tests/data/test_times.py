"""Times of every form, in files and in frames: the right second, or a message."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest

from recweave.core.errors import BadInput, BadSetting
from recweave.data.dataset import Dataset
from recweave.data.readers import read
from recweave.data.times import TimeForm, recognised, seconds

AT = 1_772_359_964  # 2026-03-01 10:12:44 UTC
HOUR = 3_600


def test_the_moment_is_the_one_that_python_knows():
    assert datetime(2026, 3, 1, 10, 12, 44, tzinfo=UTC).timestamp() == AT


ISO = {
    "2026-03-01T10:12:44": AT,
    "2026-03-01 10:12:44": AT,
    "2026-03-01T10:12:44Z": AT,
    "2026-03-01t10:12:44z": AT,
    "2026-03-01 10:12:44+00": AT,  # PostgreSQL
    "2026-03-01 10:12:44.5+00": AT,
    "2026-03-01T10:12:44+02": AT - 2 * HOUR,
    "2026-03-01T10:12:44+02:00": AT - 2 * HOUR,
    "2026-03-01T10:12:44+0200": AT - 2 * HOUR,
    "2026-03-01T10:12:44+05:30": AT - 5 * HOUR - 1_800,
    "2026-03-01T10:12:44-03:30": AT + 3 * HOUR + 1_800,
    "2026-03-01 10:12:44 -0330": AT + 3 * HOUR + 1_800,
    "2026-03-01T10:12:44\u221203:00": AT + 3 * HOUR,  # a minus sign that is no hyphen
    "2026-03-01T10:12:44+02:00[Europe/Berlin]": AT - 2 * HOUR,
    "2026-03-01 10:12:44 UTC": AT,
    "2026-03-01 10:12:44 GMT": AT,
    "2026-03-01 10:12:44 +0000 UTC": AT,  # Go
    "2026-03-01T10:12:44.123456789Z": AT,
    "2026-03-01 10:12:44,250": AT,
    "2026-03-01T10:12": AT - 44,
    "2026-03-01T10:12+01:00": AT - 44 - HOUR,
    "2026-03-01T10": AT - 44 - 720,
    "20260301T101244Z": AT,
    "20260301T101244": AT,
    "20260301T1012+0530": AT - 44 - 5 * HOUR - 1_800,
    "20260301101244": AT,
    "2026-03-01": AT - 36_764,
    "20260301": AT - 36_764,
    "2026-03-01T24:00": AT - 36_764 + 86_400,
    "2026-W09-7": AT - 36_764,
    "2026-060": AT - 36_764,
    "2026-03": AT - 36_764,
}


@pytest.mark.parametrize("text", ISO)
def test_every_iso_form_is_the_right_second(text):
    assert seconds(pl.Series([text]), "iso").to_list() == [ISO[text]]


def test_forms_may_be_mixed_in_one_column_in_any_order():
    texts = [None, *ISO, "tomorrow", *reversed(ISO)]
    expected = [None, *ISO.values(), None, *reversed(ISO.values())]
    assert seconds(pl.Series(texts), "iso").to_list() == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-13-01",
        "2026-03-01T25:00",
        "2026-03-01T24:01",
        "2026-03-01T10:60:00",
        "2026-03-01T10:12:44+99:00",
        "2026-03-01T10:12:44+02:75",
        "2026-03-01 10:12:44 EST",
        "2026-03-01 10:12:44 CST",
        "01.03.2026",
        "1700000000",
        "March 2026",
        "2026-03-01 10:12:44 and more",
    ],
)
def test_what_is_no_iso_date_is_none_and_is_refused_with_its_line(tmp_path, text):
    assert seconds(pl.Series([text]), "iso").to_list() == [None]
    path = tmp_path / "log.csv"
    path.write_text(f"user_id,item_id,time\n1,2,2026-03-01\n1,3,{text}\n")
    with pytest.raises(BadInput, match=r"log\.csv:3: time .* is not an ISO date .*offsets as"):
        read("table", path, time="iso")


@pytest.mark.parametrize(
    ("form", "text", "second"),
    [
        ("%Y-%m-%d %H:%M:%S %Z", "2026-03-01 10:12:44 UTC", AT),
        ("%Y-%m-%d %H:%M:%S%Z", "2026-03-01 10:12:44GMT", AT),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-03-01 10:12:44 Europe/Berlin", AT - HOUR),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-07-01 10:12:44 Europe/Berlin", AT + 122 * 86_400 - 2 * HOUR),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-03-01 10:12:44 Asia/Kolkata", AT - 5 * HOUR - 1_800),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-03-01 10:12:44 EST", None),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-03-01 10:12:44 Mars/Olympus", None),
        ("%Y-%m-%d %H:%M:%S %Z", "2026-03-29 02:30:00 Europe/Berlin", None),  # skipped by the clock
        ("%a %b %d %H:%M:%S %Z %Y", "Sun Mar 01 10:12:44 UTC 2026", AT),
        ("%a %b %d %H:%M:%S %Z %Y", "Sun Mar 01 10:12:44 PST 2026", None),
        ("%a %b %d %H:%M:%S %z %Y", "Sun Mar 01 10:12:44 +0200 2026", AT - 2 * HOUR),
        ("%Y-%m-%d %H:%M:%S %z", "2026-03-01 10:12:44 +02", AT - 2 * HOUR),
        ("%Y-%m-%d %H:%M:%S%z", "2026-03-01 10:12:44+05:30", AT - 5 * HOUR - 1_800),
        ("%Y-%m-%d %H:%M:%S%z", "2026-03-01 10:12:44Z", AT),
        ("%Y-%m-%d %H:%M:%S %z %Z", "2026-03-01 10:12:44 +0100 CET", AT - HOUR),
        ("%Y-%m-%d %H", "2026-03-01 10", AT - 764),
        ("%Y-%m-%d %H%z", "2026-03-01 10+02", AT - 764 - 2 * HOUR),
        ("%d/%m/%Y %I %p", "01/03/2026 10 PM", AT - 764 + 12 * HOUR),
        ("%m/%Y", "03/2026", AT - 36_764),
        ("%Y", "2026", 1_767_225_600),
        ("%Y-%m-%d %H:%M:%S.%f", "2026-03-01 10:12:44.123456", AT),
        ("%Y-%m-%d %H:%M:%S,%f", "2026-03-01 10:12:44,123", AT),
        ("%s", str(AT), AT),
        ("%d.%m.%y", "01.03.26", AT - 36_764),
    ],
)
def test_a_format_gives_the_right_second_or_none(form, text, second):
    assert seconds(pl.Series([text]), form).to_list() == [second]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("%H:%M", "no format of a moment"),
        ("%d.%m", "no format of a moment"),
        ("%Q", "no format of times"),
        ("%d/%m/%Y %I:%M", "no format of times"),
        ("%H:%M%Z%Y-%m-%d", "%Z must be the last, or stand between blanks"),
    ],
)
def test_a_format_that_cannot_work_is_refused_before_a_row_is_read(form, message):
    with pytest.raises(BadSetting, match=message):
        seconds(pl.Series(["x"]), form)


def test_an_unknown_zone_says_what_to_do(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,time\n1,2,2019-10-01 00:00:00 EST\n")
    with pytest.raises(BadInput, match=r"log\.csv:2: .*EST'.*write others as \+02:00 and read"):
        read("table", path, time="%Y-%m-%d %H:%M:%S %Z")


@pytest.mark.parametrize(
    ("cells", "unit"),
    [
        (["1772359964"], "s"),
        (["1772359964.25", ""], "s"),
        (["1.772359964e9"], "s"),
        (["0", "1772359964123"], "ms"),
        (["1772359964123456"], "us"),
        (["1772359964123456789"], "ns"),
        (["3", "5"], "s"),
        (["2019", "2020", "2019", "7"], "%Y"),
        (["1899", "2100"], "s"),
        (["20260301", "20260302"], "iso"),
        (["20260301", "20261302"], "s"),  # no month 13
        (["20260301", "20260302", "00000000"], "iso"),  # one that is no date, refused by its line
        (["2026-03-01 10:12:44+00", "gone"], "iso"),
        (["13/1/2010 8:26", "1/2/2010 8:26"], "%d/%m/%Y %H:%M"),
        (["1/13/2010", "1/2/2010"], "%m/%d/%Y"),
        (["13.1.10"], "%d.%m.%y"),
        (["2026/03/01 10:12:44"], "%Y/%m/%d %H:%M:%S"),
        (["Sun, 01 Mar 2026 10:12:44 GMT"], "%a, %d %b %Y %H:%M:%S %Z"),
        (["soon", "later"], ""),
        ([None, ""], ""),
    ],
)
def test_what_times_are_is_recognised(cells, unit):
    assert recognised(pl.Series(cells, dtype=pl.String)) == TimeForm(unit)


@pytest.mark.parametrize(
    ("cells", "unit", "note"),
    [
        (["1772359964", "1772359965"], "s", ""),
        (["1772359964123", "1772359965000"], "ms", "is read as milliseconds since 1970"),
        (["1772359964123456", "1772359965123456"], "us", "is read as microseconds"),
        (["1772359964123456789", "1772359965123456789"], "ns", "is read as nanoseconds"),
        (["2026-03-01 10:12:44+00", "2026-03-01T10:12:45Z"], "iso", "is read as ISO 8601 dates"),
        (["20260301T101244", "20260301T101245"], "iso", "is 2026-03-01 10:12:44+00:00"),
    ],
)
@pytest.mark.parametrize("end", [".csv", ".jsonl", ".parquet"])
def test_without_a_unit_it_is_inferred_from_the_first_rows_and_noted(
    tmp_path, caplog, cells, unit, note, end
):
    numbers = all(cell.isdigit() for cell in cells)
    time = [int(cell) for cell in cells] if numbers and end != ".csv" else cells
    frame = pl.DataFrame({"user_id": ["1", "1"], "item_id": ["a", "b"], "time": time})
    path = tmp_path / f"log{end}"
    write = {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}
    write[end](path)
    assert read("table", path).events["time"].to_list() == [AT, AT + 1]
    assert note in caplog.text and bool(note) == bool(caplog.text)
    caplog.clear()
    assert read("table", path, time=unit).events["time"].to_list() == [AT, AT + 1]
    assert not caplog.text


@pytest.mark.parametrize("end", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64])
def test_years_are_years_and_the_note_says_so(tmp_path, caplog, end, kind):
    path = tmp_path / f"log{end}"
    years = pl.Series([2019, 2026], dtype=kind)
    if end == ".csv":
        years = years.cast(pl.Int64)
    frame = pl.DataFrame({"user_id": ["1", "1"], "item_id": ["a", "b"], "time": years})
    write = {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}
    write[end](path)
    assert read("table", path).events["time"].to_list() == [1_546_300_800, 1_767_225_600]
    assert "'time' is read as years (2019" in caplog.text
    assert "give --option time=" in caplog.text


def test_small_numbers_are_seconds_and_a_note_says_what_else_to_do(tmp_path, caplog):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,time\n1,a,1\n1,b,364\n")
    assert read("table", path).events["time"].to_list() == [1, 364]
    assert "so the latest is 1970-01-01 00:06:04 UTC (364). If they count something" in caplog.text
    caplog.clear()
    events = read("table", path, columns={"order": "time"}).events
    assert events["order"].to_list() == [1, 364] and not events["time"].count()
    assert "1970" not in caplog.text


def test_days_and_months_that_look_alike_are_refused_with_both_formats(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,time\n1,2,12/1/2010 8:26\n1,3,12/2/2010 9:00\n")
    with pytest.raises(BadSetting, match="time='%d/%m/%Y %H:%M' or time='%m/%d/%Y %H:%M'"):
        read("table", path)
    second = read("table", path, time="%m/%d/%Y %H:%M").events["time"][0]
    assert second == datetime(2010, 12, 1, 8, 26, tzinfo=UTC).timestamp()


def test_a_row_of_another_unit_is_refused_and_not_guessed(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,time\n1,2,1772359964\n1,3,1772359965\n1,4,1772359964123\n")
    with pytest.raises(BadInput, match=r"log\.csv:4: time '1772359964123' is after the year 2100"):
        read("table", path)


def test_recbole_timestamps_of_milliseconds_are_seconds(tmp_path, caplog):
    head = "user_id:token\titem_id:token\ttimestamp:float\n"
    (tmp_path / "a.inter").write_text(f"{head}1\t2\t1772359964123.0\n")
    assert read("recbole", tmp_path).events["time"].to_list() == [AT]
    assert "milliseconds" in caplog.text


def events_at(time):
    return {"user_id": ["u"], "item_id": ["a"], "time": time}


MOMENT = datetime(2026, 3, 1, 10, 12, 44)
BERLIN = pl.Series([MOMENT]).dt.replace_time_zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("time", "second"),
    [
        (pl.Series([MOMENT]).cast(pl.Datetime("ms")), AT),
        (pl.Series([MOMENT]).cast(pl.Datetime("us")), AT),
        (pl.Series([MOMENT]).cast(pl.Datetime("ns")), AT),
        (BERLIN, AT - HOUR),
        ([MOMENT.replace(tzinfo=timezone(timedelta(hours=5, minutes=30)))], AT - 19_800),
        ([date(2026, 3, 1)], AT - 36_764),
        ([20260301], AT - 36_764),
        (["13.03.2026 10:12"], AT + 12 * 86_400 - 44),
        (["2026/03/01 10:12:44"], AT),
        (["2026-03-01T10:12:44+02:00"], AT - 2 * HOUR),
        (["1772359964"], AT),
        ([AT], AT),
        ([float(AT)], AT),
        ([AT * 1_000 + 5], AT),
        ([AT * 1_000_000], AT),
        ([AT * 1_000_000_000], AT),
        ([5], 5),
        ([2026], 1_767_225_600),
        ([2026.0], 1_767_225_600),
        (pl.Series([None], dtype=pl.Datetime("us")), None),
    ],
)
def test_times_of_frames_become_seconds(time, second):
    events = pl.DataFrame(events_at(time))
    assert Dataset("d", events=events).events["time"].to_list() == [second]
    assert Dataset.from_frames(events=events).events["time"].to_list() == [second]
    both = Dataset("d", events=events, reviews=events)
    assert both.reviews["time"].to_list() == [second]


def test_a_frame_whose_numbers_are_not_seconds_is_warned_about(caplog):
    Dataset("shop", events=pl.DataFrame(events_at([AT * 1_000])))
    assert "shop: events: the times are read as milliseconds since 1970 (177235996" in caplog.text


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (pl.Series([timedelta(1)]), "the column 'time' is a Duration"),
        (pl.Series([MOMENT.time()]), "the column 'time' is a Time"),
        (["noon"], "time 'noon' in row 0 is of no form that leaves no doubt"),
        (["1/2/2010"], "time '1/2/2010' in row 0 is of no form"),
    ],
)
def test_frames_whose_times_are_none_are_refused(time, message):
    with pytest.raises(BadInput, match=f"d: events: {message}"):
        Dataset("d", events=pl.DataFrame(events_at(time)))


def test_moments_of_pandas_become_seconds_whatever_their_unit_and_zone():
    pd = pytest.importorskip("pandas")
    units = [np.array([MOMENT], f"datetime64[{unit}]") for unit in ("s", "ms", "us", "ns")]
    zoned = pd.Series([MOMENT]).dt.tz_localize("Europe/Berlin")
    times = [*((one, AT) for one in units), (zoned, AT - HOUR), ([date(2026, 3, 1)], AT - 36_764)]
    for time, second in times:
        frame = pd.DataFrame(events_at(time))
        assert Dataset.from_frames(events=frame).events["time"].to_list() == [second]
    gaps = pd.DataFrame(
        {"user_id": ["u", "v"], "item_id": ["a", "b"], "time": pd.to_datetime([MOMENT, None])}
    )
    assert Dataset.from_frames(events=gaps).events["time"].to_list() == [AT, None]
    with pytest.raises(BadInput, match="'time' is of period"):
        Dataset.from_frames(events=pd.DataFrame(events_at(pd.period_range("2026-03", periods=1))))


def test_a_whole_number_among_dates_that_is_no_date_is_refused_with_its_row():
    events = {"user_id": ["u"] * 4, "item_id": list("abcd")}
    events["time"] = [20260301, 20260302, 20261302, 20260303]
    with pytest.raises(BadInput, match="time '20261302' in row 2"):
        Dataset.from_frames(events=events)


def test_a_lazy_frame_that_cannot_be_read_is_an_error_of_ours(tmp_path):
    with pytest.raises(BadInput, match=r"this table cannot be read: .*none\.csv"):
        Dataset.from_frames(events=pl.scan_csv(tmp_path / "none.csv"))
