"""Files from a publisher: whole or not at all, resumed where they broke off, checked, unpacked.

    fetch("https://example.org/log.zip", Path("log.zip"), sha256="5f7a…")

What has come so far waits beside the file as `NAME.part`. It is gone on with only where the server
says (by an ETag or a date of change) that it still has the same file.
"""

import hashlib
import logging
import shutil
import time
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from recweave.core.atomic import move_into_place
from recweave.core.errors import Unavailable
from recweave.core.memory import human
from recweave.core.progress import track

CHUNK = 2**20
LIMIT = 50 * 2**30
TIMEOUT = 30.0
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""HTTP answers that may be others a moment later."""

log = logging.getLogger(__name__)


class _Broken(Exception):
    """The transfer broke off; what has come is kept, and another attempt may finish it."""


class _Unreachable(_Broken):
    """Nobody answers. Waiting helps where somebody did before, and not on a lonely machine."""


def fetch(
    address: str,
    to: Path,
    *,
    sha256: str | None = None,
    limit: int = LIMIT,
    attempts: int = 4,
    pause: float = 1.0,
) -> str:
    """Download one file. It has its name only once it is whole and right.

    Args:
        address: An http or https URL.
        to: The file to make; its folder must exist.
        sha256: What the file must hash to, where that is known.
        limit: The most bytes that are taken.
        attempts: How often a transfer that breaks off is taken up again.
        pause: Seconds before the second attempt; doubled before each one after.

    Returns:
        The sha256 of the file.

    Raises:
        Unavailable: if the server refuses or cannot be reached, the transfer keeps breaking off, or
            the file is too large or not the one that was expected.
    """
    part = to.with_name(f"{to.name}.part")
    for attempt in range(1, attempts + 1):
        try:
            _receive(address, part, limit)
            break
        except _Broken as error:
            if attempt == attempts or (attempt == 1 and isinstance(error, _Unreachable)):
                raise Unavailable(
                    f"{address} could not be fetched (attempts: {attempt}): {error}"
                ) from None
            log.info("%s: %s; trying again", address, error)
            time.sleep(pause * 2 ** (attempt - 1))
    found = digest(part)
    _tag(part).unlink(missing_ok=True)
    if sha256 not in (None, found):
        part.unlink()
        raise Unavailable(
            f"{address} gave a file of sha256 {found} where {sha256} was expected: it was changed "
            "by its publisher or on its way; it was removed"
        )
    move_into_place(part, to)
    return found


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _receive(address: str, part: Path, limit: int) -> None:
    """Fetch the file, or what is missing of it, into `part`."""
    have = part.stat().st_size if part.exists() else 0
    tag = _tag(part).read_text() if have and _tag(part).exists() else ""
    headers = {"User-Agent": "recweave", "Accept-Encoding": "identity"}
    if tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    try:
        with urlopen(Request(address, headers=headers), timeout=TIMEOUT) as answer:
            _store(answer, address, part, have, limit)
    except HTTPError as error:
        if error.code == 416:  # nothing follows what we have
            if error.headers.get("Content-Range", "").endswith(f"/{have}"):
                return
            part.unlink()
            raise _Broken("the file has changed meanwhile") from None
        answer = f"{error.code} {error.reason}"
        if error.code in PASSING:
            raise _Broken(f"the server answered {answer}") from None
        raise Unavailable(f"{address} was not given: the server answered {answer}") from None
    except URLError as error:
        raise _Unreachable(f"the server cannot be reached ({error.reason})") from None
    except (HTTPException, OSError) as error:
        raise _Broken(f"it broke off ({error or type(error).__name__})") from None


def _store(answer: HTTPResponse, address: str, part: Path, have: int, limit: int) -> None:
    if answer.status != 206:
        have = 0  # the server sends the file from its beginning
    elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        part.unlink()
        raise _Broken("the server sent another part than was asked for")
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length else None
    _require_room(address, part, total or 0, have, limit)
    tag = answer.headers.get("ETag", "")
    _tag(part).write_text(
        tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
    )
    chunks = iter(partial(answer.read, CHUNK), b"")
    what = f"{part.stem}, {human(total) if total else 'size unknown'}, MiB"
    steps = None if total is None else -(-(total - have) // CHUNK)
    with part.open("ab" if have else "wb") as file:
        for chunk in track(chunks, what, total=steps):
            have += len(chunk)
            _require_room(address, part, have, have, limit)
            file.write(chunk)
    if total is not None and have != total:
        raise _Broken(f"it broke off after {human(have)} of {human(total)}")


def _require_room(address: str, part: Path, size: int, have: int, limit: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if size > limit:
        raise Unavailable(f"{address} is more than the {human(limit)} that may be fetched")
    if size - have > free:
        raise Unavailable(f"{address} is {human(size)} and {part.parent} has {human(free)} left")


def _tag(part: Path) -> Path:
    """Where the server's mark of the version that `part` is of is kept."""
    return part.with_name(f"{part.name}.tag")
