from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.submission.sdrf import parse_term, read_sdrf, rows_by_file, sample_facts

from .sdrf_text import ROW, tsv


def codes(text: str) -> dict[str, str]:
    return {found.code: found.where for found in read_sdrf(text, "t.tsv").findings}


def other(**values: str) -> dict[str, str]:
    return {**ROW, **{key.replace("__", " "): value for key, value in values.items()}}


def test_sound_table_has_no_findings() -> None:
    table = read_sdrf(tsv(ROW), "t.tsv")
    assert table.findings == ()
    assert table.columns == tuple(ROW)
    assert [(row.line, dict(row.cells)) for row in table.rows] == [(2, ROW)]
    assert rows_by_file(table) == {"run1.raw": ROW}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + tsv(ROW),
        tsv(ROW).replace("\n", "\r\n"),
        tsv(ROW).replace("\n", "\r"),
        tsv(ROW) + "\n\t\t\n",
        tsv(ROW).replace("\t", ","),
        tsv(ROW).replace("liver 1", '"liver 1"'),
        tsv(ROW).replace("liver 1", "  liver 1 "),
    ],
)
def test_spellings_of_one_table_are_read_alike(text: str) -> None:
    table = read_sdrf(text, "t.tsv")
    assert table.findings == ()
    assert rows_by_file(table) == {"run1.raw": ROW}


def test_odd_headers_are_understood_and_said() -> None:
    odd = ["Source Name", "Characteristics [Organism]", "charactersitics[organism  part]", *list(ROW)[3:]]
    table = read_sdrf(tsv(ROW, header=odd), "t.tsv")
    assert table.columns == tuple(ROW)
    assert [(found.code, found.level, found.count) for found in table.findings] == [("SDRF-001", "warning", 3)]
    assert table.findings[0].where == "t.tsv: column 1; column 2; column 3"


def test_unknown_column_is_said_and_kept() -> None:
    table = read_sdrf(tsv({**ROW, "colour": "red"}), "t.tsv")
    assert [found.code for found in table.findings] == ["SDRF-001"]
    assert rows_by_file(table)["run1.raw"]["colour"] == "red"


@pytest.mark.parametrize("column", ["source name", "assay name", "comment[data file]"])
def test_missing_joining_column_is_an_error(column: str) -> None:
    table = read_sdrf(tsv({key: value for key, value in ROW.items() if key != column}), "t.tsv")
    assert [(found.code, found.level, found.expected) for found in table.findings] == [("SDRF-002", "error", column)]


def test_missing_required_columns_are_one_warning_that_names_them() -> None:
    short = {key: ROW[key] for key in ("source name", "assay name", "comment[data file]", "technology type")}
    (found,) = read_sdrf(tsv(short), "t.tsv").findings
    assert (found.code, found.level, found.count) == ("SDRF-003", "warning", 9)
    assert "comment[cleavage agent details]" in found.found


def test_modifications_may_be_repeated_and_characteristics_may_not() -> None:
    two = ["comment[modification parameters]"] * 2
    cells = ["NT=Oxidation;MT=Variable;TA=M;AC=UNIMOD:35", "NT=Carbamidomethyl;TA=C;MT=Fixed;AC=UNIMOD:4"]
    text = "\t".join([*ROW, *two]) + "\n" + "\t".join([*ROW.values(), *cells]) + "\n"
    table = read_sdrf(text, "t.tsv")
    assert table.findings == ()
    assert rows_by_file(table)["run1.raw"][two[0]] == " | ".join(cells)
    twice = "\t".join([*ROW, "characteristics[organism]"]) + "\n" + "\t".join([*ROW.values(), "Mus musculus"]) + "\n"
    assert codes(twice) == {"SDRF-004": "t.tsv: characteristics[organism]"}


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("", "TAB-001", "t.tsv"),
        ("\n \n", "TAB-001", "t.tsv"),
        (tsv(ROW) + "a\0b\n", "TAB-001", "t.tsv: line 3"),
        (tsv(ROW) + '"never closed\n' + tsv(ROW), "TAB-001", "t.tsv: line 3"),
        (tsv(ROW) + "one\tcell\ttoo few\n", "TAB-002", "t.tsv: line 3"),
        (tsv(ROW) + "\t".join([*other(assay__name="run 2").values(), "more"]) + "\n", "TAB-002", "t.tsv: line 3"),
        (tsv(other(source__name="")), "SDRF-005", "t.tsv: line 2, source name"),
        (tsv({**ROW, "comment[data file]": "not available"}), "SDRF-005", "t.tsv: line 2, comment[data file]"),
        (tsv({**ROW, "comment[label]": ""}), "SDRF-006", "t.tsv: line 2, comment[label]"),
        (tsv({**ROW, "comment[technical replicate]": "0"}), "SDRF-007", "t.tsv: line 2, comment[technical replicate]"),
        (
            tsv({**ROW, "comment[fraction identifier]": "1.5"}),
            "SDRF-007",
            "t.tsv: line 2, comment[fraction identifier]",
        ),
        (tsv({**ROW, "technology type": "sequencing"}), "SDRF-007", "t.tsv: line 2, technology type"),
        (tsv({**ROW, "comment[label]": "NT=a;XX=b"}), "SDRF-007", "t.tsv: line 2, comment[label]"),
        (tsv(ROW, ROW), "SDRF-008", "t.tsv: line 3"),
        (
            tsv(ROW, {**ROW, "comment[label]": "TMT126", "characteristics[organism]": "Mus musculus"}),
            "SDRF-009",
            "t.tsv: run1.raw",
        ),
    ],
)
def test_each_fault_has_its_code_and_line(text: str, code: str, where: str) -> None:
    assert codes(text) == {code: where}


