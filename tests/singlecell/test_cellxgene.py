"""What the CELLxGENE schema alone asks for: each fault by its code, its place and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catchment import vocabulary
from catchment.config import SinglecellAdmit
from catchment.schema.rules import RULES
from catchment.singlecell import gene_reference
from catchment.singlecell.cellxgene.reading import as_read, levels
from catchment.singlecell.cellxgene.suggestions import suggestion

from .agreement import our_findings, written
from .variant_list import variants

VARIANTS = variants()


def findings(name: str, folder: Path, **settings: str):
    written([VARIANTS[name]], folder)
    return our_findings(folder / "0000.h5ad", SinglecellAdmit(**settings))


@pytest.mark.parametrize(
    ("name", "code", "where", "found"),
    [
        ("human: a column cell_type", "CXG-001", "obs", "'cell_type'"),
        ("human: a column ethnicity", "CXG-002", "obs", "'ethnicity'"),
        ("human: uns has __mine", "CXG-003", "uns", "'__mine'"),
        ("human: a column twice", "CXG-004", "obs", "'donor_id'"),
        ("human: a column of nullable numbers", "CXG-005", "obs/mine", "values and gaps"),
        ("human: donor_id as text", "CXG-006", "obs/donor_id", "large_string"),
        ("human: disease_ontology_term_id as text", "CXG-007", "obs/disease_ontology_term_id", "large_string"),
        ("line: cell types partly na", "CXG-009", "obs/cell_type_ontology_term_id", "'CL:0000182', 'na' in 4 cells"),
        ("human: no cell_type_ontology_term_id", "CXG-011", "obs/cell_type_ontology_term_id", "no such column"),
        ("mouse: organism 'NCBITaxon:10091'", "CXG-012", "uns/organism_ontology_term_id", "Mus musculus castaneus"),
        ("human: a column of true/false as categories", "CXG-013", "obs/mine", "categories"),
        ("human: no X", "CXG-020", "X", "no such matrix"),
        ("human: X CSC", "CXG-021", "X", "CSC"),
        ("human: X dense, mostly zeros", "CXG-022", "X", "55.0%"),
        ("human: counts in int32", "CXG-023", "raw/X", "int32"),
        ("counts: as it is", "CXG-024", "X", "no raw.X"),
        ("human: as it is", "CXG-025", "var", "5 genes"),
        ("human: genes of raw.var in another order", "CXG-027", "raw/var", "another order"),
        ("human: an old encoding version", "CXG-028", "/", "'0.0.9'"),
        ("human: genes unknown", "CXG-030", "raw/var", "'ENSG00000999999' (1 of 5)"),
        ("human: no feature_is_filtered", "CXG-032", "var/feature_is_filtered", "no such column"),
        ("counts: feature_is_filtered True", "CXG-033", "var/feature_is_filtered", "5 genes"),
        ("human: raw.var has feature_is_filtered", "CXG-034", "raw/var/feature_is_filtered", "column"),
        ("human: feature_is_filtered True", "CXG-035", "var/feature_is_filtered", "9 values in X"),
        ("human: a gene filtered from X, unsaid", "CXG-036", "var/feature_is_filtered", "ENSG00000233336"),
        ("human: no embedding", "CXG-040", "obsm", "no embeddings"),
        ("human: X_mine of one column", "CXG-041", "obsm/X_mine", "shape (4, 1)"),
        ("human: X_mine with an infinity", "CXG-042", "obsm/X_mine", "1 infinite"),
        ("human: an embedding 'X_spatial'", "CXG-043", "obsm/X_spatial", "X_spatial"),
        ("human: an embedding 'umap'", "CXG-044", "obsm/umap", "umap"),
        ("human: an embedding 'spatial'", "CXG-045", "obsm/spatial", "without uns"),
        ("human: an empty varm", "CXG-046", "varm", "varm/mine"),
        ("human: no title", "CXG-050", "uns/title", "no title"),
        ("human: default_embedding 'X_pca'", "CXG-051", "uns/default_embedding", "'X_pca'"),
        ("human: uns has an empty dictionary", "CXG-052", "uns/mine", "an empty dict"),
        ("human: colours, an unknown name", "CXG-053", "uns/donor_id_colors", "'reddish'"),
        ("human: uns has spatial", "CXG-061", "uns/spatial", "no assay is spatial"),
        ("beads: no is_single", "CXG-062", "uns/spatial/is_single", "no is_single"),
        ("beads: positions", "CXG-065", "obs/array_row", "single Visium"),
        ("sections: primary data", "CXG-067", "obs/is_primary_data", "True in 1 cell"),
        ("perturbed: role 'both'", "CXG-070", "uns/genetic_perturbations/g1/role", "'both'"),
        ("perturbed: no ids", "CXG-071", "obs", "'genetic_perturbation_id'"),
        ("perturbed: one strategy 'control'", "CXG-072", "obs/genetic_perturbation_id", "control with g1"),
        ("pig: perturbed", "CXG-073", "uns/genetic_perturbations", "NCBITaxon:9823"),
        ("perturbed: ids na throughout", "CXG-074", "obs/genetic_perturbation_id", "'na' in every cell"),
        ("perturbed: an id 'g 3'", "CXG-075", "uns/genetic_perturbations/g 3", "'g 3'"),
    ],
)
def test_a_fault_is_named_with_its_place(name: str, code: str, where: str, found: str, tmp_path: Path) -> None:
    named = [finding for finding in findings(name, tmp_path) if finding.code == code]
    assert [finding.where for finding in named] == [where]
    assert found in named[0].found


@pytest.mark.parametrize(
    ("value", "ontologies", "better"),
    [
        ("liver", ("UBERON",), "UBERON:0002107 (liver)"),
        ("livr", ("UBERON",), "UBERON:0002107 (liver)"),
        ("uberon:0002107", ("UBERON",), "UBERON:0002107 (liver)"),
        ("UBERON_0002107", ("UBERON",), "UBERON:0002107 (liver)"),
        ("UBERON:2107", ("UBERON",), "UBERON:0002107 (liver)"),
        ("CL:0000003", ("CL",), "CL:0000000 (cell)"),
        ("UBERON:9999999", ("UBERON",), None),
    ],
)
def test_the_nearest_valid_term_is_offered(value: str, ontologies: tuple[str, ...], better: str | None) -> None:
    assert suggestion(value, ontologies) == better


def test_a_wrong_term_comes_with_the_term_that_was_meant(tmp_path: Path) -> None:
    (finding,) = [f for f in findings("human: tissue_ontology_term_id = 'liver'", tmp_path) if f.code == "OBS-003"]
    assert finding.fix == "did you mean liver -> UBERON:0002107 (liver)?"


def test_a_stricter_reading_makes_errors_of_what_the_validator_overlooks(tmp_path: Path) -> None:
    name = "human: disease_ontology_term_id as text"
    for reading, level in (("reference", "warning"), ("text", "error"), ("lenient", "info")):
        found = findings(name, tmp_path, reading=reading)
        assert {f.level for f in found if f.code == "CXG-007"} == {level}


def test_every_code_of_the_table_of_readings_is_a_rule() -> None:
    assert set(levels()) <= set(RULES)
    finding = RULES["CXG-020"].broken("X", "nothing")
    assert [as_read([finding], reading)[0].level for reading in ("reference", "text", "lenient")] == [
        "error",
        "error",
        "info",
    ]


def test_an_older_schema_knows_older_terms_and_no_perturbations(tmp_path: Path) -> None:
    name = "human: a column perturbation_types"
    try:
        assert "CXG-001" in {f.code for f in findings(name, tmp_path)}
        assert "CXG-001" not in {f.code for f in findings(name, tmp_path, schema_version="7.0.0")}
    finally:
        vocabulary.use_schema(vocabulary.PINNED_SCHEMA)


@pytest.mark.parametrize("organism", sorted(vocabulary.organisms()))
def test_every_organism_has_its_table_of_genes(organism: str) -> None:
    assert gene_reference.is_known(organism)


def test_a_gene_has_name_length_and_type() -> None:
    assert gene_reference.gene("NCBITaxon:9606", "ENSG00000163631") == gene_reference.Gene("ALB", 679, "protein_coding")
    assert gene_reference.organism_of("ERCC-00002", "NCBITaxon:9606") == "NCBITaxon:32630"
    assert gene_reference.organism_of("ENSMUSG00000102693", "NCBITaxon:9606") is None
    assert gene_reference.gene("NCBITaxon:1", "ENSG00000163631") is None
