"""Reading the files of data sets: text, JSON lines, JSON, tables with tabs or commas, and parquet.

One reader for all sets. Text is UTF-8 with or without a byte order mark. A line ends at a line feed only,
because U+2028 and U+0085 occur inside texts. Empty lines at the end of a file count for nothing. Ids are
text: the number 7 and the text "7" are one id. A record that stands twice counts once, and two different
records under one id are an error. Every message is one line with the file and the line, row or record.

Counts of rows, empty and repeated records and repaired texts go to the census in use (`census`).
"""

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from langscale.core.errors import UserError
from langscale.core.files import atomic

LONGEST = 300  # characters of a message
KINDS = ("rows", "empty", "repeated", "repaired")
BATCH = 1024  # rows of parquet at a time
CELL = 2**27  # characters of a table's cell at most

Where = int | str
Counts = dict[tuple[str, str], Counter[str]]


@dataclass
class Census:
    """What was read: (file, language) -> numbers of KINDS. A language is "" if the records do not tell it."""

    counts: Counts = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """One mapping for each file and language, sorted: file, language and the numbers of KINDS."""
        return [
            {"file": file, "language": language} | {kind: its[kind] for kind in KINDS}
            for (file, language), its in sorted(self.counts.items())
        ]

    def save(self, file: str | Path) -> None:
        """Write the rows as CSV."""
        with atomic(file) as partial, partial.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, ["file", "language", *KINDS], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows())


_in_use: ContextVar[Census | None] = ContextVar("census", default=None)


@contextmanager
def census() -> Iterator[Census]:
    """Count what is read inside of the block. A file that is read again is counted anew."""
    found = Census()
    token = _in_use.set(found)
    try:
        yield found
    finally:
        _in_use.reset(token)


