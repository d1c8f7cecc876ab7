"""QC numbers equal scanpy's on the same counts."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from catchment.schema.records import Product
from catchment.singlecell import MODALITY
from catchment.singlecell.blocks import block_of_dense
from catchment.singlecell.quality import Quality
from catchment.singlecell.tables import ribosomal_names

from .conftest import Kitchen


def many_cells() -> anndata.AnnData:
    """Return 300 cells x 600 genes, some mitochondrial and ribosomal by name; one cell has no counts."""
    rng = np.random.default_rng(11)
    counts = rng.negative_binomial(1, 0.3, (300, 600)).astype(np.float32)
    counts[7] = 0
    names = [f"MT-{n}" if n < 6 else f"RPS{n}" if n < 12 else f"RPL{n}A" if n < 19 else f"GENE{n}" for n in range(600)]
    return anndata.AnnData(
        X=sp.csr_matrix(counts),
        obs=pd.DataFrame(index=[f"c{row}" for row in range(300)]),
        var=pd.DataFrame({"feature_name": names}, index=[f"ENSG{number:011d}" for number in range(600)]),
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
    reference.var["ribo"] = reference.var["feature_name"].str.startswith(("RPS", "RPL")).to_numpy()
    assert 0 < reference.var["ribo"].sum() < 20
    reference.X = reference.X.astype(np.float64)  # scanpy adds up in the matrix's own type
    scanpy.pp.calculate_qc_metrics(reference, qc_vars=["mt", "ribo"], inplace=True)
    cells = pq.read_table(place.path / product.side_cars["qc"]).to_pandas()
    genes = pq.read_table(place.path / product.side_cars["genes"]).to_pandas()
    assert set(cells) == {"soma_joinid", *reference.obs}
    assert set(genes) == {"soma_joinid", "var_id", *reference.var} - {"feature_name"}
    for name in reference.obs:
        rounding = 1e-6 if name.startswith("log1p") else 1e-12
        np.testing.assert_allclose(cells[name], reference.obs[name], rtol=rounding, err_msg=name)
    for name in genes.columns.drop(["soma_joinid", "var_id"]):
        np.testing.assert_allclose(genes[name], reference.var[name], rtol=1e-12, err_msg=name)
    for name in ("total_counts", "n_genes_by_counts", "pct_counts_mt", "pct_counts_ribo", "pct_counts_in_top_50_genes"):
        short = name.removeprefix("n_")
        assert metrics[f"median_{short}"] == pytest.approx(float(np.nanmedian(reference.obs[name])))
        assert metrics[f"mean_{short}"] == pytest.approx(float(np.nanmean(reference.obs[name])))
    assert list(genes["var_id"]) == list(reference.var_names)
    assert (metrics["n_cells"], metrics["n_genes"], metrics["cells_without_counts"]) == (300, 600, 1)
    assert metrics["total_counts"] == reference.X.sum()
    assert metrics["sparsity"] == pytest.approx(1 - reference.X.nnz / 180_000)


def test_a_share_of_more_genes_than_there_are_does_not_exist(kitchen: Kitchen) -> None:
    product, place = kitchen.convert(kitchen.h5ad())
    assert isinstance(product, Product)
    metrics = MODALITY.measure(product, place)
    assert metrics["median_pct_counts_in_top_50_genes"] is None
    assert metrics["median_pct_counts_ribo"] is None


@pytest.mark.parametrize(
    ("organism", "names", "others"),
    [
        (
            "NCBITaxon:9606",
            ["RPSA", "RPS2", "RPS4X", "RPS4Y1", "RPS27A", "RPS27L", "RPLP0", "RPL7L1", "RPL36AL", "RPL13A", "RPL41"],
            ["RPS6KA1", "RPS6KB2", "RPL10P3", "RPS19BP1", "MRPS2", "MRPL13", "RPN1", "RPLP0P2"],
        ),
        ("NCBITaxon:10090", ["Rps2", "Rpl13a", "Rps27rt", "Rplp1", "Rpl3l"], ["Rps6ka3", "Mrpl1", "Rpl10-ps3"]),
        ("NCBITaxon:7227", ["RpS2", "RpL10Ab", "RpLP0", "sta", "RpS15Aa"], ["mRpL1", "Rpn2", "S6k"]),
        ("NCBITaxon:6239", ["rps-2", "rpl-3", "rla-1", "rpl-11.1"], ["mrps-2", "rpn-1"]),
    ],
)
def test_ribosomal_proteins_are_told_by_their_systematic_names(
    organism: str, names: list[str], others: list[str]
) -> None:
    pattern = ribosomal_names(organism)
    assert [name for name in [*names, *others] if pattern.fullmatch(name)] == names


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 5)),
    st.integers(1, 12),
)
def test_numbers_do_not_depend_on_the_blocks(dense: np.ndarray, rows: int) -> None:
    known = np.zeros(dense.shape[1], np.bool_)
    known[0] = True
    sets = {"mt": known}
    whole, parts = Quality(*dense.shape, sets), Quality(*dense.shape, sets)
    whole.add(block_of_dense(0, dense))
    for first in range(0, dense.shape[0], rows):
        parts.add(block_of_dense(first, dense[first : first + rows]))
    pd.testing.assert_frame_equal(whole.cells().to_pandas(), parts.cells().to_pandas())
    ids = [str(column) for column in range(dense.shape[1])]
    assert whole.genes(ids, sets).equals(parts.genes(ids, sets))
    np.testing.assert_array_equal(whole.total_counts, dense.sum(axis=1))
    np.testing.assert_array_equal(whole.gene_cells, (dense > 0).sum(axis=0))


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
