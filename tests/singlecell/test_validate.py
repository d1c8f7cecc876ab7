"""Each broken thing makes its own finding, and nothing else."""

from __future__ import annotations

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from catchment.schema.records import Description

from .conftest import COUNTS, GENES, Kitchen, with_raw, with_x


def counts(adata: anndata.AnnData, row: int, column: int, value: float) -> None:
    dense = adata.X.toarray()
    dense[row, column] = value
    adata.X = sp.csr_matrix(dense)


def test_a_valid_dataset_has_no_findings(kitchen: Kitchen) -> None:
    assert kitchen.findings(kitchen.h5ad()) == []


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint16"])
@pytest.mark.parametrize("encoding", [sp.csr_matrix, np.asarray])
def test_counts_are_admitted_in_every_encoding_and_number_type(kitchen: Kitchen, dtype: str, encoding) -> None:
    path = kitchen.h5ad(lambda adata: with_x(adata, encoding(COUNTS.astype(dtype))))
    described = kitchen.describe(path)
    assert isinstance(described, Description)
    assert described.dtype == dtype
    assert kitchen.codes(path) == []


def test_description_says_where_raw_is_and_what_else_there_is(kitchen: Kitchen) -> None:
    described = kitchen.describe(kitchen.h5ad(with_raw))
    assert isinstance(described, Description)
    assert (described.format, described.axes, described.shape) == ("h5ad", ("obs", "var"), (4, 5))
    assert described.dtype == "float32"
    facts = described.facts
    assert (facts["raw"], facts["encoding"], facts["nnz"]) == ("raw/X", "csr", 9)
    assert facts["layers"] == {"data": {"encoding": "csr", "nnz": 9}}
    assert facts["obsm"] == {"X_umap": [4, 2]}
    assert "donor_id" in facts["obs_columns"]  # type: ignore[operator]
    assert facts["organism_ontology_term_id"] == "NCBITaxon:9606"


@pytest.mark.parametrize(
    ("value", "kind"), [(np.nan, "not finite"), (np.inf, "not finite"), (-1.0, "negative"), (0.5, "not whole")]
)
def test_what_is_no_count_is_named_by_cell_gene_and_value(kitchen: Kitchen, value: float, kind: str) -> None:
    (finding,) = kitchen.findings(kitchen.h5ad(lambda adata: counts(adata, 2, 3, value)))
    assert (finding.code, finding.level, finding.where, finding.count) == ("AD-004", "error", "X", 1)
    assert finding.found == f"1 {kind}: {value:g} (cell c2, gene {GENES[3]})"


