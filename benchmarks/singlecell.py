"""H5AD to SOMA: Catchment against tiledbsoma's own ways, and against the same bytes written with no framework."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import race

if TYPE_CHECKING:
    from catchment.schema.records import Asset

ZSTD_LEVEL = 3
WIDE_CELLS, WIDE_GENES, WIDE_NNZ = 6_000, 20_000, 1_500
DEEP_CELLS = 12_000
ROWS = 2048


# --- data --------------------------------------------------------------------------------------------------------


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
    constants = {
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
    columns_of_obs = {name: [value] * WIDE_CELLS for name, value in constants.items()}
    names = [f"cell{n}" for n in range(WIDE_CELLS)]
    umap = rng.normal(size=(WIDE_CELLS, 2)).astype(np.float32)
    uns = {"organism_ontology_term_id": "NCBITaxon:9606", "title": "wide", "default_embedding": "X_umap"}
    write_parts(data / "cells.h5ad", counts, columns_of_obs, names, genes, umap, uns, "X")
    return described(data)


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


# --- whole conversions -------------------------------------------------------------------------------------------


def asset_of(path: Path) -> Asset:
    """Return an asset that is one file."""
    from catchment.schema.records import Asset, SourceFile

    file = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
    return Asset(
        accession="CAT00000001A", modality="singlecell", asset="cells", dataset="cells", format="h5ad", files=(file,)
    )


def ours(data: Path, out: Path) -> None:
    """Describe, convert and measure, as the steps do."""
    from catchment.singlecell import MODALITY
    from catchment.storage import Place

    asset = asset_of(data / "cells.h5ad")
    description = MODALITY.describe(asset)
    product = MODALITY.convert(asset, description, Place(str(out)), MODALITY.convert_settings())
    assert not product.findings, product.findings
    MODALITY.measure(product, Place(str(out)))


def ours_written_only(data: Path, out: Path) -> None:
    """Convert without reading back, digest and side-cars: what the peers do."""
    from catchment.singlecell.container import opened
    from catchment.singlecell.convert import write_experiment
    from catchment.singlecell.reading import read

    out.mkdir()
    path = data / "cells.h5ad"
    with opened(str(path)) as file:
        write_experiment(file, read(file, asset_of(path)), str(out / "cells.soma"), ZSTD_LEVEL)


def context() -> Any:
    """Return a TileDB context for as many threads as are ours."""
    import tiledbsoma

    threads = {"sm.compute_concurrency_level": race.CORES, "sm.io_concurrency_level": race.CORES}
    return tiledbsoma.SOMATileDBContext(tiledb_config=threads)


def from_h5ad(data: Path, out: Path) -> None:
    """Convert with tiledbsoma.io, its defaults (zstd 3)."""
    import tiledbsoma.io

    tiledbsoma.io.from_h5ad(str(out / "cells.soma"), data / "cells.h5ad", "RNA", context=context(), X_layer_name="raw")


def from_h5ad_our_tiles(data: Path, out: Path) -> None:
    """Convert with tiledbsoma.io into arrays of our tiles and filters."""
    import tiledbsoma.io

    from catchment import soma

    options = {"context": context(), "X_layer_name": "raw", "platform_config": soma.matrix_options(ZSTD_LEVEL)}
    tiledbsoma.io.from_h5ad(str(out / "cells.soma"), data / "cells.h5ad", "RNA", **options)


def floor(data: Path, out: Path) -> None:
    """Inflate, reorder by tile, shuffle, compress, write: one thread, one file, no framework."""
    import h5py
    import numpy as np

    with h5py.File(data / "cells.h5ad") as file, out.open("wb") as target:
        x = file["X"]
        indptr = x["indptr"][()]
        for first in range(0, indptr.size - 1, ROWS):
            bounds = indptr[first : first + ROWS + 1]
            span = slice(int(bounds[0]), int(bounds[-1]))
            rows = np.repeat(np.arange(first, first + bounds.size - 1), np.diff(bounds))
            write_block(target, rows, x["indices"][span].astype(np.int64), x["data"][span])


def write_block(target: Any, rows: Any, columns: Any, values: Any) -> None:
    """Write one row tile: coordinates of 8 bytes, values of 4, in column tiles, in parts of 65,536 cells."""
    import numpy as np
    from numcodecs import Shuffle, Zstd

    zstd, shuffle = Zstd(ZSTD_LEVEL), {size: Shuffle(size) for size in (4, 8)}
    order = np.argsort((columns >> 11).astype(np.uint16), kind="stable")
    rows, columns, values = rows[order], columns[order], values[order]
    for first in range(0, rows.size, 1 << 16):
        part = slice(first, first + (1 << 16))
        target.write(zstd.encode(rows[part]))
        for array in (columns[part], values[part]):
            target.write(zstd.encode(shuffle[array.dtype.itemsize].encode(array)))


def check_soma(data: Path, out: Path) -> str:
    """Read the SOMA with tiledbsoma, the H5AD with anndata, and compare counts, cells and genes."""
    import anndata
    import numpy as np
    import tiledbsoma

    adata = anndata.read_h5ad(data / "cells.h5ad")
    with tiledbsoma.Experiment.open(str(out / "cells.soma")) as experiment:
        rna = experiment.ms["RNA"]
        obs, var = experiment.obs.read().concat().to_pandas(), rna.var.read().concat().to_pandas()
        wrong = check_matrix(rna.X["raw"], adata.X)
        if not np.array_equal(dense_of(rna.obsm["X_umap"]), adata.obsm["X_umap"]):
            wrong += " obsm"
    for frame, found in ((adata.obs, obs), (adata.var, var)):
        for name in frame.columns:
            if found[name].astype(str).tolist() != frame[name].astype(str).tolist():
                wrong += f" {name}"
        if not any(
            found[name].tolist() == frame.index.tolist()
            for name in ("obs_id", "var_id", "feature_id", "cell_id")
            if name in found
        ):
            wrong += " names"
    return wrong


def dense_of(array: Any) -> Any:
    """Return a SOMA array of two axes, dense or sparse, as numpy's."""
    import tiledbsoma

    if isinstance(array, tiledbsoma.DenseNDArray):
        return array.read().to_numpy()
    return array.read().coos(array.shape).concat().to_scipy().toarray()


