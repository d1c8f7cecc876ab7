"""SDRF-Proteomics tables: text -> rows, what is wrong with them, and which row belongs to which data file. Pure.

One row is one sample in one data file under one label. Values stay text as written (but for white space around them);
terms are `NT=<name>;AC=<accession>` or a bare name.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catchment import vocabulary
from catchment.schema.records import Finding
from catchment.schema.rules import Rule, declare

SOURCE = "SDRF-Proteomics 1.1.0, template ms-proteomics"
MAX_CHARACTERS = 50_000_000
SHOWN = 3

DATA_FILE = "comment[data file]"
# between the values of the samples that share a file
MULTIPLEX = " | "
JOINING = ("source name", "assay name", DATA_FILE)
REQUIRED = (
    "technology type",
    "characteristics[organism]",
    "characteristics[organism part]",
    "characteristics[biological replicate]",
    "comment[technical replicate]",
    "comment[fraction identifier]",
    "comment[label]",
    "comment[instrument]",
    "comment[cleavage agent details]",
    "comment[proteomics data acquisition method]",
)
TECHNOLOGIES = tuple(f"{kind} profiling by mass spectrometry" for kind in ("proteomic", "metabolomic", "lipidomic"))
NOT_GIVEN = frozenset({"", "na", "n/a", "not available", "not applicable", "unknown", "anonymized", "pooled"})
ONCE = re.compile(r"source name|assay name|technology type|characteristics\[.*\]|comment\[data file\]")
HEADER = re.compile(r"(characteristics|comment|factor value|project|experiment|assay)\[[^\[\]]+\]")
PLAIN_HEADERS = frozenset({"source name", "assay name", "technology type", "material type", "sample name"})
TERM_ID = re.compile(r"[A-Za-z]+:[0-9]+")
TERM_PART = re.compile(r"\s*([A-Za-z]{2})\s*=\s*([^;]*)")
TERM_KEYS = frozenset({"NT", "AC", "TA", "MT", "PP", "CS", "CF", "MM", "MH", "SN", "QY", "PS", "CN", "CV", "SP", "TS"})
WHOLE_FROM_ONE = re.compile(r"[1-9][0-9]{0,8}")
FORMS = {
    "comment[technical replicate]": (WHOLE_FROM_ONE, "a whole number from 1"),
    "comment[fraction identifier]": (WHOLE_FROM_ONE, "a whole number from 1 (1 where the sample was not fractionated)"),
    "characteristics[biological replicate]": (re.compile(r"[0-9]{1,9}|pooled"), "a whole number, or pooled"),
    "technology type": (re.compile("|".join(TECHNOLOGIES)), " or ".join(TECHNOLOGIES)),
}

NOT_A_TABLE = declare(
    "TAB-001",
    "error",
    "a table cannot be read",
    expected="UTF-8 text, tab-separated, one header line, every quote closed",
    fix="save the table as tab-separated text in UTF-8 and look at the line named",
)
RAGGED = declare(
    "TAB-002",
    "error",
    "a row has more or fewer cells than the header",
    expected="one cell for each column",
    fix="add the missing cells (`not available` where there is no value) or remove those that are too many",
)
ODD_HEADER = declare(
    "SDRF-001",
    "warning",
    "a column name is not spelled as SDRF has it",
    expected="lower case, no space before the bracket, such as characteristics[organism]",
    fix="correct the column's name; where it could be understood, it was read as the correct one",
    source=SOURCE,
)
NO_JOIN = declare(
    "SDRF-002",
    "error",
    "a column that joins samples to files is missing",
    expected=", ".join(JOINING),
    fix="add the column",
    source=SOURCE,
)
COLUMN_MISSING = declare(
    "SDRF-003",
    "warning",
    "a required column is missing",
    expected=", ".join(REQUIRED),
    fix="add the column (`not available` where there is no value)",
    source=SOURCE,
)
COLUMN_TWICE = declare(
    "SDRF-004",
    "error",
    "a column that may stand once stands twice",
    expected="one column of this name",
    fix="keep one of them; only comment[...] and factor value[...] columns may be repeated",
    source="mass-spectrometry standard 1.0.0: no two columns with the same characteristics name",
)
ROW_UNJOINED = declare(
    "SDRF-005",
    "error",
    "a row names no sample, run or file",
    expected="source name, assay name and comment[data file] in every row",
    fix="fill the cell in, or remove the row",
    source=SOURCE,
)
EMPTY_CELL = declare(
    "SDRF-006",
    "warning",
    "a cell is empty",
    expected="a value, or `not available`, or `not applicable`",
    fix="write `not available` where there is no value",
    source=SOURCE,
)
ODD_VALUE = declare(
    "SDRF-007",
    "warning",
    "a value has not the form its column takes",
    expected="NT=<name>;AC=<accession>, or the form named",
    fix="correct the value",
    source=SOURCE,
)
ROW_TWICE = declare(
    "SDRF-008",
    "error",
    "two rows are about the same sample, run and label",
    expected="source name, assay name and comment[label] different in each row",
    fix="remove one of the rows, or correct what should differ",
    source=SOURCE,
)
ROWS_DISAGREE = declare(
    "SDRF-009",
    "warning",
    "rows of one data file name different organisms",
    expected="one organism for the samples that were measured together",
    fix="check the rows of this file",
)


@dataclass(frozen=True)
class SdrfRow:
    """One row: its line in the file (the header is line 1) and (column, value) in the order of the columns."""

    line: int
    cells: tuple[tuple[str, str], ...]

    def value(self, column: str) -> str:
        """Return the first value under a column; nothing where the table has no such column."""
        return next((value for name, value in self.cells if name == column), "")

    def joined(self) -> dict[str, str]:
        """Return value by column; the values of a repeated column joined by ` | `."""
        return merge([dict([cell]) for cell in self.cells])


@dataclass(frozen=True)
class SdrfTable:
    """A table as it could be read: normalised column names, rows, and every fault."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[SdrfRow, ...]
    findings: tuple[Finding, ...]


