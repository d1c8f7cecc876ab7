"""H5AD -> SOMA: every count, layer, embedding and column kept, read back, and measured on the way.

Layout of the experiment (`catchment_layout` 1): obs; ms/RNA/var; ms/RNA/X/raw (float32, sparse, no stored zeros);
ms/RNA/X/<layer>; ms/RNA/obsm/<name>. Rows and columns are in the file's order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tiledbsoma

from catchment import soma
from catchment.config import SinglecellConvert
from catchment.schema.records import Asset, Description, Finding, Product, Unreadable
from catchment.schema.rules import is_error
from catchment.singlecell import rules
from catchment.singlecell.blocks import Block, blocks, read_indptr
from catchment.singlecell.columns import obs_table, var_table
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.describe import unreadable
from catchment.singlecell.layout import Matrix, Unfit
from catchment.singlecell.matrix import Faults, Sums, canonical, digest_of, indptr_fault
from catchment.singlecell.readback import Written, differences
from catchment.singlecell.reading import Reading, read
from catchment.singlecell.rules import shown
from catchment.singlecell.sidecars import write_side_cars
from catchment.storage import Place

LAYOUT_VERSION = "1"
MEASUREMENT = "RNA"
DENSE_VALUES = 1 << 22  # of a dense array, written at a time

# tiledbsoma's own errors; TileDB's come as RuntimeError
SOMA_FAULTS = (tiledbsoma.SOMAError, RuntimeError, ValueError, TypeError)


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
    findings = differences(target.uri, written)
    return Product(
        kind="soma",
        path=f"{asset.asset}.soma",
        logical_digest=soma.logical_digest(target.uri),
        side_cars=write_side_cars(place, reading.genes.ids, written.sums),
        findings=tuple(findings),
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
    uris = create_arrays(reading, uri, obs, var, zstd_level)
    sums = Sums(obs.num_rows, genes.mitochondrial)
    digests = {"ms/RNA/X/raw": write_raw(file, reading.layout.raw, uris["ms/RNA/X/raw"], sums)}
    for name, matrix in reading.layout.layers.items():
        path = f"ms/{MEASUREMENT}/X/{name}"
        write = write_dense if matrix.encoding == "dense" else write_sparse
        digests[path] = write(file, matrix, uris[path], reading)
    for name in reading.layout.obsm:
        path = f"ms/{MEASUREMENT}/obsm/{name}"
        digests[path] = write_embedding(file[f"obsm/{name}"], uris[path])
    soma.fill_dataframe(uris["obs"], obs)
    soma.fill_dataframe(uris[f"ms/{MEASUREMENT}/var"], var)
    return Written(obs, var, digests, sums)
