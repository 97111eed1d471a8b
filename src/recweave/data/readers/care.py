"""What a fast reader of text would take otherwise than it is meant: found in one pass of counting.

The pass must cost little beside the reading itself. So it looks for single bytes, which the
processor finds many at a time, and at what stands around them only where there are any.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from recweave.core.arrays import Array
from recweave.data.readers.files import HEAD, line_end, marked_encoding, opened

_BLOCK = 1 << 18  # bytes; they stay in the cache of a core
_BEFORE = 3  # bytes of the block before: what is looked for is four bytes long at most
_QUOTE, _BACKSLASH, _RETURN, _FEED = b'"\\\r\n'


def needs_care(source: Path | bytes, separator: str = "") -> bool:
    """Whether something is in a text that a fast reader takes otherwise than it is meant.

    NUL bytes, which a half-written file has; carriage returns as line ends; UTF-16; and, where
    cells may be quoted, a backslash before a quote, a quote that is never closed, and a cell that
    begins with two quotes and goes on.

    Args:
        source: A file, or a block of lines.
        separator: What stands between cells that may be quoted; "" where quotes are letters.

    Raises:
        OSError, EOFError, zlib.error: if the file cannot be read to its end.
    """
    scanner = _Scanner(separator)
    start = b"\n" * _BEFORE
    if isinstance(source, bytes):
        return scanner.doubtful(bytearray(start + source), _BEFORE + len(source)) or scanner.open
    buffer = bytearray(start) + bytearray(_BLOCK)
    with opened(source) as file, memoryview(buffer)[_BEFORE:] as block:
        first = True
        while size := file.readinto(block):
            if first and _other_lines(bytes(block[:HEAD])):
                return True
            first = False
            end = _BEFORE + size
            if scanner.doubtful(buffer, end):
                return True
            buffer[:_BEFORE] = buffer[end - _BEFORE : end]
    return scanner.open


def _other_lines(start: bytes) -> bool:
    """Whether a file that begins so is UTF-16 or UTF-32, or ends its lines as old Macs do."""
    return marked_encoding(start) is not None or line_end(start) == "\r"


class _Scanner:
    """Looks at a text block by block.

    Attributes:
        open: Whether the text so far ends within quotes.
    """

    def __init__(self, separator: str) -> None:
        self.quoted = bool(separator)
        self.open = False
        letter = ord(separator[:1] or "\n")
        self._starts = _table(letter, _FEED)  # what stands before a cell
        self._ends = _table(letter, _FEED, _RETURN, _QUOTE)  # what may follow two quotes

    def doubtful(self, buffer: bytearray, end: int) -> bool:
        """Whether the block from `_BEFORE` to `end`, after the last bytes of the one before, is."""
        if buffer.find(0, _BEFORE, end) >= 0:
            return True
        text = np.frombuffer(buffer, np.uint8, end)
        # Polars drops carriage returns within cells. The last byte waits for the next block.
        if buffer.find(_RETURN, _BEFORE - 1, end - 1) >= 0:
            returns = np.flatnonzero(text[_BEFORE - 1 : -1] == _RETURN) + _BEFORE - 1
            if (text[returns + 1] != _FEED).any():
                return True
        return self.quoted and buffer.find(_QUOTE, _BEFORE, end) >= 0 and self._quotes(buffer, text)

    def _quotes(self, buffer: bytearray, text: UInt8[Array, " bytes"]) -> bool:
        quotes = np.flatnonzero(text == _QUOTE)
        new = quotes[np.searchsorted(quotes, _BEFORE) :]
        self.open ^= len(new) % 2 == 1
        if buffer.find(_BACKSLASH, _BEFORE - 1, len(text)) >= 0 and (
            (text[new - 1] == _BACKSLASH).any()
        ):
            return True
        pairs = quotes[:-1][np.diff(quotes) == 1]
        pairs = pairs[(pairs > 0) & (pairs + 2 < len(text))]
        goes_on = self._starts[text[pairs - 1]] & ~self._ends[text[pairs + 2]]
        return bool(goes_on.any())


def _table(*letters: int) -> Array:
    """Of each byte, whether it is one of these."""
    table = np.zeros(256, bool)
    table[list(letters)] = True
    return table
