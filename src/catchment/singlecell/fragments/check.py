"""Every fault of a fragments file in one pass, each with its line, and of the dataset that it is sent with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catchment import vocabulary
from catchment.schema.records import Asset, Finding, SourceFile
from catchment.schema.rules import Rule
from catchment.singlecell.fragments import rules
from catchment.singlecell.fragments.files import fragment_files, index_of
from catchment.singlecell.fragments.lines import Damaged, Rows, rows
from catchment.singlecell.fragments.sorting import KEPT, Stretches, repeats
from catchment.singlecell.fragments.tabix import index_fault
from catchment.singlecell.fragments.tables import chromosomes, kind_of
from catchment.singlecell.rules import SHOWN, first_of, shown

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """What fragments are held against: names of cells in the order of obs, and what the dataset says of all."""

    names: Sequence[str]
    organism: str | None
    assays: tuple[str, ...]
    not_primary: int


@dataclass
class Offenders:
    """Lines that break one rule: how many, and the first of them with what they hold."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, count: int, first: Sequence[tuple[int, str]]) -> None:
        """Note some more, of which `first` are the first."""
        self.count += count
        self.first += first[: SHOWN - len(self.first)]

    @property
    def words(self) -> str:
        """What the first lines hold, as a message lists them."""
        rest = f" and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        return ", ".join(f"{shown(text)} (line {line:,})" for line, text in self.first) + rest


def fragment_findings(asset: Asset, cells: Cells) -> tuple[list[Finding], int | None]:
    """Return findings on the fragments of a dataset, and how many there are; None where there is no file to count."""
    files = fragment_files(asset)
    kind = kind_of(cells.assays)
    tables = chromosomes()
    if not files:
        needed = kind == "unpaired" and cells.organism in tables and not cells.not_primary
        return ([rules.MISSING.broken(shown(asset.name), "no fragments file")] if needed else []), None
    findings = list(dataset_findings(files, kind, cells))
    if len(files) > 1:
        return findings, None
    own, index = files[0], index_of(asset, files[0])
    lengths = tables.get(cells.organism or "")
    if lengths is None:
        return findings, None
    with tempfile.TemporaryDirectory(prefix="catchment-fragments-") as folder:
        try:
            found, count, names = file_findings(own, lengths, cells.names, Path(folder))
        except Damaged as damage:
            return [*findings, rules.UNREADABLE.broken(shown(own.name), str(damage))], None
    fault = index_fault(Path(index.path), own.bytes, names) if index else None
    if fault and index:
        found.append(rules.INDEX.broken(shown(index.name), fault))
    return [*findings, *found], count


def dataset_findings(files: Sequence[SourceFile], kind: str | None, cells: Cells) -> Iterator[Finding]:
    """Yield findings on a dataset that has fragments."""
    where = shown(files[0].name)
    if len(files) > 1:
        yield rules.SEVERAL.broken(where, first_of([file.name for file in files]), count=len(files))
    if kind is None:
        named = [f"{assay} ({vocabulary.label(assay) or 'unknown'})" for assay in sorted(cells.assays)]
        yield rules.NOT_ATAC.broken("obs/assay_ontology_term_id", first_of(named) or "no assay")
    if cells.organism not in chromosomes():
        yield rules.ORGANISM.broken("uns/organism_ontology_term_id", cells.organism or "no organism")
    if cells.not_primary:
        found = f"False for {cells.not_primary:,} of {len(cells.names):,} cells"
        yield rules.NOT_PRIMARY.broken("obs/is_primary_data", found, count=cells.not_primary)


def file_findings(
    file: SourceFile, lengths: Mapping[str, int], names: Sequence[str], folder: Path
) -> tuple[list[Finding], int, set[str]]:
    """Return findings on a file, how many lines it has, and its chromosomes; fragments are sorted in the folder.

    Raises
    ------
    Damaged
        Where the file cannot be unpacked.
    """
    look = Look(lengths, names, folder)
    for block in rows(Path(file.path)):
        look.add(block)
    where = shown(file.name)
    findings = [
        rule.broken(where, offenders.words, count=offenders.count) for rule, offenders in look.offenders.items()
    ]
    missing = np.flatnonzero(~look.seen)
    if not look.count:
        findings.append(rules.COLUMNS.broken(where, "no lines at all"))
    elif missing.size and not look.offenders.keys() & {rules.COLUMNS, rules.NOT_INTEGER}:
        # a cell may be named in a line that could not be read
        findings.append(
            rules.CELL_WITHOUT.broken("obs", first_of([names[int(row)] for row in missing]), count=int(missing.size))
        )
    findings += repeated(look.stretches, where)
    return sorted(findings, key=lambda finding: finding.code), look.count, look.chromosomes


