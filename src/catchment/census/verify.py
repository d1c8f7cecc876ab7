"""Opens an assembled census again and holds it against its plan and its sources, before anything is released.

What is checked follows the validation of CZI's builder, over every cell and gene, none sampled. Every fault is found in
one pass; it is our own, and ends the build. Pieces that an earlier census shares byte for byte, and that were held
against their source then, are held against their digests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tiledbsoma

from catchment.census.axis import axis_of
from catchment.census.faults import Faults, require
from catchment.census.last_release import earlier_genes
from catchment.census.layers import layer_digest
from catchment.census.ledger import height_of, in_order, joinids_of
from catchment.census.pieces import NORMALIZED
from catchment.census.summary import CellCounts
from catchment.census.verify_cells import Checked, Part, check_dataset
from catchment.census.verify_tables import check_columns, check_datasets, check_joinids, check_summary, check_tables
from catchment.compute import available_threads
from catchment.schema.build_records import Census, Plan, PlannedDataset, Verification
from catchment.schema.columns import (
    CENSUS_INFO,
    OBS,
    VAR,
    VAR_FROM_DATASET,
    names,
)
from catchment.schema.records import StoredFile
from catchment.soma import context
from catchment.soma_digest import logical_digest, walk
from catchment.vocabulary import organisms

PRESENCE = "feature_dataset_presence_matrix"

# the column whose filter is tried: the one that people filter by
FILTERED = "cell_type"


def verify(plan: Plan, census: Census, store: Path, workdir: Path, files: Iterable[StoredFile] = ()) -> Verification:
    """Return what was checked, and on how many things.

    Parameters
    ----------
    store
        the folder that the paths of `census` are relative to.
    workdir
        the folder that the stores of the plan are relative to.
    files
        those of the store, as they were sealed: pieces that they show to be shared are not read again.

    Raises
    ------
    CensusWrong
        With every claim that does not hold: what was found, what was expected, where.
    """
    threads = available_threads()
    checks: Counter[str] = Counter()
    faults = Faults()
    with faults.noted():
        require(census.cells == plan.organisms, f"cells by organism: found {census.cells}, expected {plan.organisms}")
    root = store / census.soma
    sealed = {file.path: file.sha256 for file in files}
    opened: Any = tiledbsoma.Collection.open(str(root), context=context(threads))
    with opened as soma:
        found = len(faults.findings)
        with faults.noted():
            checks["objects"] = check_layout(soma, root, plan)
        if len(faults.findings) > found:
            faults.stop_if_any()  # where objects are missing nothing else can be looked at
        counts: dict[str, CellCounts] = {}
        known: dict[str, str] = {}
        pieces = pq.read_table(store / census.pieces).to_pylist()
        for name in plan.organisms:
            own = [row for row in pieces if row["organism"] == name]
            one = Organism(name, plan, root, store, workdir, own, sealed, threads)
            result = check_experiment(soma["census_data"][name], one, checks, faults)
            if result is not None:
                counts[name] = result.groups
                known |= {f"/census_data/{name}/ms/RNA/X/{layer}": digest for layer, digest in result.digests.items()}
        if not faults.findings:
            for check in (check_datasets, check_summary):
                with faults.noted():
                    check(soma["census_info"], plan, counts, checks)
    check_tables(store, census, plan, workdir, checks, faults)
    faults.stop_if_any()
    with faults.noted():
        digest = logical_digest(str(root), threads, known)
        require(digest == census.logical_digest, f"logical digest: {digest}, expected {census.logical_digest}")
    faults.stop_if_any()
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


# --- one organism ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Organism:
    """One organism's part of a census, and what it is held against; `pieces` as the census's table has them."""

    name: str
    plan: Plan
    root: Path
    store: Path
    workdir: Path
    pieces: list[dict[str, Any]]
    sealed: dict[str, str]
    threads: int


@dataclass
class Result:
    """What was counted on the way: cells by group; and, by layer, the digest of its values."""

    groups: CellCounts
    digests: dict[str, str]


def check_experiment(experiment: Any, one: Organism, checks: Counter[str], faults: Faults) -> Result | None:
    """Hold one organism's experiment against its datasets; None where something is wrong with it."""
    datasets = in_order(one.plan, one.name)
    measurement = experiment.ms["RNA"]
    where = f"census_data/{one.name}"
    before = len(faults.findings)
    with faults.noted():
        checks["columns"] += check_columns(experiment.obs, OBS, f"{where}/obs")
    with faults.noted():
        checks["columns"] += check_columns(measurement.var, VAR, f"{where}/ms/RNA/var")
    if len(faults.findings) > before:
        return None
    var = measurement.var.read().concat().sort_by("soma_joinid")
    earlier = earlier_genes(one.plan, one.workdir)
    earlier = earlier.filter(pc.equal(earlier["organism"], one.name))
    with faults.noted():
        check_cells(experiment.obs, datasets, f"{where}/obs")
    with faults.noted():
        check_joinids(var, np.arange(var.num_rows), f"{where}/ms/RNA/var")
        check_ids(var, earlier, f"{where}/ms/RNA/var")
    if len(faults.findings) > before:
        return None  # cells and genes that cannot be told apart cannot be held against any
    genes = var["feature_id"].to_pylist()
    layers = sorted(measurement.X)
    organism = next(known for known in organisms().values() if known.name == one.name)
    results = []
    for planned in datasets:
        # one after the other, as they were written: see docs/decisions/0007
        axis = axis_of(planned, organism, one.workdir, one.threads)
        own = [row for row in one.pieces if row["dataset_id"] == planned.dataset]
        part = Part(planned, axis, experiment, one.root, one.store, one.workdir, genes, own, one.sealed, one.threads)
        with faults.noted():
            results.append(check_dataset(part))
    if len(results) < len(datasets):
        return None  # sums of datasets that are wrong tell nothing more
    with faults.noted():
        check_genes(var, datasets, results, earlier.num_rows, f"{where}/ms/RNA/var")
    with faults.noted():
        check_presence(measurement[PRESENCE], joinids_of(one.plan), datasets, results, f"{where}/ms/RNA/{PRESENCE}")
    shape = (height_of(one.plan, one.name), max(len(genes), 1))
    fragments = sum(row["counts"] > 0 for row in one.pieces)
    for layer in layers:
        with faults.noted():
            check_layer(
                measurement.X[layer],
                results,
                shape,
                min(fragments, 1) if one.plan.dense else fragments,
                f"{where}/ms/RNA/X/{layer}",
            )
    with faults.noted():
        check_filter(experiment.obs, f"{where}/obs")
    if len(faults.findings) > before:
        return None
    checks["dictionaries"] += sum(column.coded for column in OBS)
    checks["cells"] += one.plan.organisms[one.name]
    checks["genes"] += len(genes)
    checks["datasets"] += len(datasets)
    checks["presences"] += sum(len(result.genes) for result in results)
    checks["counts"] += sum(result.values for result in results)
    checks["counts_read"] += sum(result.values_read for result in results)
    checks["fragments"] += fragments * len(layers)
    checks["shares"] += sum(result.values for result in results) * (NORMALIZED in layers)
    groups = CellCounts()
    for result in results:
        groups.merge(result.groups)
    digests = {layer: layer_digest(one for result in results for one in result.digests[layer]) for layer in layers}
    return Result(groups, digests)


