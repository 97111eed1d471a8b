"""A chat completion as OpenAI-compatible servers and batch files give it, to a reply."""

import json
from collections.abc import Sequence

from pydantic import BaseModel

from recweave.llm.answer import parse
from recweave.llm.base import (
    BadAnswer,
    Failed,
    Message,
    Reply,
    T,
    TemporaryFailure,
    Usage,
)
from recweave.llm.tokens import PRIOR, prior_prompt


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Used(BaseModel):
    prompt_tokens: int
    completion_tokens: int = 0


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Used | None = None


def reply_of(body: bytes | str, messages: Sequence[Message], schema: type[T]) -> Reply[T]:
    """The reply in a completion's JSON. Without a usage in it, characters are counted instead.

    Raises:
        TemporaryFailure: if this is no completion (cut off on its way, an error page of a proxy).
        BadAnswer: if the answer is empty, cut short or not of the schema.
        Failed: if the model refused.
    """
    try:
        completion = _Completion.model_validate(json.loads(body))
        choice = completion.choices[0]
    except (ValueError, RecursionError, IndexError):
        raise TemporaryFailure(
            "the server's answer is not a whole chat completion", usage=None
        ) from None
    # Halves of characters, which JSON can hold and nothing after it, become question marks.
    text = (choice.message.content or "").encode(errors="replace").decode()
    usage = _usage(completion.usage, messages, text)
    if choice.message.refusal or choice.finish_reason == "content_filter":
        reason = choice.message.refusal or "stopped by the content filter"
        raise Failed(f"the model refused: {reason}", text, usage)
    try:
        return Reply(parse(text, schema, usage), usage)
    except BadAnswer:
        if choice.finish_reason == "length":
            reason = f"the answer was cut short after {usage.completion_tokens} tokens"
            raise BadAnswer(reason, text, usage) from None
        raise


def _usage(used: _Used | None, messages: Sequence[Message], text: str) -> Usage:
    if used is not None:
        return Usage(used.prompt_tokens, used.completion_tokens)
    return Usage(round(prior_prompt(messages)), round(len(text) / PRIOR))
