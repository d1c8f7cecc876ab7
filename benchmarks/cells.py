"""H5ADs that the single-cell benchmarks convert: few genes, a whole genome's worth, and many cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import race

WIDE_CELLS, WIDE_GENES, WIDE_NNZ = 6_000, 20_000, 1_500
DEEP_CELLS = 12_000
MANY_CELLS, MANY_GENES, MANY_COUNTS = 100_000, 33_000, 4_700
ROWS = 2048
KINDS = (("data", "f4"), ("indices", "i4"))

CONSTANTS = {
    "assay_ontology_term_id": "EFO:0009922",
    "disease_ontology_term_id": "PATO:0000461",
    "development_stage_ontology_term_id": "unknown",
    "self_reported_ethnicity_ontology_term_id": "unknown",
    "sex_ontology_term_id": "unknown",
    "suspension_type": "cell",
    "tissue_ontology_term_id": "UBERON:0002107",
    "tissue_type": "tissue",
    "cell_type_ontology_term_id": "CL:0000182",
    "donor_id": "D1",
}


def prepare_demonstration(data: Path) -> str:
    """Write the demonstration's liver cells, many of them; return what they are."""
    from catchment.demonstration.singlecell import write_h5ad

    constants = {"sex": "unknown", "development_stage": "unknown", "donors": ["D1", "D2"]}
    write_h5ad(data / "cells.h5ad", organism="homo_sapiens", seed=1, cells=DEEP_CELLS, **constants)
    return described(data)