def check_cells(obs: Any, datasets: Sequence[PlannedDataset], where: str) -> None:
    """Hold the joinids of obs against the rows that were allotted: each once, and none in a hole."""
    rows = [np.arange(one.first_row, one.first_row + one.rows) for one in datasets]
    check_joinids(obs.read(column_names=["soma_joinid"]).concat(), np.concatenate(rows), where)


def check_ids(var: pa.Table, earlier: pa.Table, where: str) -> None:
    """Hold the genes against those that had ids already; no gene has two."""
    genes = var["feature_id"].to_pylist()
    require(len(set(genes)) == len(genes), f"{where}: a feature_id is there twice")
    kept = var.select(names(VAR_FROM_DATASET)).slice(0, earlier.num_rows)
    moved = kept.cast(earlier.select(kept.column_names).schema) != earlier.select(kept.column_names)
    require(not moved, f"{where}: a gene does not have the id of the release before")
    new = genes[earlier.num_rows :]
    require(new == sorted(new), f"{where}: feature_id does not rise")


def check_genes(
    var: pa.Table, datasets: Sequence[PlannedDataset], results: Sequence[Checked], earlier: int, where: str
) -> None:
    """Hold what var says of each gene against the datasets; `earlier`: how many genes had ids already."""
    nnz, measured = np.zeros(var.num_rows, np.int64), np.zeros(var.num_rows, np.int64)
    for planned, result in zip(datasets, results, strict=True):
        nnz += result.gene_nnz
        measured[result.genes] += planned.rows
    for name, expected in (("nnz", nnz), ("n_measured_obs", measured)):
        wrong = np.flatnonzero(var[name].to_numpy() != expected)
        if wrong.size:
            gene = int(wrong[0])
            found = var[name][gene]
            require(False, f"{where}/{name}[{gene}]: found {found}, expected {expected[gene]} ({wrong.size} such)")
    require(bool(np.all(measured[earlier:] > 0)), f"{where}: a gene is in none of the datasets")