def read_sdrf(text: str, name: str) -> SdrfTable:
    """Return the table in an SDRF's text (tabs; commas where its header has no tab), with what is wrong in it."""
    lines, faults = split(text, name)
    if not lines:
        return SdrfTable(name, (), (), tuple(faults))
    header, body = lines[0][1], lines[1:]
    columns = tuple(normal_header(cell) for cell in header)
    faults += header_faults(name, header, columns)
    fits = [(line, cells) for line, cells in body if len(cells) == len(columns)]
    ragged = [(line, cells) for line, cells in body if len(cells) != len(columns)]
    faults += first_of(
        RAGGED, name, [(f"line {line}", f"{len(cells)} cells, {len(columns)} columns") for line, cells in ragged]
    )
    rows = tuple(
        SdrfRow(line, tuple((column, cell.strip()) for column, cell in zip(columns, cells, strict=True)))
        for line, cells in fits
    )
    return SdrfTable(name, columns, rows, (*faults, *row_faults(name, rows)))


def rows_by_file(table: SdrfTable) -> dict[str, dict[str, str]]:
    """Return value by column for each data file; where its rows differ (labels of a multiplex), joined by ` | `."""
    rows: dict[str, list[dict[str, str]]] = {}
    for row in table.rows:
        if row.value(DATA_FILE).lower() not in NOT_GIVEN:
            rows.setdefault(row.value(DATA_FILE), []).append(row.joined())
    return {file: merge(own) for file, own in rows.items()}


def parse_term(cell: str) -> dict[str, str] | None:
    """Return the parts of `NT=..;AC=..` by key; a bare name is {"NT": name}; None where the grammar is broken."""
    if not re.match(r"\s*[A-Za-z]{2}\s*=", cell):
        return {"NT": cell.strip()}
    parts: dict[str, str] = {}
    for piece in cell.strip().rstrip(";").split(";"):
        match = TERM_PART.fullmatch(piece)
        key = match[1].upper() if match else ""
        if match is None or key not in TERM_KEYS or key in parts:
            return None
        parts[key] = match[2].strip()
    return parts if {"NT", "AC"} & set(parts) else None


# --- samples -----------------------------------------------------------------------------------------------------

