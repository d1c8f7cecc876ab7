"""H5AD to SOMA: Catchment against tiledbsoma's own ways, and against the same bytes written with no framework."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cells
import race
from cells import ROWS, prepare_demonstration, prepare_many, prepare_table, prepare_wide, read_matrix

if TYPE_CHECKING:
    from catchment.schema.records import Asset

ZSTD_LEVEL = 3
SIZES, SIZES_MOLECULES = (10_000, 100_000, 500_000), 800


# --- whole conversions -------------------------------------------------------------------------------------------


def asset_of(path: Path) -> Asset:
    """Return an asset that is one file."""
    from catchment.schema.records import Asset, SourceFile

    file = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
    return Asset(
        accession="CAT00000001A", modality="singlecell", asset="cells", dataset="cells", format="h5ad", files=(file,)
    )


def ours(data: Path, out: Path, zstd_level: int = ZSTD_LEVEL) -> None:
    """Describe, convert and measure, as the steps do."""
    from catchment.singlecell import MODALITY
    from catchment.storage import Place

    asset = asset_of(data / "cells.h5ad")
    description = MODALITY.describe(asset)
    product = MODALITY.convert(asset, description, Place(str(out)), MODALITY.convert_settings(zstd_level=zstd_level))
    assert not product.findings, product.findings
    MODALITY.measure(product, Place(str(out)))


def ours_written_only(data: Path, out: Path) -> None:
    """Convert without reading back, digest and side-cars: what the peers do."""
    from catchment.config import SinglecellConvert
    from catchment.singlecell.container import opened
    from catchment.singlecell.convert import write_experiment
    from catchment.singlecell.reading import read

    out.mkdir()
    path = data / "cells.h5ad"
    with opened(str(path)) as file:
        write_experiment(file, read(file, asset_of(path)), str(out / "cells.soma"), SinglecellConvert())


def context() -> Any:
    """Return a TileDB context for as many threads as are ours."""
    import tiledbsoma

    threads = {"sm.compute_concurrency_level": race.CORES, "sm.io_concurrency_level": race.CORES}
    return tiledbsoma.SOMATileDBContext(tiledb_config=threads)


def from_h5ad(data: Path, out: Path) -> None:
    """Convert with tiledbsoma.io, its defaults (zstd 3)."""
    import tiledbsoma.io

    tiledbsoma.io.from_h5ad(str(out / "cells.soma"), data / "cells.h5ad", "RNA", context=context(), X_layer_name="raw")


def ours_at_9(data: Path, out: Path) -> None:
    """The same at zstd 9."""
    ours(data, out, 9)


def from_h5ad_our_tiles(data: Path, out: Path) -> None:
    """Convert with tiledbsoma.io into arrays of our tiles and filters."""
    import tiledbsoma.io

    from catchment import soma

    options = {"context": context(), "X_layer_name": "raw", "platform_config": soma.matrix_options(ZSTD_LEVEL)}
    tiledbsoma.io.from_h5ad(str(out / "cells.soma"), data / "cells.h5ad", "RNA", **options)


def floor(data: Path, out: Path, zstd_level: int = ZSTD_LEVEL) -> None:
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
            write_block(target, rows, x["indices"][span].astype(np.int64), x["data"][span], zstd_level)


def floor_at_9(data: Path, out: Path) -> None:
    """The same at zstd 9."""
    floor(data, out, 9)


def write_block(target: Any, rows: Any, columns: Any, values: Any, zstd_level: int = ZSTD_LEVEL) -> None:
    """Write one row tile: coordinates of 8 bytes, values of 4, in column tiles, in parts of 65,536 cells."""
    import numpy as np
    from numcodecs import Shuffle, Zstd

    zstd, shuffle = Zstd(zstd_level), {size: Shuffle(size) for size in (4, 8)}
    order = np.argsort((columns >> 11).astype(np.uint16), kind="stable")
    rows, columns, values = rows[order], columns[order], values[order]
    for first in range(0, rows.size, 1 << 16):
        part = slice(first, first + (1 << 16))
        target.write(zstd.encode(rows[part]))
        for array in (columns[part], values[part]):
            target.write(zstd.encode(shuffle[array.dtype.itemsize].encode(array)))


def prepare_sizes(data: Path) -> str:
    """Write files of 10,000, 100,000 and 500,000 cells of like depth; return what they are."""
    described = []
    for number in SIZES:
        (data / str(number)).mkdir()
        path = data / str(number) / "cells.h5ad"
        described.append(cells.write_many(path, number=number, molecules=SIZES_MOLECULES, drawn_blocks=4))
    return "; ".join(text.rstrip(".") for text in described) + "."


def sized(number: int) -> race.Contender:
    """Return the conversion of so many cells."""

    def run(data: Path, out: Path) -> None:
        ours(data / str(number), out)

    return race.Contender(f"Catchment: {number:,} cells", run, None, "h5py, catchment.singlecell.convert")


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
        for name, expected in adata.obsm.items():
            if not np.array_equal(dense_of(rna.obsm[name]), expected):
                wrong += f" {name}"
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

    shape, options = (cells.WIDE_CELLS, cells.WIDE_GENES), soma.matrix_options(ZSTD_LEVEL)
    tiledbsoma.SparseNDArray.create(str(out), type=pa.float32(), shape=shape, platform_config=options).close()
    return str(out)


def write_ours(data: Path, out: Path) -> None:
    """Write a row tile at a time through our writer."""
    import numpy as np

    from catchment import soma

    rows, columns, values = plain_arrays(data)
    with soma.MatrixWriter(create_array(out), race.CORES) as writer:
        for first in range(0, cells.WIDE_CELLS, ROWS):
            starts = np.searchsorted(rows, np.arange(first, min(first + ROWS, cells.WIDE_CELLS) + 1))
            span = slice(int(starts[0]), int(starts[-1]))
            writer.write_tile(first, soma.csr_tile(starts - starts[0], columns[span], values[span]))


def write_theirs(data: Path, out: Path, rows_at_once: int = cells.WIDE_CELLS) -> None:
    """Write through SparseNDArray.write, all at once or some rows at a time."""
    import numpy as np
    import pyarrow as pa
    import tiledbsoma

    rows, columns, values = plain_arrays(data)
    with tiledbsoma.SparseNDArray.open(create_array(out), "w", context=context()) as array:
        for first in range(0, cells.WIDE_CELLS, rows_at_once):
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
        for first in range(0, cells.WIDE_CELLS, ROWS):
            span = slice(*np.searchsorted(rows, (first, first + ROWS)))
            write_block(target, rows[span], columns[span], values[span])


def check_array(data: Path, out: Path) -> str:
    """Compare the array with the H5AD."""
    import tiledbsoma

    with tiledbsoma.SparseNDArray.open(str(out)) as array:
        return check_matrix(array, read_matrix(data))


# --- quality control ---------------------------------------------------------------------------------------------


def qc_ours(data: Path, out: Path) -> None:
    """Read the counts and add up QC: what `convert` does besides writing."""
    import numpy as np
    import pyarrow.parquet as pq

    from catchment.singlecell.arrays import clean_blocks, rows_of
    from catchment.singlecell.container import opened
    from catchment.singlecell.quality import Quality
    from catchment.singlecell.reading import read

    path = data / "cells.h5ad"
    with opened(str(path)) as file:
        reading = read(file, asset_of(path))
        quality = Quality(*reading.layout.raw.shape, reading.genes.sets)
        for block in clean_blocks(rows_of(file, reading.layout.raw), ROWS, quality=quality):
            assert np.all(block.data)
    out.mkdir()
    pq.write_table(quality.cells(), out / "cells.parquet")
    pq.write_table(quality.genes(reading.genes.ids, reading.genes.sets), out / "genes.parquet")


def qc_scanpy(data: Path, out: Path) -> None:
    """Read the H5AD and calculate QC, by scanpy."""
    adata = scanpy_qc(data)
    out.mkdir()
    adata.obs.to_parquet(out / "cells.parquet")
    adata.var.to_parquet(out / "genes.parquet")


def scanpy_qc(data: Path) -> Any:
    """Return the dataset with scanpy's QC in its tables."""
    import scanpy

    adata = scanpy.read_h5ad(data / "cells.h5ad")
    adata.var["mt"] = adata.var_names.isin(cells.mitochondrial_genes())
    scanpy.pp.calculate_qc_metrics(adata, qc_vars=["mt"], inplace=True)
    return adata


