"""How often a matrix is read from arrival to census: counted in bytes that this process asks the kernel for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from catchment.census.assemble import assemble
from catchment.census.plan import plan
from catchment.census.verify import verify
from catchment.config import CensusAssemble, SinglecellAdmit, SinglecellConvert, SinglecellNormalise
from catchment.modalities import normalise_asset
from catchment.schema.records import Description, Product, SourceFile
from catchment.singlecell import MODALITY
from catchment.singlecell.gene_reference import lines_of
from catchment.storage import Place, stored_files

from .synthetic_census import HUMAN, record

T = TypeVar("T")
OBS = {
    "assay_ontology_term_id": "EFO:0009922",
    "cell_type_ontology_term_id": "CL:0000182",
    "development_stage_ontology_term_id": "HsapDv:0000258",
    "disease_ontology_term_id": "PATO:0000461",
    "donor_id": "H1",
    "self_reported_ethnicity_ontology_term_id": "unknown",
    "sex_ontology_term_id": "PATO:0000383",
    "suspension_type": "cell",
    "tissue_ontology_term_id": "UBERON:0002107",
    "tissue_type": "tissue",
}
GENES = 2_000
BESIDE_BYTES = 600_000  # of tables that grow with the cells; the matrix has 9 MB


def bytes_asked() -> int:
    """Return how many bytes this process has read so far, from files or the kernel's copy of them."""
    told = re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())
    assert told is not None
    return int(told[1])


def reading(work: Callable[[], T]) -> tuple[T, int]:
    """Return what comes of some work, and the bytes that it read."""
    before = bytes_asked()
    return work(), bytes_asked() - before


def write_counts(path: Path, cells: int) -> None:
    """Write an H5AD of a third of all places, whose counts hardly compress."""
    rng = np.random.default_rng(cells)
    counts = sp.random_array((cells, GENES), density=0.3, format="csr", dtype=np.float32, rng=rng)
    counts.data = rng.integers(1, 1 << 22, counts.nnz).astype(np.float32)
    obs = pd.DataFrame({name: pd.Categorical([value] * cells) for name, value in OBS.items()})
    obs.index = pd.Index([f"c{cell}" for cell in range(cells)])
    obs["is_primary_data"] = True
    var = pd.DataFrame(index=list(lines_of(HUMAN))[:GENES])
    var["feature_is_filtered"] = False
    uns = {"organism_ontology_term_id": HUMAN, "title": "reads"}
    umap = np.zeros((cells, 2), np.float32)
    adata = anndata.AnnData(X=counts, obs=obs, var=var, uns=uns, obsm={"X_umap": umap})
    adata.write_h5ad(path, compression="gzip", compression_opts=1)


@dataclass(frozen=True)
class Bytes:
    """What a step read, and the bytes of all that it is to read once."""

    read: int
    once: int


def walk(workdir: Path, number: int, cells: int) -> dict[str, Bytes]:
    """Take a dataset from arrival to a verified census, and return by step what was read."""
    blank = record(number, cells=cells)
    scratch, store = workdir / "scratch", workdir / blank.dataset.store
    for folder in (scratch, store):
        folder.mkdir(parents=True)
    path = workdir / "cells.h5ad"
    write_counts(path, cells)
    with h5py.File(path) as file:
        h5ad = sum(file[f"X/{part}"].id.get_storage_size() for part in ("data", "indices"))
    source = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
    asset = blank.asset.model_copy(update={"files": (source,)})
    description, described = reading(lambda: MODALITY.describe(asset))
    assert isinstance(description, Description)
    admission, validated = reading(lambda: MODALITY.validate(description, asset, SinglecellAdmit(reading="lenient")))
    assert not [one for one in admission.findings if one.level == "error"], admission.findings
    product, converted = reading(lambda: MODALITY.convert(asset, description, Place(str(store)), SinglecellConvert()))
    assert isinstance(product, Product)
    assert product.findings == ()
    x = size_of(store / product.path / "ms/RNA/X/raw")
    metrics, measured = reading(lambda: MODALITY.measure(product, Place(str(store))))
    dataset = blank.dataset.model_copy(update={"product": product, "metrics": metrics})
    settings = SinglecellNormalise().model_dump()
    _, normalised = reading(lambda: normalise_asset(dataset, asset, str(store), str(scratch), settings))
    records = [blank.model_copy(update={"dataset": dataset})]
    planned = plan(records, [], None, None, {})
    place = workdir / "census"
    place.mkdir()
    contributions = {dataset.dataset: records[0]}
    census, assembled = reading(
        lambda: assemble(planned, contributions, workdir, place, CensusAssemble(normalized_layer=False))
    )
    layer = size_of(place / census.soma / "census_data/homo_sapiens/ms/RNA/X/raw")
    files = stored_files(place)
    _, verified = reading(lambda: verify(planned, census, place, workdir, files))
    return {
        "describe": Bytes(described, 0),
        "validate": Bytes(validated, h5ad),
        "convert": Bytes(converted, h5ad + x),
        "measure": Bytes(measured, 0),
        "normalise": Bytes(normalised, 0),
        "assemble": Bytes(assembled, x + layer),
        "verify": Bytes(verified, x + layer),
    }


def size_of(array: Path) -> int:
    """Return the bytes of an array's fragments."""
    return sum(file.stat().st_size for file in (array / "__fragments").rglob("*.tdb"))


def test_a_matrix_is_read_three_times_from_arrival_to_census_and_else_only_to_prove_what_was_written(
    tmp_path: Path,
) -> None:
    """To make the census: `admit` (H5AD), `convert` (H5AD), `assemble` (SOMA), once each.

    To prove it: `convert` reads back what it wrote, `assemble` takes the digests of the files it wrote, `verify` reads
    the census and the SOMA that it is held against; once each.
    """
    walk(tmp_path / "first", 1, 60)  # libraries, tables of terms and of genes are read now
    beside = walk(tmp_path / "small", 2, 60)
    for step, own in walk(tmp_path / "large", 3, 3_000).items():
        read = own.read - beside[step].read
        if own.once:
            assert read == pytest.approx(own.once, rel=0.1), step
        else:
            assert read < BESIDE_BYTES, step