# cross-modality field -> the column that gives a label, and the ontologies that it may come from
FACTS = {
    "organism_ontology_term_id": ("characteristics[organism]", ("NCBITaxon",)),
    "tissue_ontology_term_id": ("characteristics[organism part]", ("UBERON",)),
    "disease_ontology_term_id": ("characteristics[disease]", ("MONDO",)),
    "development_stage_ontology_term_id": (
        "characteristics[development_stage]",
        ("HsapDv", "MmusDv", "ZFS", "FBdv", "WBls"),
    ),
    "sex_ontology_term_id": ("characteristics[sex]", ("PATO",)),
}
OTHER_SPELLINGS = {
    "characteristics[development_stage]": (
        "characteristics[developmental stage]",
        "characteristics[developmental_stage]",
        "characteristics[development stage]",
    )
}
HEALTHY = frozenset({"healthy", "normal", "control"})
NO_DISEASE = "PATO:0000461"


def sample_facts(row: Mapping[str, str]) -> dict[str, str]:
    """Return what a row says of its sample in terms of cross-modality metadata: `DraftSample` field -> value.

    An id (a `factor value[..._ontology_term_id]` column, or `AC=`) goes before a label. What cannot be resolved for
    certain, or differs between the samples of a multiplex, is left out rather than guessed.
    """
    facts: dict[str, str] = {}
    for field, (column, ontologies) in FACTS.items():
        given = row.get(f"factor value[{field}]", "")
        label = next((row[name] for name in (column, *OTHER_SPELLINGS.get(column, ())) if name in row), "")
        if field == "development_stage_ontology_term_id":
            ontologies = stage_ontologies(facts.get("organism_ontology_term_id"), ontologies)
        term = given if TERM_ID.fullmatch(given) else resolve(label, field, ontologies)
        if term is not None:
            facts[field] = term
    tissue_type = row.get("characteristics[tissue type]", "").lower()
    if tissue_type not in NOT_GIVEN:
        facts["tissue_type"] = tissue_type
    donor = row.get("characteristics[individual]", "")
    if donor.lower() not in NOT_GIVEN:
        facts["donor_id"] = donor
    return facts


