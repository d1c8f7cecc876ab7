"""H5AD -> SOMA: every count, layer, embedding and column kept, read back, and measured on the way.

Layout of the experiment (`catchment_layout` 1): obs; ms/RNA/var; ms/RNA/X/raw (float32, sparse, no stored zeros);
ms/RNA/X/<layer>; ms/RNA/obsm/<name>. Rows and columns are in the file's order.
"""

from __future__ import annotations

import h5py
import numpy as np
import pyarrow as pa
import tiledbsoma

from catchment import soma
from catchment.config import SinglecellConvert
from catchment.schema.records import Asset, Description, Product, Unreadable
from catchment.schema.rules import is_error
from catchment.singlecell.arrays import dense_options, kept_type, write_dense, write_sparse
from catchment.singlecell.columns import obs_table, var_table
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.describe import unreadable
from catchment.singlecell.layout import Unfit
from catchment.singlecell.matrix import Sums
from catchment.singlecell.readback import Written, differences
from catchment.singlecell.reading import Reading, read
from catchment.singlecell.sidecars import write_side_cars
from catchment.soma_digest import logical_digest
from catchment.storage import Place

LAYOUT_VERSION = "1"
OBS, VAR, RAW = "obs", "ms/RNA/var", "ms/RNA/X/raw"


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
    return Product(
        kind="soma",
        path=f"{asset.asset}.soma",
        logical_digest=logical_digest(target.uri),
        side_cars=write_side_cars(place, reading.genes.ids, written.sums),
        findings=differences(target.uri, written),
        facts={
            "organism_ontology_term_id": reading.organism,
            "title": reading.title,
            "n_obs": reading.layout.raw.shape[0],
            "n_vars": reading.layout.raw.shape[1],
            "nnz": int(written.sums.n_genes_by_counts.sum()),
            "mitochondrial_genes": int(reading.genes.mitochondrial.sum()),
            "layers": sorted(reading.layout.layers),
            "obsm": sorted(reading.layout.obsm),
        },
    )


def write_experiment(file: h5py.File, reading: Reading, uri: str, zstd_level: int) -> Written:
    """Write everything, and return what must be read back."""
    genes = reading.genes
    obs = obs_table(reading.obs.names, reading.obs.columns, reading.known, reading.organism)
    var = var_table(genes.ids, genes.names, genes.references, reading.var.columns)
    uris = create_arrays(file, reading, uri, obs, var, zstd_level)
    sums = Sums(obs.num_rows, genes.mitochondrial)
    width = var.num_rows
    digests = {RAW: write_sparse(file, reading.layout.raw, uris[RAW], width, sums=sums)}
    for name, matrix in reading.layout.layers.items():
        path, columns = f"ms/RNA/X/{name}", reading.layer_columns
        if matrix.encoding == "dense":
            digests[path] = write_dense(file[matrix.path], uris[path], np.float32, width, columns)
        else:
            digests[path] = write_sparse(file, matrix, uris[path], width, columns)
    for name, shape in reading.layout.obsm.items():
        path, item = f"ms/RNA/obsm/{name}", file[f"obsm/{name}"]
        digests[path] = write_dense(item, uris[path], kept_type(item.dtype), shape[1])
    soma.fill_dataframe(uris[OBS], obs)
    soma.fill_dataframe(uris[VAR], var)
    return Written(obs, var, digests, sums)


def create_arrays(
    file: h5py.File, reading: Reading, uri: str, obs: pa.Table, var: pa.Table, zstd_level: int
) -> dict[str, str]:
    """Create the experiment with every array empty, and return the address of each by its path."""
    shape = (obs.num_rows, var.num_rows)
    sparse = soma.matrix_options(zstd_level)
    uris = {}
    with tiledbsoma.Experiment.create(uri, context=soma.context()) as experiment:
        experiment.metadata["catchment_layout"] = LAYOUT_VERSION
        for key, value in (("organism_ontology_term_id", reading.organism), ("title", reading.title)):
            if value:
                experiment.metadata[key] = value
        uris[OBS] = soma.create_dataframe(experiment, "obs", obs)
        rna = experiment.add_new_collection("ms").add_new_collection("RNA", tiledbsoma.Measurement)
        uris[VAR] = soma.create_dataframe(rna, "var", var)
        x = rna.add_new_collection("X")
        uris[RAW] = x.add_new_sparse_ndarray("raw", type=pa.float32(), shape=shape, platform_config=sparse).uri
        for name, matrix in reading.layout.layers.items():
            add = x.add_new_dense_ndarray if matrix.encoding == "dense" else x.add_new_sparse_ndarray
            options = dense_options(shape, zstd_level) if matrix.encoding == "dense" else sparse
            uris[f"ms/RNA/X/{name}"] = add(name, type=pa.float32(), shape=shape, platform_config=options).uri
        if reading.layout.obsm:
            obsm = rna.add_new_collection("obsm")
            for name, size in reading.layout.obsm.items():
                kind = pa.from_numpy_dtype(kept_type(file[f"obsm/{name}"].dtype))
                options = dense_options(size, zstd_level)
                array = obsm.add_new_dense_ndarray(name, type=kind, shape=size, platform_config=options)
                uris[f"ms/RNA/obsm/{name}"] = array.uri
    return uris
