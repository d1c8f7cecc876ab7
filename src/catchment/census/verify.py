"""Opens an assembled census again and holds it against its plan and its sources, before anything is released.

What is checked follows the validation of CZI's builder, over every cell and gene, none sampled. A claim that fails is
our own fault and ends the build; nothing here writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tiledbsoma

from catchment.census.ledger import ledger_table
from catchment.census.summary import CellCounts, count_rows
from catchment.census.verify_cells import Checked, Part, check_dataset, require
from catchment.compute import available_threads
from catchment.schema.columns import CENSUS_INFO, CENSUS_SCHEMA_VERSION, MEASUREMENTS, OBS, VAR, Table, names
from catchment.schema.records import Census, Plan, PlannedDataset, Verification
from catchment.soma import context
from catchment.soma_digest import walk
from catchment.vocabulary import PINNED_SCHEMA, organisms

NORMALIZED = "normalized"
PRESENCE = "feature_dataset_presence_matrix"

# the column whose filter is tried: the one that people filter by
FILTERED = "cell_type"


def verify(plan: Plan, census: Census, store: Path, workdir: Path) -> Verification:
    """Return what was checked, and on how many things.

    Parameters
    ----------
    store
        the folder that the paths of `census` are relative to.
    workdir
        the folder that the stores of the plan are relative to.

    Raises
    ------
    CensusWrong
        At the first claim that does not hold: what was found, what was expected, where.
    """
    threads = available_threads()
    checks: Counter[str] = Counter()
    require(census.cells == plan.organisms, f"cells by organism: found {census.cells}, expected {plan.organisms}")
    root = store / census.soma
    opened: Any = tiledbsoma.Collection.open(str(root), context=context(threads))
    with opened as soma:
        checks["objects"] = check_layout(soma, root, plan)
        counts = {}
        for name in plan.organisms:
            counts[name] = check_experiment(soma["census_data"][name], root, plan, name, workdir, checks, threads)
        check_info(soma["census_info"], plan, counts, checks)
    check_tables(store, census, plan, checks)
    return Verification(checks=dict(sorted(checks.items())))


def check_layout(soma: Any, root: Path, plan: Plan) -> int:
    """Hold the objects of the SOMA against those that the schema has; return how many there are."""
    found = {path: item.soma_type for path, item in walk(soma)}
    expected = {
        "/": "SOMACollection",
        "/census_info": "SOMACollection",
        "/census_data": "SOMACollection",
        "/census_spatial_sequencing": "SOMACollection",
        **{f"/census_info/{name}": "SOMADataFrame" for name in CENSUS_INFO},
    }
    for name in plan.organisms:
        own = f"/census_data/{name}"
        expected |= {own: "SOMAExperiment", f"{own}/obs": "SOMADataFrame", f"{own}/ms": "SOMACollection"}
        expected |= {f"{own}/ms/RNA": "SOMAMeasurement", f"{own}/ms/RNA/var": "SOMADataFrame"}
        expected |= {f"{own}/ms/RNA/X": "SOMACollection", f"{own}/ms/RNA/X/raw": "SOMASparseNDArray"}
        expected |= {f"{own}/ms/RNA/{PRESENCE}": "SOMASparseNDArray"}
        if f"{own}/ms/RNA/X/{NORMALIZED}" in found:
            expected[f"{own}/ms/RNA/X/{NORMALIZED}"] = "SOMASparseNDArray"
    require(found == expected, f"objects: {sorted(set(found.items()) ^ set(expected.items()))} should not differ")
    base = str(root.resolve())
    for path, item in walk(soma):
        where = str(Path(item.uri.removeprefix("file://")).resolve())
        require(where.startswith(base), f"{path}: is kept at {where}, expected below {base}")
    return len(found)


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


# --- one organism ------------------------------------------------------------------------------------------------


def check_experiment(
    experiment: Any, root: Path, plan: Plan, name: str, workdir: Path, checks: Counter[str], threads: int
) -> CellCounts:
    """Hold one organism's experiment against its datasets; return its cells by group, counted from its obs."""
    datasets = [dataset for dataset in plan.datasets if dataset.organism == name]
    measurement = experiment.ms["RNA"]
    var = measurement.var.read().concat().sort_by("soma_joinid")
    where = f"census_data/{name}"
    checks["columns"] += check_columns(experiment.obs, OBS, f"{where}/obs")
    checks["columns"] += check_columns(measurement.var, VAR, f"{where}/ms/RNA/var")
    check_joinids(experiment.obs.read(column_names=["soma_joinid"]).concat(), plan.organisms[name], f"{where}/obs")
    check_joinids(var, var.num_rows, f"{where}/ms/RNA/var")
    checks["dictionaries"] += check_dictionaries(experiment.obs, f"{where}/obs")
    genes = var["feature_id"].to_pylist()
    require(genes == sorted(set(genes)), f"{where}/ms/RNA/var: feature_id does not rise")
    # one after the other, as they were written: see docs/decisions/0007
    results = [check_dataset(Part(planned, root, workdir, genes, threads)) for planned in datasets]
    check_genes(var, datasets, results, f"{where}/ms/RNA/var")
    check_presence(measurement[PRESENCE], datasets, results, f"{where}/ms/RNA/{PRESENCE}")
    layers = sorted(measurement.X)
    for layer in layers:
        check_layer(measurement.X[layer], results, len(genes), plan.organisms[name], f"{where}/ms/RNA/X/{layer}")
    checks["cells"] += plan.organisms[name]
    checks["genes"] += len(genes)
    checks["datasets"] += len(datasets)
    checks["presences"] += sum(len(result.genes) for result in results)
    checks["counts"] += sum(result.values for result in results)
    checks["fragments"] += sum(result.values > 0 for result in results) * len(layers)
    checks["shares"] += sum(result.values for result in results) * (NORMALIZED in layers)
    counts = CellCounts()
    for result in results:
        counts.merge(result.groups)
    return counts


