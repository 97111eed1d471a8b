"""How a file of one's own holds its rows: sniffed from its first bytes, unless it is given.

A separator is one that cuts the first lines into the same number of cells. An encoding is named by
a byte-order mark, or it is UTF-8; where a file is not, the likely encoding is guessed from all
lines that are no UTF-8.
"""

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from recweave.core.errors import BadInput, BadSetting, did_you_mean
from recweave.data.problems import BrokenFile
from recweave.data.readers.delimited import Delimited
from recweave.data.readers.excel import WORKBOOKS, Excel
from recweave.data.readers.files import BOM, head, lines, marked_encoding, refuse_binary
from recweave.data.readers.forms import Form, TextForm
from recweave.data.readers.records import JsonDocument, JsonLines, Nested, Parquet

SEPARATORS: Mapping[str, str] = {
    "comma": ",",
    "tab": "\t",
    "semicolon": ";",
    "bar": "|",
    "colons": "::",
    "space": " ",
}
"""Separators by name, the likelier first; an option takes the name or the letters."""

_TEXT = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|", ".txt": "", ".dat": "", ".data": ""}
_JSON = (".json", ".jsonl", ".ndjson")
ENDS = (*_TEXT, *_JSON, ".parquet", *WORKBOOKS)
"""Ends of the names of files that can be read; text may be compressed (`.csv.gz`)."""

_SAMPLE = 100  # lines that show the separator
_AGREE = 0.9  # the share of them that have as many cells as the first
_LETTERS = 8  # letters beyond ASCII from which on a guessed encoding is used and not only named
_ENOUGH = 1 << 16  # bytes of such lines that a guess looks at
_WESTERN = ("cp1252", "cp1250", "cp1254")
_GUESSED = (
    *_WESTERN,
    *("cp1251", "cp1253", "cp1255", "cp1256", "koi8_r"),
    *("cp932", "gb18030", "big5", "cp949", "euc_jp"),
)


AnyText = TypeVar("AnyText", bound=TextForm)


@dataclass(frozen=True)
class Dialect:
    """What is known of a file; the rest is sniffed.

    Attributes:
        separator: The letters, or a name in `SEPARATORS`.
        encoding: A name that Python knows.
        header: Whether the first line names the columns; if not, and `names` does not either,
            they are called 1, 2, 3 and so on.
        names: Of the columns of a file without a header line.
        quoted: Whether double quotes enclose cells.
        escaped: Whether a backslash before a quote makes it a letter.
        sheet: Of a workbook, the name of the sheet that is read; else the first.
    """

    separator: str | None = None
    encoding: str | None = None
    header: bool = True
    names: Sequence[str] = ()
    quoted: bool = True
    escaped: bool = False
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except (LookupError, ValueError):
                what = f"encoding={self.encoding!r} is not known; try utf-8, cp1252, gb18030"
                raise BadSetting(what) from None
        written = SEPARATORS.get(self.separator or ",", self.separator or ",")
        if (len(written) != 1 or not written.isascii()) and written != "::":
            raise BadSetting(
                f"separator={self.separator!r} is no single letter and no '::'; "
                + did_you_mean(written, SEPARATORS)
            )


def form_of(file: Path, dialect: Dialect, nested: Sequence[str] = ()) -> Form:
    """How a file holds rows, by its name and its first bytes.

    Args:
        file: The file.
        dialect: What is known of it.
        nested: Fields that lie deeper in JSON records (`product.name`).

    Raises:
        BadInput: if the end of its name is not known.
        BrokenFile: if it cannot be opened, is empty or is no text.
    """
    end = end_of(file)
    if end == ".zip":
        raise BrokenFile(file, None, "is an archive beside or within others; unpack it")
    if end not in ENDS:
        raise BadInput(f"{file}: the end '{end}' is not known; {did_you_mean(end, ENDS)}")
    if end == ".parquet":
        return Parquet()
    if end in WORKBOOKS:
        return Excel.of(file, dialect.sheet)
    start = head(file)
    if not start:
        raise BrokenFile(file, None, "is empty; fetch or write it again")
    refuse_binary(file, start)
    encoding = dialect.encoding or "utf-8"
    sniff = dialect.encoding is None
    if end in _JSON:
        reshape = Nested(nested) if nested else None
        if _is_document(start, encoding):
            return JsonDocument(reshape=reshape, encoding=encoding)
        records = JsonLines(reshape=reshape, encoding=encoding, sniff=sniff)
        return records if _is_utf8(start) else reencoded(records, file)
    separator = SEPARATORS.get(dialect.separator or "", dialect.separator or "")
    form = Delimited(
        separator or _TEXT[end] or ",",
        quoted=dialect.quoted,
        escaped=dialect.escaped,
        encoding=encoding,
        sniff=sniff,
    )
    if not _is_utf8(start):
        form = reencoded(form, file)
    sample = list(_sample(file, form.encoding))
    if not separator:
        found = _separator(sample, form)
        noted: tuple[str, ...] = ()
        if found != form.separator:
            noted = (f"is read with the separator {separator_name(found)}, as its lines show",)
        form = replace(form, separator=found, noted=form.noted + noted)
    if len(form.separator) > 1:
        form = replace(form, quoted=False)
    if dialect.names:
        return replace(form, names=tuple(dialect.names))
    if not dialect.header:
        count = max(len(_cells(sample[0], form)), 1) if sample else 1
        return replace(form, names=tuple(str(place + 1) for place in range(count)))
    return form