def repeated(stretches: Stretches, where: str) -> list[Finding]:
    """Return the finding on fragments that occur more than once, the first lines of the file named."""
    count = 0
    first: list[tuple[int, int]] = []
    for _, fragments in stretches.ordered():
        again, earlier = repeats(fragments)
        count += len(again)
        first = sorted([*first, *list(zip(again.tolist(), earlier.tolist(), strict=True))[:SHOWN]])[:SHOWN]
    if not count:
        return []
    said = ", ".join(f"line {line:,} repeats line {other:,}" for line, other in first)
    rest = f" and {count - len(first):,} more" if count > len(first) else ""
    return [rules.REPEATED.broken(where, said + rest, count=count)]


class Look:
    """What one pass over a file of fragments learns; fragments without fault are put on disk to be sorted."""

    def __init__(self, lengths: Mapping[str, int], names: Sequence[str], folder: Path) -> None:
        self.stretches = Stretches(folder, lengths)
        self.lengths = np.array([lengths[name] for name in self.stretches.names], np.int64)
        self.known_chromosomes = pa.array(self.stretches.names, pa.string())
        self.cells = pa.array(names, pa.string())
        # the rank of each cell's name: what fragments of equal place are ordered by
        self.ranks = np.empty(len(names), np.uint32)
        self.ranks[np.argsort(np.array([name.encode() for name in names], object), kind="stable")] = np.arange(
            len(names), dtype=np.uint32
        )
        self.seen = np.zeros(len(names), bool)
        self.chromosomes: set[str] = set()
        self.offenders: dict[Rule, Offenders] = {}
        self.count = 0

    def note(self, rule: Rule, count: int, first: Sequence[tuple[int, str]]) -> None:
        """Note lines that break a rule."""
        if count:
            self.offenders.setdefault(rule, Offenders()).add(count, first)

    def add(self, block: Rows) -> None:
        """Look at some fragments."""
        for rule in (rules.COLUMNS, rules.NOT_INTEGER, rules.EMPTY_LINE):
            own = [(fault.line, fault.found) for fault in block.faults if fault.rule is rule]
            self.note(rule, len(own), own)
        self.count += len(block.lines) + len(block.faults)
        chromosome = places(block.chromosome, self.known_chromosomes)
        cell = places(block.barcode, self.cells)
        self.chromosomes.update(block.chromosome.dictionary.to_pylist())
        length = np.where(chromosome >= 0, self.lengths[chromosome], np.iinfo(np.int64).max)
        faults: dict[Rule, tuple[Mask, Sequence[Any]]] = {
            rules.CHROMOSOME: (chromosome < 0, (block.chromosome,)),
            rules.COORDINATES: ((block.start < 0) | (block.stop <= block.start), (block.start, block.stop)),
            rules.START_ZERO: (block.start == 0, (block.start, block.stop)),
            rules.BEYOND_END: (block.stop > length, (block.chromosome, block.stop, length)),
            rules.UNKNOWN_CELL: (cell < 0, (block.barcode,)),
            rules.READ_PAIRS: (block.reads < 1, (block.reads,)),
        }
        good = np.ones(len(block.lines), bool)
        for rule, (wrong, shown_columns) in faults.items():
            where = np.flatnonzero(wrong)
            first = [(int(block.lines[row]), words(rule, row, shown_columns)) for row in where[:SHOWN]]
            self.note(rule, len(where), first)
            if rule is not rules.START_ZERO:
                good &= ~wrong
        self.seen[cell[cell >= 0]] = True
        self.keep(block, chromosome, cell, good)

    def keep(self, block: Rows, chromosome: Any, cell: Any, good: Mask) -> None:
        """Put fragments without fault on disk."""
        kept = np.empty(int(good.sum()), KEPT)
        kept["start"], kept["stop"] = block.start[good], block.stop[good]
        kept["reads"], kept["line"] = block.reads[good], block.lines[good]
        kept["cell"] = self.ranks[cell[good]]
        self.stretches.add(chromosome[good], kept)


def places(values: pa.DictionaryArray, known: pa.Array) -> npt.NDArray[np.int64]:
    """Return the place of each value among those known; -1 where it is not."""
    found = pc.fill_null(pc.index_in(values.dictionary, value_set=known), -1).to_numpy(zero_copy_only=False)
    place: npt.NDArray[np.int64] = found.astype(np.int64)[values.indices.to_numpy()]
    return place


def words(rule: Rule, row: int, columns: Sequence[Any]) -> str:
    """Return what a line holds that breaks a rule."""
    values = [column[row].as_py() if isinstance(column, pa.Array) else int(column[row]) for column in columns]
    if rule is rules.BEYOND_END:
        return f"{values[0]} to {values[1]:,}, of {values[2]:,} bases"
    return " to ".join(repr(value) if isinstance(value, str) else f"{value:,}" for value in values)
