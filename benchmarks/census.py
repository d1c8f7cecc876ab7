"""Census assembly: against tiledbsoma.io, against the same bytes written with no framework, and against itself.

Every race but `assemble` takes some minutes on two cores; that one as long as tiledbsoma.io needs for its two datasets.
"""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import race
from census_data import GENES, records_of, tile_of_counts, write_h5ad, write_soma

import singlecell

if TYPE_CHECKING:
    from catchment.schema.build_records import Plan
    from catchment.schema.records import Normalised

CELLS = int(os.environ.get("CENSUS_CELLS", "50000"))  # of each of the two datasets
HALF, FIFTH, TWENTIETH = 2, 5, 20  # parts of these that other races take, to end within minutes
KNOWN = 50  # datasets that a census has before one is added
SIZES = tuple(cells * CELLS // 50_000 for cells in (10_000, 100_000, 500_000))
SIZES_NNZ = 200  # few counts a cell: the race asks what grows with the cells, not with their counts
FRAGMENTS = (2, 100, 1_000)
ASKED = 5  # times that a question is put to a census in one process


# --- data --------------------------------------------------------------------------------------------------------


def prepare_two(data: Path, part: int = 1) -> str:
    """Write two datasets, each as SOMA and as H5AD; `part`: the part of the cells that they have."""
    cells = CELLS // part
    for number in range(2):
        write_soma(data / f"store/{number}/counts.soma", number << 32, cells)
        write_h5ad(data / f"{number}/cells.h5ad", number << 32, cells)
    size = sum((data / f"{number}/cells.h5ad").stat().st_size for number in range(2)) / race.MB
    nnz = tile_of_counts(0, 1_000).nnz / 1_000
    return (
        f"two datasets of {cells:,} cells × {GENES:,} genes, {nnz:,.0f} counts a cell; as H5AD (gzip 4) {size:,.0f} MB."
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


def ours(data: Path, out: Path, part: int = 1, **settings: Any) -> None:
    """Assemble two datasets."""
    build = fresh(data, out)
    assembled(records_of([CELLS // part] * 2), build, out / "census", **settings)
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


def floor_both(data: Path, out: Path, zstd_level: int) -> None:
    """Inflate, reorder, compress, write; each dataset one file of both layers, a row tile at a time."""
    import h5py
    import numpy as np

    from catchment.census.normalised import shares

    out.mkdir()
    for number in range(2):
        with h5py.File(data / str(number) / "cells.h5ad") as file, (out / str(number)).open("wb") as target:
            x = file["X"]
            indptr = x["indptr"][()]
            for first in range(0, indptr.size - 1, singlecell.ROWS):
                bounds = indptr[first : first + singlecell.ROWS + 1]
                span = slice(int(bounds[0]), int(bounds[-1]))
                counted = np.diff(bounds)
                rows = np.repeat(np.arange(first, first + counted.size), counted)
                columns, values = x["indices"][span].astype(np.int64), x["data"][span]
                totals = np.bincount(rows - first, weights=values)
                singlecell.write_block(target, rows, columns, values, zstd_level)
                singlecell.write_block(target, rows, columns, shares(values, totals[rows - first]), zstd_level)


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
    cells = CELLS // TWENTIETH
    write_soma(data / "store/0/counts.soma", 0, cells)
    for number in range(1, KNOWN + 1):
        shutil.copytree(data / "store/0", data / f"store/{number}", copy_function=os.link)
    assembled(records_of([cells] * KNOWN), data, data / "known")
    return f"{KNOWN + 1} datasets of {cells:,} cells × {GENES:,} genes."


def grow(data: Path, out: Path, known: int) -> None:
    """Assemble the last dataset, with those known before it."""
    build = out / "build"
    shutil.copytree(data / "store", build / "store", copy_function=os.link)
    records = records_of([CELLS // TWENTIETH] * (KNOWN + 1))
    assembled(records[KNOWN - known :], build, out / "census")
    shutil.rmtree(build)


# --- memory ------------------------------------------------------------------------------------------------------


def prepare_sizes(data: Path) -> str:
    """Write a small, a middle and a large dataset."""
    for number, cells in enumerate(SIZES):
        write_soma(data / f"store/{number}/counts.soma", 0, cells, SIZES_NNZ)
    return " and ".join(f"{cells:,}" for cells in SIZES) + f" cells × {GENES:,} genes, some {SIZES_NNZ} counts a cell."


def one_size(data: Path, out: Path, number: int) -> None:
    """Assemble one dataset, both layers."""
    build = fresh(data, out)
    assembled([records_of(list(SIZES))[number]], build, out / "census")


# --- reading -----------------------------------------------------------------------------------------------------


def prepare_reading(data: Path) -> str:
    """Write the same census both ways."""
    text = prepare_two(data, FIFTH)
    ours(data, data / "catchment", FIFTH, normalized_layer=False)
    from_h5ad(data, data / "peer")
    return text


def read_with(data: Path, out: Path, whose: str, question: str) -> None:
    """Ask a census one question, some times over, and write the sum of the counts."""
    import tiledbsoma

    places = {"catchment": "catchment/census/soma/census_data/homo_sapiens", "peer": "peer/census.soma"}
    with tiledbsoma.Experiment.open(str(data / places[whose]), context=singlecell.context()) as experiment:
        for _ in range(ASKED):
            total = answer(experiment, question)
    out.write_text(f"{total:.0f}\n")


def answer(experiment: Any, question: str) -> float:
    """Return the sum of the counts that a question is about."""
    import numpy as np
    import tiledbsoma

    rng, cells = np.random.default_rng(1), CELLS // FIFTH
    if question == "filtered":
        neurons = tiledbsoma.AxisQuery(value_filter="cell_type == 'neuron'")
        with experiment.axis_query("RNA", obs_query=neurons) as query:
            return float(sum(table["soma_data"].to_numpy().sum(dtype=np.float64) for table in query.X("raw").tables()))
    coords = {
        "scan": (slice(None), slice(None)),
        "slice": (slice(cells // 2, cells // 2 + 999), slice(None)),
        "random": (np.sort(rng.choice(2 * cells, min(1_000, cells), replace=False)), slice(None)),
        "genes": (slice(None), np.sort(rng.choice(GENES, 10, replace=False))),
    }[question]
    tables = experiment.ms["RNA"].X["raw"].read(coords).tables()
    return float(sum(table["soma_data"].to_numpy().sum(dtype=np.float64) for table in tables))


QUESTIONS = {
    "scan": "everything",
    "filtered": "cells of one type",
    "slice": "1,000 cells in a row",
    "random": "1,000 random cells",
    "genes": "10 genes",
}


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
RAW_ONLY = partial(ours, normalized_layer=False)
RACES = {
    "assemble": race.Race(
        "Two datasets to one census",
        "Both write X/raw, obs and var at zstd 3. Catchment starts from the datasets' SOMAs, tiledbsoma from H5ADs;\n"
        "Catchment also draws statistics of cells and genes, presence, tables and a digest. *Both layers* adds\n"
        "X/normalized. The floor writes X/raw alone.",
        prepare_two,
        {
            race.OURS: race.Contender("Catchment: assemble, X/raw", RAW_ONLY, check_census, IMPORTS),
            "catchment-both": race.Contender("Catchment: assemble, both layers", ours, check_census, IMPORTS),
            "from_h5ad": race.Contender("tiledbsoma.io: register, append", from_h5ad, check_census, "tiledbsoma.io"),
            race.FLOOR: race.Contender("floor, 1 thread", floor, None, "h5py, numcodecs"),
        },
    ),
    "floor": race.Race(
        "Both layers, beside the same bytes without a framework",
        "Catchment draws statistics, presence, tables and a digest as well; the floor inflates, reorders, divides,\n"
        "compresses and writes, nothing else, on one thread. Both compress every column at the same level.",
        partial(prepare_two, part=HALF),
        {
            name: contender
            for level in (3, 9)
            for name, contender in {
                f"{race.OURS}-{level}": race.Contender(
                    f"Catchment, zstd {level}", partial(ours, part=HALF, zstd_level=level), None, IMPORTS
                ),
                f"{race.FLOOR}-{level}": race.Contender(
                    f"floor, zstd {level}", partial(floor_both, zstd_level=level), None, "h5py, numcodecs"
                ),
            }.items()
        },
        repeats=1,
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
        "Both layers. The peak is that of the largest process: the one that assembles, its workers included.",
        prepare_sizes,
        {
            f"catchment-{cells}": race.Contender(f"{cells:,} cells", partial(one_size, number=number), None, IMPORTS)
            for number, cells in enumerate(SIZES)
        },
        repeats=1,
    ),
    "reading": race.Race(
        "Reading a census",
        f"Plain tiledbsoma reads both. Each line is a process of its own, which asks {ASKED} times, with its imports.",
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
