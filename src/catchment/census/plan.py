"""The plan of a census: which datasets, which rows of the matrix, which ids, and what was left out. Pure.

Every dataset that is through is taken, of every modality and whatever its schema version; only a matrix fills rows.
The order is that of the dataset accessions: equal records, equal plan.

Unlike CZI's census (schema 2.4.0, "Data included"), no cell is left out for its assay or its tissue type: all cells of
a dataset are there, with the columns to choose by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catchment.census.rules import HELD, NO_CELLS, ORGANISM_MIXED, ORGANISM_UNKNOWN, SAME_CONTENT
from catchment.schema.records import Finding, Held, Normalised, Plan, PlannedDataset
from catchment.vocabulary import organisms

MATRIX = "singlecell"
NO_JOINID = -1


def plan(normalised: Sequence[Normalised], held: Sequence[Held]) -> Plan:
    """Return the plan for the datasets that are through, and a finding for each asset that the census goes without."""
    chosen, excluded = choose(sorted(normalised, key=lambda record: record.dataset.dataset))
    datasets: list[PlannedDataset] = []
    cells: dict[str, int] = {}
    matrices = 0
    for record in chosen:
        organism = organism_name(record) if record.dataset.modality == MATRIX else None
        if organism is None:
            datasets.append(planned(record))
            continue
        first_row, rows = cells.get(organism, 0), cell_count(record)
        datasets.append(planned(record, organism=organism, joinid=matrices, first_row=first_row, rows=rows))
        cells[organism] = first_row + rows
        matrices += 1
    return Plan(
        datasets=tuple(datasets),
        excluded=(*excluded, *held_findings(held)),
        organisms=dict(sorted(cells.items())),
    )


def planned(
    record: Normalised, organism: str | None = None, joinid: int = NO_JOINID, first_row: int = 0, rows: int = 0
) -> PlannedDataset:
    """Return a dataset with its place in the census; without a matrix it has no organism, no rows and joinid -1."""
    dataset = record.dataset
    return PlannedDataset(
        accession=dataset.accession,
        dataset=dataset.dataset,
        modality=dataset.modality,
        organism=organism,
        store=dataset.store,
        path=dataset.product.path,
        logical_digest=dataset.product.logical_digest,
        joinid=joinid,
        first_row=first_row,
        rows=rows,
    )


def choose(records: Iterable[Normalised]) -> tuple[list[Normalised], list[Finding]]:
    """Return the records that the census takes, in the order given, and why not the others."""
    chosen: list[Normalised] = []
    excluded: list[Finding] = []
    first_with: dict[tuple[str, str], str] = {}
    for record in records:
        content = (record.dataset.modality, record.dataset.product.logical_digest)
        reason = reason_against(record, first_with.get(content))
        if reason is None:
            chosen.append(record)
            first_with[content] = record.dataset.dataset
        else:
            excluded.append(reason)
    return chosen, excluded


def reason_against(record: Normalised, twin: str | None) -> Finding | None:
    """Return why a dataset cannot be in the census; `twin` is the dataset before it that has the same content."""
    name = record.dataset.dataset
    if twin is not None:
        return SAME_CONTENT.broken(name, f"the content of {twin}")
    if record.dataset.modality != MATRIX:
        return None
    terms = organism_terms(record)
    if len(terms) > 1:
        return ORGANISM_MIXED.broken(name, ", ".join(terms))
    if organism_name(record) is None:
        return ORGANISM_UNKNOWN.broken(name, ", ".join(terms) or "no organism")
    if cell_count(record) == 0:
        return NO_CELLS.broken(name, "0 cells")
    return None


def organism_terms(record: Normalised) -> tuple[str, ...]:
    """Return the organisms that a dataset names."""
    return record.contribution.terms.get("organism_ontology_term_id", ())


def organism_name(record: Normalised) -> str | None:
    """Return a dataset's organism as a census names it (`homo_sapiens`); None where it has none, or several."""
    known = [organisms()[term].name for term in organism_terms(record) if term in organisms()]
    return known[0] if len(known) == 1 else None


def cell_count(record: Normalised) -> int:
    """Return how many cells a dataset has."""
    return record.contribution.counts.get("cells", 0)


def held_findings(held: Iterable[Held]) -> list[Finding]:
    """Return a finding for each held asset, by its dataset accession, with the codes that hold it."""
    findings = []
    for record in sorted(held, key=lambda one: one.asset.dataset):
        codes = sorted({finding.code for finding in record.findings if finding.level == "error"})
        found = f"held at {record.held_at}: {', '.join(codes)}"
        findings.append(HELD.broken(record.asset.dataset, found, count=1))
    return findings
