"""A table's rows as Arrow batches of the columns that are wanted: text or Parquet, plain or gzip, in bounded memory."""

from __future__ import annotations

import codecs
import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from catchment.massspec.faults import Broken, shown
from catchment.massspec.quantities import rules
from catchment.massspec.quantities.layouts import PARQUET_MAGIC, cells_of
from catchment.massspec.source import Source, open_source

BLOCK_BYTES = 16 << 20
HEADER_BYTES = 16 << 20
BATCH_ROWS = 1 << 16
NAMED = 3


@dataclass
class Ragged:
    """Rows that have not as many cells as the header: how many, and what is said of the first."""

    count: int = 0
    places: list[str] = field(default_factory=list)
    found: str = ""

    def __call__(self, row: Any) -> str:
        """Note a row and leave it out."""
        self.count += 1
        if len(self.places) < NAMED:
            self.places.append(f"line {row.number}")
        self.found = self.found or f"{row.actual_columns:,} cells, {row.expected_columns:,} columns"
        return "skip"


class Reading(io.RawIOBase):
    """A source as a file that Arrow reads; its text is held against UTF-8 on the way.

    Raises
    ------
    Broken
        At the first byte that is not UTF-8, or a NUL.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.passed = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        data = self.source.read(size if size >= 0 else BLOCK_BYTES)
        before = len(self.decoder.getstate()[0])
        try:
            text = self.decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            place = f"byte {self.passed - before + error.start:,}"
            raise Broken(rules.NOT_A_TABLE, "text that is not UTF-8", where=place) from None
        if "\0" in text:
            raise Broken(rules.NOT_A_TABLE, "a NUL byte", where=f"byte {self.passed + data.index(0):,}")
        self.passed += len(data)
        return data


def is_parquet(path: Path) -> bool:
    """Tell whether a file is Parquet, by its first bytes."""
    with path.open("rb") as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def header_of(path: Path) -> list[str]:
    """Return the names of a table's columns.

    Raises
    ------
    Broken
        Where it is no table.
    """
    if is_parquet(path):
        with parquet(path) as file:
            return list(file.schema_arrow.names)
    with open_source(path) as source:
        line = b""
        while b"\n" not in line and len(line) < HEADER_BYTES:
            block = source.read(1 << 16)
            if not block:
                break
            line += block
    line = line.partition(b"\n")[0]
    if len(line) >= HEADER_BYTES:
        raise Broken(rules.TOO_LARGE, f"a header line of more than {HEADER_BYTES >> 20} MB", where="line 1")
    try:
        columns = cells_of(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Broken(rules.NOT_A_TABLE, f"byte {error.start} is not UTF-8", where="line 1") from None
    if b"\0" in line or not columns:
        raise Broken(rules.NOT_A_TABLE, "a NUL byte, or nothing" if line else "an empty file", where="line 1")
    return columns


@contextlib.contextmanager
def parquet(path: Path) -> Iterator[Any]:
    """Yield an opened Parquet file.

    Raises
    ------
    Broken
        Where its metadata cannot be read.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise Broken(rules.NOT_A_TABLE, shown(str(error)), where="footer") from None
    with file:
        yield file


def batches(path: Path, wanted: Mapping[int, bool], columns: int, ragged: Ragged) -> Iterator[dict[int, Any]]:
    """Yield the wanted columns, by their number, of some rows after others.

    Parameters
    ----------
    wanted
        number of a column -> whether it holds numbers; cells of text stay as they are written.
    columns
        how many the header has.

    Raises
    ------
    Broken
        Where a row cannot be read.
    """
    if is_parquet(path):
        yield from parquet_batches(path, wanted)
        return
    with open_source(path) as source:
        first = source.read(1 << 16)
        delimiter = "\t" if b"\t" in first.partition(b"\n")[0] else ","
    names = [f"c{number}" for number in range(columns)]
    chosen = [names[number] for number in sorted(wanted)]
    with open_source(path) as source, text_faults():
        reader = pa.csv.open_csv(
            pa.PythonFile(Reading(source), mode="r"),
            pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, skip_rows=1, column_names=names),
            pa.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=ragged),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(chosen, pa.string()), include_columns=chosen, strings_can_be_null=False
            ),
        )
        for batch in reader:
            yield {number: batch.column(names[number]) for number in wanted}


@contextlib.contextmanager
def text_faults() -> Iterator[None]:
    """Turn what Arrow says of a text that is no table into a fault."""
    try:
        yield
    except pa.ArrowInvalid as error:
        words = str(error)
        if "Empty CSV" in words:
            raise Broken(rules.NOTHING, "a header line without rows") from None
        if "straddling" in words:
            raise Broken(rules.TOO_LARGE, f"a row of more than {BLOCK_BYTES >> 20} MB") from None
        raise Broken(rules.NOT_A_TABLE, shown(words)) from None


def parquet_batches(path: Path, wanted: Mapping[int, bool]) -> Iterator[dict[int, Any]]:
    """Yield the wanted columns of a Parquet file; numbers stay numbers, all else becomes text."""
    with parquet(path) as file:
        schema = file.schema_arrow
        for number, numeric in wanted.items():
            kind = schema.field(number).type
            fits = pa.types.is_floating(kind) or pa.types.is_integer(kind) if numeric else True
            if pa.types.is_nested(kind) or not (fits or is_text(kind)):
                raise Broken(rules.NOT_A_TABLE, f"a column of {shown(str(kind))}", where=shown(schema.names[number]))
        names = {number: schema.names[number] for number in wanted}
        as_text: Callable[[Any], Any] = lambda column: column.cast(pa.string()).fill_null("")  # noqa: E731
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(names.values())):
                yield {
                    number: batch.column(name) if wanted[number] else as_text(batch.column(name))
                    for number, name in names.items()
                }
        except (pa.ArrowInvalid, OSError) as error:
            raise Broken(rules.NOT_A_TABLE, shown(str(error))) from None


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds text, also as a dictionary."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
