"""Census assembly: against tiledbsoma.io, against the same bytes written with no framework, and against itself."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import race

import singlecell

if TYPE_CHECKING:
    from catchment.schema.build_records import Plan
    from catchment.schema.records import Normalised

CELLS = int(os.environ.get("CENSUS_CELLS", "50000"))  # of each of the two datasets
GENES, NNZ = 30_000, 1_200
KNOWN = 50  # datasets that a census has before one is added
SIZES = tuple(cells * CELLS // 50_000 for cells in (10_000, 100_000, 500_000))
FRAGMENTS = (2, 100, 1_000)
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


# --- data --------------------------------------------------------------------------------------------------------


def tile_of_counts(seed: int, cells: int) -> Any:
    """Return counts of some cells as scipy's CSR: molecules drawn by genes of heavy-tailed weights, added up."""
    import numpy as np
    import scipy.sparse as sp

    rng = np.random.default_rng(seed)
    weights = np.cumsum(np.random.default_rng(0).lognormal(0, 1.5, GENES))
    rows = np.repeat(np.arange(cells), NNZ * 5 // 3)
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


def write_soma(path: Path, seed: int, cells: int) -> None:
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
            tile = tile_of_counts(seed + first, min(TILE, cells - first)).tocoo()
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


def prepare_two(data: Path) -> str:
    """Write two datasets, each as SOMA and as H5AD."""
    for number in range(2):
        write_soma(data / f"store/{number}/counts.soma", number << 32, CELLS)
        write_h5ad(data / f"{number}/cells.h5ad", number << 32, CELLS)
    size = sum((data / f"{number}/cells.h5ad").stat().st_size for number in range(2)) / race.MB
    nnz = tile_of_counts(0, 1_000).nnz / 1_000
    return (
        f"two datasets of {CELLS:,} cells × {GENES:,} genes, {nnz:,.0f} counts a cell; as H5AD (gzip 4) {size:,.0f} MB."
    )


# --- assembling --------------------------------------------------------------------------------------------------


def assembled(records: list[Normalised], workdir: Path, out: Path, plan: Plan | None = None, **settings: Any) -> None:
    """Plan and assemble; datasets and pieces are below `workdir`."""
    from catchment.census.assemble import assemble
    from catchment.census.plan import plan as draw_plan
    from catchment.config import CensusAssemble

    out.mkdir(parents=True, exist_ok=True)
    drawn = draw_plan(records, []) if plan is None else plan
    assemble(drawn, {one.dataset.dataset: one for one in records}, workdir, out, CensusAssemble(**settings))


def fresh(data: Path, out: Path) -> Path:
    """Return a build folder with the datasets of `data` and no piece of any census."""
    build = out / "build"
    shutil.copytree(data / "store", build / "store", copy_function=os.link)
    return build


def ours(data: Path, out: Path, normalized: bool = False) -> None:
    """Assemble two datasets."""
    build = fresh(data, out)
    assembled(records_of([CELLS] * 2), build, out / "census", normalized_layer=normalized)
    shutil.rmtree(build)  # second names of the same files, and the datasets


def from_h5ad(data: Path, out: Path) -> None:
    """Register and append two H5ADs with tiledbsoma.io."""
    import tiledbsoma
    import tiledbsoma.io

    context, uri = singlecell.context(), str(out / "census.soma")
    out.mkdir()
    paths = [str(data / f"{number}/cells.h5ad") for number in range(2)]
    fields: dict[str, Any] = {"measurement_name": "RNA", "obs_field_name": "obs_id", "var_field_name": "var_id"}
    registered = tiledbsoma.io.register_h5ads(None, paths, **fields, append_obsm_varm=False, context=context)
    for number, path in enumerate(paths):
        if number:
            registered.prepare_experiment(uri, context=context)
        mapping = registered.subset_for_h5ad(path)
        tiledbsoma.io.from_h5ad(uri, path, "RNA", X_layer_name="raw", registration_mapping=mapping, context=context)


def floor(data: Path, out: Path) -> None:
    """Inflate, reorder, compress, write: each dataset one file."""
    out.mkdir()
    for number in range(2):
        singlecell.floor(data / str(number), out / str(number))


def check_census(data: Path, out: Path) -> str:
    """Compare sums of cells and genes with the H5ADs'."""
    import anndata
    import numpy as np
    import tiledbsoma

    found = [anndata.read_h5ad(data / f"{number}/cells.h5ad").X for number in range(2)]
    uri = out / "census/soma/census_data/homo_sapiens"
    with tiledbsoma.Experiment.open(str(uri if uri.exists() else out / "census.soma")) as experiment:
        array = experiment.ms["RNA"].X["raw"]
        cells, genes = np.zeros(2 * CELLS), np.zeros(GENES)
        for table in array.read().tables():
            values = table["soma_data"].to_numpy()
            cells += np.bincount(table["soma_dim_0"].to_numpy(), weights=values, minlength=cells.size)
            genes += np.bincount(table["soma_dim_1"].to_numpy(), weights=values, minlength=genes.size)
    wanted = np.concatenate([np.asarray(one.sum(axis=1)).ravel() for one in found])
    same = np.array_equal(cells, wanted) and np.array_equal(
        genes, sum(np.asarray(one.sum(axis=0)).ravel() for one in found)
    )
    return "" if same else "counts differ"


# --- one more dataset --------------------------------------------------------------------------------------------


def prepare_grown(data: Path) -> str:
    """Write fifty-one datasets, and assemble all but the last."""
    cells = CELLS // 10
    write_soma(data / "store/0/counts.soma", 0, cells)
    for number in range(1, KNOWN + 1):
        shutil.copytree(data / "store/0", data / f"store/{number}", copy_function=os.link)
    assembled(records_of([cells] * KNOWN), data, data / "known")
    return f"{KNOWN + 1} datasets of {cells:,} cells × {GENES:,} genes."


def grow(data: Path, out: Path, known: int) -> None:
    """Assemble the last dataset, with those known before it."""
    build = out / "build"
    shutil.copytree(data / "store", build / "store", copy_function=os.link)
    records = records_of([CELLS // 10] * (KNOWN + 1))
    assembled(records[KNOWN - known :], build, out / "census")
    shutil.rmtree(build)


# --- memory ------------------------------------------------------------------------------------------------------


def prepare_sizes(data: Path) -> str:
    """Write a small, a middle and a large dataset."""
    for number, cells in enumerate(SIZES):
        write_soma(data / f"store/{number}/counts.soma", 0, cells)
    return " and ".join(f"{cells:,}" for cells in SIZES) + f" cells × {GENES:,} genes."


def one_size(data: Path, out: Path, number: int) -> None:
    """Assemble one dataset, both layers."""
    build = fresh(data, out)
    assembled([records_of(list(SIZES))[number]], build, out / "census")


# --- reading -----------------------------------------------------------------------------------------------------


def prepare_reading(data: Path) -> str:
    """Write the same census both ways."""
    text = prepare_two(data)
    ours(data, data / "catchment")
    from_h5ad(data, data / "peer")
    return text


def read_with(data: Path, out: Path, whose: str, question: str) -> None:
    """Ask a census one question, and write the sum of the counts."""
    import numpy as np
    import tiledbsoma

    places = {"catchment": "catchment/census/soma/census_data/homo_sapiens", "peer": "peer/census.soma"}
    with tiledbsoma.Experiment.open(str(data / places[whose]), context=singlecell.context()) as experiment:
        array = experiment.ms["RNA"].X["raw"]
        rng = np.random.default_rng(1)
        if question == "filtered":
            cells = tiledbsoma.AxisQuery(value_filter="cell_type == 'neuron'")
            with experiment.axis_query("RNA", obs_query=cells) as query:
                total = sum(table["soma_data"].to_numpy().sum(dtype=np.float64) for table in query.X("raw").tables())
        else:
            coords = {
                "scan": (slice(None), slice(None)),
                "random": (np.sort(rng.choice(2 * CELLS, 1_000, replace=False)), slice(None)),
                "genes": (slice(None), np.sort(rng.choice(GENES, 10, replace=False))),
            }[question]
            total = sum(table["soma_data"].to_numpy().sum(dtype=np.float64) for table in array.read(coords).tables())
    out.write_text(f"{total:.0f}\n")


QUESTIONS = {"scan": "everything", "filtered": "cells of one type", "random": "1,000 random cells", "genes": "10 genes"}


# --- fragments ---------------------------------------------------------------------------------------------------


def prepare_fragments(data: Path) -> str:
    """Write censuses of the same cells in few and many fragments, and joined into one."""
    from catchment.census.plan import plan
    from catchment.config import CensusPlan

    for fragments in FRAGMENTS:
        cells = 20_000 // fragments
        build = data / str(fragments)
        write_soma(build / "store/0/counts.soma", 0, cells)
        records = records_of([cells] * fragments, shared=True)
        assembled(records, build, build / "linked", normalized_layer=False)
        if fragments == FRAGMENTS[-1]:
            dense = plan(records, [], None, CensusPlan(dense_ids=True))
            assembled(records, build, build / "joined", dense, normalized_layer=False)
    return f"20,000 cells × {GENES:,} genes as {', '.join(map(str, FRAGMENTS))} datasets, one fragment each."


def read_fragments(data: Path, out: Path, fragments: int, form: str) -> None:
    """Read everything, then ten genes, then a thousand cells."""
    import numpy as np
    import tiledbsoma

    rng, total = np.random.default_rng(1), 0.0
    path = data / str(fragments) / form / "soma/census_data/homo_sapiens/ms/RNA/X/raw"
    with tiledbsoma.SparseNDArray.open(str(path), context=singlecell.context()) as array:
        genes = np.sort(rng.choice(GENES, 10, replace=False))
        cells = np.sort(rng.choice(20_000, 1_000, replace=False))
        for coords in ((slice(None),), (slice(None), genes), (cells,)):
            total += sum(float(table["soma_data"].to_numpy().sum()) for table in array.read(coords).tables())
    out.write_text(f"{total:.0f}\n")


# --- the races ---------------------------------------------------------------------------------------------------

IMPORTS = "catchment.census.assemble"
BOTH = partial(ours, normalized=True)
RACES = {
    "assemble": race.Race(
        "Two datasets to one census",
        "Both write X/raw, obs and var at zstd 3. Catchment starts from the datasets' SOMAs, tiledbsoma from H5ADs;\n"
        "Catchment also draws statistics of cells and genes, presence, tables and a digest. *Both layers* adds\n"
        "X/normalized. The floor writes X/raw alone.",
        prepare_two,
        {
            race.OURS: race.Contender("Catchment: assemble, X/raw", ours, check_census, IMPORTS),
            "catchment-both": race.Contender("Catchment: assemble, both layers", BOTH, check_census, IMPORTS),
            "from_h5ad": race.Contender("tiledbsoma.io: register, append", from_h5ad, check_census, "tiledbsoma.io"),
            race.FLOOR: race.Contender("floor, 1 thread", floor, None, "h5py, numcodecs"),
        },
    ),
    "grown": race.Race(
        "One dataset more",
        "The census has fifty datasets, whose pieces are kept; one is added. The first line assembles that one alone.",
        prepare_grown,
        {
            race.OURS: race.Contender("one dataset alone", partial(grow, known=0), None, IMPORTS),
            "catchment-added": race.Contender("the same, added to fifty", partial(grow, known=KNOWN), None, IMPORTS),
        },
    ),
    "memory": race.Race(
        "Memory by the size of a dataset",
        "Both layers.",
        prepare_sizes,
        {
            f"catchment-{cells}": race.Contender(f"{cells:,} cells", partial(one_size, number=number), None, IMPORTS)
            for number, cells in enumerate(SIZES)
        },
    ),
    "reading": race.Race(
        "Reading a census",
        "Plain tiledbsoma reads both. Each line is a process of its own, with its imports.",
        prepare_reading,
        {
            f"{whose}-{question}": race.Contender(
                f"{what}, written by {'Catchment' if whose == 'catchment' else 'tiledbsoma.io'}",
                partial(read_with, whose=whose, question=question),
                None,
                "tiledbsoma",
            )
            for question, what in QUESTIONS.items()
            for whose in ("catchment", "peer")
        },
    ),
    "fragments": race.Race(
        "Few and many fragments",
        "Everything, ten genes and a thousand random cells, one after the other.",
        prepare_fragments,
        {
            f"catchment-{fragments}-{form}": race.Contender(
                f"{fragments:,} fragments" if form == "linked" else f"the {fragments:,} joined into one",
                partial(read_fragments, fragments=fragments, form=form),
                None,
                "tiledbsoma",
            )
            for fragments, form in (*((one, "linked") for one in FRAGMENTS), (FRAGMENTS[-1], "joined"))
        },
    ),
}

if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    raise SystemExit(race.main(__file__, RACES))
