"""What the operating system refused, in words that say what to do."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

from recweave.core.atomic import target_of

FULL = "free some space and run the command again; what is finished is kept"
IN_THE_WAY = "something else has this name; choose another one"
REMEDIES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EACCES: "check the permissions, or choose another folder",
    errno.EPERM: "check the permissions, or choose another folder",
    errno.EROFS: "choose a folder that can be written to",
    errno.ENOTDIR: IN_THE_WAY,
    errno.EISDIR: IN_THE_WAY,
    errno.EEXIST: IN_THE_WAY,
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOMEM: "take less data, or a machine with more memory",
    errno.EMFILE: "allow more open files (ulimit -n) and run the command again",
}


def in_words(error: OSError) -> str:
    """One line: the file if it is of one, what happened, what to do next."""
    what = error.strerror or str(error)
    what = what[:1].lower() + what[1:] or type(error).__name__
    if not error.filename:
        return f"{what}; {REMEDIES.get(error.errno or 0, 'run the command again')}"
    remedy = REMEDIES.get(error.errno or 0, "check the disk and run the command again")
    return f"{target_of(Path(os.fsdecode(error.filename)))}: {what}; {remedy}"


def is_panic(error: BaseException) -> bool:
    """Whether Polars broke off: such an error is no `Exception`, so `except` must ask for it."""
    polars = sys.modules.get("polars")  # not imported for this
    return polars is not None and isinstance(error, polars.exceptions.PanicException)


def flush_output() -> None:
    """Write what is still to be written to stdout.

    Raises:
        OSError: if it cannot be written; nothing is tried again when the program ends.
    """
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        drop_output()
        if isinstance(error, BrokenPipeError):
            raise
        raise OSError(error.errno, error.strerror, "the output") from None


def drop_output() -> None:
    """Let nothing more be written to stdout, which cannot take it; not even as the program ends."""
    with suppress(OSError, ValueError):  # no file of the system, as under a test
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