def check_qc(data: Path, out: Path) -> str:
    """Compare with scanpy's numbers."""
    import numpy as np
    import pandas as pd

    adata = scanpy_qc(data)
    wrong = ""
    for name, expected in (("cells", adata.obs), ("genes", adata.var)):
        found = pd.read_parquet(out / f"{name}.parquet")
        for column in expected.columns.difference(adata.uns.get("schema", [])):
            both = column in found and expected[column].dtype.kind in "if"
            if both and not np.allclose(found[column], expected[column], rtol=1e-4, equal_nan=True):
                wrong += f" {column}"
    return wrong


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
MANY = {
    race.OURS: CONVERSIONS[race.OURS],
    "catchment-written": CONVERSIONS["catchment-written"],
    race.FLOOR: CONVERSIONS[race.FLOOR],
    "catchment-9": race.Contender(
        "Catchment: convert, zstd 9", ours_at_9, check_soma, "h5py, catchment.singlecell.convert"
    ),
    "floor-9": race.Contender("floor, zstd 9, 1 thread", floor_at_9, None, "h5py, numcodecs"),
}
QUALITY = {
    race.OURS: race.Contender(
        "Catchment: QC as convert draws it", qc_ours, check_qc, "h5py, catchment.singlecell.arrays"
    ),
    "scanpy": race.Contender("scanpy: read_h5ad, calculate_qc_metrics", qc_scanpy, check_qc, "scanpy"),
}
ABOUT_CONVERSIONS = """
Same content on every line but the floor: X (as `raw`), obs, var, obsm; zstd 3 everywhere. Not alike: Catchment's
*convert* also reads every array and column back and compares, draws QC sums per cell and gene, adds ontology labels to
obs, leaves side-cars, and takes a digest of all values on the way; *written only* stops after the last write.
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
    "many": race.Race("H5AD to SOMA, 100,000 cells", ABOUT_CONVERSIONS, prepare_many, MANY),
    "sizes": race.Race(
        "Memory of a conversion, by the number of cells",
        "Cells of like depth (about 600 counts each; blocks of cells come again, to be quick to make), default "
        "settings.\nWhat is asked of these lines is the peak: a row tile is held at a time, and obs.",
        prepare_sizes,
        {race.OURS if number == SIZES[0] else f"catchment-{number}": sized(number) for number in SIZES},
        repeats=1,
    ),
    "quality": race.Race(
        "Quality control, 100,000 cells",
        "The same numbers per cell and per gene. Within *convert* the reading costs nothing: the counts are there.",
        prepare_many,
        QUALITY,
    ),
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