def check_joinids(table: pa.Table, rows: int, where: str) -> None:
    """Hold joinids against 0..n-1."""
    joinids = np.sort(table["soma_joinid"].to_numpy())
    require(np.array_equal(joinids, np.arange(rows)), f"{where}: soma_joinid is not 0 to {rows - 1}, each once")


def check_genes(var: pa.Table, datasets: Sequence[PlannedDataset], results: Sequence[Checked], where: str) -> None:
    """Hold what var says of each gene against the datasets."""
    nnz, measured = np.zeros(var.num_rows, np.int64), np.zeros(var.num_rows, np.int64)
    for planned, result in zip(datasets, results, strict=True):
        nnz += result.gene_nnz
        measured[result.genes] += planned.rows
    for name, expected in (("nnz", nnz), ("n_measured_obs", measured)):
        wrong = np.flatnonzero(var[name].to_numpy() != expected)
        if wrong.size:
            gene = int(wrong[0])
            require(
                False, f"{where}/{name}[{gene}]: found {var[name][gene]}, expected {expected[gene]} ({wrong.size} such)"
            )
    require(bool(np.all(measured > 0)), f"{where}: a gene is in none of the datasets")


def check_presence(array: Any, datasets: Sequence[PlannedDataset], results: Sequence[Checked], where: str) -> None:
    """Hold the presence matrix against the genes of each dataset: each pair once, and never a stored False."""
    table = array.read().tables().concat()
    values = table["soma_data"].to_numpy(zero_copy_only=False)
    require(bool(values.all()), f"{where}: holds a False")
    found = Counter(zip(table["soma_dim_0"].to_pylist(), table["soma_dim_1"].to_pylist(), strict=True))
    expected = {
        (planned.joinid, int(gene)) for planned, result in zip(datasets, results, strict=True) for gene in result.genes
    }
    require(set(found) == expected, f"{where}: {len(set(found) ^ expected)} pairs of dataset and gene are wrong")
    require(max(found.values(), default=1) == 1, f"{where}: holds a pair twice")


def check_layer(array: Any, results: Sequence[Checked], genes: int, cells: int, where: str) -> None:
    """Hold a layer's shape, type, number of values and fragments (one a dataset) against the datasets."""
    shape = (cells, max(genes, 1))
    require(array.shape == shape, f"{where}: shape is {array.shape}, expected {shape}")
    kind = array.schema.field("soma_data").type
    require(kind == pa.float32(), f"{where}: values are {kind}, expected float")
    values = sum(result.values for result in results)
    require(array.nnz == values, f"{where}: {array.nnz} values, expected {values}")
    folder = Path(array.uri.removeprefix("file://")) / "__fragments"
    fragments = len(list(folder.iterdir())) if folder.is_dir() else 0
    expected = sum(result.values > 0 for result in results)
    require(fragments == expected, f"{where}: {fragments} fragments, expected one for each of {expected} datasets")


