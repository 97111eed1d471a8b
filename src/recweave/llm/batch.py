"""Batch-API files: JSON lines that a vendor works off overnight, for less."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from recweave.core.atomic import atomic_file
from recweave.core.errors import BadInput
from recweave.llm.base import Failed, Request, Usage
from recweave.llm.completion import reply_of
from recweave.llm.server import PATH, Server
from recweave.llm.store import ANSWERED, Store
from recweave.llm.tokens import Prices


@dataclass(frozen=True)
class Imported:
    """What became of a results file's lines.

    Attributes:
        stored: Answers that are new.
        known: Answers that were there already, from earlier or from another line.
        quarantined: Answers that are of no use and errors; retried when asked for.
        foreign: Answers to questions that this job does not have.
        broken: Lines that are no results; these and foreign ones are in quarantine as `FILE:LINE`.
        missing: Requests that still have no answer.
    """

    stored: int
    known: int
    quarantined: int
    foreign: int
    broken: int
    missing: int


class _Response(BaseModel):
    status_code: int
    body: dict[str, Any] | None = None


class _Line(BaseModel):
    custom_id: str
    response: _Response | None = None
    error: dict[str, Any] | None = None


def export(server: Server, requests: Mapping[str, Request], file: Path) -> int:
    """Write one line per request, its address as `custom_id`; the file appears whole.

    Returns:
        The number of lines.
    """
    with atomic_file(file) as draft, draft.open("w", encoding="utf-8") as out:
        for address, request in requests.items():
            body = server.body(request.messages, request.schema)
            line = {"custom_id": address, "method": "POST", "url": PATH, "body": body}
            out.write(json.dumps(line) + "\n")
    return len(requests)


def import_(
    model: str, store: Store, requests: Mapping[str, Request], file: Path, prices: Prices | None
) -> Imported:
    """Store the good answers of a results file; any order, any part of the requests.

    Nothing of it is trusted: ids, shapes and answers are checked line by line.

    Raises:
        BadInput: if the file cannot be read.
    """
    counts = dict.fromkeys(("stored", "known", "quarantined", "foreign", "broken"), 0)
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    where = f"{file}:{number}"
                    counts[_import_line(model, store, requests, line, where, prices)] += 1
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from None
    return Imported(**counts, missing=sum(not store.settled(address) for address in requests))


def _import_line(
    model: str,
    store: Store,
    requests: Mapping[str, Request],
    line: bytes,
    where: str,
    prices: Prices | None,
) -> str:
    """What became of the line: a field of `Imported`."""
    try:
        result = _Line.model_validate_json(line)
    except ValidationError as error:
        reason = f"{where}: no line of a batch result ({error.errors()[0]['msg']})"
        store.set_aside(where, reason, line.decode(errors="replace"))
        return "broken"
    request = requests.get(result.custom_id)
    if request is None:
        reason = f"{where}: '{result.custom_id}' is no question of this job"
        store.set_aside(where, reason, line.decode(errors="replace"))
        return "foreign"
    if store.settled(result.custom_id):
        return "known"
    try:
        reply = reply_of(_body(result), request.messages, request.schema)
    except Failed as failure:
        _enter(model, store, request, failure.usage or Usage(), failure.reason, prices)
        store.set_aside(result.custom_id, f"{where}: {failure.reason}", failure.raw)
        return "quarantined"
    _enter(model, store, request, reply.usage, ANSWERED, prices)
    store.keep(result.custom_id, model, reply)
    return "stored"


def _body(result: _Line) -> str:
    response = result.response
    if result.error or response is None:
        raise Failed(f"the batch gave an error: {json.dumps(result.error)[:300]}")
    if response.status_code != 200:
        raise Failed(
            f"the server answered {response.status_code}: {json.dumps(response.body)[:300]}"
        )
    return json.dumps(response.body)


def _enter(
    model: str, store: Store, request: Request, usage: Usage, outcome: str, prices: Prices | None
) -> None:
    """A line of the ledger for a call that somebody else made."""
    if prices is not None:
        cost = prices.of(usage.prompt_tokens, usage.completion_tokens)
        usage = Usage(usage.prompt_tokens, usage.completion_tokens, cost)
    row = store.begin(model, request.messages, request.schema, usage)
    store.settle(row, usage, 0.0, outcome)
