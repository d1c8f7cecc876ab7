"""H5AD -> SOMA: every count, layer, embedding and column kept, read back, and measured on the way.

Layout of the experiment (`catchment_layout` 3): obs; ms/RNA/var; ms/RNA/X/raw (float32, sparse, no stored zeros);
ms/RNA/X/<layer>; ms/RNA/obsm, varm, obsp and varp/<name>; ms/RNA/uns; of a spatial dataset spatial/<scene> and
obs_spatial_presence (`scene`). Rows and columns are in the file's order. What a SOMA cannot carry lies beside it, in
`rest.h5`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
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
from catchment.singlecell.cellxgene.reading import as_read
from catchment.singlecell.columns import obs_table, var_table
from catchment.singlecell.container import READ_FAULTS, opened
from catchment.singlecell.describe import unreadable
from catchment.singlecell.estimate import values_within
from catchment.singlecell.layout import Unfit
from catchment.singlecell.quality import Quality
from catchment.singlecell.readback import Written, read_back
from catchment.singlecell.reading import Reading, read
from catchment.singlecell.rest import REST, write_rest
from catchment.singlecell.scene_soma import create_scene, scene_differences
from catchment.singlecell.sidecars import write_side_cars
from catchment.singlecell.uns import LIST_OF_TEXTS, UNS, texts_table
from catchment.storage import Place

LAYOUT_VERSION = "3"
OBS, RNA = "obs", "ms/RNA"
VAR, X, RAW = f"{RNA}/var", f"{RNA}/X", f"{RNA}/X/raw"
GRAPHS = (f"{RNA}/obsp/", f"{RNA}/varp/")


def convert(asset: Asset, description: Description, place: Place, settings: SinglecellConvert) -> Product | Unreadable:
    """Return the SOMA written at `<asset>.soma` in the place, with its side-cars; or why the data are damaged.

    What reads back differently is an error finding of the product.
    """
    target = place / f"{asset.asset}.soma"
    try:
        with opened(asset.files[0].path) as file:
            reading = read(file, asset)
            fatal = tuple(finding for finding in as_read(reading.findings, "lenient") if is_error(finding))
            if fatal:
                return Unreadable(findings=fatal)
            written = write_experiment(file, reading, target.uri, settings)
            if written.left:
                write_rest(file, written.left, place.path / REST)
    except Unfit as unfit:
        return Unreadable(findings=unfit.findings)
    except READ_FAULTS as error:
        return Unreadable(findings=(unreadable(error),))
    digest, findings = read_back(target.uri, written)
    if reading.scene:
        findings = (*findings, *scene_differences(target.uri, reading.scene))
    side_cars = write_side_cars(place, reading.genes, written.quality)
    return Product(
        kind="soma",
        path=f"{asset.asset}.soma",
        logical_digest=digest,
        side_cars={**side_cars, "rest": REST} if written.left else side_cars,
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
            "varm": sorted(reading.layout.varm),
            "graphs": sorted(reading.layout.graphs),
            **({"scene": reading.scene.name} if reading.scene else {}),
        },
    )


def write_experiment(file: h5py.File, reading: Reading, uri: str, settings: SinglecellConvert) -> Written:
    """Write everything, and return what must be read back."""
    genes, uns, scene = reading.genes, reading.layout.uns, reading.scene
    tables = {
        OBS: obs_table(reading.obs.names, reading.obs.columns, reading.known, reading.organism),
        VAR: var_table(genes.ids, genes.names, genes.references, reading.var.columns),
        **{path: texts_table(file[source]) for path, source in uns.texts.items()},
        **(scene.tables if scene else {}),
    }
    arrays = list(arrays_of(file, reading, values_within(settings.memory_mb)))
    uris = create_experiment(arrays, tables, reading, uri, settings.zstd_level)
    quality = Quality(*reading.layout.raw.shape, genes.sets)
    digests = {}
    for array in arrays:
        if array.rows is None:
            digests[array.path] = write_dense(array.item, uris[array.path], array.shape, array.columns)
        else:
            told = quality if array.path == RAW else None
            target, zeros = uris[array.path], array.path.startswith(GRAPHS)
            digests[array.path] = write_sparse(
                array.rows, target, array.tile_rows, array.dtype, array.columns, told, zeros
            )
    for path, table in tables.items():
        soma.fill_dataframe(uris[path], table)
    metadata = {**uns.scalars, **(scene.metadata if scene else {})}
    return Written(tables, digests, metadata, quality, reading.layout.left_behind)


@dataclass(frozen=True)
class Array:
    """One array to write: at which path, of which shape and type, from which rows or (dense) dataset.

    `columns`: the array's column of each of the source's; None where they are the same. `tile_rows`: of a sparse array.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rows: Rows | None = None
    tile_rows: int = 0
    item: Any = None
    columns: Any = None


