"""Datasets that the census benchmarks assemble: realistic counts as SOMA and as H5AD, and their records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import singlecell

if TYPE_CHECKING:
    from catchment.schema.records import Normalised

GENES, NNZ = 30_000, 1_200
LABELS = {
    "assay": "10x 3' v3",
    "assay_ontology_term_id": "EFO:0009922",
    "cell_type": "hepatocyte",
    "cell_type_ontology_term_id": "CL:0000182",
    "development_stage": "unknown",
    "development_stage_ontology_term_id": "unknown",
    "disease": "normal",
    "disease_ontology_term_id": "PATO:0000461",
    "donor_id": "D1",
    "self_reported_ethnicity": "unknown",
    "self_reported_ethnicity_ontology_term_id": "unknown",
    "sex": "female",
    "sex_ontology_term_id": "PATO:0000383",
    "suspension_type": "cell",
    "tissue": "liver",
    "tissue_ontology_term_id": "UBERON:0002107",
    "tissue_type": "tissue",
}
TYPES = ("hepatocyte", "neuron", "fibroblast", "B cell")


def tile_of_counts(seed: int, cells: int, nnz: int | None = None) -> Any:
    """Return counts of some cells as scipy's CSR: molecules drawn by genes of heavy-tailed weights, added up."""
    import numpy as np
    import scipy.sparse as sp

    rng = np.random.default_rng(seed)
    weights = np.cumsum(np.random.default_rng(0).lognormal(0, 1.5, GENES))
    rows = np.repeat(np.arange(cells), (nnz or NNZ) * 5 // 3)
    columns = np.searchsorted(weights, rng.uniform(0, weights[-1], rows.size))
    return sp.csr_matrix((np.ones(rows.size, np.float32), (rows, columns)), (cells, GENES))


def obs_of(cells: int, seed: int = 0) -> Any:
    """Return obs as an Arrow table: labels of the dataset schema, four types of cells, names of its own."""
    import numpy as np
    import pyarrow as pa

    text = pa.large_string()
    columns: dict[str, Any] = {"soma_joinid": np.arange(cells)}
    columns["obs_id"] = pa.array([f"{seed}-{number}" for number in range(cells)], text)
    columns["is_primary_data"] = pa.array([True] * cells)
    columns["observation_joinid"] = columns["obs_id"]
    for name, value in LABELS.items():
        codes = np.arange(cells) % len(TYPES) if name == "cell_type" else np.zeros(cells)
        values = list(TYPES) if name == "cell_type" else [value]
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(values, text))
    return pa.table(columns)


def var_of() -> Any:
    """Return var as an Arrow table."""
    import numpy as np
    import pyarrow as pa

    text = pa.large_string()
    columns = {
        "var_id": [f"ENSG{number:011d}" for number in range(GENES)],
        "feature_name": [f"G{number}" for number in range(GENES)],
        "feature_type": ["protein_coding"] * GENES,
        "feature_biotype": ["gene"] * GENES,
        "feature_reference": ["NCBITaxon:9606"] * GENES,
    }
    arrays = {name: pa.array(values, text) for name, values in columns.items()}
    lengths = pa.array(np.full(GENES, 1_000))
    return pa.table({"soma_joinid": np.arange(GENES), **arrays, "feature_length": lengths})


def write_soma(path: Path, seed: int, cells: int, nnz: int | None = None) -> None:
    """Write a dataset's SOMA, a row tile at a time."""
    import pyarrow as pa
    import tiledbsoma

    from catchment.soma import TILE, MatrixWriter, context, create_dataframe, fill_dataframe, matrix_options

    path.parent.mkdir(parents=True, exist_ok=True)
    obs, var = obs_of(cells, seed), var_of()
    with tiledbsoma.Experiment.create(str(path), context=context()) as root:
        obs_uri = create_dataframe(root, "obs", obs)
        rna = root.add_new_collection("ms").add_new_collection("RNA", tiledbsoma.Measurement)
        var_uri = create_dataframe(rna, "var", var)
        shape, options = (cells, GENES), matrix_options(singlecell.ZSTD_LEVEL)
        layers = rna.add_new_collection("X")
        counts_uri = layers.add_new_sparse_ndarray("raw", type=pa.float32(), shape=shape, platform_config=options).uri
    fill_dataframe(obs_uri, obs)
    fill_dataframe(var_uri, var)
    with MatrixWriter(counts_uri) as writer:
        for first in range(0, cells, TILE):
            tile = tile_of_counts(seed + first, min(TILE, cells - first), nnz).tocoo()
            writer.write(first + tile.row, tile.col, tile.data)


def write_h5ad(path: Path, seed: int, cells: int) -> None:
    """Write the same dataset as H5AD, gzip 4: X, obs and var, nothing else."""
    import anndata
    import scipy.sparse as sp

    from catchment.soma import TILE

    path.parent.mkdir()
    counts = sp.vstack(
        [tile_of_counts(seed + first, min(TILE, cells - first)) for first in range(0, cells, TILE)], format="csr"
    )
    obs = obs_of(cells, seed).drop_columns("soma_joinid").to_pandas().set_index("obs_id")
    var = var_of().drop_columns("soma_joinid").to_pandas().set_index("var_id")
    anndata.AnnData(counts, obs=obs, var=var).write_h5ad(path, compression="gzip", compression_opts=4)


def records_of(sizes: list[int], shared: bool = False) -> list[Normalised]:
    """Return what `normalise` says of datasets of some sizes, in order; `shared`: all of one store."""
    from catchment.schema.records import (
        Asset,
        Contribution,
        Dataset,
        Derived,
        Description,
        MadeBy,
        Normalised,
        Product,
        Times,
    )
    from catchment.storage import digest_json

    found = []
    for number, cells in enumerate(sizes):
        accession = f"CAT{number:08d}A"
        named: dict[str, Any] = {"accession": accession, "modality": "singlecell", "asset": "counts"}
        named["dataset"] = f"{accession}.D0001"
        store = "store/0" if shared else f"store/{number}"
        product = Product(kind="soma", path="counts.soma", logical_digest=digest_json([number, cells]))
        found.append(
            Normalised(
                asset=Asset(**named, format="h5ad", files=()),
                description=Description(format="h5ad", reader="", reader_version="", axes=(), shape=(), dtype=""),
                dataset=Dataset(**named, store=store, product=product, files=(), metrics={}),
                derived=Derived(recipe={}),
                derived_store="",
                derived_files=(),
                contribution=Contribution(
                    modality="singlecell",
                    title="",
                    analyte="transcriptome",
                    terms={"organism_ontology_term_id": ("NCBITaxon:9606",)},
                    counts={"cells": cells},
                    measurements=(),
                ),
                findings=(),
                publish_bytes=True,
                made_by=MadeBy(step="normalise", step_version=1, catchment="0", inputs={}),
                times=Times(started_at="", seconds=0),
            )
        )
    return found