def check_matrix(array: Any, expected: Any) -> str:
    """Hold a SOMA array against scipy's CSR."""
    import numpy as np

    table = array.read().tables().concat()
    rows, columns, values = (np.asarray(table[name]) for name in ("soma_dim_0", "soma_dim_1", "soma_data"))
    order = np.lexsort((columns, rows))
    expected.sort_indices()
    same = (
        rows.size == expected.nnz
        and np.array_equal(rows[order], np.repeat(np.arange(expected.shape[0]), np.diff(expected.indptr)))
        and np.array_equal(columns[order], expected.indices)
        and np.array_equal(values[order], expected.data)
    )
    return "" if same else "counts differ"


# --- the writer alone --------------------------------------------------------------------------------------------


def plain_arrays(data: Path) -> tuple[Any, Any, Any]:
    """Return rows, columns and values."""
    import numpy as np

    return tuple(np.load(data / f"{name}.npy") for name in ("rows", "columns", "values"))  # type: ignore[return-value]


def create_array(out: Path) -> str:
    """Create the array that every writer fills: our tiles and filters."""
    import pyarrow as pa
    import tiledbsoma

    from catchment import soma

    shape, options = (WIDE_CELLS, WIDE_GENES), soma.matrix_options(ZSTD_LEVEL)
    tiledbsoma.SparseNDArray.create(str(out), type=pa.float32(), shape=shape, platform_config=options).close()
    return str(out)


def write_ours(data: Path, out: Path) -> None:
    """Write a row tile at a time through our writer."""
    import numpy as np

    from catchment import soma

    rows, columns, values = plain_arrays(data)
    with soma.MatrixWriter(create_array(out), race.CORES) as writer:
        for first in range(0, WIDE_CELLS, ROWS):
            span = slice(*np.searchsorted(rows, (first, first + ROWS)))
            writer.write(rows[span], columns[span], values[span])


