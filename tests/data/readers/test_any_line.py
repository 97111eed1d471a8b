"""Whatever stands in a file, a reader gives a dataset or one of our errors."""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recweave.core.errors import RecweaveError
from recweave.data.check import check
from recweave.data.dataset import Dataset
from recweave.data.readers import examine, read

# Of each source: a file, what may lie beside it, and a line that is right.
SOURCES = {
    "movielens 100K": ("movielens", "u.data", {}, b"196\t242\t3\t881250949"),
    "movielens 100K items": (
        "movielens",
        "u.item",
        {"u.data": b"1\t1\t3\t881250949\n"},
        b"1|Toy Story (1995)|01-Jan-1995||http://x|" + b"|".join([b"0"] * 19),
    ),
    "movielens 1M": ("movielens", "ratings.dat", {}, b"1::1193::5::978300760"),
    "movielens 1M items": (
        "movielens",
        "movies.dat",
        {"ratings.dat": b"1::1::5::978300760\n"},
        b"1::Toy Story (1995)::Animation|Comedy",
    ),
    "movielens latest": ("movielens", "ratings.csv", {}, b"1,2,3.5,1112486027"),
    "recbole": ("recbole", "a.inter", {}, b"196\t242\t3\t881250949"),
    "amazon reviews": (
        "amazon",
        "reviews.json",
        {},
        b'{"reviewerID": "A1", "asin": "B1", "overall": 5.0, "unixReviewTime": 1393545600}',
    ),
    "amazon metadata": (
        "amazon",
        "meta.json",
        {
            "reviews.json": b'{"reviewerID": "A1", "asin": "B1", "overall": 5.0, '
            b'"unixReviewTime": 1393545600}\n'
        },
        b"{'asin': 'B1', 'title': 'Drum', 'price': 12.5, 'categories': [['Music', 'Drums']]}",
    ),
    "table csv": ("table", "events.csv", {}, b"ann,tea,3.5,1112486027"),
    "table json": ("table", "events.jsonl", {}, b'{"user_id": "ann", "item_id": "tea"}'),
    "table items": ("table", "items.csv", {}, b'tea,"Green, fresh",3.20,a|b,x'),
    "table parquet": ("table", "events.parquet", {}, b"PAR1"),
    "sequence": ("sequence", "log.txt", {}, b"1 5 6 7"),
    "lightgcn": ("lightgcn", "train.txt", {"test.txt": b"1 2 3\n"}, b"1 5 6 7"),
    "retailrocket": ("behaviors", "events.csv", {}, b"1433221332117,257597,view,355908,"),
    "taobao": ("behaviors", "UserBehavior.csv", {}, b"1,2268318,2520377,pv,1511544070"),
    "yelp": (
        "yelp",
        "review.json",
        {},
        b'{"user_id": "u", "business_id": "b", "stars": 4, "text": "x", "date": "2016-03-09"}',
    ),
    "yelp business": (
        "yelp",
        "business.json",
        {"tip.json": b'{"user_id":"u","business_id":"b","text":"x","date":"2016-03-09"}\n'},
        b'{"business_id": "b", "name": "n", "attributes": {"WiFi": "u\'free\'"}, "stars": 4.5}',
    ),
    "zomato": ("zomato", "reviews.csv", {}, b"Paradise,Bob,Good,5,1 Review,5/25/2019 15:54,0"),
    "google": (
        "google_restaurants",
        "reviews.jsonl",
        {},
        b'{"user_id": "u", "business_id": "b", "rating": 5, "review_text": "x", "pics": []}',
    ),
    "nemig": (
        "nemig",
        "behaviors.tsv",
        {
            "news.tsv": b"news_id\ttopic\ttitle\tabstract\tdate_published\n"
            b"n1\t3\tTitle\tAbstract\t24.05.2022\n"
        },
        b"7\tU1\tn2 n1\tn1-1 n2-0",
    ),
    "table impressions": (
        "table",
        "impressions.csv",
        {},
        b"u,a b,c,0 1",
    ),
    "mind": (
        "mind",
        "behaviors.tsv",
        {"news.tsv": b"N1\tnews\tus\tTitle\tAbstract\thttp://x\t[]\t[]\n"},
        b"1\tU1\t11/12/2019 2:14:46 PM\tN1 N2\tN1-0 N2-1",
    ),
    "mind without labels": (
        "mind",
        "behaviors.tsv",
        {"news.tsv": b"N1\tnews\tus\tTitle\tAbstract\thttp://x\t[]\t[]\n"},
        b"2\tU1\t11/12/2019 2:14:46 AM\t\tN1 N2",
    ),
    "bing news": (
        "bing_news",
        "raw_train.txt",
        {"raw_test.txt": b"1\ta title\t1\t33:x\n"},
        b"1\ta title\t0\t33:x",
    ),
}
HEADERS = {
    "movielens latest": b"userId,movieId,rating,timestamp",
    "recbole": b"user_id:token\titem_id:token\trating:float\ttimestamp:float",
    "table csv": b"user_id,item_id,value,time",
    "table impressions": b"user_id,shown,history,clicked",
    "table items": b"item_id,title,price,categories,colour",
    "retailrocket": b"timestamp,visitorid,event,itemid,transactionid",
    "zomato": b"Restaurant,Reviewer,Review,Rating,Metadata,Time,Pictures",
}
MOST = 30  # lines in a file; the fewest are half as many