def stage_ontologies(organism: str | None, ontologies: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ontology of an organism's stages: human and mouse stages share labels."""
    known = vocabulary.organisms().get(organism or "")
    return (known.stage_ontology,) if known else ontologies


def resolve(label: str, field: str, ontologies: tuple[str, ...]) -> str | None:
    """Return the id of a term given as label or as `NT=..;AC=..`; None where it cannot be told for certain."""
    term = parse_term(label) if MULTIPLEX not in label else None
    if term is None:
        return None
    if vocabulary.prefix(term.get("AC", "")) in ontologies:
        return term["AC"]
    name = term.get("NT", "")
    if field == "disease_ontology_term_id" and name.lower() in HEALTHY:
        return NO_DISEASE
    if name.lower() in NOT_GIVEN:
        return None
    found = {id_ for ontology in ontologies for id_ in labelled(name, ontology)}
    return found.pop() if len(found) == 1 else None


def labelled(name: str, ontology: str) -> set[str]:
    """Return the ids of an ontology's term of that label, whether or not it is written with a capital."""
    if ontology == vocabulary.TAXONOMY:
        return {id_ for id_, taxon in vocabulary.taxa().items() if taxon.lower() == name.lower()}
    spellings = dict.fromkeys((name, name.lower(), name.capitalize()))
    ids = (vocabulary.parser().get_term_id_by_label(spelling, ontology) for spelling in spellings)
    return {id_ for id_ in ids if id_}


# --- reading -----------------------------------------------------------------------------------------------------


def split(text: str, name: str) -> tuple[list[tuple[int, list[str]]], list[Finding]]:
    """Return (line, cells) of every line that is not empty, up to the first that cannot be read."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_CHARACTERS:
        return [], [NOT_A_TABLE.broken(name, f"{len(text):,} characters", expected=f"at most {MAX_CHARACTERS:,}")]
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return [], [NOT_A_TABLE.broken(f"{name}: line {line}", "a NUL byte", expected="text in UTF-8, not UTF-16")]
    if not text.strip():
        return [], [NOT_A_TABLE.broken(name, "an empty file")]
    tabs = "\t" in text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
    lines = []
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        return lines, [NOT_A_TABLE.broken(f"{name}: line {start}", str(error))]
    return lines, []


def normal_header(cell: str) -> str:
    """Return a column's name in lower case without needless space; the standard's own misspelling is mended."""
    name = re.sub(r"\s+", " ", cell.strip().lower())
    name = re.sub(r"\s*\[\s*", "[", name)
    name = re.sub(r"\s*\]", "]", name)
    return name.replace("charactersitics[", "characteristics[")


def header_faults(name: str, header: list[str], columns: tuple[str, ...]) -> list[Finding]:
    """Return the faults of the header line."""
    odd = [
        (f"column {number}", repr(given[:60]))
        for number, (given, column) in enumerate(zip(header, columns, strict=True), start=1)
        if given != column or not (column in PLAIN_HEADERS or HEADER.fullmatch(column))
    ]
    twice = sorted({column for column in columns if ONCE.fullmatch(column) and columns.count(column) > 1})
    faults = first_of(ODD_HEADER, name, odd)
    faults += [NO_JOIN.broken(f"{name}: header", "no such column", expected=c) for c in JOINING if c not in columns]
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        what = ", ".join(missing)
        faults.append(COLUMN_MISSING.broken(f"{name}: header", f"no {what}", expected=what, count=len(missing)))
    return faults + first_of(COLUMN_TWICE, name, [(column, f"{columns.count(column)} columns") for column in twice])


def row_faults(name: str, rows: tuple[SdrfRow, ...]) -> list[Finding]:
    """Return the faults of the rows, each kind once: the first offenders named, the rest counted."""
    unjoined, empty, odd, twice = [], [], [], []
    seen: dict[tuple[str, str, str], int] = {}
    organisms: dict[str, dict[str, int]] = {}
    for row in rows:
        for column, value in row.cells:
            where = f"line {row.line}, {column}"
            if column in JOINING and value.lower() in NOT_GIVEN:
                unjoined.append((where, repr(value)))
            elif not value:
                empty.append((where, "nothing"))
            elif problem := oddness(column, value):
                odd.append((where, problem))
        key = (row.value("source name"), row.value("assay name"), row.value("comment[label]"))
        if key in seen:
            twice.append((f"line {row.line}", f"the same as line {seen[key]}: {' / '.join(key)[:120]}"))
        seen.setdefault(key, row.line)
        organism = row.value("characteristics[organism]").lower()
        organisms.setdefault(row.value(DATA_FILE), {}).setdefault(organism, row.line)
    mixed = [(file, " and ".join(names)) for file, names in organisms.items() if len(names) > 1]
    kinds = (
        (ROW_UNJOINED, unjoined),
        (EMPTY_CELL, empty),
        (ODD_VALUE, odd),
        (ROW_TWICE, twice),
        (ROWS_DISAGREE, mixed),
    )
    return [finding for rule, offenders in kinds for finding in first_of(rule, name, offenders)]


def oddness(column: str, value: str) -> str | None:
    """Say what is odd about a value that is there; None where nothing is."""
    if value.lower() in NOT_GIVEN:
        return None
    if column in FORMS:
        form, expected = FORMS[column]
        return None if form.fullmatch(value.lower()) else f"{value[:60]!r}, expected {expected}"
    return f"{value[:60]!r}, which is no NT=<name>;AC=<accession>" if parse_term(value) is None else None


def first_of(rule: Rule, name: str, offenders: list[tuple[str, str]]) -> list[Finding]:
    """Return one finding for (place, what was found) of all offenders, or none."""
    if not offenders:
        return []
    where = "; ".join(place[:80] for place, _ in offenders[:SHOWN])
    return [rule.broken(f"{name}: {where}", offenders[0][1], count=len(offenders))]


def merge(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return one row of several: distinct values of a column in their order, joined by ` | `."""
    values: dict[str, dict[str, None]] = {}
    for row in rows:
        for column, value in row.items():
            values.setdefault(column, {})[value] = None
    return {column: MULTIPLEX.join(distinct) for column, distinct in values.items()}
