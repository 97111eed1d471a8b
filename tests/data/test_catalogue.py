import hashlib
import json
import logging
import re
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest

from recweave.core.errors import BadInput, Unavailable, UnknownName
from recweave.core.settings import Settings
from recweave.data import catalogue
from recweave.data.catalogue import DATASETS, find, get, load
from recweave.data.dataset import Dataset
from recweave.data.known import File, Known, Layout
from recweave.data.readers import READERS

LOG = "u\ta\n"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Silent."""


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    """A folder that a server on this machine publishes, and the server's address."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "publisher"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "shared", home=tmp_path / "home")


@pytest.fixture
def know(monkeypatch):
    """Make a dataset of these files known as `toy`."""

    def add(*files):
        toy = Known(
            what="a toy",
            licence="CC0",
            citation="nobody",
            page="https://toy.example",
            files=files,
            layouts=(
                Layout(mark="log.txt", source="sequence", options={"behavior": "view"}),
                Layout(mark="toy.inter", source="recbole"),
            ),
        )
        monkeypatch.setitem(DATASETS, "toy", toy)

    return add


def served(publisher, name, content, **changes):
    folder, address = publisher
    (folder / name).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    return File(**({"name": name, "addresses": (f"{address}/{name}",), "sha256": sha256} | changes))


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path.read_bytes()


def test_the_users_own_folder_is_looked_in_first_and_then_what_was_fetched(settings, know):
    know()
    assert find("toy", settings) is None
    fetched, own = settings.home / "data" / "toy", settings.data / "toy"
    for folder in (fetched, own):
        folder.mkdir(parents=True)
        assert find("toy", settings) == get("toy", settings) == folder
    assert find("toy", Settings(data=None, home=settings.home)) == fetched


def test_files_are_fetched_once_into_a_folder_of_the_name(publisher, settings, know):
    know(served(publisher, "log.txt", b"u a b\n"), served(publisher, "more.txt", b"more"))
    folder = get("toy", settings)
    assert folder == settings.home / "data" / "toy"
    assert sorted(path.name for path in folder.iterdir()) == ["log.txt", "more.txt"]
    (publisher[0] / "log.txt").unlink()
    assert get("toy", settings) == folder


