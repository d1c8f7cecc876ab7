"""QC plots of cells."""

from __future__ import annotations

from xml.etree import ElementTree

import anndata
import numpy as np

from catchment.schema.records import Product
from catchment.singlecell import MODALITY

from .conftest import Kitchen, valid_adata, with_x


def words(kitchen: Kitchen, path: object) -> list[str]:
    product, place = kitchen.convert(path)  # type: ignore[arg-type]
    assert isinstance(product, Product)
    svg = MODALITY.draw(kitchen.dataset(product, place), kitchen.asset(path), place)  # type: ignore[arg-type]
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_plots_name_the_dataset_and_its_medians(kitchen: Kitchen) -> None:
    shown = words(kitchen, kitchen.h5ad())
    assert shown[:2] == ["cells.h5ad", "single-cell · CAT00000001A.D0001 · 4 cells × 5 genes"]
    titles = {"Counts per cell", "Genes per cell", "Share of mitochondrial genes", "Genes over counts"}
    assert titles <= set(shown)
    # counts 6, 6, 6, 8; genes 3, 2, 2, 2; mitochondrial 1/6, 0, 4/6, 0
    medians = [text for text in shown if text.startswith("median")]
    assert medians[:3] == ["median 6", "median 2", "median 8.333"]


def test_cells_without_counts_and_genes_that_are_not_mitochondrial_are_said(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> anndata.AnnData:
        counts = adata.X.toarray()
        counts[1] = 0
        return with_x(adata[:, 1:].copy(), np.asarray(counts[:, 1:], np.float32))

    shown = words(kitchen, kitchen.h5ad(adata=edit(valid_adata())))
    assert "total counts; 1 cells without" in shown
    assert "None of 4 cells has a value to show." in shown
