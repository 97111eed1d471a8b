"""What a job will take, before anything is spent."""

from collections.abc import Sequence
from dataclasses import dataclass

from recweave.llm.base import Request
from recweave.llm.tokens import Prices, Tokens


@dataclass(frozen=True)
class Estimate:
    """What a job will take.

    Attributes:
        requests: How many questions it has; equal ones count once.
        stored: How many of them are settled: answered, or in quarantine and not to be retried.
        calls: How many calls the others need, repairs included.
        prompt_tokens, completion_tokens: Of these calls.
        cost: In the currency of the prices; None without prices.
        basis: What the figures rest on, in words.
    """

    requests: int
    stored: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    basis: str

    def __add__(self, other: "Estimate") -> "Estimate":
        """Of two jobs with different questions, at the prices of one client."""
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Estimate(
            self.requests + other.requests,
            self.stored + other.stored,
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(costs) if costs else None,
            self.basis,
        )

    def __str__(self) -> str:
        cost = "not known (no prices given)" if self.cost is None else f"{self.cost:,.4f}"
        return (
            f"{self.requests:,} requests, {self.stored:,} of them settled; {self.calls:,} calls, "
            f"{self.prompt_tokens:,} tokens in, {self.completion_tokens:,} out, cost {cost} "
            f"({self.basis})"
        )


def estimate(
    open_requests: Sequence[Request], requests: int, tokens: Tokens, prices: Prices | None
) -> Estimate:
    """The estimate for those of all requests that have no answer yet."""
    calls = prompt = completion = 0.0
    for request in open_requests:
        often = tokens.calls_per_answer(request.schema)
        one = tokens.expect(request.messages, request.schema)
        calls += often
        prompt += often * one[0]
        completion += often * one[1]
    schemas = dict.fromkeys(request.schema for request in open_requests)
    return Estimate(
        requests=requests,
        stored=requests - len(open_requests),
        calls=round(calls),
        prompt_tokens=round(prompt),
        completion_tokens=round(completion),
        cost=None if prices is None else prices.of(prompt, completion),
        basis="; ".join(dict.fromkeys(map(tokens.basis, schemas))) or "all is settled",
    )