def arrays_of(file: h5py.File, reading: Reading, most_values: int) -> Iterator[Array]:
    """Yield every array of the experiment, the counts first; a tile of a sparse one holds at most so many values.

    Counts become float32, which the Census has them in and which holds all that `validate` admits; all else keeps its
    type.
    """
    layout, scene = reading.layout, reading.scene
    counts = rows_of(file, layout.raw)
    yield Array(RAW, layout.raw.shape, np.dtype(np.float32), counts, tile_rows(counts, most_values))
    matrices = [(f"{X}/{name}", matrix, reading.layer_columns) for name, matrix in layout.layers.items()]
    matrices += [(f"{RNA}/{path}", matrix, None) for path, matrix in layout.graphs.items()]
    for path, matrix, columns in matrices:
        shape = layout.raw.shape if path.startswith(X) else matrix.shape
        dtype = kept_type(np.dtype(matrix.dtype))
        rows = None if matrix.encoding == "dense" else rows_of(file, matrix)
        height = 0 if rows is None else tile_rows(rows, most_values)
        yield Array(path, shape, dtype, rows, height, file[matrix.path], columns)
    plain = {f"{RNA}/obsm/{name}": f"obsm/{name}" for name in layout.obsm}
    plain |= {f"{RNA}/varm/{name}": f"varm/{name}" for name in layout.varm}
    images = {f"{scene.image}/{name}": source for name, source in scene.images.items()} if scene else {}
    carried = {path: source for path, source in layout.uns.arrays.items() if source not in images.values()}
    for path, source in {**plain, **carried, **images}.items():
        item = file[source]
        yield Array(path, item.shape, kept_type(item.dtype), item=item)


def create_experiment(
    arrays: Sequence[Array], tables: Mapping[str, pa.Table], reading: Reading, uri: str, zstd_level: int
) -> dict[str, str]:
    """Create the experiment with every array and table empty, and return the address of each by its path."""
    uris: dict[str, str] = {}
    with tiledbsoma.Experiment.create(uri, context=soma.context()) as experiment:
        experiment.metadata["catchment_layout"] = LAYOUT_VERSION
        for key, value in (("organism_ontology_term_id", reading.organism), ("title", reading.title)):
            if value:
                experiment.metadata[key] = value
        made: dict[str, Any] = {".": experiment}
        made["ms"] = experiment.add_new_collection("ms")
        made[RNA] = made["ms"].add_new_collection("RNA", tiledbsoma.Measurement)
        for path, scalars in reading.layout.uns.scalars.items():
            collection(made, path).metadata.update(scalars)
        if reading.scene:
            images = [array for array in arrays if array.path.startswith(reading.scene.image)]
            dtype = images[0].dtype if images else None
            shapes = {array.path: array.shape for array in images}
            uris |= create_scene(experiment, reading.scene, shapes, dtype, zstd_level)
        for path, table in tables.items():
            if path in uris:
                continue
            folder, name = split(path)
            uris[path] = soma.create_dataframe(collection(made, folder), name, table)
            if path.startswith(UNS):
                collection(made, folder)[name].metadata.update(LIST_OF_TEXTS)
        for array in arrays:
            if array.path in uris:
                continue
            folder, name = split(array.path)
            own = {"type": pa.from_numpy_dtype(array.dtype), "shape": array.shape}
            if array.rows is None:
                options = soma.dense_options(array.shape, zstd_level)
                one = collection(made, folder).add_new_dense_ndarray(name, platform_config=options, **own)
            else:
                options = soma.matrix_options(zstd_level, array.tile_rows)
                one = collection(made, folder).add_new_sparse_ndarray(name, platform_config=options, **own)
            uris[array.path] = one.uri
    return uris


def collection(made: dict[str, Any], path: str) -> Any:
    """Return the collection at a path, created where it is not there yet."""
    if path not in made:
        folder, name = split(path)
        made[path] = collection(made, folder).add_new_collection(name)
    return made[path]


def split(path: str) -> tuple[str, str]:
    """Return the folder of a path (`.` for none) and its last name."""
    own = PurePosixPath(path)
    return str(own.parent), own.name
