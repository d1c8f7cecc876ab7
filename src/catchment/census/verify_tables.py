"""The tables of an assembled census against plan and cells: census_info, ledger, ids of genes, exclusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tiledbsoma

from catchment.census.faults import Faults, require
from catchment.census.last_release import earlier_genes
from catchment.census.ledger import exclusion_table, ledger_table
from catchment.census.summary import CellCounts, count_rows
from catchment.schema.build_records import Census, Plan
from catchment.schema.columns import CENSUS_INFO, CENSUS_SCHEMA_VERSION, GENES, MEASUREMENTS, Table, names
from catchment.soma import Int64, context
from catchment.vocabulary import PINNED_SCHEMA, organisms


def check_columns(frame: Any, table: Table, where: str) -> int:
    """Hold a dataframe's columns against the declared ones; return how many there are."""
    schema = frame.schema
    require(tuple(schema.names) == names(table), f"{where}: columns are {schema.names}, expected {list(names(table))}")
    for column in table:
        kind = schema.field(column.name).type
        require(
            pa.types.is_dictionary(kind) == column.coded and getattr(kind, "value_type", kind) == column.type,
            f"{where}/{column.name}: found {kind}, expected {'a dictionary of ' if column.coded else ''}{column.type}",
        )
    return len(table)


def check_joinids(table: pa.Table, expected: Int64, where: str) -> None:
    """Hold joinids against those that there must be."""
    joinids = np.sort(table["soma_joinid"].to_numpy())
    told = f"{expected.size} of 0 to {expected.max(initial=0)}"
    require(np.array_equal(joinids, expected), f"{where}: soma_joinid is not {told}, each once")


def check_datasets(info: Any, plan: Plan, counts: dict[str, CellCounts], checks: Counter[str]) -> None:
    """Hold the tables of `census_info` against the declared columns; those of datasets and organisms with the plan."""
    matrices = sorted((one for one in plan.datasets if one.organism is not None), key=lambda one: one.joinid)
    for name, table in CENSUS_INFO.items():
        checks["columns"] += check_columns(info[name], table, f"census_info/{name}")
        found = read_info(info, name)
        joinids = np.arange(found.num_rows)
        if name == "datasets":
            joinids = np.array([planned.joinid for planned in matrices], np.int64)
        check_joinids(found, joinids, f"census_info/{name}")
        checks["info_rows"] += found.num_rows
    columns = ("soma_joinid", "dataset_id", "dataset_version_id", "dataset_total_cell_count")
    expected = [(one.joinid, one.dataset, one.logical_digest, one.rows) for one in matrices]
    same(rows_of(read_info(info, "datasets"), *columns), expected, "datasets")
    by_name = {one.name: one for one in organisms().values()}
    same(
        rows_of(read_info(info, "organisms"), "organism", "organism_ontology_term_id", "organism_label"),
        [(name, by_name[name].id, by_name[name].label) for name in plan.organisms],
        "organisms",
    )


def read_info(info: Any, name: str) -> pa.Table:
    """Return a table of `census_info`, in order of its joinids."""
    return info[name].read().concat().sort_by("soma_joinid")


def check_summary(info: Any, plan: Plan, counts: dict[str, CellCounts], checks: Counter[str]) -> None:
    """Hold the counts of cells, by group and in all, against the cells."""
    by_name = {one.name: one for one in organisms().values()}
    keys = ("organism", "category", "label", "ontology_term_id", "total_cell_count", "unique_cell_count")
    counted = [row for name in plan.organisms for row in count_rows(by_name[name], counts[name])]
    found = rows_of(read_info(info, "summary_cell_counts"), *keys)
    same(found, [tuple(row[key] for key in keys) for row in counted], "counts")
    summary = dict(rows_of(read_info(info, "summary"), "label", "value"))
    everything = [row for row in counted if row["category"] == "all"]
    expected_summary = {
        "census_schema_version": CENSUS_SCHEMA_VERSION,
        "dataset_schema_version": PINNED_SCHEMA,
        "total_cell_count": str(sum(row["total_cell_count"] for row in everything)),
        "unique_cell_count": str(sum(row["unique_cell_count"] for row in everything)),
    }
    for label, value in expected_summary.items():
        require(summary.get(label) == value, f"summary/{label}: found {summary.get(label)}, expected {value}")
    try:
        date.fromisoformat(summary.get("census_build_date", ""))
    except ValueError:
        require(False, f"summary/census_build_date: found {summary.get('census_build_date')!r}, expected a date")
    checks["groups"] += len(counted)


def rows_of(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of a table as rows."""
    return list(zip(*(table[name].to_pylist() for name in columns), strict=True))


def same(found: Iterable[Any], expected: Iterable[Any], where: str) -> None:
    """Hold rows against rows, and name the first that differs."""
    found, expected = list(found), list(expected)
    require(len(found) == len(expected), f"{where}: {len(found)} rows, expected {len(expected)}")
    for number, (own, other) in enumerate(zip(found, expected, strict=True)):
        require(own == other, f"{where}[{number}]: found {own}, expected {other}")


def check_tables(store: Path, census: Census, plan: Plan, workdir: Path, checks: Counter[str], faults: Faults) -> None:
    """Hold the ledger, the genes' ids and the exclusions against the plan, the measurements against its datasets."""
    with faults.noted():
        ledger = pq.read_table(store / census.ledger)
        require(ledger.equals(ledger_table(plan)), f"{census.ledger}: differs from the plan")
        checks["ledger_rows"] += ledger.num_rows
    with faults.noted():
        exclusions = pq.read_table(store / census.exclusions)
        require(exclusions.equals(exclusion_table(plan)), f"{census.exclusions}: differs from the plan")
        checks["exclusions"] += exclusions.num_rows
    with faults.noted():
        check_gene_ids(pq.read_table(store / census.genes), store / census.soma, plan, workdir, census.genes)
    with faults.noted():
        measurements = pq.read_table(store / census.measurements)
        expected = pa.schema([(column.name, column.type) for column in MEASUREMENTS])
        require(measurements.schema.equals(expected), f"{census.measurements}: found {measurements.schema}")
        strays = set(measurements["dataset_id"].to_pylist()) - {planned.dataset for planned in plan.datasets}
        require(not strays, f"{census.measurements}: {sorted(strays)} are not in the plan")
        checks["measurements"] += measurements.num_rows


def check_gene_ids(genes: pa.Table, root: Path, plan: Plan, workdir: Path, where: str) -> None:
    """Hold the table of the genes' ids against each organism's var, and against the release before."""
    require(tuple(genes.column_names) == names(GENES), f"{where}: columns are {genes.column_names}")
    earlier = earlier_genes(plan, workdir)
    for name in sorted({*genes["organism"].to_pylist(), *earlier["organism"].to_pylist(), *plan.organisms}):
        found = genes.filter(pc.equal(genes["organism"], name)).drop_columns("organism")
        if name in plan.organisms:
            with tiledbsoma.DataFrame.open(str(root / "census_data" / name / "ms/RNA/var"), context=context()) as var:
                expected = var.read(column_names=found.column_names).concat().sort_by("soma_joinid")
        else:
            expected = earlier.filter(pc.equal(earlier["organism"], name)).drop_columns("organism")
        same_ids = found.equals(expected.select(found.column_names).cast(found.schema))
        require(same_ids, f"{where}: the genes of {name} are not those of the census")
