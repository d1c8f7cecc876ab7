"""A packed file of fragments as columns, block by block: memory does not grow with the file.

A block is parsed as a whole; only where that fails is it looked at line by line, to say which lines are wrong.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from catchment.schema.rules import Rule
from catchment.singlecell.fragments import rules
from catchment.singlecell.rules import number_of

NAMES = ("chromosome", "start", "stop", "barcode", "reads")
NUMBERS = {1: "start", 2: "end", 4: "read pairs"}
WHOLE = re.compile(r"-?[0-9]{1,18}")
BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 1 << 16
# real files pack 4 to 8 times
MAX_EXPANSION = 200
EXPANSION_BYTES = 1 << 30
# a file with more broken lines than this is another kind of file: the rest of it would only be more of them
MAX_BROKEN = 100_000
SHOWN_LETTERS = 40

READ = csv.ReadOptions(column_names=list(NAMES), use_threads=False, block_size=4 * BLOCK_BYTES)
PARSE = csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False)
TEXT = pa.dictionary(pa.int32(), pa.string())
CONVERT = csv.ConvertOptions(
    column_types=dict(zip(NAMES, (TEXT, pa.int64(), pa.int64(), TEXT, pa.int64()), strict=True)),
    null_values=[],
    strings_can_be_null=False,
)

Integers = npt.NDArray[np.int64]


class Damaged(Exception):
    """The file cannot be unpacked to its end; says why."""


@dataclass(frozen=True)
class Fault:
    """A line that is no fragment: which, under which rule, and what it holds."""

    rule: Rule
    line: int
    found: str


@dataclass(frozen=True)
class Rows:
    """Some fragments: the number of each line (from 1), texts as dictionaries, and lines that are no fragments."""

    lines: Integers
    chromosome: pa.DictionaryArray
    start: Integers
    stop: Integers
    barcode: pa.DictionaryArray
    reads: Integers
    faults: list[Fault] = field(default_factory=list)


def rows(path: Path) -> Iterator[Rows]:
    """Yield the fragments of a file.

    Raises
    ------
    Damaged
        Where the file is not packed, is cut off, or grows beyond reason when it is unpacked.
    """
    first, broken = 1, 0
    for block in blocks(path):
        count = block.count(b"\n")
        found = parsed(block, np.arange(first, first + count))
        if found is None:
            found = line_by_line(block, first)
            broken += len(found.faults)
        yield found
        first += count
        if broken > MAX_BROKEN:
            return


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the unpacked file in blocks of whole lines, each ended by a single newline."""
    rest, unpacked = b"", 0
    try:
        with path.open("rb") as packed, gzip.open(packed) as stream:
            while data := stream.read(BLOCK_BYTES):
                unpacked += len(data)
                if unpacked > max(EXPANSION_BYTES, MAX_EXPANSION * packed.tell()):
                    raise Damaged(f"{packed.tell():,} bytes become more than {unpacked:,}")
                whole, newline, tail = (rest + data).rpartition(b"\n")
                if len(tail) > MAX_LINE_BYTES:
                    raise Damaged(f"a line of more than {MAX_LINE_BYTES:,} bytes")
                rest = tail
                if newline:
                    yield (whole + newline).replace(b"\r\n", b"\n")
    except gzip.BadGzipFile as error:
        raise Damaged(str(error)) from None
    except EOFError:
        raise Damaged("the end is missing: the file was cut off") from None
    except zlib.error as error:
        raise Damaged(f"damaged inside: {error}") from None
    if rest:
        yield rest.removesuffix(b"\r") + b"\n"


def parsed(block: bytes, lines: Integers) -> Rows | None:
    """Return a block of fragments, `lines` their numbers; None where a line in it is none."""
    if not block:
        return None
    try:
        table = csv.read_csv(pa.BufferReader(block), READ, PARSE, CONVERT)
    except pa.ArrowInvalid:
        return None
    if len(table) != len(lines):  # a lone carriage return ends a line for the parser, but not for tabix
        return None
    table = table.unify_dictionaries()
    columns: list[Any] = [column.combine_chunks() for column in table.columns]
    chromosome, start, stop, barcode, reads = columns
    return Rows(lines, chromosome, start.to_numpy(), stop.to_numpy(), barcode, reads.to_numpy())


def line_by_line(block: bytes, first: int) -> Rows:
    """Return the fragments of a block, and each line that is none; `first` is the number of its first line."""
    kept, numbers, faults = [], [], []
    for number, line in enumerate(block.split(b"\n")[:-1], start=first):
        fault = fault_of(line)
        if fault is None:
            kept.append(line + b"\n")
            numbers.append(number)
        else:
            faults.append(Fault(fault[0], number, fault[1]))
    good = parsed(b"".join(kept), np.array(numbers, np.int64)) or no_rows()
    return Rows(good.lines, good.chromosome, good.start, good.stop, good.barcode, good.reads, faults)


def no_rows() -> Rows:
    """Return no fragments."""
    nothing = np.zeros(0, np.int64)
    texts = pa.array([], TEXT)
    return Rows(nothing, texts, nothing, nothing, texts, nothing)


def fault_of(line: bytes) -> tuple[Rule, str] | None:
    """Return the rule that a line breaks by its shape, and what it holds; None where it is a fragment."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return rules.COLUMNS, f"byte {error.start + 1} is not UTF-8"
    if not text:
        return rules.EMPTY_LINE, "nothing"
    if text.startswith("#"):
        return rules.COLUMNS, f"a comment, {started(text)}"
    fields = text.split("\t")
    if len(fields) != len(NAMES):
        return rules.COLUMNS, f"{number_of(len(fields), 'column')}, {started(text)}"
    if "\r" in text:
        return rules.COLUMNS, f"a carriage return, {started(text)}"
    for column, name in NUMBERS.items():
        if not WHOLE.fullmatch(fields[column].strip()):
            return rules.NOT_INTEGER, f"{name} {fields[column]!r}"
    return None


def started(text: str) -> str:
    """Return how a line starts, as a message shows it."""
    return repr(text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…")
