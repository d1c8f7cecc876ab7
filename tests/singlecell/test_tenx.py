"""Counts as Cell Ranger writes them become H5ADs, value by value, in blocks; what contradicts itself is told."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from catchment.config import SinglecellAdmit
from catchment.contract import Head
from catchment.schema.records import Asset, Description, Preparation, SourceFile, Unreadable
from catchment.singlecell import MODALITY, tenx
from catchment.storage import Place

from .conftest import COUNTS, GENES, SYMBOLS, Kitchen

CELLS = ["AAAC-1", "AAAG-1", "AAAT-1", "AACC-1"]
PARTS = ("matrix.mtx.gz", "barcodes.tsv.gz", "features.tsv.gz")


def folder_asset(folder: Path) -> Asset:
    files = tuple(
        SourceFile(path=str(path), name=f"counts/{path.name}", bytes=path.stat().st_size, sha256="0" * 64)
        for path in sorted(folder.iterdir())
    )
    identity: dict[str, Any] = {"accession": "CAT00000001A", "dataset": "CAT00000001A.D0001"}
    return Asset(modality="singlecell", asset="cells", format="mtx-folder", files=files, folder="counts", **identity)


def write_folder(folder: Path, matrix: Any = None, text: str | None = None, types: list[str] | None = None) -> Asset:
    """Write a feature-barcode folder of the tiny counts."""
    folder.mkdir()
    if text is None:
        buffer = io.BytesIO()
        scipy.io.mmwrite(buffer, sp.csc_matrix(COUNTS.T if matrix is None else matrix).astype(int), field="integer")
        text = buffer.getvalue().decode()
    features = [f"{a}\t{b}\t{c}" for a, b, c in zip(GENES, SYMBOLS, types or ["Gene Expression"] * 5, strict=True)]
    for name, lines in zip(PARTS, (text, "\n".join(CELLS) + "\n", "\n".join(features) + "\n"), strict=True):
        (folder / name).write_bytes(gzip.compress(lines.encode()))
    return folder_asset(folder)


def prepare(asset: Asset, folder: Path) -> Preparation | Unreadable:
    folder.mkdir(exist_ok=True)
    return MODALITY.prepare(asset, Place(str(folder)), SinglecellAdmit())


def made(asset: Asset, folder: Path) -> anndata.AnnData:
    outcome = prepare(asset, folder)
    assert isinstance(outcome, Preparation), outcome
    described = MODALITY.describe(outcome.asset)
    assert isinstance(described, Description), described
    return anndata.read_h5ad(outcome.asset.files[0].path)


def write_h5(path: Path, **parts: Any) -> Path:
    """Write the tiny counts as Cell Ranger 3 does; `parts` replace what it would write."""
    matrix = sp.csr_matrix(COUNTS)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        own = {"data": matrix.data.astype(np.int32), "indices": matrix.indices, "indptr": matrix.indptr}
        for name, values in {**own, "shape": [5, 4], "barcodes": np.array(CELLS, "S"), **parts}.items():
            if name != "features":
                group[name] = values
        features = {"id": GENES, "name": SYMBOLS, "feature_type": ["Gene Expression"] * 5, "genome": ["GRCh38"] * 5}
        for name, values in {**features, **parts.get("features", {})}.items():
            group.create_group("features") if "features" not in group else None
            group["features"][name] = np.array(values, "S")
    return path


def test_a_10x_file_becomes_an_h5ad_with_every_count(kitchen: Kitchen) -> None:
    adata = made(kitchen.asset(write_h5(kitchen.folder / "counts.h5")), kitchen.folder)
    assert np.array_equal(adata.X.toarray(), COUNTS)
    assert adata.X.dtype == np.float32
    assert (adata.obs_names.tolist(), adata.var_names.tolist()) == (CELLS, GENES)
    assert adata.var["gene_symbol"].tolist() == SYMBOLS


def test_a_folder_becomes_an_h5ad_with_every_count(tmp_path: Path) -> None:
    adata = made(write_folder(tmp_path / "counts"), tmp_path)
    assert np.array_equal(adata.X.toarray(), COUNTS)
    assert (adata.obs_names.tolist(), adata.var_names.tolist()) == (CELLS, GENES)
    assert adata.var["gene_symbol"].tolist() == SYMBOLS


@pytest.mark.parametrize("block_bytes", [8, 32, 100])
def test_cells_are_whole_whatever_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    counts = np.zeros((4, 5), np.float32)
    counts[1] = COUNTS[1]  # the first and the last cells have nothing
    counts[2, 4] = 9
    monkeypatch.setattr(tenx, "BLOCK_BYTES", block_bytes)
    assert np.array_equal(made(write_folder(tmp_path / "counts", counts.T), tmp_path).X.toarray(), counts)


def test_antibodies_are_left_out_and_told(tmp_path: Path) -> None:
    types = ["Gene Expression", "Antibody Capture", "Gene Expression", "Gene Expression", "CRISPR Guide Capture"]
    asset = write_folder(tmp_path / "counts", types=types)
    adata = made(asset, tmp_path)
    assert np.array_equal(adata.X.toarray(), COUNTS[:, [0, 2, 3]])
    assert adata.var_names.tolist() == [GENES[0], GENES[2], GENES[3]]
    (finding,) = prepare(write_folder(tmp_path / "again", types=types), tmp_path / "second").findings
    assert (finding.code, finding.count) == ("MTX-002", 2)
    assert finding.found == "2 features of type Antibody Capture, CRISPR Guide Capture"


HEADER = "%%MatrixMarket matrix coordinate integer general\n"


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("", "MTX-001", "an empty file"),
        (HEADER.replace("coordinate", "array"), "MTX-001", "%%matrixmarket matrix array integer general"),
        (HEADER + "5 4\n", "MTX-001", "sizes b'5 4\\n'"),
        (HEADER + "5 9 1\n1 1 1\n", "AD-002", "5 features and 4 barcodes, the matrix has 5 x 9"),
        (HEADER + "5 4 2\n1 1 1\n", "MTX-001", "1 values"),
        (HEADER + "5 4 2\n1 2 1\n1 1 1\n", "MTX-001", "cells that do not come in their order"),
        (HEADER + "5 4 1\n1 5 1\n", "MTX-001", "cells that do not come in their order"),
        (HEADER + "5 4 1\n1 1 x\n", "MTX-001", "'x'"),
        (HEADER + "5 4 1\n9 1 1\n", "AD-001", "feature numbers 8 to 8 of 5 features"),
    ],
)
def test_a_matrix_that_contradicts_itself_is_told(tmp_path: Path, text: str, code: str, found: str) -> None:
    outcome = prepare(write_folder(tmp_path / "counts", text=text), tmp_path)
    assert isinstance(outcome, Unreadable)
    assert [finding.code for finding in outcome.findings] == [code]
    assert found in outcome.findings[0].found


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"shape": [4, 4]}, "AD-002"),
        ({"indptr": [0, 3, 2, 7, 9]}, "AD-001"),
        ({"indices": np.array([9] * 9)}, "AD-001"),
        ({"indices": np.array([1, 2])}, "AD-001"),
    ],
)
def test_a_10x_file_that_contradicts_itself_is_told(kitchen: Kitchen, parts: dict[str, Any], code: str) -> None:
    outcome = prepare(kitchen.asset(write_h5(kitchen.folder / "counts.h5", **parts)), kitchen.folder)
    assert isinstance(outcome, Unreadable)
    assert [finding.code for finding in outcome.findings] == [code]


def test_several_genomes_are_for_a_person_to_part(kitchen: Kitchen) -> None:
    path = write_h5(kitchen.folder / "counts.h5")
    with h5py.File(path, "r+") as file:
        file.copy("matrix", "mm10")
    described = MODALITY.describe(kitchen.asset(path))
    assert isinstance(described, Unreadable)
    assert described.findings[0].found == "matrices of 2 genomes: matrix, mm10"


def test_a_folder_is_recognised_by_its_matrix(tmp_path: Path) -> None:
    def head(*names: str, start: bytes = b"%%MatrixMarket matrix coordinate") -> Head:
        def member(name: str) -> Head:
            return Head(name=name, size=1, start=start)

        return Head(name="counts", size=0, start=b"", members=names, member=member)

    def format_of(one: Head) -> str | None:
        confidence = MODALITY.recognise(one)
        return confidence.format if confidence else None

    assert format_of(head(*PARTS)) == "mtx-folder"
    assert format_of(head("barcodes.tsv", "genes.tsv", "matrix.mtx")) == "mtx-folder"
    assert format_of(head("barcodes.tsv", "matrix.mtx")) is None
    assert format_of(head(*PARTS, start=b"hello")) is None


REAL_FILES = (
    "10x_data__1.2.0__filtered_gene_bc_matrices_h5.h5",
    "10x_data__3.0.0__filtered_feature_bc_matrix.h5",
    "visium_data__1.0.0__filtered_feature_bc_matrix.h5",
)


@pytest.mark.real
@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize("name", REAL_FILES)
def test_a_real_10x_file_is_what_scanpy_reads(kitchen: Kitchen, shared: Path, name: str) -> None:
    import scanpy

    path = shared / "singlecell/scanpy" / name
    expected = scanpy.read_10x_h5(path)
    adata = made(kitchen.asset(path), kitchen.folder)
    assert np.array_equal(adata.X.toarray(), expected.X.toarray())
    assert adata.obs_names.tolist() == expected.obs_names.tolist()
    assert adata.var_names.tolist() == expected.var["gene_ids"].tolist()
    assert adata.var["gene_symbol"].tolist() == expected.var_names.tolist()


@pytest.mark.real
def test_a_real_folder_is_what_scipy_reads(tmp_path: Path, shared: Path) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    for source in (shared / "singlecell/scanpy").glob("10x_data__3.0.0__filtered_feature_bc_matrix__*.gz"):
        (folder / source.name.rsplit("__")[-1]).write_bytes(source.read_bytes())
    expected = scipy.io.mmread(folder / "matrix.mtx.gz").T.toarray()
    assert np.array_equal(made(folder_asset(folder), tmp_path).X.toarray(), expected)
