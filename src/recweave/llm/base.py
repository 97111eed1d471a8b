"""What is asked of a language model, what comes back, and the ways in which it fails."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from recweave.core.errors import BadSetting, RecweaveError

T = TypeVar("T", bound=BaseModel)


MOST_PICTURE_BYTES = 4 * 2**20
"""A larger picture is not sent; servers refuse them at 5 to 20 MB."""


@dataclass(frozen=True)
class Picture:
    """A picture in a question, as the bytes of its file.

    Attributes:
        content: At most 4 MB; scale it down to what the model needs, as its pixels cost tokens.
        media_type: What the bytes are.

    Raises:
        BadSetting: if it is larger.
    """

    content: bytes = field(repr=False)
    media_type: Literal["image/jpeg", "image/png"] = "image/jpeg"

    def __post_init__(self) -> None:
        if len(self.content) > MOST_PICTURE_BYTES:
            raise BadSetting(
                f"a picture of {len(self.content):,} bytes is too large to send; scale it down to "
                f"{MOST_PICTURE_BYTES:,} bytes at most"
            )

    @cached_property
    def sha256(self) -> str:
        """Of the bytes: part of an answer's address."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def url(self) -> str:
        """The picture itself as a `data:` URL, so that the server fetches nothing."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: Who says it.
        content: Its words.
        pictures: Shown before the words; for models that read pictures.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Usage:
    """What was used.

    Attributes:
        prompt_tokens, completion_tokens: As the server reported them.
        cost: In the user's currency; 0 where no prices were given.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
        )


@dataclass(frozen=True)
class Reply(Generic[T]):
    """A good answer.

    Attributes:
        value: The answer, checked against the schema.
        usage: What it took when it was asked for, repairs included.
        cached: Whether it was paid for earlier and costs nothing now.
    """

    value: T
    usage: Usage = Usage()
    cached: bool = False


@dataclass(frozen=True)
class Quarantined:
    """A request that got no good answer; set aside until a retry is asked for.

    Attributes:
        reason: What went wrong, in words.
        raw: What the model said last, as it said it; empty if it said nothing.
    """

    reason: str
    raw: str = ""


@dataclass(frozen=True)
class Request:
    """One question of a job.

    Attributes:
        key: The caller's own name for it, given back with the answer. It isn't sent anywhere.
        messages: What is asked.
        schema: What the answer must be. Its JSON schema goes to servers that can hold to one; the
            messages should describe it for those that cannot.
    """

    key: str
    messages: Sequence[Message]
    schema: type[BaseModel]


@runtime_checkable
class LLM(Protocol):
    """A language model, or a wrapper around one."""

    @property
    def name(self) -> str:
        """The model with all parameters that answers depend on: part of an answer's address."""

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """One answer.

        Raises:
            Failed: if there is none for this question; others may still succeed.
            RecweaveError: if no question can be answered (a wrong key, an unknown model).
        """


@runtime_checkable
class Closing(Protocol):
    """An LLM that holds connections, which belong to one event loop."""

    async def close(self) -> None:
        """Let go of the connections; the next question opens new ones."""


class Failed(RecweaveError):
    """There is no good answer to this question.

    Attributes:
        reason: What went wrong, in words.
        raw: What the model said last.
        usage: What was paid; None if it is unknown (the answer was lost on its way).
    """

    def __init__(self, reason: str, raw: str = "", usage: Usage | None = Usage()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw
        self.usage = usage


class BadAnswer(Failed):
    """An answer was given and is of no use; telling the model what was wrong may help."""


class TemporaryFailure(Failed):
    """It may go better a moment later.

    Attributes:
        retry_after: Seconds that the server asks to wait; None if it does not say.
    """

    def __init__(
        self, reason: str, usage: Usage | None = Usage(), retry_after: float | None = None
    ) -> None:
        super().__init__(reason, usage=usage)
        self.retry_after = retry_after


def canonical(data: Mapping[str, Any]) -> str:
    """JSON of which there is one for equal contents: sorted keys, no spaces, ASCII."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


@cache
def json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema, worked out once; not to be changed."""
    return schema.model_json_schema()


@cache
def task_of(schema: type[BaseModel]) -> str:
    """A schema's address; calls of one task cost alike."""
    return hashlib.sha256(canonical(json_schema(schema)).encode()).hexdigest()


def digest(name: str, messages: Sequence[Message], schema: type[BaseModel]) -> str:
    """The address of an answer: sha256 of the model with its parameters, schema and messages."""
    asked = {
        "model": name,
        "schema": task_of(schema),
        "messages": [_asked(message) for message in messages],
    }
    return hashlib.sha256(canonical(asked).encode()).hexdigest()


def _asked(message: Message) -> list[Any]:
    """A message without pictures has the address that it always had."""
    pictures = [picture.sha256 for picture in message.pictures]
    return [message.role, message.content, *([pictures] if pictures else [])]


def characters(messages: Sequence[Message]) -> int:
    """Characters of all messages together."""
    return sum(len(message.content) for message in messages)
