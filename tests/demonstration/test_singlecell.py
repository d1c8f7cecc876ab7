"""The synthetic single-cell files: the same bytes every time, valid, and alive enough to look like liver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest

from catchment.config import SinglecellAdmit
from catchment.demonstration.singlecell import read_genes, write_corrupt_h5ad, write_h5ad
from catchment.schema.records import Asset, Description, Finding, Sample, SourceFile, Unreadable
from catchment.singlecell import MODALITY

# a demonstration is small, and one of its layouts has no normalised X
OF_A_DEMONSTRATION = {"CXG-024", "CXG-025"}


def findings(path: Path, **fields: Any) -> list[Finding]:
    source = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
    identity: dict[str, Any] = {"accession": "CAT00000001A", "dataset": "CAT00000001A.D0001"}
    asset = Asset(modality="singlecell", asset="demo", format="h5ad", files=(source,), **identity, **fields)
    described = MODALITY.describe(asset)
    if isinstance(described, Unreadable):
        return list(described.findings)
    assert isinstance(described, Description)
    found = MODALITY.validate(described, asset, SinglecellAdmit()).findings
    return [finding for finding in found if finding.code not in OF_A_DEMONSTRATION]


@pytest.mark.parametrize("layout", ["X", "raw"])
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, layout: Any) -> None:
    for name in ("one", "two"):
        write_h5ad(tmp_path / name, organism="homo_sapiens", seed=4, cells=60, layout=layout)
    write_h5ad(tmp_path / "other", organism="homo_sapiens", seed=5, cells=60, layout=layout)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("layout", ["X", "raw"])
@pytest.mark.parametrize(
    ("organism", "stage"), [("homo_sapiens", "HsapDv:0000136"), ("mus_musculus", "MmusDv:0000110")]
)
def test_a_file_with_all_columns_is_valid(tmp_path: Path, organism: Any, stage: str, layout: Any) -> None:
    path = tmp_path / "cells.h5ad"
    people = {"donors": ["D1", "D2"], "development_stage": stage, "sex": "PATO:0000384"}
    write_h5ad(path, organism=organism, seed=1, cells=80, layout=layout, **people)
    assert findings(path) == []


def test_what_the_file_leaves_out_comes_from_its_sample(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5ad"
    write_h5ad(path, organism="homo_sapiens", seed=1, cells=80)
    assert {finding.code for finding in findings(path)} == {"OBS-001"}
    sample = Sample(
        id="s",
        accession="CAT00000001A.S0001",
        donor_id="H1",
        sex_ontology_term_id="PATO:0000383",
        development_stage_ontology_term_id="HsapDv:0000136",
    )
    assert findings(path, samples=(sample,)) == []


def test_counts_are_overdispersed_and_cell_types_differ(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5ad"
    write_h5ad(path, organism="homo_sapiens", seed=1, cells=600)
    adata = anndata.read_h5ad(path)
    counts = adata.X.toarray()
    assert (counts == np.trunc(counts)).all() and (counts >= 0).all()
    means, variances = counts.mean(axis=0), counts.var(axis=0)
    assert np.median(variances[means > 1] / means[means > 1]) > 1.5
    names = [gene["feature_name"] for gene in read_genes("homo_sapiens")]
    albumin = counts[:, names.index("ALB")]
    hepatocyte = (adata.obs["cell_type_ontology_term_id"] == "CL:0000182").to_numpy()
    assert albumin[hepatocyte].mean() > 3 * albumin[~hepatocyte].mean()
    assert sum(name.startswith("MT-") for name in names) == 37


@pytest.mark.parametrize(("organism", "prefix"), [("homo_sapiens", "ENSG"), ("mus_musculus", "ENSMUSG")])
def test_gene_tables_hold_distinct_genes_of_their_organism(organism: Any, prefix: str) -> None:
    genes = read_genes(organism)
    assert len(genes) == len({gene["gene_id"] for gene in genes}) == 1500
    assert all(gene["gene_id"].removeprefix(prefix).isdecimal() for gene in genes)
    assert all(int(gene["feature_length"]) > 0 for gene in genes)
    assert "ALB" in {gene["feature_name"].upper() for gene in genes}


def test_the_corrupt_file_is_told_to_be_truncated(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.h5ad"
    write_corrupt_h5ad(path)
    (finding,) = findings(path)
    assert finding.code == "H5-007"
    assert finding.found == "106,205 bytes, where its header says 212,411"
