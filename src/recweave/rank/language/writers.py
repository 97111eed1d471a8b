"""Who writes the answers: a language model in this process, or one behind a server."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from recweave.core.errors import BadSetting, RecweaveError
from recweave.core.settings import Settings
from recweave.llm import (
    LLM,
    Budget,
    Limits,
    LLMClient,
    Message,
    Reply,
    Request,
    RetryPolicy,
    Server,
)
from recweave.rank.language.prompts import Form
from recweave.rank.language.reader import KEPT, Reader, Recent
from recweave.rank.language.tally import Tally

OPENAI = "openai:"
ATTEMPTS, PAUSE = 2, 0.5
"""Of a question, and seconds between them: a user waits for the list."""
FOLDER = "re-ranking"
"""Of the answers of servers, in the home folder: the ledger, and what is paid for once."""

_WRITTEN = Recent(KEPT)


@dataclass(frozen=True)
class Prompt:
    """A question with a history that may have to be cut.

    Attributes:
        system: The system message of a chat model.
        text: The question, of the items of the history that are shown.
        shown: All of these, oldest first.
    """

    system: str
    text: Callable[[Sequence[int]], str]
    shown: Sequence[int]


@dataclass(frozen=True)
class Written:
    """An answer.

    Attributes:
        text: As it was written.
        names: What it names, where the answer is a list already.
        failure: Why there is none, in a few words; "" for an answer.
    """

    text: str = ""
    names: Sequence[str] | None = None
    failure: str = ""


class Names(BaseModel):
    """An answer of a server."""

    model_config = ConfigDict(extra="ignore")

    items: Annotated[list[str], Field(max_length=1_000)]


@dataclass(frozen=True, eq=False)
class LocalWriter:
    """A language model in this process, the most probable token each time.

    Attributes:
        reader: The model.
        most: Tokens of an answer at most.
        form: Of the answers.
    """

    form: ClassVar[Form] = "quoted"

    reader: Reader
    most: int

    def write(self, prompts: Sequence[Prompt], tally: Tally) -> Sequence[Written]:
        """An answer for each prompt; the oldest items of a history that is too long are left out.

        Args:
            prompts: The questions.
            tally: Counts tokens and what was left out.
        """
        room = self.reader.context - self.most
        texts = [self._fitting(prompt, room, tally) for prompt in prompts]
        keys = [f"{self.reader.name} {self.most} {_hash(text or '')}" for text in texts]
        # What is kept may be forgotten while others are put: this call has its own.
        known = {key: kept for key in keys if (kept := _WRITTEN.find(key)) is not None}
        asked = {
            key: text
            for key, text in zip(keys, texts, strict=True)
            if text is not None and key not in known
        }
        answers = self.reader.write(list(asked.values()), self.most)
        for key, text in zip(asked, answers, strict=True):
            known[key] = text
            _WRITTEN.put(key, text)
            tally.asked += 1
            tally.prompt_tokens += len(self.reader.tokens(asked[key]))
            tally.answer_tokens += len(self.reader.tokens(text))
        return [
            Written(known[key])
            if text is not None
            else Written(failure="the prompt is longer than the context")
            for key, text in zip(keys, texts, strict=True)
        ]

    def _fitting(self, prompt: Prompt, room: int, tally: Tally) -> str | None:
        shown = prompt.shown
        while True:
            text = self.reader.chat(prompt.system, prompt.text(shown))
            if len(self.reader.tokens(text)) <= room:
                return text
            if len(shown) == 1:
                return None
            shown = shown[1:]
            tally.dropped += 1


@dataclass(frozen=True, eq=False)
class ServerWriter:
    """A language model behind a server, or any `LLM`. Answers are paid for once, within a budget.

    Attributes:
        name: `openai:MODEL@BASE_URL`; "" where `llm` is given.
        key_variable: Name of the environment variable with its key; "" where it needs none.
        most: Tokens of an answer at most.
        timeout: Seconds until a call is given up.
        tokens: Tokens that all calls in the folder may take together; 0 for no limit.
        folder: Of the answers; in the home folder, if empty.
        llm: Stands in for the server; such a writer cannot be saved.
        form: Of the answers.
    """

    form: ClassVar[Form] = "json"

    name: str
    key_variable: str
    most: int
    timeout: float
    tokens: int
    folder: str = ""
    llm: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.llm is None:
            model, _, url = self.name.removeprefix(OPENAI).rpartition("@")
            named = self.name.startswith(OPENAI) and model
            if not named or not url.startswith(("http://", "https://")):
                raise BadSetting(f"'{self.name}' is not of the form {OPENAI}MODEL@http://SERVER/v1")

    def write(self, prompts: Sequence[Prompt], tally: Tally) -> Sequence[Written]:
        """An answer for each prompt. Once a server fails for all, no further question is asked."""
        requests = [
            Request(str(row), _messages(prompt), Names) for row, prompt in enumerate(prompts)
        ]
        found = [Written(failure="not asked, as the server failed")] * len(prompts)
        try:
            for key, answer in self.client().run(requests):
                if isinstance(answer, Reply):
                    found[int(key)] = Written(names=answer.value.items)
                    tally.asked += not answer.cached
                    if not answer.cached:
                        tally.prompt_tokens += answer.usage.prompt_tokens
                        tally.answer_tokens += answer.usage.completion_tokens
                else:
                    found[int(key)] = Written(failure="the language model gave no usable answer")
                    tally.first_failure = tally.first_failure or answer.reason
        except RecweaveError as error:
            tally.stopped = str(error)
        return found

    def client(self) -> LLMClient:
        """The way to the model."""
        folder = Path(self.folder) if self.folder else Settings().home / FOLDER
        llm: LLM = self.llm or self._server()
        limits = Limits(concurrency=getattr(llm, "concurrency", Limits().concurrency))
        return LLMClient(
            llm,
            folder,
            limits=limits,
            budget=Budget(tokens=self.tokens or None),
            retry_policy=RetryPolicy(attempts=ATTEMPTS, pause=PAUSE),
        )

    def _server(self) -> Server:
        model, _, url = self.name.removeprefix(OPENAI).rpartition("@")
        parameters = {"temperature": 0.0, "max_tokens": self.most}
        return Server(
            model, url, self.key_variable or None, parameters=parameters, timeout=self.timeout
        )


def _messages(prompt: Prompt) -> list[Message]:
    return [Message("system", prompt.system), Message("user", prompt.text(prompt.shown))]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