def check_presence(
    array: Any, joinids: int, datasets: Sequence[PlannedDataset], results: Sequence[Checked], where: str
) -> None:
    """Hold the presence matrix against the genes of each dataset: each pair once, and never a stored False."""
    require(array.shape[0] == joinids, f"{where}: {array.shape[0]} rows, expected {joinids}")
    table = array.read().tables().concat()
    require(bool(table["soma_data"].to_numpy(zero_copy_only=False).all()), f"{where}: holds a False")
    width = array.shape[1]
    found = np.sort(table["soma_dim_0"].to_numpy() * width + table["soma_dim_1"].to_numpy())
    pairs = [planned.joinid * width + result.genes for planned, result in zip(datasets, results, strict=True)]
    expected = np.sort(np.concatenate(pairs))
    wrong = np.setxor1d(found, expected).size
    require(wrong == 0, f"{where}: {wrong} pairs of dataset and gene are wrong")
    require(found.size == expected.size, f"{where}: holds a pair twice")


def check_layer(array: Any, results: Sequence[Checked], shape: tuple[int, int], expected: int, where: str) -> None:
    """Hold a layer's shape, type, number of values and fragments against the datasets and their pieces."""
    require(array.shape == shape, f"{where}: shape is {array.shape}, expected {shape}")
    kind = array.schema.field("soma_data").type
    require(kind == pa.float32(), f"{where}: values are {kind}, expected float")
    values = sum(result.values for result in results)
    require(array.nnz == values, f"{where}: {array.nnz} values, expected {values}")
    folder = Path(array.uri.removeprefix("file://")) / "__fragments"
    fragments = len(list(folder.iterdir())) if folder.is_dir() else 0
    require(fragments == expected, f"{where}: {fragments} fragments, expected {expected}")


def check_filter(obs: Any, where: str) -> None:
    """Filter one column as a reader would; one stands for all.

    Filters make a TileDB context each, and tiledbsoma 2.3.0 has been seen to abort in many of them.
    """
    values = obs.read(column_names=[FILTERED]).concat()[FILTERED].combine_chunks()
    value = values[0].as_py()
    expected = pc.sum(pc.equal(values.dictionary_decode(), value)).as_py()
    found = len(obs.read(column_names=["soma_joinid"], value_filter=f"{FILTERED} == {value!r}").concat())
    require(found == expected, f"{where}: {FILTERED} == {value!r} finds {found} cells, expected {expected}")
