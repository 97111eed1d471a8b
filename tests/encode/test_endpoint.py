import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from recweave.core.errors import BadSetting, MissingExtra, Unavailable
from recweave.encode.endpoint import Endpoint

pytest.importorskip("openai")


class Server(BaseHTTPRequestHandler):
    """Answers with (length of the text, 3), in reverse order; records the requests."""

    asked: list
    status, most = 200, None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], body))
        vectors = [[float(len(text)), 3.0] for text in body["input"]]
        vectors = vectors[: self.most]
        data = [{"index": i, "embedding": v, "object": "embedding"} for i, v in enumerate(vectors)]
        payload = {"data": data[::-1], "model": body["model"], "object": "list"}
        answer = json.dumps(
            payload if self.status == 200 else {"error": {"message": "no"}}
        ).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(Server, "asked", [], raising=False)
    running = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/v1"
    running.shutdown()
    thread.join()
    running.server_close()


def test_vectors_are_in_order_and_of_unit_length_and_blank_texts_are_not_sent(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    encoder = Endpoint.parse(f"openai:org/small@{server}")
    vectors = encoder.encode(["four", "", "x" * 3_000, "  "])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[[0, 1, 3]], [[0.8, 0.6], [0, 0], [0, 0]], atol=1e-6)
    ((path, key, body),) = Server.asked
    assert (path, key, body["model"]) == ("/v1/embeddings", "Bearer secret", "org/small")
    assert len(body["input"]) == 2
    assert "secret" not in repr(encoder) + encoder.name


def test_many_texts_go_in_batches(server):
    vectors = Endpoint("small", server).encode([str(n) for n in range(300)])
    assert [len(body["input"]) for _, _, body in Server.asked] == [128, 128, 44]
    assert vectors.shape == (300, 2)


def test_no_text_is_no_request(server):
    assert Endpoint("small", server).encode(["", " "]).shape == (2, 0)
    assert not Server.asked


def test_a_refusal_says_what_to_check(server, monkeypatch):
    monkeypatch.setattr(Server, "status", 404)
    with pytest.raises(Unavailable, match="does it have the model 'small'"):
        Endpoint("small", server).encode(["a"])


def test_a_server_that_leaves_texts_out_is_refused(server, monkeypatch):
    monkeypatch.setattr(Server, "most", 2)
    with pytest.raises(Unavailable, match=r"asked for 3 vectors .* gave 2"):
        Endpoint("small", server).encode(["a", "b", "c"])


@pytest.mark.parametrize("name", ["openai:small", "openai:@http://x/v1", "openai:small@x/v1"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(BadSetting, match="openai:MODEL@"):
        Endpoint.parse(name)


def test_a_missing_package_is_named_with_the_command_that_adds_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"recweave\[llm\]"):
        Endpoint("small", "http://localhost/v1").encode(["a"])
