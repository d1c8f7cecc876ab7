"""The tables of `census_info`: what the census is, its datasets, its organisms, and cells by category. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa

from catchment.census.ledger import from_rows
from catchment.schema.build_records import Plan
from catchment.schema.columns import (
    CENSUS_INFO,
    CENSUS_SCHEMA_VERSION,
    DATASETS,
    ORGANISMS,
    SUMMARY,
    SUMMARY_CELL_COUNTS,
    Table,
)
from catchment.schema.records import Normalised
from catchment.vocabulary import PINNED_SCHEMA, Organism, organisms

NOTHING = "na"
# Census schema 2.4.0, "summary cell counts": category -> column of its terms
CATEGORIES = {
    "cell_type": "cell_type_ontology_term_id",
    "assay": "assay_ontology_term_id",
    "tissue": "tissue_ontology_term_id",
    "tissue_general": "tissue_general_ontology_term_id",
    "disease": "disease_ontology_term_id",
    "self_reported_ethnicity": "self_reported_ethnicity_ontology_term_id",
    "sex": "sex_ontology_term_id",
    "suspension_type": None,
}


class Group(NamedTuple):
    """Cells that are counted together."""

    category: str
    label: str
    ontology_term_id: str


class CellCounts:
    """Cells of an organism by group: all of them, and those that are primary data (each cell once)."""

    def __init__(self) -> None:
        self.total: Counter[Group] = Counter()
        self.unique: Counter[Group] = Counter()

    def add(self, obs: pa.Table) -> None:
        """Count the cells of some obs."""
        primary = int(pa.compute.sum(obs["is_primary_data"]).as_py() or 0)
        self._count(Group("all", NOTHING, NOTHING), obs.num_rows, primary)
        for category, term in CATEGORIES.items():
            keys = [category] if term is None else [category, term]
            counted = [("is_primary_data", "count"), ("is_primary_data", "sum")]
            for row in obs.group_by(keys).aggregate(counted).to_pylist():
                group = Group(category, row[category], NOTHING if term is None else row[term])
                self._count(group, row["is_primary_data_count"], row["is_primary_data_sum"])

    def merge(self, other: CellCounts) -> None:
        """Add the cells of another count."""
        self.total.update(other.total)
        self.unique.update(other.unique)

    def _count(self, group: Group, total: int, unique: int) -> None:
        self.total[group] += total
        self.unique[group] += unique


def numbered(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a table of the declared columns, with `soma_joinid` 0..n-1."""
    return from_rows(table, ({"soma_joinid": joinid, **row} for joinid, row in enumerate(rows)))


def census_info(
    plan: Plan, contributions: Mapping[str, Normalised], counts: Mapping[str, CellCounts], built: date
) -> dict[str, pa.Table]:
    """Return every table of `census_info` by name; `counts` by organism."""
    by_name = {organism.name: organism for organism in organisms().values()}
    present = [by_name[name] for name in plan.organisms]
    tables = {
        "summary": summary_table(counts, built),
        "datasets": datasets_table(plan, contributions),
        "summary_cell_counts": numbered(
            SUMMARY_CELL_COUNTS, (row for organism in present for row in count_rows(organism, counts[organism.name]))
        ),
        "organisms": numbered(
            ORGANISMS,
            (
                {"organism_ontology_term_id": one.id, "organism_label": one.label, "organism": one.name}
                for one in present
            ),
        ),
    }
    return {name: tables[name] for name in CENSUS_INFO}


def summary_table(counts: Mapping[str, CellCounts], built: date) -> pa.Table:
    """Return what the census is: versions of the schemas, the day it was built, how many cells it has."""
    everything = Group("all", NOTHING, NOTHING)
    values = {
        "census_schema_version": CENSUS_SCHEMA_VERSION,
        "census_build_date": built.isoformat(),
        "dataset_schema_version": PINNED_SCHEMA,
        "total_cell_count": str(sum(one.total[everything] for one in counts.values())),
        "unique_cell_count": str(sum(one.unique[everything] for one in counts.values())),
    }
    return numbered(SUMMARY, ({"label": label, "value": value} for label, value in values.items()))


def datasets_table(plan: Plan, contributions: Mapping[str, Normalised]) -> pa.Table:
    """Return the datasets that fill rows, in order of their joinids: those of withdrawn ones are nobody's.

    A submission stands for the collection of CZI's schema, the digest of a dataset's content for its version.
    """
    filled = sorted((one for one in plan.datasets if one.organism is not None), key=lambda one: one.joinid)
    return from_rows(
        DATASETS,
        (
            {
                "soma_joinid": planned.joinid,
                "citation": f"Dataset {planned.dataset} of submission {planned.accession}",
                "collection_id": planned.accession,
                "collection_name": planned.accession,
                "collection_doi": "",
                "collection_doi_label": "",
                "dataset_id": planned.dataset,
                "dataset_version_id": planned.logical_digest,
                "dataset_title": contributions[planned.dataset].contribution.title or planned.dataset,
                "dataset_h5ad_path": h5ad_path(contributions[planned.dataset]),
                "dataset_total_cell_count": planned.rows,
            }
            for planned in filled
        ),
    )


def h5ad_path(record: Normalised) -> str:
    """Return where a release has the dataset's labelled H5AD; its SOMA where none is published."""
    name = record.dataset.product.path
    if record.prepared is not None and record.publish_bytes:
        name = record.prepared.path or name
    return f"datasets/{record.dataset.dataset}/{name}"


def count_rows(organism: Organism, counts: CellCounts) -> Iterable[dict[str, Any]]:
    """Yield a row for each group of an organism's cells, sorted by category, term and label."""
    for group in sorted(counts.total, key=lambda one: (one.category, one.ontology_term_id, one.label)):
        yield {
            "organism": organism.label,
            **group._asdict(),
            "total_cell_count": counts.total[group],
            "unique_cell_count": counts.unique[group],
        }
