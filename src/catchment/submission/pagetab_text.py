"""PageTab (BioStudies, BioImage Archive) as TSV or JSON to one tree of sections. Pure.

Source: the PageTab specification of BioStudies, and what the BioImage Archive's own ingest reads.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from catchment.errors import BadInput

MAX_CHARACTERS = 50_000_000
MAX_DEPTH = 20
MAX_SECTIONS = 100_000
SHOWN = 80
TABLE = re.compile(r"^(?P<type>[^\[\]]+)\[(?P<parent>[^\[\]]*)\]$")
REFERENCE = re.compile(r"^<(?P<name>.+)>$")
FILE_HEADER = "files"


@dataclass
class Section:
    """One section: its type, its attributes by name (a name may stand many times), its files and sections."""

    type: str
    accno: str = ""
    attributes: list[tuple[str, str]] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    files: list[ListedFile] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def all(self, *names: str) -> list[str]:
        """Return every value of the attributes of these names, whatever their case."""
        wanted = {name.casefold() for name in names}
        return [value for name, value in self.attributes if name.casefold() in wanted and value]

    def first(self, *names: str) -> str:
        """Return the first value of the attributes of these names; empty where there is none."""
        return next(iter(self.all(*names)), "")

    def below(self, *types: str) -> Iterator[Section]:
        """Yield every section of these types below this one, in order."""
        wanted = {type_.casefold() for type_ in types}
        for section in self.sections:
            if section.type.casefold() in wanted:
                yield section
            yield from section.below(*types)


@dataclass(frozen=True)
class ListedFile:
    """A file that a section or a file list names, with its attributes."""

    path: str
    attributes: tuple[tuple[str, str], ...] = ()


def is_pagetab(start: str) -> bool:
    """Tell whether a text is a PageTab submission, by its first words."""
    words = start.lstrip()
    if words.startswith("{"):
        return '"section"' in words and '"attributes"' in words
    return re.match(r"Submission(\t|\r?\n)", words) is not None


def read_pagetab(text: str, name: str) -> Section:
    """Return the submission as a section that holds its root section (`Study`).

    Raises
    ------
    BadInput
        With file and line, where it is no PageTab.
    """
    require_short(text, name)
    if text.lstrip().startswith("{"):
        return section_of_json(parsed_json(text, name), name)
    return section_of_rows(rows_of(text, name), name)


def read_file_list(text: str, name: str) -> list[ListedFile]:
    """Return the files of a file list: TSV with `Files` as its first header, or JSON.

    Raises
    ------
    BadInput
        With file and line, where it is neither.
    """
    require_short(text, name)
    if text.lstrip().startswith("["):
        return files_of_json(parsed_json(text, name), name)
    rows = [(line, cells) for line, cells in rows_of(text, name) if any(cells)]
    if not rows or rows[0][1][0].casefold() != FILE_HEADER:
        found = repr(rows[0][1][0][:SHOWN]) if rows else "nothing"
        raise BadInput(f"{name}: found {found} in the first cell, expected `Files`; it heads the column of paths")
    return table_files(rows, name)


def require_short(text: str, name: str) -> None:
    """Refuse a description beyond all measure."""
    if len(text) > MAX_CHARACTERS:
        raise BadInput(f"{name}: found {len(text):,} characters, expected at most {MAX_CHARACTERS:,}; split it")


# --- TSV ---------------------------------------------------------------------------------------------------------


def rows_of(text: str, name: str) -> list[tuple[int, list[str]]]:
    """Return (line, cells) of every row, white space around cells dropped; an empty row has one empty cell."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    rows = []
    try:
        for cells in reader:
            rows.append((reader.line_num, [cell.strip() for cell in cells] or [""]))
    except csv.Error as error:
        raise BadInput(f"{name} line {reader.line_num}: no table ({error}); check the quotes there") from None
    return rows