def write_theirs(data: Path, out: Path, rows_at_once: int = WIDE_CELLS) -> None:
    """Write through SparseNDArray.write, all at once or some rows at a time."""
    import numpy as np
    import pyarrow as pa
    import tiledbsoma

    rows, columns, values = plain_arrays(data)
    with tiledbsoma.SparseNDArray.open(create_array(out), "w", context=context()) as array:
        for first in range(0, WIDE_CELLS, rows_at_once):
            span = slice(*np.searchsorted(rows, (first, first + rows_at_once)))
            table = {"soma_dim_0": rows[span], "soma_dim_1": columns[span], "soma_data": values[span]}
            array.write(pa.table(table))


def write_theirs_by_tile(data: Path, out: Path) -> None:
    """Write a row tile at a time through SparseNDArray.write: a fragment each."""
    write_theirs(data, out, ROWS)


def write_floor(data: Path, out: Path) -> None:
    """Reorder, shuffle, compress, write."""
    import numpy as np

    rows, columns, values = plain_arrays(data)
    with out.open("wb") as target:
        for first in range(0, WIDE_CELLS, ROWS):
            span = slice(*np.searchsorted(rows, (first, first + ROWS)))
            write_block(target, rows[span], columns[span], values[span])


def check_array(data: Path, out: Path) -> str:
    """Compare the array with the H5AD."""
    import tiledbsoma

    with tiledbsoma.SparseNDArray.open(str(out)) as array:
        return check_matrix(array, read_matrix(data))


# --- the races ---------------------------------------------------------------------------------------------------

CONVERSIONS = {
    race.OURS: race.Contender(
        "Catchment: convert (reads back, measures, digests)", ours, check_soma, "h5py, catchment.singlecell.convert"
    ),
    "catchment-written": race.Contender(
        "Catchment: written only", ours_written_only, check_soma, "h5py, catchment.singlecell.convert"
    ),
    "from_h5ad": race.Contender("tiledbsoma.io.from_h5ad, defaults", from_h5ad, check_soma, "tiledbsoma.io"),
    "from_h5ad-tiles": race.Contender(
        "tiledbsoma.io.from_h5ad, our tiles and filters", from_h5ad_our_tiles, check_soma, "tiledbsoma.io"
    ),
    race.FLOOR: race.Contender("floor, 1 thread", floor, None, "h5py, numcodecs"),
}
ABOUT_CONVERSIONS = """
Same content on every line but the floor: X (as `raw`), obs, var, obsm; zstd 3 everywhere. Not alike: Catchment's
*convert* also reads every array and column back and compares, draws QC sums per cell and gene, adds ontology labels to
obs, leaves side-cars, and takes a digest of all values (a second read); *written only* stops after the last write.
tiledbsoma also keeps `uns`. The floor writes X alone.
"""
WRITERS = {
    race.OURS: race.Contender("Catchment: soma.MatrixWriter", write_ours, check_array, "catchment.soma"),
    "write": race.Contender("SparseNDArray.write, whole table", write_theirs, check_array, "tiledbsoma"),
    "write-tiles": race.Contender(
        "SparseNDArray.write, a row tile at a time", write_theirs_by_tile, check_array, "tiledbsoma"
    ),
    race.FLOOR: race.Contender("floor, 1 thread", write_floor, None, "numcodecs"),
}
RACES = {
    "demonstration": race.Race(
        "H5AD to SOMA, few genes", ABOUT_CONVERSIONS, prepare_demonstration, CONVERSIONS
    ),
    "wide": race.Race("H5AD to SOMA, many genes", ABOUT_CONVERSIONS, prepare_wide, CONVERSIONS),
    "writer": race.Race(
        "The SOMA writer alone",
        "The same array (tiles, filters, capacity) filled from the same table in memory. Written a tile at a time, "
        "tiledbsoma\nleaves one fragment a tile; the others one in all.",
        prepare_table,
        WRITERS,
    ),
}  # fmt: skip

if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    raise SystemExit(race.main(__file__, RACES))
