"""Text of a model to a checked object, and what to say when it is none."""

import json
import re
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ValidationError

from recweave.llm.base import BadAnswer, Message, T, Usage, json_schema

QUOTED = 2_000
"""Characters of a bad answer that are shown to the model again."""

_decoder = json.JSONDecoder()
_BRACKET = re.compile(r"[{\[]")


def parse(text: str, schema: type[T], usage: Usage) -> T:
    """The last JSON object (or list) in the text that fits the schema.

    Words, code fences and thoughts around it are left aside; the last counts, as models that think
    aloud write drafts first.

    Raises:
        BadAnswer: if none fits, with what is wrong with the last one.
    """
    wrong = "there is no JSON in it" if text.strip() else "it is empty"
    for part in reversed(list(_json_in(text))):
        try:
            return schema.model_validate_json(part)
        except ValidationError as error:
            wrong = _problems_text(error)
    raise BadAnswer(f"the answer is not {schema.__name__}: {wrong}", text, usage)


def repaired(
    messages: Sequence[Message], failure: BadAnswer, schema: type[BaseModel]
) -> list[Message]:
    """The messages, the bad answer, and what was wrong with it."""
    # Many servers refuse an assistant's turn without words.
    said = [Message("assistant", failure.raw[:QUOTED])] if failure.raw.strip() else []
    asked = (
        f"That cannot be used: {failure.reason}. Answer the same question again, shortly, with one "
        f"JSON value of this schema and nothing around it: {json.dumps(json_schema(schema))}"
    )
    return [*messages, *said, Message("user", asked)]


def _json_in(text: str) -> Iterator[str]:
    """Outermost JSON objects and lists, in the order of the text; O(length of the text)."""
    position = 0
    while found := _BRACKET.search(text, position):
        start = found.start()
        try:
            _, position = _decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            position = max(start + 1, error.pos)  # from every bracket it would be quadratic
        except RecursionError:
            return
        else:
            yield text[start:position]


def _problems_text(error: ValidationError) -> str:
    """What pydantic found, in one line and without the values."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    parts = [
        ": ".join(filter(None, (".".join(map(str, problem["loc"])), problem["msg"])))
        for problem in problems[:5]
    ]
    more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
    return "; ".join(parts) + more
