"""Rows of the catalogue, drawn from records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catchment.catalogue.rows import raw_path, tables
from catchment.catalogue.samples import look_alikes, merge
from catchment.catalogue.terms import closure, split_ids, term_pair
from catchment.schema.records import SourceFile
from catchment.schema.tables import KEYS, TABLES
from tests.release.synthetic_build import CAUDATE, HUMAN, LIVER, MOUSE, MS, TENX, Synthetic, sample, sha256

A, B = "CAT00000001A", "CAT00000002A"


def rows_of(made: Synthetic, table: str) -> dict[str, dict[str, Any]]:
    return {row[KEYS[table]]: row for row in tables(made.build(), ())[table]}


def test_every_row_names_only_declared_columns(made: Synthetic) -> None:
    for name, rows in tables(made.build(), ()).items():
        for row in rows:
            assert set(row) <= set(TABLES[name].names), name


def test_a_study_merges_the_submissions_that_declare_its_id(made: Synthetic) -> None:
    study = rows_of(made, "studies")["liver"]
    assert study["submissions"] == [A, B]
    assert study["modalities"] == ["massspec", "singlecell"]
    assert (study["n_datasets"], study["n_raw"], study["n_samples"]) == (2, 0, 1)
    assert study["tissue"] == ["caudate lobe of liver"]


def test_a_sample_of_two_submissions_is_one_row_and_keeps_both_accessions(made: Synthetic) -> None:
    sample = rows_of(made, "samples")[f"{A}.S0001"]
    assert sample["aliases"] == [f"{B}.S0001"]
    assert sample["dataset_ids"] == [f"{A}.D0001", f"{B}.D0001"]
    assert sample["modalities"] == ["massspec", "singlecell"]


def test_what_one_submission_leaves_unknown_another_fills_in(made: Synthetic) -> None:
    datasets = rows_of(made, "datasets")
    for name in (f"{A}.D0001", f"{B}.D0001"):
        assert datasets[name]["tissue_ontology_term_id"] == [CAUDATE]  # said by the first only
        assert datasets[name]["sex"] == ["female"]  # said by the second only


def test_facts_that_differ_keep_the_first_and_become_a_finding(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    made.submission(B, "study", (sample(B, 1, "s", MOUSE, LIVER),), title="Other words")
    made.submission(A, "study", (sample(A, 1, "s", HUMAN, LIVER),), title="First words")
    study = rows_of(made, "studies")["study"]
    assert rows_of(made, "samples")[f"{A}.S0001"]["organism"] == ["Homo sapiens"]
    assert study["title"] == "First words"
    assert [finding.split(":")[0] for finding in study["findings"]] == ["LINK-012", "LINK-010"]
    assert f"organism_ontology_term_id is {MOUSE} where it was {HUMAN}" in study["findings"][1]


def test_samples_of_different_studies_never_join(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    made.submission(A, "one", (sample(A, 1, "s", HUMAN, LIVER),))
    made.submission(B, "two", (sample(B, 1, "s", MOUSE, LIVER),))
    assert {row["organism"][0] for row in rows_of(made, "samples").values()} == {"Homo sapiens", "Mus musculus"}


def test_look_alike_sample_ids_are_named_and_not_joined() -> None:
    findings = look_alikes("study", ["Donor 1", "donor1", "donor2"])
    assert [(finding.code, finding.found, finding.count) for finding in findings] == [
        ("LINK-011", "Donor 1 and donor1", 2)
    ]


def test_merge_keeps_known_facts_whichever_came_first() -> None:
    known, silent = sample(A, 1, "s", HUMAN, LIVER), sample(B, 1, "s", "unknown", "unknown")
    for first, later in ((known, silent), (silent, known)):
        merged, findings = merge(first, later, B)
        assert (merged.organism_ontology_term_id, merged.tissue_ontology_term_id, findings) == (HUMAN, LIVER, [])


def test_a_held_asset_stays_at_stage_raw_with_its_reasons(made: Synthetic) -> None:
    row = rows_of(made, "datasets")["CAT00000003A.D0002"]
    assert (row["stage"], row["held_at"], row["held_reasons"]) == ("raw", "admit", ["AD-001: 12 rows, 13 ids"])
    assert row["title"] == "massspec-2.bin"
    assert row["tissue"] == ["liver"]
    assert "path" not in row


def test_a_dataset_that_the_census_took_is_standardised_any_other_validated(made: Synthetic) -> None:
    datasets = rows_of(made, "datasets")
    assert datasets[f"{A}.D0001"]["stage"] == "standardised"
    assert datasets[f"{A}.D0001"]["left_out_reasons"] == []
    assert datasets["CAT00000006A.D0001"]["stage"] == "validated"
    assert datasets["CAT00000006A.D0001"]["left_out_reasons"] == ["CEN-002: no organism"]


def test_what_the_data_say_stands_before_what_their_samples_say(tmp_path: Path) -> None:
    made = Synthetic(tmp_path)
    own = sample(A, 1, "s", HUMAN, LIVER)
    made.submission(A, "study", (own,))
    asset = made.asset(A, "singlecell", 1, samples=(own,), assay_ontology_term_id=MS)
    terms = {"tissue_ontology_term_id": (CAUDATE,), "disease_ontology_term_id": ("unknown",)}
    made.dataset(asset, terms | {"assay_ontology_term_id": (TENX,)})
    row = rows_of(made, "datasets")[f"{A}.D0001"]
    assert row["tissue_ontology_term_id"] == [CAUDATE]
    assert row["assay_ontology_term_id"] == [TENX]
    assert row["disease"] == ["normal"]


def test_a_dataset_row_has_counts_metrics_and_every_analyte(made: Synthetic) -> None:
    row = rows_of(made, "datasets")["CAT00000004A.D0001"]
    assert row["analytes"] == ["morphology", "protein"]
    assert (row["n_images"], row["n_cells"], json.loads(row["counts"])) == (2, None, {"images": 2})
    assert json.loads(row["metrics"])["median"] == 12.5
    assert row["thumbnail"] == "datasets/CAT00000004A.D0001/thumbnail.png"


def test_terms_hold_the_closure_of_everything_used(made: Synthetic) -> None:
    terms = rows_of(made, "terms")
    assert LIVER in terms[CAUDATE]["ancestors"]
    assert terms[HUMAN]["label"] == "Homo sapiens"
    assert terms[HUMAN]["synonyms"] == ["human"]
    for row in terms.values():
        assert set(row["ancestors"]) <= set(terms)
    assert terms["NCBITaxon:40674"]["fields"] == ["organism"]


def test_closure_bridges_species() -> None:
    assert LIVER in closure("ZFA:0000123")
    assert "UBERON:0000068" in closure("MmusDv:0000002")


def test_several_diseases_of_one_cell_are_several_terms() -> None:
    assert split_ids(["MONDO:2 || MONDO:1", "unknown", "MONDO:1"]) == ["MONDO:1", "MONDO:2"]
    assert term_pair("disease", ["unknown"]) == {"disease_ontology_term_id": ["unknown"], "disease": ["unknown"]}


@given(st.lists(st.sampled_from([HUMAN, MOUSE, "unknown", "nonsense:1", ""])))
def test_ids_and_labels_stay_aligned(values: list[str]) -> None:
    pair = term_pair("organism", values)
    assert len(pair["organism"]) == len(pair["organism_ontology_term_id"])
    assert pair["organism_ontology_term_id"] == sorted(set(pair["organism_ontology_term_id"]))


def test_only_files_of_the_inbox_have_a_place_in_a_release(made: Synthetic) -> None:
    asset = made.normalised[0].asset

    def placed(path: str) -> str | None:
        return raw_path(asset, SourceFile(path=path, name="x", bytes=1, sha256=sha256(b"x")))

    assert placed("raw/a/b.tif") == f"raw/{A}/a/b.tif"
    for path in ("/data/a.tif", "a.tif", "raw/../../a", "manifest.json", ""):
        assert placed(path) is None, path