def test_the_first_five_offenders_are_named_and_the_rest_counted(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.X = sp.csr_matrix(COUNTS + 0.25)

    (finding,) = kitchen.findings(kitchen.h5ad(edit), block_rows=1)
    assert (finding.code, finding.count) == ("AD-004", 20)
    assert finding.found.count("(cell ") == 5
    assert finding.found.endswith("and 15 more")


def test_a_count_beyond_float32_is_refused(kitchen: Kitchen) -> None:
    large = np.where(COUNTS == 7, 2.0**24 + 1, COUNTS.astype(np.float64))
    assert kitchen.codes(kitchen.h5ad(lambda adata: with_x(adata, sp.csr_matrix(large)))) == ["AD-007"]


def test_a_cell_without_counts_is_a_warning(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.X = sp.csr_matrix(np.where(np.arange(4)[:, None] == 1, 0, COUNTS).astype(np.float32))

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.level, finding.count) == ("AD-006", "warning", 1)
    assert "'c1'" in finding.found


def test_cells_with_identical_counts_are_a_warning(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        dense = COUNTS.copy()
        dense[3] = dense[0]
        adata.X = sp.csr_matrix(dense)

    (finding,) = kitchen.findings(kitchen.h5ad(edit), block_rows=2)
    assert (finding.code, finding.level, finding.count) == ("AD-015", "warning", 1)
    assert "'c3'" in finding.found


def put(path: str, values: list[int]):
    def after(file: h5py.File) -> None:
        part = file[path]
        data = np.array(values, part.dtype)
        attrs = dict(part.attrs)
        del file[path]
        file[path] = data
        file[path].attrs.update(attrs)

    return after


# the valid matrix: indptr 0 3 5 7 9, indices 0 2 4 | 1 4 | 0 3 | 2 4
@pytest.mark.parametrize(
    ("path", "values", "found"),
    [
        ("X/indptr", [0, 5, 3, 7, 9], "falls from 5 to 3 at row 1"),
        ("X/indptr", [0, 3, 5, 7, 8], "ends at 8, but 9 values"),
        ("X/indptr", [1, 3, 5, 7, 9], "starts at 1"),
        ("X/indptr", [0, 3, 5, 9], "4 entries"),
        ("X/indices", [0, 2, 99, 1, 4, 0, 3, 2, 4], "outside 0 to 4: 2 (cell c0, gene column 99)"),
        ("X/indices", [0, 2, 4, 1, -1, 0, 3, 2, 4], "gene column -1"),
        ("X/indices", [0, 2, 2, 1, 4, 0, 3, 2, 4], f"a gene twice in one cell: 2 (cell c0, gene {GENES[2]})"),
        ("X/indices", [2, 0, 2, 1, 4, 0, 3, 2, 4], "a gene twice in one cell"),
        ("X/indices", [0, 2, 4, 1, 4, 0, 3, 2], "9 values, but 8 indices"),
    ],
)
def test_a_sparse_matrix_that_contradicts_itself_is_refused(
    kitchen: Kitchen, path: str, values: list[int], found: str
) -> None:
    findings = [f for f in kitchen.findings(kitchen.h5ad(after=put(path, values))) if f.level == "error"]
    assert [finding.code for finding in findings] == ["AD-001"]
    assert found in findings[0].found


def test_genes_out_of_order_are_a_warning(kitchen: Kitchen) -> None:
    (finding,) = kitchen.findings(kitchen.h5ad(after=put("X/indices", [4, 2, 0, 1, 4, 3, 0, 2, 4])))
    assert (finding.code, finding.level, finding.count) == ("AD-012", "warning", 2)


def test_stored_zeros_are_a_warning(kitchen: Kitchen) -> None:
    (finding,) = kitchen.findings(kitchen.h5ad(after=put("X/data", [1, 3, 0, 5, 1, 4, 2, 1, 7])))
    assert (finding.code, finding.level, finding.count) == ("AD-011", "warning", 1)


def test_csc_is_held_to_the_same_as_csr(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.X = sp.csc_matrix(COUNTS)

    assert kitchen.codes(kitchen.h5ad(edit)) == []
    (finding,) = kitchen.findings(kitchen.h5ad(edit, put("X/data", [1, 3.5, 5, 3, 1, 2, 2, 1, 7])))
    assert (finding.code, finding.count) == ("AD-004", 1)
    (finding,) = kitchen.findings(kitchen.h5ad(edit, put("X/indices", [0, 4, 1, 0, 3, 2, 0, 1, 3])))
    assert (finding.code, finding.found) == (
        "AD-001",
        "row numbers outside 0 to 3: 4 (cell row 4, gene ENSG00000198888)",
    )
    (finding,) = kitchen.findings(kitchen.h5ad(edit, put("X/indptr", [0, 2, 3, 6, 5, 9])))
    assert (finding.code, finding.where) == ("AD-001", "X/indptr")


def delete(path: str):
    def after(file: h5py.File) -> None:
        del file[path]

    return after


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (delete("obs"), "AD-009"),
        (delete("var"), "AD-009"),
        (delete("X"), "AD-005"),
        (delete("X/indices"), "AD-001"),
        (lambda file: file["X"].attrs.__delitem__("shape"), "AD-001"),
        (lambda file: file["X"].attrs.__setitem__("encoding-type", "coo_matrix"), "AD-010"),
        (lambda file: file["X"].attrs.__setitem__("shape", [5, 5]), "AD-001"),
    ],
)
def test_a_file_without_its_parts_is_refused(kitchen: Kitchen, after, code: str) -> None:
    assert kitchen.codes(kitchen.h5ad(after=after)) == [code]


def test_a_matrix_with_other_genes_than_var_is_refused(kitchen: Kitchen) -> None:
    (finding,) = kitchen.findings(kitchen.h5ad(after=lambda file: file["X"].attrs.__setitem__("shape", [4, 6])))
    assert (finding.code, finding.where) == ("AD-002", "var/_index")
    assert (finding.found, finding.expected) == ("5 rows", "6 rows")


def test_an_embedding_with_other_rows_is_refused(kitchen: Kitchen) -> None:
    def after(file: h5py.File) -> None:
        file["obsm/X_pca"] = np.zeros((3, 2))

    (finding,) = kitchen.findings(kitchen.h5ad(after=after))
    assert (finding.code, finding.where, finding.found) == ("AD-002", "obsm/X_pca", "3 rows")


def test_an_empty_matrix_is_refused(kitchen: Kitchen) -> None:
    adata = anndata.AnnData(X=sp.csr_matrix((0, 5), dtype=np.float32), var=pd.DataFrame(index=GENES))
    assert kitchen.codes(kitchen.h5ad(adata=adata)) == ["AD-002"]


@pytest.mark.parametrize("table", ["obs", "var"])
@pytest.mark.filterwarnings("ignore:.*names are not unique")
def test_names_that_occur_twice_are_refused(kitchen: Kitchen, table: str) -> None:
    def after(file: h5py.File) -> None:
        names = file[table][file[table].attrs["_index"]]
        names[1] = names[0]

    findings = kitchen.findings(kitchen.h5ad(after=after))
    assert [(finding.code, finding.where) for finding in findings] == [("AD-003", table)]


def test_an_old_file_without_root_encoding_is_a_warning(kitchen: Kitchen) -> None:
    assert kitchen.codes(kitchen.h5ad(after=lambda file: file.attrs.__delitem__("encoding-type"))) == ["AD-013"]


# --- columns -----------------------------------------------------------------------------------------------------


def bad_code(file: h5py.File) -> None:
    file["obs/donor_id/codes"][2] = 9


def not_text(file: h5py.File) -> None:
    path = "obs/donor_id/categories"
    del file[path]
    file.create_dataset(path, data=np.array([b"\xff\xfe"], h5py.string_dtype()))


def short_column(file: h5py.File) -> None:
    del file["obs/is_primary_data"]
    file["obs/is_primary_data"] = np.ones(3, bool)


def unlisted(file: h5py.File) -> None:
    del file["obs/is_primary_data"]


def strange_encoding(file: h5py.File) -> None:
    file["obs/donor_id"].attrs["encoding-type"] = "awkward-array"


@pytest.mark.parametrize(
    ("after", "code", "column", "found"),
    [
        (bad_code, "AD-008", "donor_id", "category code 9 of 1 categories (row 2; 1 such)"),
        (not_text, "AD-008", "donor_id", "unreadable"),
        (short_column, "AD-002", "is_primary_data", "3 rows"),
        (unlisted, "AD-008", "is_primary_data", "not there"),
        (strange_encoding, "AD-008", "donor_id", "encoding 'awkward-array'"),
    ],
)
def test_a_column_that_cannot_be_read_is_named(kitchen: Kitchen, after, code: str, column: str, found: str) -> None:
    (first,) = kitchen.findings(kitchen.h5ad(after=after))
    assert (first.code, first.where) == (code, f"obs/{column}")
    assert found in first.found


def test_a_huge_text_in_a_column_is_refused(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.obs["note"] = ["x" * 2_000_000, "a", "b", "c"]

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.found) == ("AD-008", "a text of 2,000,000 characters")


def test_parts_that_are_not_converted_are_listed(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.varm["PCs"] = np.zeros((5, 2))  # a SOMA has a place for it
        adata.uns["ranks"] = np.array([(1, 2.0)], dtype=[("gene", "i4"), ("score", "f4")])
        adata.obsm["frame"] = pd.DataFrame({"a": np.arange(4)}, index=adata.obs_names)

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.level, finding.count) == ("AD-017", "info", 2)
    assert finding.found == "'obsm/frame', 'uns/ranks'"


@pytest.mark.parametrize("name", ["..", "a b", "-x", "x" * 200])
def test_a_part_whose_name_would_not_do_as_a_path_is_refused(kitchen: Kitchen, name: str) -> None:
    def after(file: h5py.File) -> None:
        file["obsm"].create_dataset(name, data=np.zeros((4, 2), np.float32))

    assert kitchen.codes(kitchen.h5ad(after=after)) == ["AD-016"]


# --- genes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("ENSG00000163631.5", "remove the version"),
        ("ENSMUSG00000029368", "other organisms"),
        ("ALB", "Ensembl ids"),
    ],
)
def test_a_gene_id_of_no_or_another_organism_is_refused(kitchen: Kitchen, name: str, advice: str) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.var_names = [GENES[0], name, *GENES[2:]]

    (finding,) = kitchen.findings(kitchen.h5ad(edit))
    assert (finding.code, finding.where, finding.count) == ("AD-014", "var", 1)
    assert repr(name) in finding.found
    assert advice in finding.fix


