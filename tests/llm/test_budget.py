"""The budget is a hard stop over all runs of a folder, and what was paid is told truly."""

import asyncio

import httpx2
import pytest
from llm.conftest import Mood, fails, request, requests, rows, says, status

from recweave.core.errors import BadSetting
from recweave.llm import Budget, Budgeted, BudgetSpent, Limits, LLMClient, Prices, Reply, Usage
from recweave.llm.store import OPEN, Store
from recweave.llm.tokens import Tokens

ONE = Limits(concurrency=1)
PRICES = Prices(input=1.0, output=3.0)


def run(client, asked):
    got = []
    try:
        for answer in client.run(asked):
            got.append(answer)
    except BudgetSpent as spent:
        return got, str(spent)
    return got, None


@pytest.mark.parametrize("limits", [ONE, Limits(concurrency=8)])
def test_calls_stop_exactly_at_the_budget(vendor, tmp_path, limits):
    got, told = run(LLMClient(vendor.server(), tmp_path, limits, Budget(calls=7)), requests(20))
    assert len(vendor.calls) == len(got) == 7  # those under way are stored and handed on
    assert "the budget of 7 calls" in told and "7 answers" in told and str(tmp_path) in told
    assert "raise the budget and run again" in told


def test_a_higher_budget_goes_on_where_the_job_stopped(vendor, tmp_path):
    run(LLMClient(vendor.server(), tmp_path, ONE, Budget(calls=7)), requests(20))
    assert (
        run(LLMClient(vendor.server(), tmp_path, ONE, Budget(calls=7)), requests(20))[1] is not None
    )
    assert len(vendor.calls) == 7
    got, told = run(LLMClient(vendor.server(), tmp_path, ONE, Budget(calls=20)), requests(20))
    assert told is None and len(got) == 20 and sorted(vendor.calls) == list(range(20))


def test_stored_answers_need_no_budget(vendor, tmp_path):
    run(LLMClient(vendor.server(), tmp_path), requests(5))
    got, told = run(LLMClient(vendor.server(), tmp_path, ONE, Budget(calls=0)), requests(5))
    assert len(got) == 5 and told is None


def test_failed_calls_count_too(vendor, tmp_path, still):
    vendor.plan[0] = [status(500)] * 3
    client = LLMClient(vendor.server(), tmp_path, ONE, Budget(calls=3), clock=still.clock)
    got, told = run(client, requests(5))
    assert got == [] and len(vendor.calls) == 3 and told is not None
    assert rows(tmp_path, "quarantine") == []  # it was not given up, only put off


@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_tokens_are_spent_to_the_last_call_that_fits(vendor, tmp_path, concurrency):
    budget = Budget(tokens=1000)
    run(LLMClient(vendor.server(), tmp_path, Limits(concurrency=concurrency), budget), requests(90))
    spent = len(vendor.calls) * 30
    assert 970 <= spent <= 1000
    assert sum(r["prompt_tokens"] + r["completion_tokens"] for r in rows(tmp_path, "ledger")) == (
        spent
    )


@pytest.mark.parametrize("concurrency", [1, 8])
def test_calls_dearer_than_expected_pass_it_by_no_more_than_those_under_way(
    vendor, tmp_path, concurrency
):
    vendor.plan["all"] = [says('{"number": 1, "mood": "x"}')] * 15
    vendor.plan["all"] += [says('{"number": 1, "mood": "x"}', answered=200)] * 80
    client = LLMClient(
        vendor.server(), tmp_path, Limits(concurrency=concurrency), Budget(tokens=1000)
    )
    assert run(client, requests(90))[1] is not None
    spent = sum(r["prompt_tokens"] + r["completion_tokens"] for r in rows(tmp_path, "ledger"))
    assert 1000 - 220 < spent <= 1000 + concurrency * 190


def test_money_is_counted_at_the_users_prices(vendor, tmp_path):
    one = (20 * 1.0 + 10 * 3.0) / 1e6
    client = LLMClient(vendor.server(), tmp_path, ONE, Budget(cost=10.5 * one), PRICES)
    run(client, requests(4))  # learns what a call takes
    got, told = run(client, requests(30))
    assert len(vendor.calls) == 10
    assert sum(row["cost"] for row in rows(tmp_path, "ledger")) == pytest.approx(10 * one)
    assert "in money" in told
    assert got[0][1].usage.cost == pytest.approx(one)


def test_money_without_prices_is_refused(vendor, tmp_path):
    with pytest.raises(BadSetting, match="no prices are given"):
        LLMClient(vendor.server(), tmp_path, budget=Budget(cost=5.0))


def test_a_repair_is_paid_for_and_told(vendor, tmp_path):
    vendor.plan[0] = [says("no", prompt=100, answered=1)]
    ((_, reply),) = LLMClient(vendor.server(), tmp_path, prices=PRICES).run([request(0)])
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (120, 11)
    assert reply.usage.cost == pytest.approx((120 + 3 * 11) / 1e6)


LOST = {
    "an answer that got lost": ([fails(httpx2.ReadTimeout, "slow")], True),
    "a connection that was never made": ([fails(httpx2.ConnectError, "refused")], False),
    "a busy server": ([status(429)], False),
}


@pytest.mark.parametrize("case", LOST)
def test_a_call_whose_end_nobody_knows_counts_as_it_was_expected_to(vendor, tmp_path, still, case):
    vendor.plan[0], counted = LOST[case]
    list(LLMClient(vendor.server(), tmp_path, clock=still.clock).run([request(0)]))
    first, second = rows(tmp_path, "ledger")
    assert (second["prompt_tokens"], second["completion_tokens"]) == (20, 10)
    assert (first["prompt_tokens"] + first["completion_tokens"] > 50) is counted
    assert first["outcome"] not in ("answered", OPEN)


def test_a_call_that_a_kill_left_open_counts_against_the_next_runs_budget(vendor, tmp_path):
    with Store(tmp_path) as store:
        store.begin(vendor.server().name, request(0).messages, Mood, Usage(700, 290))
    got, _ = run(LLMClient(vendor.server(), tmp_path, ONE, Budget(tokens=1130)), requests(9))
    assert len(got) == 4  # 990 tokens are gone, each call takes 30


def test_a_cancelled_call_stays_open(tmp_path):
    class Slow:
        name = "slow"

        async def ask(self, messages, schema):
            await asyncio.sleep(60)

    async def cancelled(store):
        task = asyncio.create_task(Budgeted(Slow(), store).ask(request(0).messages, Mood))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    with Store(tmp_path) as store:
        asyncio.run(cancelled(store))
    (row,) = rows(tmp_path, "ledger")
    assert row["outcome"] == OPEN and row["completion_tokens"] == 100


def test_a_call_is_in_the_ledger_before_it_is_made(tmp_path):
    class Looks:
        name = "looks"

        async def ask(self, messages, schema):
            (row,) = rows(tmp_path, "ledger")
            assert row["outcome"] == OPEN
            return Reply(Mood(number=1, mood="x"), Usage(5, 5))

    with Store(tmp_path) as store:
        asyncio.run(Budgeted(Looks(), store, tokens=Tokens()).ask(request(0).messages, Mood))
    assert rows(tmp_path, "ledger")[0]["outcome"] == "answered"