def check_dictionaries(obs: Any, where: str) -> int:
    """Look every code up in its dictionary, and filter one column as a reader would; return how many columns there are.

    A dictionary that was lost while it was written reads back as numbers of no values, and finds nothing. Filters
    make a TileDB context each, and tiledbsoma 2.3.0 has been seen to abort in many of them: one column stands for all.
    """
    coded = [column.name for column in OBS if column.coded]
    for name in coded:
        column = obs.read(column_names=[name]).concat()[name].combine_chunks()
        highest = pc.max(column.indices).as_py()
        found = len(column.dictionary)
        require(highest < found, f"{where}/{name}: the dictionary has {found} values, cells have {highest + 1}")
        if name == FILTERED:
            values = column.dictionary_decode()
            value = values[0].as_py()
            expected = pc.sum(pc.equal(values, value)).as_py()
            found = len(obs.read(column_names=["soma_joinid"], value_filter=f"{name} == {value!r}").concat())
            require(found == expected, f"{where}: {name} == {value!r} finds {found} cells, expected {expected}")
    return len(coded)


# --- what is not of one organism ---------------------------------------------------------------------------------


def check_info(info: Any, plan: Plan, counts: dict[str, CellCounts], checks: Counter[str]) -> None:
    """Hold the tables of `census_info` against the plan and the cells."""
    tables = {}
    for name, table in CENSUS_INFO.items():
        checks["columns"] += check_columns(info[name], table, f"census_info/{name}")
        tables[name] = info[name].read().concat().sort_by("soma_joinid")
        check_joinids(tables[name], tables[name].num_rows, f"census_info/{name}")
        checks["info_rows"] += tables[name].num_rows
    matrices = [planned for planned in plan.datasets if planned.organism is not None]
    expected = [(planned.joinid, planned.dataset, planned.rows) for planned in matrices]
    same(rows_of(tables["datasets"], "soma_joinid", "dataset_id", "dataset_total_cell_count"), expected, "datasets")
    by_name = {one.name: one for one in organisms().values()}
    same(
        rows_of(tables["organisms"], "organism", "organism_ontology_term_id", "organism_label"),
        [(name, by_name[name].id, by_name[name].label) for name in plan.organisms],
        "organisms",
    )
    keys = ("organism", "category", "label", "ontology_term_id", "total_cell_count", "unique_cell_count")
    counted = [row for name in plan.organisms for row in count_rows(by_name[name], counts[name])]
    same(rows_of(tables["summary_cell_counts"], *keys), [tuple(row[key] for key in keys) for row in counted], "counts")
    summary = dict(rows_of(tables["summary"], "label", "value"))
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


def rows_of(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of a table as rows."""
    return list(zip(*(table[name].to_pylist() for name in columns), strict=True))


def same(found: Iterable[Any], expected: Iterable[Any], where: str) -> None:
    """Hold rows against rows, and name the first that differs."""
    found, expected = list(found), list(expected)
    require(len(found) == len(expected), f"{where}: {len(found)} rows, expected {len(expected)}")
    for number, (own, other) in enumerate(zip(found, expected, strict=True)):
        require(own == other, f"{where}[{number}]: found {own}, expected {other}")


def check_tables(store: Path, census: Census, plan: Plan, checks: Counter[str]) -> None:
    """Hold the ledger against the plan, and the measurements against its datasets."""
    ledger = pq.read_table(store / census.ledger)
    require(ledger.equals(ledger_table(plan)), f"{census.ledger}: differs from the plan")
    checks["ledger_rows"] += ledger.num_rows
    measurements = pq.read_table(store / census.measurements)
    expected = pa.schema([(column.name, column.type) for column in MEASUREMENTS])
    require(measurements.schema.equals(expected), f"{census.measurements}: found {measurements.schema}")
    strays = set(measurements["dataset_id"].to_pylist()) - {planned.dataset for planned in plan.datasets}
    require(not strays, f"{census.measurements}: {sorted(strays)} are not in the plan")
    checks["measurements"] += measurements.num_rows