def blocks_of(rows: list[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    """Yield the rows between empty ones."""
    block: list[tuple[int, list[str]]] = []
    for line, cells in [*rows, (0, [""])]:
        if any(cells):
            block.append((line, cells))
        elif block:
            yield block
            block = []


def section_of_rows(rows: list[tuple[int, list[str]]], name: str) -> Section:
    """Return the submission of a TSV."""
    blocks = blocks_of(rows)
    head = next(blocks, None)
    if head is None or head[0][1][0] != "Submission":
        raise BadInput(f"{name}: found no `Submission` in the first cell; expected a PageTab submission")
    submission = Section("Submission", cell(head[0][1], 1), attributes_of(head[1:]))
    by_accno: dict[str, Section] = {}
    root, last = None, submission
    for block in blocks:
        line, (first, *_) = block[0]
        kind = first.casefold()
        table = TABLE.match(first)
        if kind in ("file", "link"):
            target = cell(block[0][1], 1)
            if kind == "file":
                last.files.append(ListedFile(target, tuple(attributes_of(block[1:]))))
            else:
                last.links.append(target)
        elif kind == FILE_HEADER:
            last.files += table_files(block, name)
        elif kind == "links":
            last.links += [cells[0] for _, cells in block[1:]]
        elif table is not None:
            parent = by_accno.get(table["parent"]) if table["parent"] else root
            if parent is None:
                raise BadInput(f"{name} line {line}: no section {table['parent'][:SHOWN]!r} before its table")
            parent.sections += table_sections(table["type"].strip(), block)
        else:
            section = Section(first, cell(block[0][1], 1), attributes_of(block[1:]))
            above = cell(block[0][1], 2)
            if above and above not in by_accno:
                raise BadInput(f"{name} line {line}: no section {above[:SHOWN]!r} that this one could belong to")
            (by_accno[above] if above else root or submission).sections.append(section)
            if section.accno:
                by_accno[section.accno] = section
            root, last = root or section, section
    return submission


def cell(cells: list[str], number: int) -> str:
    """Return one cell of a row; empty where the row is shorter."""
    return cells[number] if number < len(cells) else ""


def attributes_of(rows: list[tuple[int, list[str]]]) -> list[tuple[str, str]]:
    """Return names and values; qualifiers (`(name)`, `[name]`) are left out, references (`<name>`) kept as values."""
    found = []
    for _, cells in rows:
        name = cells[0]
        if name.startswith(("(", "[")):
            continue
        reference = REFERENCE.match(name)
        found.append((reference["name"] if reference else name, cell(cells, 1)))
    return found


def table_sections(type_: str, block: list[tuple[int, list[str]]]) -> list[Section]:
    """Return the sections of a table: a row each, the attributes' names on top."""
    names = [name for _, name in named_cells(block[0][1])]
    return [
        Section(type_, cells[0], [(one, cell(cells, number)) for number, one in enumerate(names, 1)])
        for _, cells in block[1:]
    ]


def table_files(block: list[tuple[int, list[str]]], name: str) -> list[ListedFile]:
    """Return the files of a table: a row each, the path first."""
    names = named_cells(block[0][1])
    found = []
    for line, cells in block[1:]:
        if len(cells) > len(names) + 1 and any(cells[len(names) + 1 :]):
            raise BadInput(f"{name} line {line}: found more cells than the header has; check for tabs inside values")
        found.append(ListedFile(cells[0], tuple((one, cell(cells, number)) for number, one in names)))
    return found


def named_cells(header: list[str]) -> list[tuple[int, str]]:
    """Return number and name of every column after the first, references without their brackets."""
    return [
        (number, found["name"] if (found := REFERENCE.match(name)) else name)
        for number, name in enumerate(header)
        if number
    ]


# --- JSON --------------------------------------------------------------------------------------------------------


def parsed_json(text: str, name: str) -> Any:
    """Return what a JSON text says."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = f" line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"{name}{line}: not valid JSON; write it with a JSON tool") from None


def section_of_json(document: Any, name: str) -> Section:
    """Return the submission of a JSON document."""
    if not isinstance(document, Mapping) or not isinstance(document.get("section"), Mapping):
        raise BadInput(f"{name}: found no `section` on top; expected a PageTab submission")
    counted = [0]
    submission = Section("Submission", text_of(document.get("accno")), json_attributes(document))
    submission.sections.append(json_section(document["section"], name, 0, counted))
    return submission


def json_section(entry: Mapping[str, Any], name: str, depth: int, counted: list[int]) -> Section:
    """Return one section with all below it; `counted` holds how many there were before."""
    counted[0] += 1
    if depth > MAX_DEPTH or counted[0] > MAX_SECTIONS:
        raise BadInput(f"{name}: found more than {MAX_SECTIONS:,} sections or {MAX_DEPTH} levels; split the submission")
    section = Section(text_of(entry.get("type")), text_of(entry.get("accno")), json_attributes(entry))
    for child in flattened(entry.get("subsections")):
        section.sections.append(json_section(child, name, depth + 1, counted))
    section.files += files_of_json(flattened(entry.get("files")), name)
    section.links += [text_of(link.get("url")) for link in flattened(entry.get("links"))]
    return section


def flattened(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of a list, those of lists inside it (tables) among them."""
    found: list[Mapping[str, Any]] = []
    for entry in value if isinstance(value, list) else ():
        inner = entry if isinstance(entry, list) else [entry]
        found += [one for one in inner if isinstance(one, Mapping)]
    return found


def json_attributes(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values of an entry's attributes."""
    return [(text_of(one.get("name")), text_of(one.get("value"))) for one in flattened(entry.get("attributes"))]


def files_of_json(entries: Any, name: str) -> list[ListedFile]:
    """Return the files of a JSON list."""
    found = []
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        path = entry.get("path") if isinstance(entry, Mapping) else None
        if not isinstance(path, str):
            raise BadInput(f"{name}: file {number + 1}: found no path; every file has one")
        found.append(ListedFile(path, tuple(json_attributes(entry))))
    return found


def text_of(value: Any) -> str:
    """Return a value as text; nothing where it is none or a structure."""
    return "" if value is None or isinstance(value, list | dict) else str(value).strip()
