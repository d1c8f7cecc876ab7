"""QC numbers equal scanpy's on the same counts."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from catchment.schema.records import Product
from catchment.singlecell import MODALITY

from .conftest import Kitchen


def many_cells() -> anndata.AnnData:
    """Return 300 cells x 60 genes, of which 6 are mitochondrial by name; one cell has no counts."""
    rng = np.random.default_rng(11)
    counts = rng.negative_binomial(1, 0.3, (300, 60)).astype(np.float32)
    counts[7] = 0
    names = [f"MT-{number}" if number < 6 else f"GENE{number}" for number in range(60)]
    return anndata.AnnData(
        X=sp.csr_matrix(counts),
        obs=pd.DataFrame(index=[f"c{row}" for row in range(300)]),
        var=pd.DataFrame({"feature_name": names}, index=[f"ENSG{number:011d}" for number in range(60)]),
        uns={"organism_ontology_term_id": "NCBITaxon:9606"},
    )


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_qc_equals_scanpy(kitchen: Kitchen) -> None:
    import scanpy

    path = kitchen.h5ad(adata=many_cells())
    product, place = kitchen.convert(path)
    assert isinstance(product, Product)
    metrics = MODALITY.measure(product, place)

    reference = anndata.read_h5ad(path)
    reference.var["mt"] = reference.var["feature_name"].str.startswith("MT-").to_numpy()
    scanpy.pp.calculate_qc_metrics(reference, qc_vars=["mt"], percent_top=None, log1p=False, inplace=True)
    cells = pq.read_table(place.path / product.side_cars["qc"]).to_pandas()
    genes = pq.read_table(place.path / product.side_cars["genes"]).to_pandas()
    for name in ("total_counts", "n_genes_by_counts", "pct_counts_mt"):
        np.testing.assert_allclose(cells[name], reference.obs[name], rtol=1e-5)
        expected = float(np.nanmedian(reference.obs[name]))
        short = {"total_counts": "total_counts", "n_genes_by_counts": "genes_by_counts"}.get(name, name)
        assert metrics[f"median_{short}"] == pytest.approx(expected, rel=1e-5)
        assert metrics[f"mean_{short}"] == pytest.approx(float(np.nanmean(reference.obs[name])), rel=1e-5)
    np.testing.assert_array_equal(genes["total_counts"], reference.var["total_counts"])
    np.testing.assert_array_equal(genes["n_cells_by_counts"], reference.var["n_cells_by_counts"])
    assert list(genes["var_id"]) == list(reference.var_names)
    assert (metrics["n_cells"], metrics["n_genes"], metrics["cells_without_counts"]) == (300, 60, 1)
    assert metrics["total_counts"] == reference.X.sum()
    assert metrics["sparsity"] == pytest.approx(1 - reference.X.nnz / 18_000)


def test_without_a_mitochondrial_gene_there_is_no_share(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> anndata.AnnData:
        return adata[:, 1:].copy()

    product, place = kitchen.convert(kitchen.h5ad(edit))
    assert isinstance(product, Product)
    metrics = MODALITY.measure(product, place)
    assert metrics["median_pct_counts_mt"] is None
    assert metrics["mean_pct_counts_mt"] is None
    assert product.facts["mitochondrial_genes"] == 0


def test_mitochondrial_genes_are_known_by_id_where_there_are_no_names(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.var = adata.var[[]]

    product, place = kitchen.convert(kitchen.h5ad(edit))
    assert isinstance(product, Product)
    assert product.facts["mitochondrial_genes"] == 1
    assert MODALITY.measure(product, place)["mean_pct_counts_mt"] == pytest.approx((1 / 6 + 4 / 6) / 4 * 100)
