"""Whatever a server does, each request ends in a stored answer or in quarantine with its reason."""

import asyncio
import time
from email.utils import formatdate

import httpx2
import pytest
from llm.conftest import Mood, answer_of, fails, request, requests, says, status, well

from recweave.core.errors import BadSetting, Unavailable
from recweave.llm import LLMClient, Quarantined, Reply, RetryPolicy, Server

TROUBLES = {
    "busy": (status(429), "429"),
    "broken": (status(500), "500"),
    "gateway": (status(502), "502"),
    "unavailable": (status(503), "503"),
    "silent": (fails(httpx2.ReadTimeout, "slow"), "no answer within"),
    "cut": (fails(httpx2.RemoteProtocolError, "peer closed"), "connection failed: peer closed"),
    "reset": (fails(httpx2.ReadError, "reset"), "connection failed"),
    "refused": (fails(httpx2.ConnectError, "refused"), "connection failed: refused"),
    "half a body": (
        lambda http: httpx2.Response(200, content=b'{"choices": [{"mess'),
        "not a whole chat completion",
    ),
    "a proxy's page": (lambda http: httpx2.Response(200, html="<h1>hi</h1>"), "not a whole"),
    "no choices": (lambda http: httpx2.Response(200, json={"choices": []}), "not a whole"),
}
BAD = {
    "prose": (says("Sorry, I would rather not."), "no JSON"),
    "wrong JSON": (says('{"number": "many"}'), "number: Input should be a valid integer"),
    "broken JSON": (says('{"number": 3, "mood": '), "no JSON"),
    "empty": (says(""), "is empty"),
    "nothing": (says(None), "is empty"),
    "cut short": (says('{"number": 3, "mo', finish="length"), "cut short after 10 tokens"),
    "lies": (says('{"number": 3, "mood": "fine", "rank": 1}'), "Extra inputs"),
    "half a character": (says('{"number": 3, "mood": "\\ud800"}'), "hex escape"),
    "deep": (says("[" * 50_000), "no JSON"),
    "deeper": (says('{"a":' * 50_000), "no JSON"),
}
FINAL = {
    "refusal": (says(None, refusal="I can't."), "refused: I can't."),
    "filter": (says("", finish="content_filter"), "content filter"),
    "too long": (status(400, "maximum context length is 4096 tokens"), "maximum context length"),
    "invalid": (status(422, "bad"), "422"),
}


def client(vendor, tmp_path, still, **settings):
    return LLMClient(vendor.server(), tmp_path, clock=still.clock, **settings)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_passes_is_waited_out(vendor, tmp_path, still, trouble):
    vendor.plan[0] = [TROUBLES[trouble][0]] * 4
    ((key, reply),) = client(vendor, tmp_path, still).run([request(0)])
    assert (key, reply.value) == ("item 0", Mood(number=0, mood="fine"))
    assert len(vendor.calls) == 5
    assert [0.5 * 2**n <= s <= 2**n for n, s in enumerate(still.slept)] == [True] * 4


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_does_not_pass_is_set_aside_and_the_job_goes_on(vendor, tmp_path, still, trouble):
    deed, reason = TROUBLES[trouble]
    vendor.plan[1] = [deed] * 100
    answers = dict(client(vendor, tmp_path, still).run(requests(3)))
    assert isinstance(answers["item 1"], Quarantined)
    assert reason in answers["item 1"].reason and "attempts: 5" in answers["item 1"].reason
    assert isinstance(answers["item 0"], Reply) and isinstance(answers["item 2"], Reply)
    assert vendor.calls.count(1) == 5


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_repaired(vendor, tmp_path, still, bad):
    vendor.plan[3] = [BAD[bad][0]]
    ((_, reply),) = client(vendor, tmp_path, still).run([request(3)])
    assert reply.value.number == 3
    assert reply.usage.tokens == 60  # both calls were paid for
    first, *_, told = vendor.bodies[1]["messages"]
    assert first == vendor.bodies[0]["messages"][0]
    assert BAD[bad][1] in told["content"] and '"mood"' in told["content"]


@pytest.mark.parametrize("bad", BAD)
def test_a_third_bad_answer_is_set_aside_with_what_was_said(vendor, tmp_path, still, bad):
    deed, reason = BAD[bad]
    vendor.plan[1] = [deed] * 100
    answers = dict(client(vendor, tmp_path, still).run(requests(3)))
    aside = answers["item 1"]
    assert isinstance(aside, Quarantined)
    assert reason in aside.reason and "answers: 3" in aside.reason
    assert vendor.calls.count(1) == 3
    assert isinstance(answers["item 0"], Reply) and isinstance(answers["item 2"], Reply)
    assert dict(client(vendor, tmp_path, still).run(requests(3)))["item 1"] == aside


@pytest.mark.parametrize("final", FINAL)
def test_what_asking_again_cannot_mend_is_set_aside_at_once(vendor, tmp_path, still, final):
    deed, reason = FINAL[final]
    vendor.plan[1] = [deed] * 100
    answers = dict(client(vendor, tmp_path, still).run(requests(3)))
    assert reason in answers["item 1"].reason
    assert sorted(vendor.calls) == [0, 1, 2]


@pytest.mark.parametrize("code", [401, 402, 403, 404])
def test_what_no_request_can_get_past_stops_the_job(vendor, tmp_path, still, code):
    vendor.plan["all"] = [status(code)] * 100
    with pytest.raises(Unavailable, match=rf"vendor.test.*\({code}; model 'tiny'"):
        list(client(vendor, tmp_path, still).run(requests(50)))
    assert len(vendor.calls) <= 8  # those under way
    vendor.plan.clear()
    assert all(isinstance(a, Reply) for _, a in client(vendor, tmp_path, still).run(requests(50)))


