"""The one way to language models: jobs that are cached, limited, paid for once and resumable."""

from collections.abc import Generator, Iterable, Iterator, Sized
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recweave.core.errors import BadSetting
from recweave.core.progress import track
from recweave.llm import batch
from recweave.llm.base import LLM, Closing, Failed, Quarantined, Reply, Request, digest
from recweave.llm.budgeted import Budget, Budgeted
from recweave.llm.cached import Cached
from recweave.llm.clock import Clock
from recweave.llm.concurrent import run_concurrently
from recweave.llm.estimate import Estimate, estimate
from recweave.llm.limited import Limited, Limits
from recweave.llm.retrying import Retrying, RetryPolicy
from recweave.llm.server import Server
from recweave.llm.store import Store
from recweave.llm.tokens import Prices, Tokens, tokenizer

Answer = tuple[str, Reply[Any] | Quarantined]


@dataclass(frozen=True)
class LLMClient:
    """A language model and the folder where its answers, ledger and quarantine are.

    A job that was killed, or stopped at its budget, is run again with the same requests: what is
    stored comes at once and costs nothing.

    Attributes:
        llm: Who answers.
        folder: Made if need be. It may serve many jobs and models, one job at a time.
        limits: How fast the server may be asked.
        budget: The most that all runs in this folder may spend together.
        prices: Of the model; a budget of money needs them.
        retry_policy: How often to ask again.
        tokenizer: Folder of the model's Hugging Face tokenizer; prompts are counted with it.
        retry: Whether to ask again what is in quarantine.
        seed: For the jitter of waiting and the choice of a probe.
        clock: Stands in for time, in tests.
    """

    llm: LLM
    folder: Path
    limits: Limits = Limits()  # noqa: RUF009 - frozen values
    budget: Budget = Budget()  # noqa: RUF009
    prices: Prices | None = None
    retry_policy: RetryPolicy = RetryPolicy()  # noqa: RUF009
    tokenizer: Path | None = None
    retry: bool = False
    seed: int = 0
    clock: Clock = Clock()  # noqa: RUF009

    def __post_init__(self) -> None:
        if self.budget.cost is not None and self.prices is None:
            raise BadSetting(
                f"the budget has a cost of {self.budget.cost:g}, but no prices are given to count "
                "it with; give the model's prices per million tokens, or a budget of tokens"
            )

    def run(self, requests: Iterable[Request]) -> Generator[Answer, None, None]:
        """Ask; each answer comes with its request's key as soon as it is stored, in no order.

        Requests are read as they are needed. Nothing is asked before the first answer is taken.

        Raises:
            BudgetSpent: when the budget does not hold another call; what was under way is stored
                and has been handed on before.
            Unavailable: if the server refuses the key or does not know the model.
            RecweaveError: if another job is at work in the folder.
        """
        total = len(requests) if isinstance(requests, Sized) else None
        with Store(self.folder) as store, store.alone():
            paid, llm = self._wrapped(store)
            model = self.llm.name.split()[0]

            async def ask(request: Request) -> Answer:
                try:
                    return request.key, await llm.ask(request.messages, request.schema)
                except Failed as failure:
                    return request.key, Quarantined(failure.reason, failure.raw)

            workers = self.limits.calls_at_once(self.llm)
            answers = run_concurrently(ask, requests, workers, self._close)
            with closing(answers):  # before the store, when the reader stops
                yield from track(answers, lambda: f"asking {model}, {paid.spent_text()}", total)

    @contextmanager
    def opened(self) -> Iterator[LLM]:
        """The model with all wrappers, for single questions in the caller's own event loop."""
        with Store(self.folder) as store:
            yield self._wrapped(store)[1]

    def estimate(self, requests: Iterable[Request], probe: int = 0) -> Estimate:
        """What these requests will take; those with an answer count nothing.

        Args:
            requests: The job.
            probe: How many of them may be asked, and paid for, where nothing is known of how many
                tokens such a call takes. They are drawn at random, and their answers are stored.
        """
        asked = list(requests)
        with Store(self.folder) as store:
            left = list(self._open(store, asked).values())
            tokens = self._tokens(store)
        unknown = [request for request in left if not tokens.knows(request.schema)]
        if probe and unknown:
            rng = np.random.default_rng(self.seed)
            drawn = rng.choice(len(unknown), min(probe, len(unknown)), replace=False)
            for _ in self.run([unknown[position] for position in drawn]):
                pass
            return self.estimate(asked)
        different = {self._address(request) for request in asked}
        return estimate(left, len(different), tokens, self.prices)

    def export_batch(self, requests: Iterable[Request], file: Path) -> int:
        """Write what has no answer as a Batch-API file (vendors limit its lines and its size).

        Returns:
            The number of lines.

        Raises:
            BadSetting: if the model is not behind a server.
        """
        if not isinstance(self.llm, Server):
            raise BadSetting("only a model behind a server works off batch files; use run instead")
        with Store(self.folder) as store:
            return batch.export(self.llm, self._open(store, requests), file)

    def import_batch(self, file: Path, requests: Iterable[Request]) -> batch.Imported:
        """Store the answers of a results file that belongs to these requests.

        May be done again, with parts, and in any order. What it cost is entered in the ledger at
        the client's prices; vendors often charge half for batches.

        Raises:
            BadInput: if the file cannot be read.
        """
        known = {self._address(request): request for request in requests}
        with Store(self.folder) as store, store.alone():
            return batch.import_(self.llm.name, store, known, file, self.prices)

    def _wrapped(self, store: Store) -> tuple[Budgeted, Cached]:
        tokens = self._tokens(store)
        paid = Budgeted(self.llm, store, self.budget, self.prices, tokens, clock=self.clock)
        at_once = {"concurrency": self.limits.calls_at_once(self.llm)}
        limits = self.limits.model_copy(update=at_once)
        slow = Limited(paid, limits, tokens, clock=self.clock)
        patient = Retrying(slow, self.retry_policy, seed=self.seed, clock=self.clock)
        return paid, Cached(patient, store, retry=self.retry)

    def _tokens(self, store: Store) -> Tokens:
        count = tokenizer(self.tokenizer) if self.tokenizer else None
        return Tokens(store.seen(self.llm.name), count)

    def _open(self, store: Store, requests: Iterable[Request]) -> dict[str, Request]:
        """Requests that would be asked, by address."""
        different = {self._address(request): request for request in requests}
        return {
            address: request
            for address, request in different.items()
            if not store.settled(address) and (self.retry or not store.quarantined(address))
        }

    def _address(self, request: Request) -> str:
        return digest(self.llm.name, request.messages, request.schema)

    async def _close(self) -> None:
        if isinstance(self.llm, Closing):
            await self.llm.close()
