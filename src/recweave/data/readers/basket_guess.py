"""Whether a file holds baskets: lines of items, more in one than in the next."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path

from recweave.data.problems import BrokenFile
from recweave.data.readers.basket import separator_of
from recweave.data.readers.column_names import table_of
from recweave.data.readers.dialect import separator_name
from recweave.data.readers.file_guess import FileGuess
from recweave.data.readers.files import lines

_ENDS = (".basket", ".txt", ".dat", ".data", ".csv", ".tsv", ".tab")
_SAMPLE = 1_000  # lines that are looked at
_LEAST = 3  # lines
_SAME = 0.9  # a table has this share of lines with the same number of cells
_MOVED = 0.2  # of the words that come up again, the share that does so in another column


def basket_guess(file: Path) -> FileGuess | None:
    """What is found of a basket file; None if a file does not look like one.

    Lines of a basket file differ in the number of their cells, and the same item stands in the
    first column of one line and in the third of another. In a table neither is so.
    """
    if Path(file.name.lower().removesuffix(".gz")).suffix not in _ENDS:
        return None
    try:
        separator = separator_of(file)
        raw_lines = [raw for _, raw in islice(lines(file), _SAMPLE) if raw.strip()]
    except BrokenFile:
        return None
    rows = [_cells(raw.decode(errors="replace"), separator) for raw in raw_lines]
    if len(rows) < _LEAST or table_of("", rows[0]) or _even(rows):
        return None
    user = _starts_with_user(rows)
    if not _move([row[1:] for row in rows] if user else rows):
        return None
    doubts = [
        "the first cell of each line is taken for the user; if it is an item, leave out "
        "--option user=true"
        if user
        else "each line is taken for a basket of items; if its first cell is the user, add "
        "--option user=true"
    ]
    if user:
        doubts.append(
            "if the items of a line are in the order of time, with blanks between, read the file "
            "with `data read sequence`"
        )
    return FileGuess(
        file.name,
        "events",
        f"a basket a line, separator {separator_name(separator)}",
        doubts=tuple(doubts),
        options={"user": True} if user else {},
    )


def _cells(line: str, separator: str) -> list[str]:
    return [cell for part in line.split(separator) if (cell := part.strip())]


def _even(rows: Sequence[Sequence[str]]) -> bool:
    """Whether nearly all lines have the same number of cells."""
    (_, most), *_ = Counter(map(len, rows)).most_common(1)
    return most >= _SAME * len(rows)


def _starts_with_user(rows: Sequence[Sequence[str]]) -> bool:
    """Whether first cells are of another kind than the others, or count the lines."""
    first = [row[0] for row in rows if row]
    if not {cell for row in rows for cell in row[1:]} & set(first):
        return True
    if not all(cell.isdecimal() for cell in first):
        return False
    numbers = [int(cell) for cell in first]
    return numbers[0] in (0, 1) and all(b - a in (0, 1) for a, b in pairwise(numbers))


def _move(rows: Sequence[Sequence[str]]) -> bool:
    """Whether words that come up again do so in other columns."""
    columns: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        for place, word in enumerate(row):
            columns[word].append(place)
    again = [places for places in columns.values() if len(places) > 1]
    moved = sum(len(set(places)) > 1 for places in again)
    return moved > 0 and moved >= _MOVED * len(again)