def test_an_archive_is_unpacked_and_what_was_received_is_written_down(
    publisher, settings, know, tmp_path
):
    content = zipped(tmp_path / "made.zip", {"toy/log.txt": "u a b\n", "toy/README": "hello"})
    know(served(publisher, "toy.zip", content, unpack=True))
    folder = get("toy", settings)
    assert (folder / "log.txt").read_text() == "u a b\n"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["toy", "toy.received.json"]
    received = json.loads((folder.parent / "toy.received.json").read_text())
    assert (received["name"], received["licence"], received["citation"]) == ("toy", "CC0", "nobody")
    assert received["files"][0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert received["files"][0]["bytes"] == len(content)


def test_the_licence_is_logged_before_anything_is_fetched(publisher, settings, know, caplog):
    know(served(publisher, "log.txt", b"u a b\n"))
    with caplog.at_level(logging.INFO):
        get("toy", settings)
    assert "toy: CC0" in caplog.messages[0]


def test_without_a_known_checksum_what_was_received_is_said_aloud(
    publisher, settings, know, caplog
):
    know(served(publisher, "log.txt", b"u a b\n", sha256=None))
    get("toy", settings)
    sha256 = hashlib.sha256(b"u a b\n").hexdigest()
    message = f"checksum not known, this is what was received: 6 bytes, sha256 {sha256}"
    assert caplog.messages[-1].endswith(message)


def test_the_next_address_is_tried_where_one_fails(publisher, settings, know):
    gone = f"{publisher[1]}/gone.txt"
    file = served(publisher, "log.txt", b"u a b\n")
    know(file.model_copy(update={"addresses": (gone, *file.addresses)}))
    assert (get("toy", settings) / "log.txt").read_text() == "u a b\n"


def test_what_has_come_is_not_fetched_again_when_the_rest_fails(publisher, settings, know):
    first, second = (served(publisher, name, b"u a b\n") for name in ("log.txt", "more.txt"))
    know(first, second)
    (publisher[0] / "more.txt").unlink()
    with pytest.raises(
        Unavailable, match=r"toy: .*more\.txt was not given: the server answered 404"
    ):
        get("toy", settings)
    assert find("toy", settings) is None  # not even half of it
    (publisher[0] / "log.txt").unlink()
    served(publisher, "more.txt", b"u a b\n")
    assert len(list(get("toy", settings).iterdir())) == 2


@pytest.mark.parametrize("how", ["gone", "wrong", "no address"])
def test_where_fetching_fails_the_message_has_the_address_and_the_folder(
    publisher, settings, know, how
):
    file = served(publisher, "log.txt", b"u a b\n", sha256="00" * 32)
    know(*([] if how == "no address" else [file]))
    if how == "gone":
        (publisher[0] / "log.txt").unlink()
    message = r"https://toy\.example and put it into RECWEAVE_DATA as a folder named 'toy'"
    with pytest.raises(Unavailable, match=message):
        get("toy", settings)
    assert find("toy", settings) is None


def test_a_broken_archive_leaves_nothing_and_is_fetched_again(publisher, settings, know, tmp_path):
    know(served(publisher, "toy.zip", b"no archive", unpack=True, sha256=None))
    with pytest.raises(BadInput, match="cannot be unpacked"):
        get("toy", settings)
    assert find("toy", settings) is None
    served(publisher, "toy.zip", zipped(tmp_path / "made.zip", {"log.txt": "u a b\n"}))
    assert (get("toy", settings) / "log.txt").exists()


def test_an_unknown_name_is_refused_with_the_nearest(settings):
    with pytest.raises(UnknownName, match="did you mean 'ml-100k'"):
        get("ml-100", settings)
    with pytest.raises(UnknownName, match="no dataset is called 'ml-200k'; did you mean 'ml-100k'"):
        load("ml-200k", settings)
    with pytest.raises(UnknownName, match="did you mean 'synthetic:small'"):
        load("synthetic:smal", settings)


def test_a_known_dataset_is_read_by_whichever_layout_its_folder_has(settings, know):
    know()
    folder = settings.data / "toy"
    folder.mkdir(parents=True)
    with pytest.raises(
        BadInput, match=r"does not look like toy: it holds no log\.txt or toy\.inter"
    ):
        load("toy", settings)
    (folder / "toy.inter").write_text("user_id:token\titem_id:token\nu\ta\n")
    assert load("toy", settings).events["behavior"].to_list() == ["click"]
    (folder / "toy.inter").unlink()
    (folder / "log.txt").write_text("u a b\n")
    dataset = load("toy", settings)
    assert dataset.events["behavior"].to_list() == ["view", "view"]
    assert (dataset.name, dataset.licence) == ("toy", "CC0")


def test_a_folder_that_was_saved_is_loaded(tmp_path, settings):
    Dataset("mine", users=pl.DataFrame({"user_id": ["u"]})).save(tmp_path / "mine")
    assert load(tmp_path / "mine", settings).name == "mine"
    assert load(str(tmp_path / "mine"), settings).name == "mine"


def test_another_folder_or_file_is_refused_with_the_command_that_reads_it(tmp_path, settings):
    (tmp_path / "log.csv").write_text("user,item\n")
    for path in (tmp_path, tmp_path / "log.csv"):
        with pytest.raises(BadInput, match=f"recweave data read SOURCE {re.escape(str(path))}"):
            load(path, settings)


def test_made_up_shops_are_loaded_by_name(settings):
    assert len(load("synthetic:small", settings).items) == 150


@pytest.mark.parametrize("name", DATASETS)
def test_what_we_know_of_a_dataset_is_complete(name):
    known = DATASETS[name]
    assert known.what and known.licence and known.citation
    assert known.page.startswith("https://")
    assert all(layout.source in READERS for layout in known.layouts)
    for file in known.files:
        assert all(re.fullmatch(r"https://[\w./-]+", address) for address in file.addresses)
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)


COUNTS = {
    "ml-100k": {"events": 100_000, "users": 943, "items": 1_682},
    "amazon-musical-instruments-2014": {"events": 10_261, "reviews": 10_261},
    "amazon-gift-cards-2018": {"reviews": 2_972, "items": 1_547},
    "amazon-beauty-2014-seq": {"events": 198_502, "items": 12_101},
    "zomato-hyderabad": {},
    "yelp-boston-tips": {"reviews": 24_424, "items": 1_930},
    "retailrocket": {"events": 75_374 + 12_456 + 9_551 + 2_174},
    "deskdrop": {"events": 72_312},
    "gowalla-lightgcn": {"events": 810_128 + 217_242},
    "mind-subset": {"events": 7_542, "impressions": 5_000, "items": 2_000},
    "criteo-tiny": {"events": 1_999, "items": 3_998},
    "bing-news-dkn": {"events": 10_401 + 462},
    "fashion-photos": {"items": 5_000},
    "ml-100k-posters": {"events": 100_000, "items": 1_682},
}
"""As data.md tells."""


@pytest.mark.realdata
@pytest.mark.parametrize("name", COUNTS)
def test_the_real_datasets_are_read_in_full(real_data, tmp_path, name):
    dataset = load(name, Settings(data=real_data, home=tmp_path))
    assert dataset.name == name
    assert {table: len(getattr(dataset, table)) for table in COUNTS[name]} == COUNTS[name]


@pytest.mark.realdata
@pytest.mark.parametrize("name", DATASETS)
def test_checksums_are_those_of_the_files_at_hand(real_data, name):
    for file in DATASETS[name].files:
        here = real_data / name / file.name
        if file.sha256 and here.exists():
            assert catalogue.digest(here) == file.sha256