def test_an_empty_account_stops_the_job_though_its_status_is_that_of_a_busy_server(
    vendor, tmp_path, still
):
    vendor.plan["all"] = [status(429, kind="insufficient_quota")] * 100
    with pytest.raises(Unavailable, match="the account is empty"):
        list(client(vendor, tmp_path, still).run(requests(50)))


def test_retry_after_is_honoured(vendor, tmp_path, still):
    date = formatdate(time.time() + 60, usegmt=True)
    vendor.plan[0] = [status(429, headers={"Retry-After": after}) for after in ("17.5", date, "x")]
    list(client(vendor, tmp_path, still).run([request(0)]))
    assert still.slept[0] == 17.5
    assert 55 < still.slept[1] <= 60
    assert 2 <= still.slept[2] <= 4


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(vendor, tmp_path, still):
    vendor.plan[0] = [status(429, headers={"Retry-After": "3600"})]
    ((_, aside),) = client(vendor, tmp_path, still).run([request(0)])
    assert "429" in aside.reason and still.slept == []


def test_jitter_differs_between_callers_and_follows_the_seed(vendor, tmp_path, still):
    def waits(seed, folder):
        vendor.plan.update({n: [status(500)] for n in range(4)})
        still.slept.clear()
        list(client(vendor, tmp_path / folder, still, seed=seed).run(requests(4)))
        return list(still.slept)

    assert len(set(waits(1, "a"))) == 4
    assert waits(1, "b") == waits(1, "c") != waits(2, "d")


def test_a_server_that_drips_is_given_up_in_time(tmp_path, still):
    async def drips():
        while True:
            yield b" "
            await asyncio.sleep(0.001)

    transport = httpx2.MockTransport(lambda http: httpx2.Response(200, content=drips()))
    server = Server("tiny", "http://vendor.test/v1", timeout=0.05, transport=transport)
    retry_policy = RetryPolicy(attempts=2)
    ((_, aside),) = LLMClient(server, tmp_path, retry_policy=retry_policy, clock=still.clock).run(
        [request(0)]
    )
    assert aside.reason == "no answer within 0.05 s (attempts: 2)"


def test_patience_is_a_setting(vendor, tmp_path, still):
    vendor.plan = {0: [status(500)], 1: [says("no")]}
    retry_policy = RetryPolicy(repairs=0, attempts=1)
    answers = dict(client(vendor, tmp_path, still, retry_policy=retry_policy).run(requests(2)))
    assert all(isinstance(answer, Quarantined) for answer in answers.values())
    assert sorted(vendor.calls) == [0, 1]


def test_a_text_that_is_no_unicode_is_set_aside(vendor, tmp_path, still):
    ((_, aside),) = client(vendor, tmp_path, still).run([request(0, words="half \ud800")])
    assert "UTF-8" in aside.reason and vendor.calls == []


def test_half_a_character_in_an_answer_becomes_a_question_mark(vendor, tmp_path, still):
    vendor.plan[0] = [says('{"number": 0, "mood": "\ud800"}')]
    ((_, reply),) = client(vendor, tmp_path, still).run([request(0)])
    assert reply.value.mood == "?"


def test_the_key_comes_from_the_environment_and_goes_nowhere_but_to_the_server(
    vendor, tmp_path, still, monkeypatch
):
    monkeypatch.setenv("TINY_KEY", "secret-123")
    server = vendor.server(key_variable="TINY_KEY")
    vendor.plan = {0: [status(400, "key secret-123 is odd")], 1: [says("no secret is safe")]}
    told = str(list(LLMClient(server, tmp_path, clock=still.clock).run(requests(3)))) + repr(server)
    assert vendor.headers[0]["authorization"] == "Bearer secret-123"
    vendor.plan["all"] = [status(401, "bad key secret-123")] * 9
    with pytest.raises(Unavailable) as stopped:
        list(LLMClient(server, tmp_path / "b", clock=still.clock).run(requests(3)))
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "secret-123" not in told + str(stopped.value) + server.name
    assert b"secret-123" not in written


def test_a_key_that_is_not_there_is_told(vendor, tmp_path, still, monkeypatch):
    monkeypatch.delenv("TINY_KEY", raising=False)
    with pytest.raises(BadSetting, match="TINY_KEY is not set"):
        list(LLMClient(vendor.server(key_variable="TINY_KEY"), tmp_path).run(requests(3)))
    assert vendor.calls == []


def test_words_around_the_answer_do_no_harm(vendor, tmp_path, still):
    good = answer_of(0)
    draft = '{"number": 7, "mood": "draft"}'
    vendor.plan = {0: [says(f"<think>[1] {draft} maybe</think>\n```json\n{good}\n``` Done {{}}!")]}
    ((_, reply),) = client(vendor, tmp_path, still).run([request(0)])
    assert reply.value == Mood(number=0, mood="fine") and len(vendor.calls) == 1


def test_a_server_that_tells_no_usage_is_counted_by_characters(vendor, tmp_path, still):
    def quiet(http):
        told = well(http).json()
        del told["usage"]
        return httpx2.Response(200, json=told)

    vendor.plan[0] = [quiet]
    ((_, reply),) = client(vendor, tmp_path, still).run([request(0)])
    asked = len(request(0).messages[0].content)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (
        round(asked / 4),
        round(len(answer_of(0)) / 4),
    )
