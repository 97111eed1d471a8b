"""Any OpenAI-compatible server: vLLM, TGI, llama.cpp, Ollama, `transformers serve`, a vendor."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic import BaseModel

from recweave.core.errors import BadSetting, Unavailable
from recweave.core.extras import require
from recweave.llm.base import Failed, Message, Reply, T, TemporaryFailure, canonical, json_schema
from recweave.llm.completion import reply_of

PATH = "/v1/chat/completions"
PASSING = (408, 409, 425, 429)
"""Answers that may be others a moment later, besides 5xx."""
FATAL = {
    401: "refuses the key",
    402: "asks for a payment",
    403: "denies access",
    404: "does not know the model, or has no such address",
}
"""Answers that all questions would get."""


@dataclass
class Server:
    """A model behind a server.

    Attributes:
        model: As the server calls it.
        base_url: Up to and including `/v1`.
        key_variable: Name of the environment variable that holds the key; None where none is
            needed. The key is read when the first question is asked and is written nowhere.
        parameters: What else goes into each request (temperature, max_tokens, seed, …). Part of an
            answer's address, as the model is; where the model is served is not.
        structured: Whether to send the JSON schema as `response_format`. Servers may follow it,
            ignore it or, rarely, refuse it. Answers are checked in any case.
        timeout: Seconds until a call is given up, its last byte included.
        transport: Stands in for the network, in tests.
    """

    model: str
    base_url: str
    key_variable: str | None = None
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"temperature": 0.0, "max_tokens": 512}
    )
    structured: bool = True
    timeout: float = 120.0
    transport: Any = field(default=None, repr=False)
    _client: Any = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        """See `LLM.name`."""
        return f"{self.model} {canonical({**self.parameters, 'structured': self.structured})}"

    def body(self, messages: Sequence[Message], schema: type[BaseModel]) -> dict[str, Any]:
        """What is sent, also as a line of a batch file."""
        turns = [{"role": message.role, "content": _content(message)} for message in messages]
        form = {"name": schema.__name__, "schema": json_schema(schema)}
        asked = {"response_format": {"type": "json_schema", "json_schema": form}}
        return {
            "model": self.model,
            "messages": turns,
            **(asked if self.structured else {}),
            **self.parameters,
        }

    async def ask(self, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
        """See `LLM.ask`.

        Raises:
            Unavailable: if the server refuses the key or does not know the model.
            BadSetting: if the key's variable is not set.
        """
        openai = require("openai", extra="llm")
        if self._client is None:
            self._client = self._connected(openai)
        whole = require("httpx2", extra="llm").Response
        try:
            # Not `chat.completions.create`, whose typing of each field takes longer than the rest.
            async with asyncio.timeout(self.timeout):  # httpx's starts again with each byte
                answer = await self._client.post(
                    "/chat/completions", body=self.body(messages, schema), cast_to=whole
                )
        except (TimeoutError, openai.APITimeoutError):
            raise TemporaryFailure(f"no answer within {self.timeout:g} s", usage=None) from None
        except openai.APIConnectionError as error:
            raise _lost(error) from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except UnicodeEncodeError as error:
            raise Failed(f"the question cannot be sent as UTF-8: {error.reason}") from None
        return reply_of(answer.content, messages, schema)

    async def close(self) -> None:
        """See `Closing.close`."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _connected(self, openai: Any) -> Any:
        client = None
        if self.transport is not None:
            client = require("httpx2", extra="llm").AsyncClient(transport=self.transport)
        return openai.AsyncOpenAI(
            api_key=self._key() or "none",
            base_url=self.base_url,
            timeout=self.timeout,
            max_retries=0,  # ours know of the budget and the ledger
            http_client=client,
        )

    def _key(self) -> str:
        if self.key_variable is None:
            return ""
        key = os.environ.get(self.key_variable, "").strip()
        if not key:
            raise BadSetting(
                f"the environment variable {self.key_variable} is not set; it should hold the key "
                f"of {self.base_url}"
            )
        return key

    def _refusal(self, error: Any) -> Exception:
        status, code = error.status_code, error.code
        if status in FATAL or code == "insufficient_quota":
            # The server's own words stay out: some repeat a part of the key.
            reason = FATAL.get(status, "says that the account is empty")
            by = f"the key of {self.key_variable}" if self.key_variable else "no key"
            return Unavailable(
                f"{self.base_url} {reason} ({status}; model '{self.model}', {by}); mend that and "
                "run again to go on"
            )
        said = _short(error.message.removeprefix(f"Error code: {status} - "), self._key())
        reason = f"the server answered {status}: {said}"
        if status in PASSING or status >= 500:
            return TemporaryFailure(
                reason, retry_after=_seconds(error.response.headers.get("retry-after"))
            )
        return Failed(reason)


def _content(message: Message) -> str | list[dict[str, Any]]:
    """The words, or with pictures the parts: these first, as the words are about them."""
    if not message.pictures:
        return message.content
    shown = [{"type": "image_url", "image_url": {"url": one.url}} for one in message.pictures]
    return [*shown, {"type": "text", "text": message.content}]


def _lost(error: Exception) -> TemporaryFailure:
    """A connection that could not be made costs nothing; the cost of one that broke is unknown."""
    cause = error.__cause__ or error
    reason = f"the connection failed: {str(cause) or type(cause).__name__}"
    unmade = type(cause).__name__ in ("ConnectError", "ConnectTimeout")
    return TemporaryFailure(reason) if unmade else TemporaryFailure(reason, usage=None)


def _short(message: str, key: str) -> str:
    return (message.replace(key, "…") if key else message)[:300]


def _seconds(retry_after: str | None) -> float | None:
    """The header's seconds, or the time left until its date; None if it is neither."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None
