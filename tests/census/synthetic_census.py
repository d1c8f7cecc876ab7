"""Small single-cell datasets as SOMAs, records around them, and what a census of them is made from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tiledbsoma

from catchment.census.assemble import assemble
from catchment.census.last_release import read_ledger
from catchment.census.ledger import Ledger
from catchment.census.plan import plan
from catchment.census.source import read_groups
from catchment.config import CensusAssemble, CensusPlan
from catchment.schema.build_records import Census, EarlierGenes, Plan
from catchment.schema.records import (
    Asset,
    Contribution,
    Dataset,
    Derived,
    Description,
    Finding,
    Held,
    MadeBy,
    Measurement,
    Normalised,
    Product,
    Sample,
    Times,
)
from catchment.soma import MatrixWriter, context, create_dataframe, fill_dataframe, matrix_options
from catchment.soma_digest import logical_digest
from catchment.storage import digest_json

HUMAN, MOUSE = "NCBITaxon:9606", "NCBITaxon:10090"
STAMP: dict[str, Any] = {
    "made_by": MadeBy(step="normalise", step_version=1, catchment="0", inputs={}),
    "times": Times(started_at="2020-01-01T00:00:00+00:00", seconds=0),
}
CELL = {
    "assay_ontology_term_id": "EFO:0009922",
    "assay": "10x 3' v3",
    "cell_type_ontology_term_id": "CL:0000182",
    "cell_type": "hepatocyte",
    "development_stage_ontology_term_id": "unknown",
    "development_stage": "unknown",
    "disease_ontology_term_id": "PATO:0000461",
    "disease": "normal",
    "donor_id": "donor-1",
    "self_reported_ethnicity_ontology_term_id": "unknown",
    "self_reported_ethnicity": "unknown",
    "sex_ontology_term_id": "PATO:0000383",
    "sex": "female",
    "suspension_type": "cell",
    "tissue_ontology_term_id": "UBERON:0001281",
    "tissue": "hepatic sinusoid",
    "tissue_type": "tissue",
}
Counts = np.ndarray[Any, Any]


def gene_names(organism: str, numbers: Sequence[int]) -> list[str]:
    """Return Ensembl-like ids, one a number."""
    return [f"{'ENSG' if organism == HUMAN else 'ENSMUSG'}{number:011d}" for number in numbers]


@dataclass
class Made:
    """What a test says of one dataset; counts are dense, cells x genes."""

    number: int
    counts: Counts
    genes: Sequence[int]
    organism: str = HUMAN
    version: str = "counts"
    revision: str = ""
    obs: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    var: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def accession(self) -> str:
        return f"CAT{self.number:08d}A{self.revision}"

    @property
    def dataset(self) -> str:
        return f"{self.accession}.D0001"


def obs_of(made: Made) -> pa.Table:
    """Return the obs of a dataset: constants, unless the test gives values; text as dictionaries."""
    cells = made.counts.shape[0]
    columns: dict[str, pa.Array] = {
        "soma_joinid": pa.array(np.arange(cells)),
        "obs_id": pa.array([f"cell-{n}" for n in range(cells)], pa.large_string()),
        "is_primary_data": pa.array(made.obs.get("is_primary_data", [True] * cells)),
        "observation_joinid": pa.array([f"{made.number}-{n}" for n in range(cells)], pa.large_string()),
    }
    for name, value in CELL.items():
        columns[name] = pa.array(list(made.obs.get(name, [value] * cells)), pa.large_string()).dictionary_encode()
    columns["sex"] = columns["sex"].dictionary_decode()
    return pa.table(columns)


def var_of(made: Made) -> pa.Table:
    """Return the var of a dataset."""
    genes = len(made.genes)
    columns: dict[str, Any] = {
        "soma_joinid": pa.array(np.arange(genes)),
        "var_id": gene_names(made.organism, made.genes),
        "feature_name": [f"gene {number}" for number in made.genes],
        "feature_length": pa.array([1000 + number for number in made.genes], pa.int64()),
        "feature_type": ["protein_coding"] * genes,
        "feature_biotype": ["gene"] * genes,
        "feature_reference": [made.organism] * genes,
    }
    return pa.table({name: made.var.get(name, values) for name, values in columns.items()})


def write_soma(made: Made, path: Path, zeros: bool = True) -> None:
    """Write a dataset's SOMA; with `zeros`, the first zero of the counts is stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    obs, var = obs_of(made), var_of(made)
    with tiledbsoma.Experiment.create(str(path), context=context()) as root:
        obs_uri = create_dataframe(root, "obs", obs)
        measurement = root.add_new_collection("ms").add_new_collection("RNA", tiledbsoma.Measurement)
        var_uri = create_dataframe(measurement, "var", var)
        counts = measurement.add_new_collection("X").add_new_sparse_ndarray(
            "raw", type=pa.float32(), shape=made.counts.shape, platform_config=matrix_options(3)
        )
        counts_uri = counts.uri
    fill_dataframe(obs_uri, obs)
    fill_dataframe(var_uri, var)
    stored = made.counts != 0
    if zeros and not stored.all():
        stored[np.unravel_index(np.argmin(stored), stored.shape)] = True
    rows, columns = np.nonzero(stored)
    with MatrixWriter(counts_uri) as writer:
        writer.write(rows, columns, made.counts[rows, columns].astype(np.float32))