@pytest.mark.parametrize("name", ["ERCC-00002", "ENSSASG00005000002"])
def test_spike_ins_and_virus_genes_are_admitted(kitchen: Kitchen, name: str) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.var_names = [GENES[0], name, *GENES[2:]]

    assert kitchen.codes(kitchen.h5ad(edit)) == []


def test_ids_may_stand_in_a_column_where_the_index_holds_symbols(kitchen: Kitchen) -> None:
    def edit(adata: anndata.AnnData) -> None:
        adata.var["gene_ids"] = adata.var_names
        adata.var_names = adata.var["feature_name"].to_numpy()

    assert kitchen.codes(kitchen.h5ad(edit)) == []


# --- raw and X ---------------------------------------------------------------------------------------------------


def test_counts_in_raw_beside_a_normalised_x_are_admitted(kitchen: Kitchen) -> None:
    assert kitchen.codes(kitchen.h5ad(with_raw)) == []


def test_fewer_genes_in_x_than_in_raw_are_a_warning(kitchen: Kitchen) -> None:
    def subset(adata: anndata.AnnData) -> anndata.AnnData:
        with_raw(adata)
        return adata[:, [3, 1]].copy()

    assert kitchen.codes(kitchen.h5ad(subset)) == ["AD-018"]


def test_genes_of_x_that_raw_lacks_are_refused(kitchen: Kitchen) -> None:
    def after(file: h5py.File) -> None:
        file["var/_index"][0] = "ENSG00000000001"

    (finding,) = kitchen.findings(kitchen.h5ad(with_raw, after))
    assert (finding.code, finding.where) == ("AD-002", "var")
    assert "ENSG00000000001" in finding.found


def test_statistics_are_those_of_the_counts(kitchen: Kitchen) -> None:
    from catchment.config import SinglecellAdmit
    from catchment.singlecell import MODALITY

    asset = kitchen.asset(kitchen.h5ad())
    described = MODALITY.describe(asset)
    assert isinstance(described, Description)
    statistics = MODALITY.validate(described, asset, SinglecellAdmit(block_rows=1)).statistics
    assert statistics["nnz"] == np.count_nonzero(COUNTS)
    assert statistics["total_counts"] == COUNTS.sum()
    assert statistics["median_total_counts"] == np.median(COUNTS.sum(axis=1))
    assert statistics["organism_ontology_term_id"] == "NCBITaxon:9606"
    resources = MODALITY.estimate(described)
    assert resources.memory_mb >= 450
    assert resources.pieces == 1
