"""Primary cells that two datasets share are found by the hashes of their counts, and only those."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catchment.census import repeated
from catchment.census.plan import plan
from catchment.census.repeated import repeated_cells
from catchment.demonstration.singlecell import write_h5ad
from catchment.modalities import inspect_asset
from catchment.schema.build_records import CellGroup, PlannedDataset
from catchment.schema.columns import CELL_HASHES, CELL_HASHES_FILE, names
from catchment.schema.records import Asset, Finding, Normalised, Prepared, SourceFile, StoredFile

from .synthetic_census import CELL, record

FILE = StoredFile(path=CELL_HASHES_FILE, bytes=1, sha256="0" * 64)


def with_hashes(workdir: Path, number: int, cells: list[tuple[int, bool]], tissue_type: str = "tissue") -> Normalised:
    """Return the record of a dataset with such cells: a number that stands for their counts, and whether primary."""
    made = record(number, cells=len(cells))
    folder = workdir / f"prepared{number}"
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {
        "obs_id": [f"c{row}" for row in range(len(cells))],
        "assay_ontology_term_id": [CELL["assay_ontology_term_id"]] * len(cells),
        "tissue_type": [tissue_type] * len(cells),
        "is_primary_data": [primary for _, primary in cells],
        # halves that are equal alone make no cell
        "hash_high": pa.array([value % 7 for value, _ in cells], pa.uint64()),
        "hash_low": pa.array([value for value, _ in cells], pa.uint64()),
    }
    pq.write_table(pa.table({name: columns[name] for name in names(CELL_HASHES)}), folder / CELL_HASHES_FILE)
    prepared = Prepared(store=str(folder.relative_to(workdir)), path=None, files=(FILE,))
    return made.model_copy(update={"prepared": prepared})


def found(workdir: Path, records: list[Normalised], planned: tuple[PlannedDataset, ...] | None = None) -> list[Finding]:
    by_name = {one.dataset.dataset: one for one in records}
    return list(repeated_cells(planned or plan(records, []).datasets, by_name, workdir))


def test_a_shared_cell_is_a_warning_of_the_later_dataset(tmp_path: Path) -> None:
    records = [
        with_hashes(tmp_path, 1, [(11, True), (12, True), (13, True)]),
        with_hashes(tmp_path, 2, [(21, True), (13, True), (22, True), (11, True)]),
        with_hashes(tmp_path, 3, [(31, True)]),
    ]
    (finding,) = found(tmp_path, records)
    assert (finding.code, finding.level, finding.where, finding.count) == (
        "CEN-012",
        "warning",
        "CAT00000002A.D0001",
        2,
    )
    assert finding.found == (
        "2 primary cells have the counts of primary cells of CAT00000001A.D0001: 'c1' = 'c2', 'c3' = 'c0'"
    )


def test_cells_without_counts_and_cells_that_are_not_primary_are_not_shared(tmp_path: Path) -> None:
    records = [
        with_hashes(tmp_path, 1, [(0, True), (12, False), (13, True)]),
        with_hashes(tmp_path, 2, [(0, True), (12, True), (13, False)]),
    ]
    assert found(tmp_path, records) == []


def test_cells_that_the_census_leaves_out_are_not_shared(tmp_path: Path) -> None:
    records = [
        with_hashes(tmp_path, 1, [(11, True), (12, True)]),
        with_hashes(tmp_path, 2, [(11, True), (12, True)], tissue_type="organoid"),
    ]
    datasets = plan(records, []).datasets
    assert found(tmp_path, records, datasets)[0].count == 2
    assay = CELL["assay_ontology_term_id"]
    group = CellGroup(assay_ontology_term_id=assay, tissue_type="organoid", is_primary_data=True, cells=2)
    left_out = (datasets[0], datasets[1].model_copy(update={"left_out": (group,)}))
    assert found(tmp_path, records, left_out) == []


def test_a_dataset_without_hashes_takes_no_part(tmp_path: Path) -> None:
    assert found(tmp_path, [with_hashes(tmp_path, 1, [(11, True)]), record(2)]) == []


@given(st.lists(st.lists(st.integers(0, 12), max_size=8), min_size=1, max_size=4), st.integers(1, 20))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_shared_cell_is_counted_once_whatever_the_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datasets: list[list[int]], at_once: int
) -> None:
    monkeypatch.setattr(repeated, "CELLS_AT_ONCE", at_once)
    records = [with_hashes(tmp_path, n + 1, [(cell, True) for cell in cells]) for n, cells in enumerate(datasets)]
    expected: dict[tuple[int, int], int] = defaultdict(int)
    for later, cells in enumerate(datasets):
        for cell in cells:
            first = next(number for number, others in enumerate(datasets) if cell in others)
            if cell and first != later:
                expected[later, first] += 1
    planned = tuple(
        PlannedDataset.model_validate(one.model_dump() | {"rows": max(one.rows, 1)})
        for one in plan(records, []).datasets
    )
    counted = {(one.where, one.found.split(":")[0][-18:]): one.count for one in found(tmp_path, records, planned)}
    name = [one.dataset.dataset for one in records]
    assert counted == {(name[later], name[first]): count for (later, first), count in expected.items()}


def admitted(folder: Path, number: int, adata: anndata.AnnData) -> Normalised:
    """Return the record of a dataset as `admit` leaves it."""
    folder = folder / f"prepared{number}"
    folder.mkdir()
    path = folder / "sent.h5ad"
    adata.write_h5ad(path)
    file = SourceFile(path=str(path), name="cells.h5ad", bytes=path.stat().st_size, sha256="0" * 64)
    identity = {"accession": f"CAT{number:08d}A", "dataset": f"CAT{number:08d}A.D0001"}
    asset = Asset(modality="singlecell", asset="cells", format="h5ad", files=(file,), **identity)
    inspection = inspect_asset(asset, str(folder), {})
    assert [one for one in inspection.findings if one.level == "error"] == []
    prepared = Prepared(store=folder.name, path=inspection.path, files=(FILE,))
    return record(number, cells=adata.n_obs).model_copy(update={"prepared": prepared})


def test_a_cell_is_known_again_in_another_dataset(tmp_path: Path) -> None:
    facts = {"donors": ["D1"], "sex": "unknown", "development_stage": "unknown"}
    write_h5ad(tmp_path / "one.h5ad", organism="homo_sapiens", seed=1, cells=12, **facts)
    write_h5ad(tmp_path / "other.h5ad", organism="homo_sapiens", seed=2, cells=8, **facts)
    one, other = (anndata.read_h5ad(tmp_path / f"{name}.h5ad") for name in ("one", "other"))
    # three cells of the first, under other names, with the genes in another order
    taken = one[[7, 2, 9]].copy()
    taken.obs_names = ["x7", "x2", "x9"]
    both = anndata.concat([other, taken], merge="same", uns_merge="first")
    assert list(both.var_names) == list(one.var_names)
    both = both[:, np.random.default_rng(1).permutation(both.n_vars)].copy()
    both.X = sp.csr_matrix(both.X)
    both.X.sort_indices()
    for column in both.obs:
        both.obs[column] = both.obs[column].astype(one.obs[column].dtype.name)
    (finding,) = found(tmp_path, [admitted(tmp_path, 1, one), admitted(tmp_path, 2, both)])
    assert (finding.count, finding.where) == (3, "CAT00000002A.D0001")
    names = one.obs_names
    assert finding.found.endswith(f": 'x7' = {names[7]!r}, 'x2' = {names[2]!r}, 'x9' = {names[9]!r}")
