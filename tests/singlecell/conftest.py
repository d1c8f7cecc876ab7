"""A tiny valid H5AD, written by anndata, that each test breaks in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from catchment.config import SinglecellAdmit, SinglecellConvert
from catchment.schema.records import Asset, Dataset, Description, Finding, Product, SourceFile, Unreadable
from catchment.singlecell import MODALITY
from catchment.storage import Place, stored_files

GENES = ["ENSG00000198888", "ENSG00000163631", "ENSG00000118137", "ENSG00000091583", "ENSG00000130203"]
SYMBOLS = ["MT-ND1", "ALB", "APOA1", "APOH", "APOE"]
COUNTS = np.array([[1, 0, 3, 0, 2], [0, 5, 0, 0, 1], [4, 0, 0, 2, 0], [0, 0, 1, 0, 7]], np.float32)

COLUMNS = {
    "assay_ontology_term_id": "EFO:0009922",
    "cell_type_ontology_term_id": "CL:0000182",
    "development_stage_ontology_term_id": "HsapDv:0000136",
    "disease_ontology_term_id": "PATO:0000461",
    "donor_id": "H1",
    "self_reported_ethnicity_ontology_term_id": "unknown",
    "sex_ontology_term_id": "PATO:0000383",
    "suspension_type": "cell",
    "tissue_ontology_term_id": "UBERON:0002107",
    "tissue_type": "tissue",
}


def valid_adata() -> anndata.AnnData:
    """Return a dataset without a fault: 4 cells, 5 genes, counts in X."""
    obs = pd.DataFrame(
        {name: pd.Categorical([value] * 4) for name, value in COLUMNS.items()}, index=["c0", "c1", "c2", "c3"]
    )
    obs["cell_type_ontology_term_id"] = pd.Categorical(["CL:0000182", "CL:0000091", "CL:0000182", "CL:0000084"])
    obs["is_primary_data"] = True
    var = pd.DataFrame({"feature_name": SYMBOLS, "feature_length": [956, 2000, 900, 1100, 1200]}, index=GENES)
    uns = {"organism_ontology_term_id": "NCBITaxon:9606", "title": "Four cells"}
    umap = np.arange(8, dtype=np.float32).reshape(4, 2)
    return anndata.AnnData(X=sp.csr_matrix(COUNTS), obs=obs, var=var, uns=uns, obsm={"X_umap": umap})


def with_raw(adata: anndata.AnnData) -> None:
    """Move the counts to raw.X, and put normalised values into X."""
    adata.raw = anndata.AnnData(X=adata.X.copy(), obs=adata.obs[[]], var=adata.var)
    adata.X = sp.csr_matrix(np.log1p(adata.X.toarray()))


def with_x(adata: anndata.AnnData, x: Any) -> anndata.AnnData:
    """Return the dataset with another X: assigning to `X` would cast it to the type that was there."""
    return anndata.AnnData(X=x, obs=adata.obs, var=adata.var, uns=adata.uns, obsm=adata.obsm)


@dataclass
class Kitchen:
    """What tests make H5ADs with, and look at them with."""

    folder: Path

    def h5ad(
        self,
        edit: Callable[[anndata.AnnData], Any] | None = None,
        after: Callable[[h5py.File], Any] | None = None,
        adata: anndata.AnnData | None = None,
    ) -> Path:
        """Write the valid dataset, changed by `edit` before and `after` it is a file."""
        adata = valid_adata() if adata is None else adata
        edited = None if edit is None else edit(adata)
        if isinstance(edited, anndata.AnnData):
            adata = edited
        path = self.folder / "cells.h5ad"
        adata.write_h5ad(path)
        if after is not None:
            with h5py.File(path, "r+") as file:
                after(file)
        return path

    def asset(self, path: Path, **fields: Any) -> Asset:
        """Return the asset of a file."""
        source = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
        identity: dict[str, Any] = {"accession": "CAT00000001A", "dataset": "CAT00000001A.D0001"}
        return Asset(modality="singlecell", asset="cells", format="h5ad", files=(source,), **identity, **fields)

    def describe(self, path: Path) -> Description | Unreadable:
        """Describe a file."""
        return MODALITY.describe(self.asset(path))

    def findings(self, path: Path, block_rows: int = 2048, **fields: Any) -> list[Finding]:
        """Return every finding on a file that is read leniently, but for those of the CELLxGENE schema alone (CXG)."""
        asset = self.asset(path, **fields)
        description = MODALITY.describe(asset)
        if isinstance(description, Unreadable):
            return list(description.findings)
        settings = SinglecellAdmit(block_rows=block_rows, reading="lenient")
        found = MODALITY.validate(description, asset, settings).findings
        return [finding for finding in found if not finding.code.startswith("CXG-")]

    def codes(self, path: Path, **fields: Any) -> list[str]:
        """Return the codes of every finding on a file."""
        return [finding.code for finding in self.findings(path, **fields)]

    def convert(self, path: Path, name: str = "out", **fields: Any) -> tuple[Product | Unreadable, Place]:
        """Convert a file into a folder of its own."""
        asset = self.asset(path, **fields)
        description = MODALITY.describe(asset)
        assert isinstance(description, Description), description
        place = Place(str(self.folder / name))
        place.path.mkdir()
        return MODALITY.convert(asset, description, place, SinglecellConvert()), place

    def dataset(self, product: Product, place: Place) -> Dataset:
        """Return the dataset record of a product."""
        return Dataset(
            accession="CAT00000001A",
            modality="singlecell",
            asset="cells",
            dataset="CAT00000001A.D0001",
            store="store/x",
            product=product,
            files=stored_files(place.path),
            metrics=MODALITY.measure(product, place),
        )


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """Return what tests make H5ADs with, in a folder of their own."""
    return Kitchen(tmp_path)
