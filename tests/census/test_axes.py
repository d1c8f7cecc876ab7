"""The axes of a census's matrix, from tables written by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from catchment.census.axes import (
    dictionaries_of,
    gene_map,
    general_tissue,
    genes_of,
    marked,
    union_of_genes,
    values_of,
    var_table,
    with_general_tissue,
)
from catchment.census.plan import plan
from catchment.errors import CatchmentError
from catchment.schema.columns import VAR, names
from catchment.vocabulary import organisms

from .synthetic_census import HUMAN, MOUSE, Made, obs_of, record, var_of

TWO = Made(1, np.ones((2, 3)), [3, 1, 2])


def genes(*numbers: int, **var: list[object]) -> pa.Table:
    return genes_of(var_of(Made(1, np.ones((1, len(numbers))), numbers, var=var)), organisms()[HUMAN]).table


def test_genes_of_are_those_of_the_organism() -> None:
    var = {
        "feature_biotype": ["gene", "spike-in", "gene"],
        "feature_reference": [HUMAN, "NCBITaxon:32630", "NCBITaxon:2697049"],
    }
    found = genes_of(var_of(Made(1, np.ones((1, 3)), [3, 1, 2], var=var)), organisms()[HUMAN])
    assert found.table["feature_id"].to_pylist() == ["ENSG00000000003"]
    assert found.columns.tolist() == [0]
    assert found.width == 3


def test_genes_of_reads_dictionaries_and_other_integers() -> None:
    table = var_of(TWO)
    coded = table.set_column(5, "feature_biotype", table["feature_biotype"].dictionary_encode())
    coded = coded.set_column(3, "feature_length", table["feature_length"].cast(pa.uint32()))
    assert coded.column_names == table.column_names
    assert genes_of(coded, organisms()[HUMAN]).table.equals(genes_of(table, organisms()[HUMAN]).table)


def test_union_has_each_gene_once_in_order_of_the_ids() -> None:
    union = union_of_genes([genes(3, 1), genes(2, 3)])
    assert [gene[-1] for gene in union["feature_id"].to_pylist()] == ["1", "2", "3"]


def test_union_describes_a_gene_as_its_first_dataset_does() -> None:
    union = union_of_genes([genes(3, feature_name=["old"]), genes(3, feature_name=["new"])])
    assert union["feature_name"].to_pylist() == ["old"]


def test_union_of_nothing_is_empty() -> None:
    assert union_of_genes([]).num_rows == 0


def test_gene_map_says_where_each_column_goes() -> None:
    var = {"feature_biotype": ["gene", "spike-in", "gene"]}
    own = genes_of(var_of(Made(1, np.ones((1, 3)), [9, 5, 2], var=var)), organisms()[HUMAN])
    assert gene_map(own, union_of_genes([genes(1, 2), own.table])).tolist() == [2, -1, 1]


def test_var_table_has_the_declared_columns() -> None:
    table = var_table(genes(1, 2), np.array([5, 6]), np.array([7, 8]))
    assert tuple(table.column_names) == names(VAR)
    assert table["soma_joinid"].to_pylist() == [0, 1]
    assert (table["nnz"].to_pylist(), table["n_measured_obs"].to_pylist()) == ([5, 6], [7, 8])


@pytest.mark.parametrize(
    ("term", "general"),
    [
        ("UBERON:0001281", "UBERON:0002107"),  # hepatic sinusoid: liver
        ("UBERON:0002107", "UBERON:0002107"),  # liver itself, before the systems that it is part of
        ("UBERON:0002037", "UBERON:0000955"),  # cerebellum: brain
        ("CVCL_0030", "CVCL_0030"),
        ("CL:0000182", "CL:0000182"),
        ("unknown", "unknown"),
    ],
)
def test_general_tissue_is_the_first_organ_above(term: str, general: str) -> None:
    assert general_tissue(term) == general


def test_general_tissue_comes_with_its_label() -> None:
    terms = ["UBERON:0001281", "unknown", "UBERON:0001281"]
    for coded in (True, False):
        obs = obs_of(Made(1, np.ones((3, 1)), [1], obs={"tissue_ontology_term_id": terms}))
        if not coded:
            place = obs.column_names.index("tissue_ontology_term_id")
            obs = obs.set_column(
                place, "tissue_ontology_term_id", pa.chunked_array([pa.array(terms, pa.large_string())])
            )
        found = with_general_tissue(obs)
        assert found["tissue_general"].to_pylist() == ["liver", "unknown", "liver"]
        assert found["tissue_general_ontology_term_id"].to_pylist() == ["UBERON:0002107", "unknown", "UBERON:0002107"]


def test_dictionaries_have_the_values_of_all_datasets_sorted() -> None:
    parts = [
        values_of(with_general_tissue(obs_of(Made(1, np.ones((2, 1)), [1], obs={"donor_id": donors}))))
        for donors in (["z", "b"], ["a", "b"])
    ]
    datasets = plan([record(2), record(1)], []).datasets
    found = dictionaries_of(parts, datasets)
    assert found["donor_id"] == ["a", "b", "z"]
    assert found["dataset_id"] == ["CAT00000001A.D0001", "CAT00000002A.D0001"]
    assert found["tissue_general"] == ["liver"]


def test_a_missing_value_is_refused_with_its_column() -> None:
    with pytest.raises(CatchmentError, match="obs/donor_id: 1 values are missing, expected one for every cell"):
        values_of(obs_of(Made(1, np.ones((2, 1)), [1], obs={"donor_id": ["a", None]})))


def test_marked_tells_which_cells_an_assay_measured() -> None:
    obs = obs_of(Made(1, np.ones((2, 1)), [1], obs={"assay_ontology_term_id": ["EFO:0008931", "EFO:0009922"]}))
    assert marked(obs, frozenset({"EFO:0008931", MOUSE})).tolist() == [True, False]
