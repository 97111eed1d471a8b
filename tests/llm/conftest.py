"""Servers and models that do as they are told; nothing leaves the process, nobody waits."""

import asyncio
import json
import re
import sqlite3

import httpx2
import pytest
from pydantic import BaseModel, ConfigDict

from recweave.llm import Message, Reply, Request, Server, Usage
from recweave.llm.clock import Clock
from recweave.llm.store import FILE


class Mood(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int
    mood: str


class Still:
    """A clock that moves only when somebody sleeps."""

    def __init__(self):
        self.time, self.slept = 0.0, []
        self.clock = Clock(lambda: self.time, self.sleep)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def still():
    return Still()


def request(number, words="How was it"):
    return Request(f"item {number}", (Message("user", f"{words}? Number {number}."),), Mood)


def requests(n):
    return [request(number) for number in range(n)]


def number_of(body):
    """Which request a call is for: the number in its first message."""
    return int(re.search(r"Number (\d+)", body["messages"][0]["content"]).group(1))


def answer_of(number):
    return json.dumps({"number": number, "mood": "fine"})


def completion(text, finish="stop", prompt=20, answered=10, **message):
    return {
        "id": "x",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": answered},
    }


class Vendor:
    """An OpenAI-compatible server in memory. It counts calls by number.

    `plan[number]` holds what it does with the next calls for this number, one after the other: a
    function from the HTTP request to a response, which may raise; after that it answers well.
    """

    def __init__(self):
        self.plan, self.bodies, self.headers = {}, [], []

    @property
    def calls(self):
        return [number_of(body) for body in self.bodies]

    def __call__(self, http):
        body = json.loads(http.content)
        self.bodies.append(body)
        self.headers.append(dict(http.headers))
        number = number_of(body)
        deeds = self.plan.get(number, self.plan.get("all", []))
        deed = deeds.pop(0) if deeds else well
        return deed(http)

    def server(self, **settings):
        return Server(
            "tiny", "http://vendor.test/v1", transport=httpx2.MockTransport(self), **settings
        )


def well(http):
    return httpx2.Response(200, json=completion(answer_of(number_of(json.loads(http.content)))))


def says(text, **kind):
    return lambda http: httpx2.Response(200, content=json.dumps(completion(text, **kind)))


def status(code, message="no", headers=None, kind=None):
    body = {"error": {"message": message, "code": kind}}
    return lambda http: httpx2.Response(code, json=body, headers=headers)


def fails(error, *words):
    def deed(http):
        raise error(*words, request=http)

    return deed


@pytest.fixture
def vendor():
    return Vendor()


class Fake:
    """Answers at once with the number of its call."""

    name = "fake"

    def __init__(self):
        self.asked = []

    async def ask(self, messages, schema):
        self.asked.append(messages[0].content)
        await asyncio.sleep(0)
        return Reply(schema.model_validate_json(answer_of(len(self.asked))), Usage(9, 5))


def rows(folder, table):
    db = sqlite3.connect(folder / FILE)
    db.row_factory = sqlite3.Row
    found = [dict(row) for row in db.execute(f"SELECT * FROM {table}")]
    db.close()
    return found
