"""What joins the modalities of a release, and what does not: samples, tissues and cell lines, genes and proteins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catchment.catalogue.connection import open_catalogue
from catchment.schema.records import MODALITY_NAMES

Row = dict[str, Any]
EXAMPLES = 5
# by what: one row for each thing that datasets of a modality are of
BY_SAMPLE = """
    SELECT DISTINCT m.sample_id AS id, m.submitter_id AS label, d.modality, d.dataset_id
    FROM samples m, unnest(m.dataset_ids) AS t(id) JOIN datasets d ON d.dataset_id = t.id WHERE d.stage <> 'raw'
"""
BY_TERM = """
    SELECT DISTINCT unnest(tissue_ontology_term_id) AS id, unnest(tissue) AS label, modality, dataset_id
    FROM datasets WHERE stage <> 'raw'
"""
BY_FEATURE = """
    SELECT modalities, count(*) AS number, list(name ORDER BY name)[:$most] AS examples FROM (
        SELECT f.gene AS name, list_sort(list(DISTINCT d.modality)) AS modalities
        FROM features f JOIN datasets d USING (feature_set)
        WHERE f.gene IS NOT NULL AND d.stage <> 'raw' GROUP BY f.gene
    ) GROUP BY modalities ORDER BY len(modalities) DESC, modalities
"""


def bridges(catalogue: Path) -> list[Row]:
    """Return what joins modalities, and what is of one alone.

    A row for each sample and each tissue (or cell line), and one for the genes and proteins of each combination of
    modalities: by gene symbol, with how many and the first of them. `bridges` tells whether it joins any.
    """
    with open_catalogue(catalogue) as opened:
        samples = opened.rows(BY_SAMPLE, tables=("samples", "datasets"))
        tissues = [
            row for row in opened.rows(BY_TERM, tables=("datasets",)) if row["id"] not in (None, "unknown", "na")
        ]
        features = opened.rows(BY_FEATURE, {"most": EXAMPLES}, tables=("features", "datasets"))
    rows = [*grouped("sample", samples), *grouped("tissue", tissues)]
    for row in features:
        kind = "gene or protein"
        rows.append(entry(kind, ", ".join(row["examples"]), "", set(row["modalities"]), row["number"], []))
    return rows


def grouped(kind: str, rows: list[Row]) -> list[Row]:
    """Return a row for each thing, with the modalities and datasets that are of it; those that join most come first."""
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(row["id"], []).append(row)
    entries = [
        entry(kind, id_, own[0]["label"], {row["modality"] for row in own}, 1, sorted({r["dataset_id"] for r in own}))
        for id_, own in by_id.items()
    ]
    return sorted(entries, key=lambda row: (-len(row["modalities"]), row["id"]))


def entry(kind: str, id_: str, label: str, modalities: set[str], number: int, datasets: list[str]) -> Row:
    """Return one row of the report."""
    return {
        "kind": kind,
        "id": id_,
        "label": label,
        "number": number,
        "bridges": len(modalities) > 1,
        "modalities": sorted(modalities),
        "without": sorted(set(MODALITY_NAMES) - modalities),
        "datasets": datasets,
    }
