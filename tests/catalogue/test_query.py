"""Questions asked of a catalogue of five studies; U1 to U4 are the use cases that any catalogue must answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catchment.catalogue.query import ENTITIES, search
from catchment.errors import BadInput

HOSTILE = (
    "'; DROP TABLE datasets; --",
    '" OR 1=1 --',
    "')) UNION SELECT * FROM terms --",
    "$answers0",
    "NEAR(liver, 5)",
    "*",
    "%",
    "_" * 50,
    "(" * 500,
    "(a+)+$" * 50,
    "\x00\x1b[31m",
    "\u202eliver",
    "tissue:liver AND organism:",
    "read_csv('/etc/passwd')",
    "../../etc/passwd",
    "{}[]\\",
)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [next(iter(row.values())) for row in rows]


# --- the use cases -----------------------------------------------------------------------------------------------


def test_u1_healthy_liver_across_mammals_in_studies_with_sequencing_and_mass_spectrometry(catalogue: Path) -> None:
    filters = {"tissue": ["liver"], "organism": ["Mammalia"], "disease": ["healthy"]}
    assert ids(search(catalogue, filters=filters)) == ["alzheimer", "liver", "mouse-liver"]
    (study,) = search(catalogue, filters=filters, having=["singlecell", "massspec"])
    assert study["study_id"] == "liver"
    assert study["datasets"] == ["CAT00000001A.D0001", "CAT00000002A.D0001"]
    assert study["matched"] == ["caudate lobe of liver < liver", "Homo sapiens < Mammalia", "normal"]


def test_u2_one_analyte_across_kinds_of_measurement(catalogue: Path) -> None:
    rows = search(catalogue, filters={"analyte": ["Protein"]}, of="datasets")
    assert {row["modality"] for row in rows} == {"massspec", "imaging", "singlecell"}


def test_u3_patients_and_model_organisms_of_one_disease(catalogue: Path) -> None:
    filters = {"disease": ["Alzheimer disease"]}
    assert ids(search(catalogue, filters=filters)) == ["alzheimer"]
    assert ids(search(catalogue, filters=filters, of="samples")) == ["CAT00000005A.S0001"]
    assert ids(search(catalogue, filters={"disease": ["neurodegenerative disease"]})) == ["alzheimer"]


def test_u4_development_of_invertebrates_against_vertebrates(catalogue: Path) -> None:
    stage = {"development-stage": ["embryo stage"]}
    assert ids(search(catalogue, filters=stage | {"organism": ["Insecta", "Nematoda"]})) == ["fly"]
    assert search(catalogue, filters=stage | {"organism": ["Vertebrata"]}) == []


# --- terms -------------------------------------------------------------------------------------------------------


def test_a_term_finds_what_stands_below_it_and_says_so(catalogue: Path) -> None:
    rows = {row["study_id"]: row["matched"] for row in search(catalogue, filters={"tissue": ["liver"]})}
    assert rows["liver"] == ["caudate lobe of liver < liver"]
    assert rows["mouse-liver"] == ["liver"]


def test_a_term_finds_its_like_in_another_species(catalogue: Path) -> None:
    rows = search(catalogue, filters={"tissue": ["UBERON:0002107"], "organism": ["zebrafish"]})
    assert [(row["study_id"], row["matched"][0]) for row in rows] == [("fish", "liver (ZFA:0000123) < liver")]


def test_a_broader_term_is_not_found_by_a_narrower_one(catalogue: Path) -> None:
    assert ids(search(catalogue, filters={"tissue": ["caudate lobe of liver"]})) == ["liver"]


@pytest.mark.parametrize("word", ["liver", "LIVER", " Liver ", "UBERON:0002107", "uberon:0002107"])
def test_labels_and_ids_in_any_case(catalogue: Path, word: str) -> None:
    assert len(search(catalogue, filters={"tissue": [word]})) == 4


def test_several_values_of_a_field_are_alternatives_and_fields_must_all_hold(catalogue: Path) -> None:
    assert ids(search(catalogue, filters={"organism": ["human", "fly"]})) == ["alzheimer", "fly", "liver"]
    assert ids(search(catalogue, filters={"organism": ["human", "fly"], "tissue": ["brain"]})) == ["alzheimer"]


def test_terms_of_different_samples_are_not_mixed(catalogue: Path) -> None:
    # one dataset holds human brain and mouse liver: it has no mouse brain
    assert search(catalogue, filters={"organism": ["mouse"], "tissue": ["brain"]}) == []
    assert "alzheimer" in ids(search(catalogue, filters={"organism": ["mouse"], "tissue": ["liver"]}))


def test_a_known_term_without_data_finds_nothing(catalogue: Path) -> None:
    for filters in ({"tissue": ["kidney"]}, {"tissue": ["UBERON:0002113"]}, {"organism": ["rat"]}, {"sex": ["male"]}):
        assert search(catalogue, filters=filters) == []


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"tissue": ["livr"]}, r"tissue: no term 'livr' is known; did you mean liver\?"),
        ({"tissue": ["kidny"]}, r"tissue: no term 'kidny' is known; did you mean kidney"),
        ({"cell-type": ["xyzzy"]}, r"cell-type: no term 'xyzzy' is known; give a label or an id"),
        ({"tissue": ["UBERON:9999999"]}, r"tissue: no term 'UBERON:9999999' is known"),
        ({"tisue": ["liver"]}, r"unknown field 'tisue'; did you mean tissue\?"),
        ({"colour": ["red"]}, r"unknown field 'colour'; known fields are analyte, assay, cell-type"),
        ({"analyte": ["protien"]}, r"analyte: 'protien' is unknown; did you mean protein\?"),
        ({"stage": ["cooked"]}, r"stage: 'cooked' is unknown"),
        ({"tissue": [""]}, r"tissue: no term '' is known"),
    ],
)
def test_what_is_unknown_is_refused_with_the_nearest(
    catalogue: Path, filters: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        search(catalogue, filters=filters)


# --- words, stages, modalities -----------------------------------------------------------------------------------


def test_every_word_must_occur_in_any_case(catalogue: Path) -> None:
    assert ids(search(catalogue, "CELL hepatic")) == ["liver"]
    assert search(catalogue, "cell nothing") == []
    assert ids(search(catalogue, "CAT00000004A.D0002", of="datasets")) == ["CAT00000004A.D0002"]


def test_text_that_is_a_term_finds_what_stands_below_it(catalogue: Path) -> None:
    rows = search(catalogue, "mammals")
    assert ids(rows) == ["alzheimer", "liver", "mouse-liver"]
    assert rows[1]["matched"] == ["Homo sapiens < Mammalia"]


def test_held_datasets_are_found_with_their_reasons(catalogue: Path) -> None:
    rows = search(catalogue, filters={"stage": ["raw"]}, of="datasets")
    assert [(row["dataset_id"], row["held_reasons"]) for row in rows] == [
        ("CAT00000003A.D0002", ["AD-001: 12 rows, 13 ids"]),
        ("CAT00000004A.D0002", ["ZIP-001: 12 rows, 13 ids"]),
    ]


def test_a_held_dataset_is_no_modality_that_a_study_has(catalogue: Path) -> None:
    # mouse-liver has single cells, and mass spectrometry that is held
    assert ids(search(catalogue, having=["singlecell", "massspec"])) == ["liver"]
    assert "mouse-liver" in ids(search(catalogue, having=["singlecell"]))


def test_an_unknown_modality_is_refused(catalogue: Path) -> None:
    with pytest.raises(BadInput, match=r"having: no modality 'imagings'; did you mean imaging\?"):
        search(catalogue, having=["imagings"])


def test_nothing_asked_lists_everything(catalogue: Path) -> None:
    found = {of: search(catalogue, of=of) for of in ENTITIES}
    counts = {"studies": 5, "datasets": 8, "samples": 6, "images": 0, "files": 34}
    assert {of: len(rows) for of, rows in found.items()} == counts
    for rows in found.values():
        assert ids(rows) == sorted(ids(rows))


def test_samples_are_found_by_their_datasets_and_files_too(catalogue: Path) -> None:
    assert ids(search(catalogue, filters={"assay": ["EFO:0002766"]}, of="samples")) == [
        "CAT00000001A.S0001",
        "CAT00000003A.S0001",
    ]
    assert ids(search(catalogue, "donor-1", of="samples")) == ["CAT00000001A.S0001"]
    files = search(catalogue, filters={"organism": ["Drosophila melanogaster"]}, of="files")
    assert {row["dataset_id"] for row in files} == {"CAT00000006A.D0001"}
    assert ids(search(catalogue, "LEDGER.parquet", of="files")) == ["census/ledger.parquet"]


def test_there_is_nothing_else_to_search_for(catalogue: Path) -> None:
    with pytest.raises(BadInput, match="'terms' is nothing to search for; choose one of studies"):
        search(catalogue, of="terms")  # type: ignore[arg-type]


# --- hostile questions, damaged and empty catalogues -------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_find_nothing_and_break_nothing(catalogue: Path, text: str) -> None:
    before = {file: file.read_bytes() for file in (catalogue / "catalogue").iterdir()}
    assert [row for row in search(catalogue, text) if text.lower() not in str(row).lower()] == []
    with pytest.raises(BadInput):
        search(catalogue, filters={"tissue": [text]})
    with pytest.raises(BadInput):
        search(catalogue, filters={text: ["liver"]})
    assert {file: file.read_bytes() for file in (catalogue / "catalogue").iterdir()} == before


def test_messages_show_no_control_characters(catalogue: Path) -> None:
    with pytest.raises(BadInput) as caught:
        search(catalogue, filters={"tissue": ["\x1b[31m\u202eliver"]})
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


def test_very_long_questions_are_refused_in_few_words(catalogue: Path) -> None:
    for question in ({"text": "liver " * 2000}, {"filters": {"tissue": ["x" * 10_000]}}):
        with pytest.raises(BadInput, match=r"found 1[02],000 characters, at most 1,000") as caught:
            search(catalogue, **question)  # type: ignore[arg-type]
        assert len(str(caught.value)) < 200


def test_text_of_another_encoding_is_refused(catalogue: Path) -> None:
    with pytest.raises(BadInput, match="is not UTF-8"):
        search(catalogue, "x\udce9")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_no_words_break_a_search(catalogue: Path, text: str) -> None:
    try:
        rows = search(catalogue, text, of="datasets")
    except BadInput:
        return
    assert len(rows) <= 8


def test_an_empty_catalogue_answers_with_nothing(empty_catalogue: Path) -> None:
    for of in ENTITIES:
        assert search(empty_catalogue, "liver", {"tissue": ["liver"]}, ["imaging"], of) == []
        assert search(empty_catalogue, of=of) == []
    with pytest.raises(BadInput, match=r"did you mean liver\b"):
        search(empty_catalogue, filters={"tissue": ["livr"]})


def test_a_folder_without_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no catalogue here; give the folder of a release"):
        search(tmp_path)


def test_a_damaged_table_is_refused_with_its_name(catalogue: Path, tmp_path: Path) -> None:
    for file in (catalogue / "catalogue").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = (tmp_path / "studies.parquet").read_bytes()
    for damaged in (b"", b"PAR1", whole[: len(whole) // 2], whole[:200] + b"\0" * 40 + whole[240:-8] + b"\xff" * 8):
        (tmp_path / "studies.parquet").write_bytes(damaged)
        with pytest.raises(BadInput, match=r"studies\.parquet: not a readable table"):
            search(tmp_path)


def test_a_catalogue_of_another_version_is_refused(catalogue: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    for file in (catalogue / "catalogue").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    table = pq.read_table(tmp_path / "terms.parquet").drop_columns(["synonyms"])
    pq.write_table(table, tmp_path / "terms.parquet")
    with pytest.raises(BadInput, match=r"no column synonyms; the catalogue is of another version"):
        search(tmp_path)


def test_a_folder_name_is_never_a_pattern(catalogue: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a[b]*=c" / "catalogue"
    folder.mkdir(parents=True)
    for file in (catalogue / "catalogue").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert len(search(folder.parent)) == 5