def test_faults_of_a_kind_are_one_finding_with_a_count() -> None:
    rows = [other(assay__name=f"run {n}", **{"comment[label]": ""}) for n in range(5)]
    (found,) = read_sdrf(tsv(*rows), "t.tsv").findings
    assert (found.code, found.count) == ("SDRF-006", 5)
    assert found.where == "t.tsv: line 2, comment[label]; line 3, comment[label]; line 4, comment[label]"


def test_rows_of_a_multiplex_become_one_row_of_distinct_values() -> None:
    second = {**other(source__name="liver 2"), "comment[label]": "TMT127"}
    table = read_sdrf(tsv({**ROW, "comment[label]": "TMT126"}, second), "t.tsv")
    row = rows_by_file(table)["run1.raw"]
    assert (row["source name"], row["comment[label]"]) == ("liver 1 | liver 2", "TMT126 | TMT127")
    assert row["characteristics[organism]"] == "Homo sapiens"


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("liver", {"NT": "liver"}),
        ("NT=liver;AC=UBERON:0002107", {"NT": "liver", "AC": "UBERON:0002107"}),
        (" ac = UBERON:1 ; nt=liver; ", {"AC": "UBERON:1", "NT": "liver"}),
        (
            "NT=Carbamidomethyl;TA=C;MT=Fixed;AC=UNIMOD:4",
            {"NT": "Carbamidomethyl", "TA": "C", "MT": "Fixed", "AC": "UNIMOD:4"},
        ),
        ("10 ppm", {"NT": "10 ppm"}),
        ("NT=a;NT=b", None),
        ("NT=a;;AC=b", None),
        ("QQ=a", None),
        ("TA=C", None),
    ],
)
def test_term_grammar(cell: str, parts: dict[str, str] | None) -> None:
    assert parse_term(cell) == parts


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        ({"characteristics[organism]": "homo sapiens"}, {"organism_ontology_term_id": "NCBITaxon:9606"}),
        ({"characteristics[organism]": "NT=x;AC=NCBITaxon:10090"}, {"organism_ontology_term_id": "NCBITaxon:10090"}),
        ({"characteristics[organism part]": "Liver"}, {"tissue_ontology_term_id": "UBERON:0002107"}),
        ({"characteristics[organism part]": "liver | kidney"}, {}),
        ({"characteristics[organism part]": "no such part"}, {}),
        ({"characteristics[organism part]": "not available"}, {}),
        ({"characteristics[disease]": "Healthy"}, {"disease_ontology_term_id": "PATO:0000461"}),
        ({"characteristics[disease]": "hepatocellular carcinoma"}, {"disease_ontology_term_id": "MONDO:0007256"}),
        (
            {"characteristics[disease]": "x", "factor value[disease_ontology_term_id]": "MONDO:0005148"},
            {"disease_ontology_term_id": "MONDO:0005148"},
        ),
        ({"characteristics[sex]": "female"}, {"sex_ontology_term_id": "PATO:0000383"}),
        ({"characteristics[developmental stage]": "prime adult stage"}, {}),
        (
            {"characteristics[organism]": "Mus musculus", "characteristics[developmental stage]": "prime adult stage"},
            {
                "organism_ontology_term_id": "NCBITaxon:10090",
                "development_stage_ontology_term_id": "MmusDv:0000061",
            },
        ),
        ({"characteristics[tissue type]": "Organoid"}, {"tissue_type": "organoid"}),
        ({"characteristics[individual]": "donor 7"}, {"donor_id": "donor 7"}),
        ({}, {}),
    ],
)
def test_sample_facts_are_resolved_or_left_out(row: dict[str, str], facts: dict[str, str]) -> None:
    found = sample_facts(row)
    if "MmusDv:0000061" in facts.values():
        assert found.pop("development_stage_ontology_term_id").startswith("MmusDv:")
        facts = {"organism_ontology_term_id": "NCBITaxon:10090"}
    assert found == facts


@given(st.text(alphabet='ab\t\n\r",;=NTAC[]', max_size=200))
def test_any_text_gives_a_table_and_findings(text: str) -> None:
    table = read_sdrf(text, "t.tsv")
    assert all(len(row.cells) == len(table.columns) for row in table.rows)
    rows_by_file(table)