def record(
    number: int,
    modality: Any = "singlecell",
    *,
    organisms: tuple[str, ...] = (HUMAN,),
    cells: int = 3,
    digest: str | None = None,
    revision: str = "",
    measurements: tuple[Measurement, ...] = (),
) -> Normalised:
    """Return what `normalise` says of a dataset, without any store."""
    accession = f"CAT{number:08d}A{revision}"
    named = {"accession": accession, "modality": modality, "asset": "counts", "dataset": f"{accession}.D0001"}
    sample = Sample(id="s", accession=f"{accession}.S0001")
    product = Product(kind="soma", path="counts.soma", logical_digest=digest or digest_json(number))
    return Normalised(
        asset=Asset(**named, format="h5ad", files=(), samples=(sample,)),
        description=Description(format="h5ad", reader="r", reader_version="1", axes=(), shape=(), dtype="float32"),
        dataset=Dataset(**named, store=f"store/{accession}/key{number}", product=product, files=(), metrics={}),
        derived=Derived(recipe={}),
        derived_store="",
        derived_files=(),
        contribution=Contribution(
            modality=modality,
            title=f"dataset {number}",
            analyte="transcriptome",
            terms={"organism_ontology_term_id": organisms},
            counts={"cells": cells} if modality == "singlecell" else {"images": 1},
            measurements=measurements or (measurement(f"{accession}.D0001", "matrix", cells, "cells"),),
        ),
        findings=(),
        publish_bytes=True,
        **STAMP,
    )


def measurement(dataset: str, kind: str, count: int, unit: str) -> Measurement:
    """Return one row of the table of measurements."""
    return Measurement(id=f"{dataset}/{kind}", kind=kind, label=kind, analyte="transcriptome", count=count, unit=unit)


def held_record(number: int) -> Held:
    """Return an asset that a step before the census held."""
    finding = Finding(code="H5-001", level="error", where="", found="", expected="", fix="")
    return Held(held_at="admit", asset=record(number).asset, findings=(finding,), publish_bytes=True, **STAMP)


@dataclass
class Built:
    """An assembled census with all that it was made from."""

    plan: Plan
    contributions: dict[str, Normalised]
    census: Census
    store: Path
    workdir: Path

    @property
    def soma(self) -> Path:
        return self.store / self.census.soma


def write_datasets(workdir: Path, *datasets: Made) -> list[Normalised]:
    """Write datasets below a build folder, where they are not there yet, and return their records."""
    records = []
    for made in datasets:
        known = {"organisms": (made.organism,), "cells": made.counts.shape[0], "revision": made.revision}
        blank = record(made.number, **known)
        path = workdir / blank.dataset.store / f"{made.version}.soma"
        if not path.exists():
            write_soma(made, path)
        product = blank.dataset.product.model_copy(
            update={"path": path.name, "logical_digest": logical_digest(str(path))}
        )
        records.append(blank.model_copy(update={"dataset": blank.dataset.model_copy(update={"product": product})}))
    return records


def build_census(
    workdir: Path,
    *datasets: Made,
    others: Sequence[Normalised] = (),
    choice: CensusPlan | None = None,
    ledger: Ledger | None = None,
    folder: str = "census",
    **settings: Any,
) -> Built:
    """Write datasets, plan and assemble a census of them and of records without a matrix."""
    workdir.mkdir(exist_ok=True)
    matrices = write_datasets(workdir, *datasets)
    uris = {one.dataset.dataset: f"{workdir}/{one.dataset.store}/{one.dataset.product.path}" for one in matrices}
    groups = {name: read_groups(uri) for name, uri in uris.items()}
    records = [*others, *matrices]
    planned = plan(records, [], ledger, choice, groups)
    contributions = {one.dataset.dataset: one for one in records}
    scratch = workdir / "scratch"
    scratch.mkdir()
    census = assemble(planned, contributions, workdir, scratch, CensusAssemble(**settings))
    (workdir / folder).parent.mkdir(parents=True, exist_ok=True)
    return Built(planned, contributions, census, scratch.rename(workdir / folder), workdir)


def released(built: Built, release: str = "2026.1") -> Ledger:
    """Publish a census as the release that the next one goes on from, and return its ledger."""
    folder = built.workdir / "releases" / release / "census"
    shutil.copytree(built.store, folder, copy_function=os.link)
    pointer = built.workdir / "releases/latest.json"
    pointer.write_text(json.dumps({"release": release}))
    ledger = read_ledger(built.workdir / "releases")
    return replace(
        ledger, genes=EarlierGenes(path=f"releases/{release}/census/genes.parquet", sha256=ledger.genes.sha256)
    )


def three_datasets() -> tuple[Made, ...]:
    """Return three datasets of two organisms with overlapping genes in unlike orders."""
    counts = np.random.default_rng(7)
    types = {"cell_type": ["hepatocyte", "neuron", "hepatocyte"], "is_primary_data": [True, False, True]}
    types["cell_type_ontology_term_id"] = ["CL:0000182", "CL:0000540", "CL:0000182"]
    return (
        Made(1, counts.integers(0, 4, (3, 5)) + np.eye(3, 5, dtype=int), [5, 3, 1, 4, 2], obs=types),
        Made(2, counts.integers(0, 9, (4, 3)) + 1, [7, 2, 6], obs={"donor_id": ["a", "b", "a", "ä ö"]}),
        Made(3, counts.integers(0, 3, (2, 4)) + np.eye(2, 4, dtype=int), [4, 3, 2, 1], organism=MOUSE),
    )
