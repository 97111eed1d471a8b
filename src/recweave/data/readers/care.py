"""What a fast reader of text would take otherwise than it is meant: found in one pass of counting.

The pass must cost little beside the reading itself. So it looks for single bytes, which the
processor finds many at a time, and at what stands around them only where there are any.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from recweave.core.arrays import Array
from recweave.data.readers.files import HEAD, line_end, marked_encoding, opened

_BLOCK = 1 << 18  # bytes; they stay in the cache of a core
_BEFORE = 3  # bytes of the block before: what is looked for is four bytes long at most
_QUOTE, _BACKSLASH, _RETURN, _FEED = b'"\\\r\n'


def needs_care(source: Path | bytes, separator: str = "", *, quoted: bool = True) -> bool:
    """Whether something is in a text that a fast reader takes otherwise than it is meant.

    NUL bytes, which a half-written file has; carriage returns as line ends; UTF-16; a separator as
    the last byte of a file, where Polars passes over a cell too many; and, where cells may be
    quoted, a backslash before a quote, a quote that is never closed, and a cell that begins with
    two quotes and goes on.

    Args:
        source: A file, or a block of whole lines.
        separator: What stands between cells; "" where lines have none.
        quoted: Whether cells may be quoted.

    Raises:
        OSError, EOFError, zlib.error: if the file cannot be read to its end.
    """
    start = b"\n" * _BEFORE
    quotable = separator if quoted else ""
    if isinstance(source, bytes):
        scanner = _Scanner(quotable, _BEFORE + len(source))
        return scanner.doubtful(bytearray(start + source), _BEFORE + len(source)) or scanner.open
    scanner = _Scanner(quotable, _BEFORE + _BLOCK)
    buffer = bytearray(start) + bytearray(_BLOCK)
    with opened(source) as file, memoryview(buffer)[_BEFORE:] as block:
        first = True
        while size := file.readinto(block):
            if first and other_lines(bytes(block[: min(size, HEAD)])):
                return True
            first = False
            end = _BEFORE + size
            if scanner.doubtful(buffer, end):
                return True
            buffer[:_BEFORE] = buffer[end - _BEFORE : end]
    return scanner.open or (separator != "" and buffer[_BEFORE - 1] == ord(separator[0]))


def other_lines(start: bytes) -> bool:
    """Whether a file that begins so is UTF-16 or UTF-32, or ends its lines as old Macs do."""
    return marked_encoding(start) is not None or line_end(start) == "\r"


class _Scanner:
    """Looks at a text block by block, in memory of its own: allocating would slow other threads.

    Args:
        separator: Between cells that may be quoted; "" where quotes are letters.
        size: The most bytes that are looked at together.

    Attributes:
        open: Whether the text so far ends within quotes.
    """

    def __init__(self, separator: str, size: int) -> None:
        self.quoted = bool(separator)
        self.open = False
        self._separator = ord(separator[:1] or "\n")
        self._masks = [np.empty(size, bool) for _ in range(3)]

    def doubtful(self, buffer: bytearray, end: int) -> bool:
        """Whether the block from `_BEFORE` to `end`, after the last bytes of the one before, is."""
        if buffer.find(0, _BEFORE, end) >= 0:
            return True
        text = np.frombuffer(buffer, np.uint8, end)
        # Polars drops carriage returns within cells. The last byte waits for the next block.
        if buffer.find(_RETURN, _BEFORE - 1, end - 1) >= 0:
            returns = self._equal(0, text[_BEFORE - 1 : -1], _RETURN)
            feeds = self._equal(1, text[_BEFORE:], _FEED)
            if np.greater(returns, feeds, out=returns).any():
                return True
        return self.quoted and buffer.find(_QUOTE, 0, end) >= 0 and self._quotes(buffer, text)

    def _quotes(self, buffer: bytearray, text: UInt8[Array, " bytes"]) -> bool:
        quote = self._equal(0, text, _QUOTE)
        self.open ^= bool(np.count_nonzero(quote[_BEFORE:]) % 2)
        if buffer.find(_BACKSLASH, _BEFORE - 1, len(text)) >= 0:
            escape = self._equal(1, text[:-1], _BACKSLASH)
            if np.logical_and(escape, quote[1:], out=escape)[_BEFORE - 1 :].any():
                return True
        pair = np.logical_and(quote[1:-2], quote[2:-1], out=self._masks[1][: len(text) - 3])
        if not pair.any():
            return False
        starts = self._equal(0, text[:-3], self._separator)
        starts |= self._equal(2, text[:-3], _FEED)
        pair &= starts
        for end in (self._separator, _FEED, _RETURN, _QUOTE):  # none of them goes on
            np.greater(pair, self._equal(0, text[3:], end), out=pair)
        return bool(pair.any())

    def _equal(self, mask: int, text: UInt8[Array, " n"], byte: int) -> Bool[Array, " n"]:
        found = self._masks[mask][: len(text)]
        np.equal(text, byte, out=found)
        return found
