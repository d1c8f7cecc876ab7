"""The plan of a census: which datasets, which rows of the matrix, which ids, and what was left out. Pure.

Without inclusion rules every dataset that is through is taken, of every modality, whatever its schema version, with all
its cells; only a matrix fills rows. Datasets are in order of their accessions: equal records, equal ledger, equal plan.
Rows and ids are those that the ledger of the last release has; what is new comes after them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from catchment.census.inclusion import cells_in, choose_cells
from catchment.census.ledger import MATRIX, Ledger, allot
from catchment.census.rules import (
    BLOCKED,
    HELD,
    NO_CELLS,
    ORGANISM_LEFT_OUT,
    ORGANISM_MIXED,
    ORGANISM_UNKNOWN,
    SAME_CONTENT,
    SUPERSEDED,
)
from catchment.config import CensusPlan
from catchment.schema.build_records import CellGroup, Plan, PlannedDataset
from catchment.schema.records import Finding, Held, Normalised
from catchment.vocabulary import organisms

NO_JOINID = -1
REVISION = re.compile(r"(.+)\.v([0-9]+)")
Groups = Mapping[str, Sequence[CellGroup]]


def plan(
    normalised: Sequence[Normalised],
    held: Sequence[Held],
    ledger: Ledger | None = None,
    settings: CensusPlan | None = None,
    groups: Groups | None = None,
) -> Plan:
    """Return the plan for the datasets that are through, and a finding for all that the census goes without.

    Parameters
    ----------
    ledger
        what earlier releases allotted.
    groups
        by dataset, its cells by group; read only where a rule of `settings` tells cells apart.
    """
    settings = settings or CensusPlan()
    ledger = Ledger() if ledger is None or settings.dense_ids else ledger
    wanted, excluded = choose(sorted(normalised, key=lambda one: one.dataset.dataset), settings, groups or {})
    datasets, earlier = allot(wanted, ledger)
    cells: Counter[str] = Counter()
    for one in datasets:
        if one.organism is not None:
            cells[one.organism] += one.rows
    return Plan(
        datasets=datasets,
        excluded=(*excluded, *held_findings(held)),
        organisms=dict(sorted(cells.items())),
        earlier=earlier,
        genes=ledger.genes,
        dense=settings.dense_ids,
    )


def planned(record: Normalised, left_out: tuple[CellGroup, ...]) -> PlannedDataset:
    """Return a dataset that has no rows yet; without a matrix it has no organism and never has any."""
    dataset = record.dataset
    matrix = dataset.modality == MATRIX
    return PlannedDataset(
        accession=dataset.accession,
        dataset=dataset.dataset,
        modality=dataset.modality,
        organism=organism_name(record) if matrix else None,
        store=dataset.store,
        path=dataset.product.path,
        logical_digest=dataset.product.logical_digest,
        joinid=NO_JOINID,
        rows=cell_count(record) - cells_in(left_out) if matrix else 0,
        left_out=left_out,
    )


def choose(
    records: Sequence[Normalised], settings: CensusPlan, groups: Groups
) -> tuple[list[PlannedDataset], list[Finding]]:
    """Return the datasets that the census takes, in the order given, and why not the others, or some of their cells."""
    chosen: list[PlannedDataset] = []
    excluded: list[Finding] = []
    first_with: dict[tuple[str, str], str] = {}
    latest = latest_revisions(records)
    for record in records:
        name = record.dataset.dataset
        content = (record.dataset.modality, record.dataset.product.logical_digest)
        reason = reason_against(record, first_with.get(content), latest, settings)
        if reason is None:
            left_out, findings = choose_cells(name, groups.get(name, ()), settings)
            excluded += findings
            if left_out and cells_in(left_out) == cell_count(record):
                continue  # each of its groups has a finding
            chosen.append(planned(record, left_out))
            first_with[content] = name
        else:
            excluded.append(reason)
    return chosen, excluded


def revision_of(accession: str) -> tuple[str, int]:
    """Return a submission's accession without its revision, and the revision: 1 where it names none."""
    named = REVISION.fullmatch(accession)
    return (named[1], int(named[2])) if named else (accession, 1)


def latest_revisions(records: Iterable[Normalised]) -> dict[str, int]:
    """Return the highest revision of each submission that has any."""
    latest: dict[str, int] = {}
    for record in records:
        base, revision = revision_of(record.dataset.accession)
        latest[base] = max(latest.get(base, 0), revision)
    return latest


def reason_against(
    record: Normalised, twin: str | None, latest: Mapping[str, int], settings: CensusPlan
) -> Finding | None:
    """Return why a dataset cannot be in the census; `twin` is the dataset before it that has the same content."""
    name, accession = record.dataset.dataset, record.dataset.accession
    cells = max(cell_count(record), 1)
    base, revision = revision_of(accession)
    if {name, accession, base} & set(settings.blocklist):
        return BLOCKED.broken(name, "on census.plan.blocklist", count=cells)
    if revision < latest[base]:
        return SUPERSEDED.broken(name, f"{base}.v{latest[base]} is there", count=cells)
    if twin is not None:
        return SAME_CONTENT.broken(name, f"the content of {twin}", count=cells)
    if record.dataset.modality != MATRIX:
        return None
    terms = organism_terms(record)
    if len(terms) > 1:
        return ORGANISM_MIXED.broken(name, ", ".join(terms), count=cells)
    organism = organism_name(record)
    if organism is None:
        return ORGANISM_UNKNOWN.broken(name, ", ".join(terms) or "no organism", count=cells)
    if settings.organisms and not {organism, *terms} & set(settings.organisms):
        return ORGANISM_LEFT_OUT.broken(name, organism, expected=", ".join(settings.organisms), count=cells)
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
