"""H5AD -> SOMA: every count, layer, embedding and column kept, read back, and measured on the way.

Layout of the experiment (`catchment_layout` 1): obs; ms/RNA/var; ms/RNA/X/raw (float32, sparse, no stored zeros);
ms/RNA/X/<layer>; ms/RNA/obsm/<name>. Rows and columns are in the file's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import tiledbsoma

from catchment import soma
from catchment.config import SinglecellConvert
from catchment.schema.records import Asset, Description, Product, Unreadable
from catchment.schema.rules import is_error
from catchment.singlecell.arrays import kept_type, rows_of, tile_rows, write_dense, write_sparse
from catchment.singlecell.blocks import Rows
from catchment.singlecell.columns import obs_table, var_table
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.describe import unreadable
from catchment.singlecell.layout import Unfit
from catchment.singlecell.quality import Quality
from catchment.singlecell.readback import Written, read_back
from catchment.singlecell.reading import Reading, read
from catchment.singlecell.sidecars import write_side_cars
from catchment.storage import Place

LAYOUT_VERSION = "1"
OBS, VAR, X = "obs", "ms/RNA/var", "ms/RNA/X"
RAW = f"{X}/raw"


def convert(asset: Asset, description: Description, place: Place, settings: SinglecellConvert) -> Product | Unreadable:
    """Return the SOMA written at `<asset>.soma` in the place, with its side-cars; or why the data are damaged.

    What reads back differently is an error finding of the product.
    """
    target = place / f"{asset.asset}.soma"
    try:
        with opened(asset.files[0].path) as file:
            reading = read(file, asset)
            fatal = tuple(finding for finding in reading.findings if is_error(finding))
            if fatal:
                return Unreadable(findings=fatal)
            written = write_experiment(file, reading, target.uri, settings.zstd_level)
    except Unfit as unfit:
        return Unreadable(findings=unfit.findings)
    except READ_FAULTS as error:
        return Unreadable(findings=(unreadable(error),))
    digest, findings = read_back(target.uri, written)
    return Product(
        kind="soma",
        path=f"{asset.asset}.soma",
        logical_digest=digest,
        side_cars=write_side_cars(place, reading.genes, written.quality),
        findings=findings,
        facts={
            "organism_ontology_term_id": reading.organism,
            "title": reading.title,
            "n_obs": reading.layout.raw.shape[0],
            "n_vars": reading.layout.raw.shape[1],
            "nnz": written.quality.nnz,
            "mitochondrial_genes": int(reading.genes.mitochondrial.sum()),
            "ribosomal_genes": int(reading.genes.ribosomal.sum()),
            "layers": sorted(reading.layout.layers),
            "obsm": sorted(reading.layout.obsm),
        },
    )


def write_experiment(file: h5py.File, reading: Reading, uri: str, zstd_level: int) -> Written:
    """Write everything, and return what must be read back."""
    genes = reading.genes
    obs = obs_table(reading.obs.names, reading.obs.columns, reading.known, reading.organism)
    var = var_table(genes.ids, genes.names, genes.references, reading.var.columns)
    arrays = list(arrays_of(file, reading))
    uris = create_arrays(arrays, reading, uri, obs, var, zstd_level)
    quality = Quality(obs.num_rows, var.num_rows, genes.sets)
    digests = {}
    for array in arrays:
        if array.rows is None:
            digests[array.path] = write_dense(array.item, uris[array.path], array.shape[1], array.columns)
        else:
            told = quality if array.path == RAW else None
            digests[array.path] = write_sparse(array.rows, uris[array.path], array.dtype, array.columns, told)
    for path, table in ((OBS, obs), (VAR, var)):
        soma.fill_dataframe(uris[path], table)
    return Written({OBS: obs, VAR: var}, digests, quality)


@dataclass(frozen=True)
class Array:
    """One array to write: at which path, of which shape and type, from which rows or (dense) dataset.

    `columns`: the array's column of each of the source's; None where they are the same.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rows: Rows | None = None
    item: Any = None
    columns: Any = None


def arrays_of(file: h5py.File, reading: Reading) -> Iterator[Array]:
    """Yield every array of the experiment, the counts first.

    Counts become float32, which the Census has them in and which holds all that `validate` admits; all else keeps its
    type.
    """
    layout = reading.layout
    yield Array(RAW, layout.raw.shape, np.dtype(np.float32), rows_of(file, layout.raw))
    for name, matrix in layout.layers.items():
        dtype = kept_type(np.dtype(matrix.dtype))
        rows = None if matrix.encoding == "dense" else rows_of(file, matrix)
        yield Array(f"{X}/{name}", layout.raw.shape, dtype, rows, file[matrix.path], reading.layer_columns)
    for name, shape in layout.obsm.items():
        item = file[f"obsm/{name}"]
        yield Array(f"ms/RNA/obsm/{name}", shape, kept_type(item.dtype), item=item)


def create_arrays(
    arrays: Sequence[Array], reading: Reading, uri: str, obs: pa.Table, var: pa.Table, zstd_level: int
) -> dict[str, str]:
    """Create the experiment with every array empty, and return the address of each by its path."""
    uris = {}
    with tiledbsoma.Experiment.create(uri, context=soma.context()) as experiment:
        experiment.metadata["catchment_layout"] = LAYOUT_VERSION
        for key, value in (("organism_ontology_term_id", reading.organism), ("title", reading.title)):
            if value:
                experiment.metadata[key] = value
        uris[OBS] = soma.create_dataframe(experiment, "obs", obs)
        rna = experiment.add_new_collection("ms").add_new_collection("RNA", tiledbsoma.Measurement)
        uris[VAR] = soma.create_dataframe(rna, "var", var)
        collections: dict[str, Any] = {}
        for array in arrays:
            folder, name = array.path.removeprefix("ms/RNA/").split("/")
            if folder not in collections:
                collections[folder] = rna.add_new_collection(folder)
            kind = pa.from_numpy_dtype(array.dtype)
            own = {"type": kind, "shape": array.shape}
            if array.rows is None:
                options = soma.dense_options(array.shape, zstd_level)
                made = collections[folder].add_new_dense_ndarray(name, platform_config=options, **own)
            else:
                options = soma.matrix_options(zstd_level, tile_rows(array.rows))
                made = collections[folder].add_new_sparse_ndarray(name, platform_config=options, **own)
            uris[array.path] = made.uri
    return uris