def prepare_wide(data: Path) -> str:
    """Write cells over a whole genome's worth of genes, counts drawn from a heavy tail; return what they are."""
    import numpy as np
    import scipy.sparse as sp

    from catchment.demonstration.singlecell import write_parts

    rng = np.random.default_rng(1)
    weights = np.cumsum(rng.lognormal(0, 1.5, WIDE_GENES))
    rows = np.repeat(np.arange(WIDE_CELLS), WIDE_NNZ * 5 // 3)
    columns = np.searchsorted(weights, rng.uniform(0, weights[-1], rows.size))
    # molecules of one gene in one cell add up: a count
    counts = sp.csr_matrix((np.ones(rows.size, np.float32), (rows, columns)), (WIDE_CELLS, WIDE_GENES))
    genes = [
        {
            "gene_id": f"ENSG{n:011d}",
            "feature_name": f"G{n}",
            "feature_length": "1000",
            "feature_type": "protein_coding",
        }
        for n in range(WIDE_GENES)
    ]
    columns_of_obs = {name: [value] * WIDE_CELLS for name, value in CONSTANTS.items()}
    names = [f"cell{n}" for n in range(WIDE_CELLS)]
    umap = rng.normal(size=(WIDE_CELLS, 2)).astype(np.float32)
    uns = {"organism_ontology_term_id": "NCBITaxon:9606", "title": "wide", "default_embedding": "X_umap"}
    write_parts(data / "cells.h5ad", counts, columns_of_obs, names, genes, umap, uns, "X")
    return described(data)


def mitochondrial_genes() -> list[str]:
    """Return the ids of the genes of the human mitochondrion."""
    from catchment.demonstration.singlecell import read_genes

    return [gene["gene_id"] for gene in read_genes("homo_sapiens") if gene["feature_name"].startswith("MT-")]


def prepare_many(data: Path) -> str:
    """Write many cells of a whole genome, without embedding; return what they are."""
    return write_many(data / "cells.h5ad")


def write_many(
    path: Path,
    *,
    embedding: bool = False,
    number: int | None = None,
    molecules: int | None = None,
    drawn_blocks: int | None = None,
) -> str:
    """Write many cells of a whole genome, some thousand at a time: depth log-normal, genes of a heavy tail.

    `number` of cells (None: `MANY_CELLS`); `molecules` of the median cell (None: `MANY_COUNTS`); `drawn_blocks` of
    2,048 cells that are drawn before they come again (None: all).
    """
    import h5py
    import numpy as np
    import scipy.sparse as sp

    from catchment.demonstration.singlecell import write_parts
    from catchment.singlecell.gene_reference import lines_of

    number, molecules = number or MANY_CELLS, molecules or MANY_COUNTS
    rng = np.random.default_rng(1)
    ids = list(dict.fromkeys([*mitochondrial_genes(), *lines_of("NCBITaxon:9606")]))[:MANY_GENES]
    genes = [{"gene_id": id_, "feature_length": "1000", "feature_type": "protein_coding"} for id_ in ids]
    columns = {name: [value] * number for name, value in CONSTANTS.items()}
    names = [f"cell{n}" for n in range(number)]
    uns = {"organism_ontology_term_id": "NCBITaxon:9606", "title": "many"}
    nothing = sp.csr_matrix((number, MANY_GENES), dtype=np.float32)
    umap = rng.normal(size=(number, 2)).astype(np.float32)
    write_parts(path, nothing, columns, names, genes, umap, uns, "X")
    weights = np.cumsum(rng.lognormal(0, 2, MANY_GENES))
    indptr = [0]
    with h5py.File(path, "r+") as file:
        del file["X/data"], file["X/indices"], file["X/indptr"]
        if not embedding:
            del file["obsm/X_umap"]
        gzip = {"chunks": (1 << 16,), "compression": "gzip", "compression_opts": 4, "maxshape": (None,)}
        parts = {
            name: file["X"].create_dataset(name, (0,), dtype, **gzip)
            for name, dtype in (("data", "f4"), ("indices", "i4"))
        }
        kept: list[sp.csr_matrix] = []
        for first in range(0, number, ROWS):
            if drawn_blocks is None or len(kept) < drawn_blocks:
                depth = rng.lognormal(np.log(molecules), 0.5, ROWS).astype(int) + 1
                rows = np.repeat(np.arange(depth.size), depth)
                drawn = np.searchsorted(weights, rng.uniform(0, weights[-1], rows.size), side="right")
                block = sp.csr_matrix((np.ones(rows.size, np.float32), (rows, drawn)), (depth.size, MANY_GENES))
                if drawn_blocks is not None:
                    kept.append(block)
            else:
                block = kept[first // ROWS % drawn_blocks]
            block = block[: number - first]
            for name, dataset in parts.items():
                dataset.resize((indptr[-1] + block.nnz,))
                dataset[indptr[-1] :] = getattr(block, name)
            indptr += (block.indptr[1:] + indptr[-1]).tolist()
        file["X"]["indptr"] = np.array(indptr, np.int32 if indptr[-1] < 1 << 31 else np.int64)
    size = path.stat().st_size / race.MB
    return f"{number:,} cells × {MANY_GENES:,} genes, {indptr[-1] / 1e6:.0f} million counts, gzip 4, {size:.0f} MB."


def write_cells(path: Path, count: int, per_cell: int) -> str:
    """Write as many cells of a whole genome, each with as many counts, one in each stretch of genes; return them."""
    import h5py
    import numpy as np
    import scipy.sparse as sp

    from catchment.demonstration.singlecell import write_parts
    from catchment.singlecell.gene_reference import lines_of

    rng = np.random.default_rng(1)
    stretch = 30_000 // per_cell
    ids = list(lines_of("NCBITaxon:9606"))[: stretch * per_cell]
    genes = [{"gene_id": id_, "feature_length": "1000", "feature_type": "protein_coding"} for id_ in ids]
    columns = {name: [value] * count for name, value in CONSTANTS.items()}
    uns = {"organism_ontology_term_id": "NCBITaxon:9606", "title": "cells"}
    umap = rng.normal(size=(count, 2)).astype(np.float32)
    nothing = sp.csr_matrix((count, len(ids)), dtype=np.float32)
    write_parts(path, nothing, columns, [f"cell{n}" for n in range(count)], genes, umap, uns, "X")
    with h5py.File(path, "r+") as file:
        x = file["X"]
        del x["data"], x["indices"], x["indptr"]
        gzip = {"chunks": (1 << 16,), "compression": "gzip", "compression_opts": 1}
        data, indices = (x.create_dataset(name, (count * per_cell,), kind, **gzip) for name, kind in KINDS)
        x["indptr"] = np.arange(count + 1) * per_cell
        for first in range(0, count, ROWS):
            rows = min(ROWS, count - first)
            span = slice(first * per_cell, (first + rows) * per_cell)
            data[span] = rng.geometric(0.5, rows * per_cell)
            drawn = rng.integers(0, stretch, (rows, per_cell)) + np.arange(per_cell) * stretch
            indices[span] = drawn.ravel()
    return f"{count:,} cells"


def prepare_table(data: Path) -> str:
    """Write the wide matrix as plain arrays (rows, columns, values; by rows, columns rising)."""
    import numpy as np

    text = prepare_wide(data)
    matrix = read_matrix(data)
    np.save(data / "rows.npy", np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)))
    np.save(data / "columns.npy", matrix.indices.astype(np.int64))
    np.save(data / "values.npy", matrix.data)
    return text.partition(", H5AD")[0] + ", as three plain arrays in memory: row, column, value."


def described(data: Path) -> str:
    """Return size and density of the H5AD."""
    matrix = read_matrix(data)
    size = (data / "cells.h5ad").stat().st_size / race.MB
    shape = f"{matrix.shape[0]:,} cells × {matrix.shape[1]:,} genes"
    return f"{shape}, {matrix.nnz / 1e6:.1f} million counts, H5AD, gzip 4, {size:.0f} MB."


def read_matrix(data: Path) -> Any:
    """Return the counts as scipy's CSR, by anndata."""
    import anndata

    return anndata.read_h5ad(data / "cells.h5ad").X
