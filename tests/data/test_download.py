import hashlib
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recweave.core.errors import Unavailable
from recweave.core.progress import show_progress
from recweave.data import download
from recweave.data.download import fetch

CONTENT = bytes(range(256)) * 12_000  # three chunks of a MiB, the last one not full
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Publisher(BaseHTTPRequestHandler):
    """A server that misbehaves as it is told to; it writes down what it was asked for.

    `server.plan` holds one word for each answer to come; after that it behaves.
    """

    def do_GET(self):
        plan = self.server.plan
        deed = plan.pop(0) if plan else "behave"
        asked = self.headers.get("Range", "")
        self.server.asked.append(asked)
        if deed.isdigit():
            self.send_error(int(deed))
            return
        content, tag = (CONTENT, self.server.tag) if deed != "change" else (CONTENT[::-1], '"new"')
        if deed == "change":
            self.server.tag = tag
        start = int(asked[6:-1]) if asked else 0
        if deed == "ignore range" or self.headers.get("If-Range") != tag:
            start = 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        first = start + 5 if deed == "wrong part" else start
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if deed != "no length":
            self.send_header("Content-Length", str(len(content) - start))
        if tag and deed != "no tag":
            self.send_header("ETag", tag)
        self.end_headers()
        end = start + 1_500_000 if deed in ("cut", "no tag") else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *_):
        """Silent."""


@pytest.fixture
def publisher(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        server.plan, server.asked, server.tag = [], [], '"v1"'
        server.address = f"http://127.0.0.1:{server.server_port}/log.zip"
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def to(tmp_path):
    return tmp_path / "log.zip"


quick = partial(fetch, pause=0)


def test_a_file_comes_whole_and_alone(publisher, to):
    assert quick(publisher.address, to, sha256=SHA256) == SHA256
    assert to.read_bytes() == CONTENT
    assert list(to.parent.iterdir()) == [to]


def test_a_transfer_that_breaks_off_goes_on_where_it_was(publisher, to):
    publisher.plan = ["cut", "cut"]
    assert quick(publisher.address, to) == SHA256
    assert publisher.asked == ["", "bytes=1500000-", "bytes=3000000-"]
    assert list(to.parent.iterdir()) == [to]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(publisher, to):
    publisher.plan = ["cut"]
    with pytest.raises(
        Unavailable, match=r"\(attempts: 1\): it broke off after 1\.4 MiB of 2\.9 MiB"
    ):
        quick(publisher.address, to, attempts=1)
    assert not to.exists()
    assert quick(publisher.address, to, sha256=SHA256) == SHA256
    assert publisher.asked[-1] == "bytes=1500000-"


@pytest.mark.parametrize("deed", ["ignore range", "wrong part"])
def test_from_a_server_that_cannot_resume_all_is_fetched_again(publisher, to, deed):
    publisher.plan = ["cut", deed]
    assert quick(publisher.address, to, sha256=SHA256) == SHA256


def test_a_file_that_changed_meanwhile_is_fetched_anew(publisher, to):
    publisher.plan = ["cut", "change"]
    quick(publisher.address, to)
    assert to.read_bytes() == CONTENT[::-1]


def test_without_a_mark_of_the_version_nothing_is_glued_together(publisher, to):
    publisher.plan = ["no tag"]
    assert quick(publisher.address, to) == SHA256
    assert publisher.asked == ["", ""]


@pytest.mark.parametrize("tag", ['W/"weak"', ""])
def test_a_weak_mark_is_no_mark(publisher, to, tag):
    publisher.plan, publisher.tag = ["cut"], tag
    assert quick(publisher.address, to) == SHA256
    assert publisher.asked == ["", ""]


def test_a_part_that_is_whole_already_is_not_fetched_again(publisher, to):
    to.with_name("log.zip.part").write_bytes(CONTENT)
    to.with_name("log.zip.part.tag").write_text('"v1"')
    assert quick(publisher.address, to, sha256=SHA256) == SHA256
    assert publisher.asked == [f"bytes={len(CONTENT)}-"]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(publisher, to):
    to.with_name("log.zip.part").write_bytes(CONTENT + b"more")
    to.with_name("log.zip.part.tag").write_text('"v1"')
    assert quick(publisher.address, to, sha256=SHA256) == SHA256


def test_a_wrong_checksum_is_refused_and_nothing_stays(publisher, to):
    with pytest.raises(
        Unavailable, match=f"gave a file of sha256 {SHA256} where 00ff was expected"
    ):
        quick(publisher.address, to, sha256="00ff")
    assert list(to.parent.iterdir()) == []


def test_a_missing_file_is_an_error_at_once(publisher, to):
    publisher.plan = ["404"] * 9
    with pytest.raises(Unavailable, match=r"log\.zip was not given: the server answered 404"):
        quick(publisher.address, to)
    assert len(publisher.asked) == 1


def test_a_busy_server_is_tried_again(publisher, to):
    publisher.plan = ["503", "429"]
    assert quick(publisher.address, to) == SHA256
    publisher.plan = ["503"] * 9
    with pytest.raises(Unavailable, match=r"\(attempts: 3\): the server answered 503"):
        quick(publisher.address, to, attempts=3)


def test_a_server_that_cannot_be_reached_is_named(to):
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9.*\(attempts: 1\): .*cannot be reached"):
        fetch("http://127.0.0.1:9/log.zip", to, pause=1e6)


@pytest.mark.parametrize("deed", ["behave", "no length"])
def test_no_more_is_taken_than_is_allowed(publisher, to, deed):
    publisher.plan = [deed]
    with pytest.raises(Unavailable, match=r"is more than the 1\.9 MiB that may be fetched"):
        quick(publisher.address, to, limit=2_000_000)
    assert not to.exists()


def test_a_file_of_unknown_length_is_fetched(publisher, to):
    publisher.plan = ["no length"]
    assert quick(publisher.address, to, sha256=SHA256) == SHA256


def test_a_disk_that_is_too_small_is_an_error_before_it_is_full(publisher, to, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: type("U", (), {"free": 1000}))
    with pytest.raises(Unavailable, match=r"is 2\.9 MiB and .* has 1000 B left"):
        quick(publisher.address, to)


def test_name_and_size_are_shown(publisher, to, capsys, monkeypatch):
    monkeypatch.setattr("recweave.core.progress._on_a_terminal", lambda: True)
    with show_progress():
        quick(publisher.address, to)
    shown = capsys.readouterr().err
    assert "log.zip, 2.9 MiB" in " ".join(shown.split())
