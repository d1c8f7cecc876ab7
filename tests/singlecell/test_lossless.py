"""Nothing of an H5AD is lost: what a SOMA carries is read from it by tiledbsoma, the rest from the file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import tiledbsoma
import tiledbsoma.io
from anndata.io import read_elem

from catchment.schema.records import Product

from .conftest import Kitchen, with_raw


def converted(kitchen: Kitchen, path: Path) -> tuple[Product, Path]:
    product, place = kitchen.convert(path)
    assert isinstance(product, Product), product
    assert product.findings == ()
    return product, place.path


def with_everything(adata: anndata.AnnData) -> None:
    """Add every kind of part that a SOMA has a place for."""
    graph = sp.csr_matrix(np.array([[0, 1, 0.5, 0], [1, 0, 0, 0], [0.5, 0, 0, 2], [0, 0, 2, 0]]))
    graph.data[0] = 0  # a distance of 0 is no missing distance
    adata.obsp["distances"] = graph
    adata.obsp["by_columns"] = sp.csc_matrix(graph.astype(np.float32))
    adata.obsp["dense"] = np.arange(16, dtype=np.int16).reshape(4, 4)
    adata.varm["PCs"] = np.arange(15.0).reshape(5, 3) / 7
    adata.varp["overlap"] = sp.csr_matrix(np.eye(5, dtype=np.int64) << 40)
    adata.uns["colours"] = np.array(["#ff0000", "", "grün"])
    adata.uns["ratio"] = 0.25
    adata.uns["neighbors"] = {"params": {"n_neighbors": 15, "method": "umap"}, "cube": np.arange(24.0).reshape(2, 3, 4)}
    adata.uns["counts"] = np.array([1, 2, 3], np.uint64)


def test_graphs_loadings_and_uns_are_carried(kitchen: Kitchen) -> None:
    path = kitchen.h5ad(with_everything)
    assert kitchen.codes(path) == []
    product, folder = converted(kitchen, path)
    assert set(product.side_cars) == {"qc", "genes", "thumbnail"}
    assert product.facts["graphs"] == ["obsp/by_columns", "obsp/dense", "obsp/distances", "varp/overlap"]
    source = anndata.read_h5ad(path)
    with tiledbsoma.open(str(folder / product.path)) as root:
        rna = root.ms["RNA"]
        for axis, name in (("obsp", "distances"), ("obsp", "by_columns"), ("varp", "overlap")):
            expected = getattr(source, axis)[name].tocoo()
            table = rna[axis][name].read().tables().concat().to_pandas()
            assert table["soma_data"].dtype == expected.dtype
            assert sorted(table.itertuples(index=False, name=None)) == sorted(
                zip(expected.row, expected.col, expected.data, strict=True)
            )
        for array, expected in (
            (rna["obsp"]["dense"], source.obsp["dense"]),
            (rna["varm"]["PCs"], source.varm["PCs"]),
            (rna["uns"]["neighbors"]["cube"], source.uns["neighbors"]["cube"]),
            (rna["uns"]["counts"], source.uns["counts"]),
        ):
            kept = array.read().to_numpy()
            assert kept.dtype == expected.dtype
            np.testing.assert_array_equal(kept, expected)


@pytest.mark.filterwarnings("ignore")
def test_tiledbsoma_makes_an_anndata_with_the_same_uns_and_embeddings(kitchen: Kitchen) -> None:
    uns = {"colours": np.array(["#f00", "b"]), "deep": {"er": {"n": 3, "x": 0.5}}}
    path = kitchen.h5ad(lambda adata: adata.uns.update(uns))
    product, folder = converted(kitchen, path)
    with tiledbsoma.open(str(folder / product.path)) as root:
        back = tiledbsoma.io.to_anndata(root, "RNA", X_layer_name="raw")
    assert list(back.uns["colours"]) == ["#f00", "b"]
    assert back.uns["deep"]["er"] == {"n": 3, "x": 0.5}
    assert back.uns["title"] == "Four cells"
    np.testing.assert_array_equal(back.obsm["X_umap"], anndata.read_h5ad(path).obsm["X_umap"])
    np.testing.assert_array_equal(back.X.toarray(), anndata.read_h5ad(path).X.toarray())


def test_the_rest_is_kept_as_it_is_and_listed(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obsm["frame"] = pd.DataFrame({"a": [1, 2, 3, 4]}, index=adata.obs_names)
        adata.obsm["sparse"] = sp.csr_matrix(np.eye(4))
        adata.uns["ranks"] = np.array([(1, 2.0)], dtype=[("gene", "i4"), ("score", "f4")])
        adata.uns["deep"] = {"table": pd.DataFrame({"b": ["x", "y"]}, index=["p", "q"]), "flag": True, "empty": ""}
        adata.uns["none"] = np.zeros((0, 3))

    def after(file: h5py.File) -> None:
        file["notes"] = "by hand"

    path = kitchen.h5ad(edit, after)
    left = ["notes", "obsm/frame", "obsm/sparse", "uns/deep/empty", "uns/deep/flag", "uns/deep/table"]
    (finding,) = kitchen.findings(path)
    assert (finding.code, finding.level, finding.count) == ("AD-017", "info", len([*left, "uns/none", "uns/ranks"]))
    product, folder = converted(kitchen, path)
    source: Any
    with h5py.File(folder / product.side_cars["rest"]) as rest, h5py.File(path) as source:
        assert set(rest) == {"notes", "obsm", "uns"}
        assert dict(rest["uns/deep"].attrs) == dict(source["uns/deep"].attrs)
        pd.testing.assert_frame_equal(read_elem(rest["obsm/frame"]), read_elem(source["obsm/frame"]))
        pd.testing.assert_frame_equal(read_elem(rest["uns/deep/table"]), read_elem(source["uns/deep/table"]))
        np.testing.assert_array_equal(read_elem(rest["obsm/sparse"]).toarray(), np.eye(4))
        np.testing.assert_array_equal(rest["uns/ranks"][()], source["uns/ranks"][()])
        assert rest["uns/none"].shape == (0, 3)
        assert read_elem(rest["uns/deep/flag"]) == True  # noqa: E712  # numpy's
        assert rest["notes"].asstr()[()] == "by hand"
        assert "title" not in rest["uns"]


def test_what_belongs_to_the_genes_of_a_smaller_x_is_kept_beside_it(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> anndata.AnnData:
        with_raw(adata)
        adata.varm["PCs"] = np.ones((5, 2))
        adata.varp["overlap"] = np.eye(5)
        return adata[:, [3, 1]].copy()

    path = kitchen.h5ad(edit)
    assert sorted(kitchen.codes(path)) == ["AD-017", "AD-018"]
    product, folder = converted(kitchen, path)
    with h5py.File(folder / product.side_cars["rest"]) as rest:
        assert rest["varm/PCs"].shape == (2, 2)
        assert rest["varp/overlap"].shape == (2, 2)


def test_the_same_rest_has_the_same_bytes(kitchen: Kitchen) -> None:
    path = kitchen.h5ad(lambda adata: adata.uns.update(flag=True))
    first, second = (kitchen.convert(path, name)[1].path / "rest.h5" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_metadata_that_read_back_differently_are_found(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    from catchment.singlecell import convert
    from catchment.singlecell.readback import read_back

    def spoilt(uri: str, written: Any) -> Any:
        with tiledbsoma.open(f"{uri}/ms/RNA/uns", "w") as uns:
            uns.metadata["title"] = "other"
        return read_back(uri, written)

    monkeypatch.setattr(convert, "read_back", spoilt)
    product, _ = kitchen.convert(kitchen.h5ad())
    assert isinstance(product, Product)
    assert [(f.code, f.where, f.found) for f in product.findings] == [("SOMA-002", "ms/RNA/uns", "metadata 'title'")]
