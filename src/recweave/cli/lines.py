"""Text files with one thing per line: ids of users, names of categories."""

from pathlib import Path

from recweave.core.errors import BadSetting

LARGEST_FILE = 2**30
"""Bytes of such a file; a longer one would not fit into memory with all that is made of it."""


def distinct_lines(file: Path, what: str) -> list[str]:
    """The lines of a file without blanks around them, each once, in the file's order.

    Args:
        file: UTF-8, with or without the mark that Excel and Notepad put at the start.
        what: What a line holds, for messages: "user id".

    Raises:
        BadSetting: if the file cannot be read, is too large, or holds no line.
    """
    try:
        size = file.stat().st_size
        if size > LARGEST_FILE:
            raise BadSetting(
                f"{file} has {size / 2**20:,.0f} MiB, and at most {LARGEST_FILE // 2**20:,} are "
                "read; split it into several files"
            )
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSetting(
            f"{file}: cannot be read ({reason}); give a text file in UTF-8, one {what} per line"
        ) from None
    found = list(dict.fromkeys(word for line in lines if (word := line.strip())))
    if not found:
        raise BadSetting(f"{file} holds no {what}; write one per line")
    return found