def end_of(file: Path) -> str:
    """The end of a file's name, without `.gz`."""
    return Path(file.name.lower().removesuffix(".gz")).suffix


def separator_name(separator: str) -> str:
    """What a separator is called."""
    return next((name for name, letters in SEPARATORS.items() if letters == separator), separator)


def _sample(file: Path, encoding: str) -> Iterator[str]:
    """The first lines that hold anything."""
    found = 0
    for number, raw in lines(file, encoding):
        if raw.strip():
            found += 1
            yield raw.decode(errors="replace").removesuffix("\r")
        if found == _SAMPLE or number > 10 * _SAMPLE:
            return


def _separator(sample: Sequence[str], form: Delimited) -> str:
    """The letters that cut most of the first lines into as many cells as the first of them.

    The one that the name of the file stands for wins a tie, then the likelier; a space, which words
    hold, comes in where nothing else cuts the first line.
    """
    own = form.separator
    best, score = own, (0.0, 0)
    for letters in dict.fromkeys([own, *SEPARATORS.values()]):
        if letters == " " and score[1] > 1:
            break
        tried = replace(form, separator=letters, quoted=form.quoted and len(letters) == 1)
        counts = [len(_cells(line, tried)) for line in sample]
        if not counts or counts[0] < 2:
            continue
        agree = sum(count == counts[0] for count in counts) / len(counts)
        found = (1.0 if agree >= _AGREE else agree, counts[0])
        if found > score:
            best, score = letters, found
    return best


def _cells(line: str, form: Delimited) -> list[str]:
    if not form.quoted or '"' not in line:
        return line.split(form.separator)
    try:
        return next(csv.reader([line], delimiter=form.separator), [])
    except csv.Error:
        return line.split(form.separator)


def _is_utf8(start: bytes) -> bool:
    """Whether the first bytes of a file are, but for a letter that is cut at the end."""
    return "\ufffd" not in codecs.getincrementaldecoder("utf-8")("replace").decode(start)


def _is_document(start: bytes, encoding: str) -> bool:
    """Whether a JSON file is one list or one object over several lines, not an object a line."""
    encoding = marked_encoding(start) or encoding
    text = start.removeprefix(BOM).decode(encoding, "replace").lstrip()
    if text.startswith("["):
        return True
    first = re.split(r"\r\n|\r|\n", text, maxsplit=1)
    if len(first) == 1:
        return False
    try:
        json.loads(first[0])
    except (ValueError, RecursionError):
        return re.fullmatch(r'\{\s*("[^"]*"\s*:\s*[\[{]?\s*)?', first[0]) is not None
    return False


def reencoded(form: AnyText, path: Path) -> AnyText:
    """The form with the encoding of a file that is not UTF-8, where its bytes leave no doubt.

    An encoding that rests on few letters is only named in the messages about rows that are refused.
    """
    if not form.sniff or form.encoding != "utf-8" or marked_encoding(head(path)):
        return form
    strange, others, letters = _not_utf8(path)
    likely = _likely(strange) if strange else None
    if likely is None:
        return form
    if others or letters < _LETTERS:
        return replace(form, likely=likely)
    words = re.findall(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*", strange.decode(likely, "replace"))
    shown = ", ".join(word for word, _ in Counter(words).most_common(3))
    what = f"is read as {likely}, as it is not UTF-8; if {shown} are no words, name it (--encoding)"
    return replace(form, encoding=likely, noted=(*form.noted, what))


def _not_utf8(path: Path) -> tuple[bytes, bool, int]:
    """Lines that are no UTF-8, whether other lines are UTF-8 beyond ASCII, letters beyond ASCII."""
    found, letters, others = bytearray(), 0, False
    for _, raw in lines(path):
        if raw.isascii():
            continue
        try:
            raw.decode()
            others = True
        except UnicodeDecodeError:
            if len(found) < _ENOUGH:
                found += raw + b"\n"
                letters += sum(byte > 127 for byte in raw)
    return bytes(found), others, letters


def _likely(raw: bytes) -> str | None:
    from charset_normalizer import from_bytes  # half a second to load, for files that need it

    # Letters that always stand alone between ASCII are not those of a script of many bytes.
    alone = re.search(rb"[\x80-\xff]{2}", raw) is None
    best = from_bytes(raw, cp_isolation=list(_WESTERN if alone else _GUESSED)).best()
    if best is None:
        return None
    try:
        western = raw.decode("cp1252") == str(best)  # the same letters, by the commoner name
    except UnicodeDecodeError:
        western = False
    return "cp1252" if western else best.encoding