class TextFile:
    """One file, for one reading.

    name: in errors and in the census; None: the path. language: of all records, "" if they differ.
    language_of: the language of a record, for the census; None: `language`. together: another file of the
    same set, with which it shares its ids. Every method that reads raises UserError for a missing, damaged or
    malformed file.
    """

    def __init__(
        self,
        path: str | Path,
        language: str = "",
        name: str | None = None,
        language_of: Callable[[dict[str, Any]], str] | None = None,
        together: "TextFile | None" = None,
    ) -> None:
        self.path, self.language, self.name = Path(path), language, name or str(path)
        self._language_of = language_of
        self._seen: dict[Hashable, Any] = together._seen if together else {}
        found = _in_use.get()
        self._census = Census() if found is None else found
        for key in [key for key in self._census.counts if key[0] == self.name]:
            del self._census.counts[key]

    # --- records

    def lines(self) -> Iterator[tuple[int, str]]:
        """(Number, text) of each line, without its end; empty lines only between others."""
        empty: list[int] = []
        for number, raw in enumerate(self.raw_lines(), 1):
            line = self.decoded(raw.removesuffix(b"\n").removesuffix(b"\r"), number)
            if not line.strip():
                empty.append(number)
                continue
            yield from ((n, "") for n in empty)
            empty.clear()
            yield number, line

    def json_lines(self, *fields: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """(Line, object) of each line, with these fields at least. Empty lines are counted and left out."""
        for number, line in self.lines():
            if not line:
                self.count("empty")
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise self.error(
                    number, f"no JSON ({_reason(error)}); one object per line is right"
                ) from None
            yield number, self.record(row, number, *fields)

    def json(self) -> Any:
        """The value of a JSON file."""
        try:
            return json.loads(self.decoded(b"".join(self.raw_lines()), None))
        except (ValueError, RecursionError) as error:
            if isinstance(error, UserError):
                raise
            raise self.error(None, f"no JSON ({_reason(error)})") from None

    def table(self, *columns: str, delimiter: str = "\t") -> Iterator[tuple[int, dict[str, str]]]:
        """(Line, cells by column) of a table with a header and these columns at least.

        Quotes are as in spreadsheets (RFC 4180): a cell in quotes may hold the delimiter, a line end, and a
        quote written twice. Rows without text are counted and left out.
        """
        csv.field_size_limit(CELL)
        reader = csv.reader(self._text_lines(), delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                what = f"{error}; in a quoted cell a quote is written twice"
                raise self.error(reader.line_num, what) from None
            if not any(cell.strip() for cell in cells):
                if cells and header is not None:
                    self.count("empty")
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                if len(set(header)) < len(header):
                    raise self.error(reader.line_num, f"a column stands twice; found {', '.join(header)}")
                self.has(header, columns)
                continue
            if len(cells) != len(header):
                right = f"{len(header)} are right, as in the header"
                raise self.error(reader.line_num, f"{len(cells)} cells; {right}")
            row = dict(zip(header, cells, strict=True))
            self._row(row)
            yield reader.line_num, row
        if header is None:
            raise self.error(None, f"empty; a header with {', '.join(columns)} is right")

    def parquet(self, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, dict]]:
        """("row <n>", values by column) of each row, streamed. A missing optional column gives None."""
        number, schema = 0, self.schema()
        self.has(schema, columns)
        wanted = [c for c in dict.fromkeys((*columns, *optional)) if c in schema]
        lacking = dict.fromkeys(c for c in optional if c not in schema)
        for batch in self.batches(wanted, BATCH):
            for row in batch.to_pylist():
                number += 1
                self._row(row)
                yield f"row {number}", row | lacking

    def batches(self, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """The columns of a parquet file, at most `size` rows at a time."""
        self.has(self.schema(), columns)
        with self._readable(), parquet.ParquetFile(self.path) as file:
            # one by one: over all row groups at once the reader's memory grows with the file
            for group in range(file.num_row_groups):
                yield from file.iter_batches(size, row_groups=[group], columns=list(columns))

    def schema(self) -> list[str]:
        """The columns of a parquet file."""
        with self._readable():
            return parquet.read_schema(self.path).names

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise self.error(None, "there is no such file") from None
        except (pa.ArrowException, OSError) as error:
            raise self.error(None, f"no readable parquet file ({_reason(error)})") from None

    def record(self, row: Any, where: Where, *fields: str) -> dict[str, Any]:
        """The object, counted, if it has these fields."""
        if not isinstance(row, dict):
            raise self.error(where, f"{_type(row)}; an object with {', '.join(fields)} is right")
        missing = [name for name in fields if row.get(name) is None]
        if missing:
            found = f"found {', '.join(map(str, row)) or 'nothing'}"
            raise self.error(where, f"no {', '.join(missing)}; {found}; right: {', '.join(fields)}")
        self._row(row)
        return row

    # --- values

    def has(self, names: Sequence[str], columns: Sequence[str]) -> None:
        """Raise UserError if one of the columns is not among the names."""
        missing = [column for column in columns if column not in names]
        if missing:
            raise self.error(None, f"no column {', '.join(missing)}; found {', '.join(names)}")

    def ident(self, value: Any, where: Where, field: str = "id") -> str:
        """An id as text. Raises UserError for an empty one, and for values other than text and numbers."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.error(where, f"{field}: {_type(value)}; text or a whole number is right")
        found = str(value).strip()
        if not found:
            raise self.error(where, f"{field}: empty; an id is right")
        self._encodes(found, where, field)
        return found

    def text(self, value: Any, where: Where, field: str = "text") -> str:
        """A text of an evaluation set as it stands.

        Raises UserError for an empty or blank one, for NUL, and for values other than text.
        """
        if not isinstance(value, str):
            raise self.error(where, f"{field}: {_type(value)}; text is right")
        if not value.strip():
            raise self.error(where, f"{field}: {'blank' if value else 'empty'}; text is right")
        if "\0" in value:
            raise self.error(where, f"{field}: holds the character NUL; text without it is right")
        self._encodes(value, where, field)
        return value

    def clean(self, value: Any, where: Where, field: str = "text") -> str:
        """A training text with every run of white space as one space; "" for an empty one, which is counted.

        NUL and lone surrogates become spaces, and the text counts as repaired. Raises UserError for values
        other than text.
        """
        if value is not None and not isinstance(value, str):
            raise self.error(where, f"{field}: {_type(value)}; text is right")
        text = value or ""
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self.count("repaired")
            text = "".join(" " if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
        text = " ".join(text.split())
        if not text:
            self.count("empty")
        return text

    def once(self, key: Hashable, value: Any, where: Where) -> bool:
        """Whether a record is the first with its id `key`; the same record again is counted.

        Raises UserError for another record with the same id.
        """
        if key not in self._seen:
            self._seen[key] = value
            return True
        if self._seen[key] != value:
            shown = " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
            raise self.error(where, f"{shown} stands twice with different texts; one record per id is right")
        self.count("repeated")
        return False

    def count(self, kind: str, more: int = 1) -> None:
        """Count one or more of a kind of KINDS, in the language of the latest record."""
        self._census.counts.setdefault((self.name, self.language), Counter())[kind] += more

    def _row(self, row: dict[str, Any]) -> None:
        if self._language_of is not None:
            self.language = self._language_of(row)
        self.count("rows")

    def error(self, where: Where | None, message: str) -> UserError:
        """The mistake on one line: file, line or record, and message."""
        at = f"line {where}: " if isinstance(where, int) else f"{where}: " if where else ""
        text = " ".join(f"{at}{message}".split())
        room = LONGEST - len(self.name) - 2
        if len(text) > room:
            text = text[: max(room - 3, 100)] + "..."
        name = self.name if len(self.name) + len(text) + 2 <= LONGEST else self.path.name
        return UserError(f"{name}: {text}")

    # --- bytes

    def raw_lines(self) -> Iterator[bytes]:
        """The lines of the file, uncompressed, with their ends."""
        try:
            with (gzip.open if self.path.suffix == ".gz" else open)(self.path, "rb") as file:
                yield from file
        except FileNotFoundError:
            raise self.error(None, "there is no such file") from None
        except (EOFError, zlib.error, OSError) as error:
            raise self.error(None, f"cannot be read to its end ({_reason(error)})") from None

    def _text_lines(self) -> Iterator[str]:
        for number, raw in enumerate(self.raw_lines(), 1):
            yield self.decoded(raw, number)

    def decoded(self, raw: bytes, number: int | None) -> str:
        """The text of line `number`, or of the whole file for None."""
        if number in (1, None):
            if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise self.error(None, "UTF-16 text; save it as UTF-8")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            if number is None:
                number = raw.count(b"\n", 0, error.start) + 1
            what = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
            raise self.error(number, what) from None

    def _encodes(self, text: str, where: Where, field: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.error(where, f"{field}: holds half a character (a lone surrogate)") from None


def _type(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", type(None): "nothing", str: "text"}
    return f"found {names.get(type(value), 'a number')}"


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