def almost(right: bytes) -> st.SearchStrategy[bytes]:
    """A right line with a few bytes changed, left out or put in."""

    def changed(edits: list[tuple[int, int, bytes]]) -> bytes:
        line = right
        for place, gone, put in edits:
            at = place % (len(line) + 1)
            line = line[:at] + put + line[at + gone :]
        return line

    bits = st.sampled_from([b"", b'"', b",", b"\t", b"::", b"-1", b"9" * 30, b"\xff", b"\0", b"{"])
    edit = st.tuples(st.integers(0, 500), st.integers(0, 9), bits | st.binary(max_size=3))
    return st.lists(edit, max_size=3).map(changed)


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
).map(lambda value: json.dumps(value).encode())


@st.composite
def files(draw):
    """A source, and lines for its file: right, almost right, any text, any bytes."""
    name = draw(st.sampled_from(sorted(SOURCES)))
    right = SOURCES[name][3]
    line = st.just(right) | almost(right) | st.binary(max_size=40) | json_like
    line |= st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))
    lines = draw(st.lists(line, min_size=MOST // 2, max_size=MOST))
    if name in HEADERS and draw(st.integers(0, 9)):
        lines = [HEADERS[name], *lines]
    return name, lines, draw(st.sampled_from([b"\n", b"\r\n"])), draw(st.integers(0, 9))


def feed(case):
    """Read a made file in every way; only our errors may come out."""
    name, lines, end, way = case
    source, file, beside, _ = SOURCES[name]
    with TemporaryDirectory() as made_folder:
        folder = Path(made_folder) / "source"
        folder.mkdir()
        for other, content in beside.items():
            (folder / other).write_bytes(content)
        content = end.join(lines) + (end if way % 2 else b"")
        if way == 0:
            packed = gzip.compress(content)
            (folder / f"{file}.gz").write_bytes(packed[: len(packed) - (way % 3)])
        else:
            (folder / file).write_bytes(content)
        try:
            reading = examine(source, folder)
        except RecweaveError:
            return
        if reading.dataset is not None:
            check(reading.dataset)
        side = Path(made_folder) / "refused.txt"
        try:
            dataset = read(source, folder, skip_bad=side)
        except RecweaveError:
            assert reading.dataset is None
            return
        assert isinstance(dataset, Dataset)
        assert dataset.fingerprint == reading.dataset.fingerprint
        refused = side.read_bytes().count(b"\n# ") + side.read_bytes().startswith(b"# ") - 1
        assert refused >= reading.problems.errors.total()


relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


@given(files())
@settings(relaxed, max_examples=25)
def test_no_file_gives_a_traceback(case):
    feed(case)


@pytest.mark.slow
@given(files())
@settings(relaxed, max_examples=1 + 10_000 // (MOST // 2))
def test_ten_thousand_lines_give_no_traceback(case):
    feed(case)
