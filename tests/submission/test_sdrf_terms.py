from __future__ import annotations

import pytest

from catchment.submission.sdrf import read_sdrf
from catchment.submission.sdrf_terms import term_findings, vocabularies

from .sdrf_text import ROW, tsv


def found(*rows: dict[str, str]) -> list[tuple[str, str, str, str]]:
    findings = term_findings(read_sdrf(tsv(*rows), "t.tsv"))
    return [(finding.code, finding.where, finding.found, finding.expected) for finding in findings]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("comment[instrument]", "Q Exactive"),
        ("comment[instrument]", "AC=MS:1001911;NT=q exactive"),
        ("comment[modification parameters]", "NT=Carbamidomethyl;TA=C;MT=Fixed;AC=UNIMOD:4"),
        ("comment[cleavage agent details]", "NT=Trypsin;AC=MS:1001251"),
        ("comment[cleavage agent details]", "not applicable"),
        ("characteristics[organism part]", "UBERON:0002107"),
        ("characteristics[organism part]", "NT=pulmo;AC=UBERON:0002048"),
        ("characteristics[organism]", "homo sapiens"),
        ("characteristics[cellosaurus accession]", "CVCL_0030"),
        ("characteristics[sex]", "male"),
        ("comment[fraction identifier]", "no term is wanted here"),
    ],
)
def test_current_term_of_its_column_has_no_finding(column: str, value: str) -> None:
    row = {**ROW, "comment[proteomics data acquisition method]": "data-dependent acquisition", column: value}
    assert found(row) == []


@pytest.mark.parametrize(
    ("column", "value", "code", "what", "expected"),
    [
        ("comment[instrument]", "MS:9999999", "SDRF-010", "MS:9999999, which does not exist", "a current term"),
        ("comment[instrument]", "AC=MS:9999999", "SDRF-010", "MS:9999999, which does not exist", "a current term"),
        ("comment[instrument]", "NT=Q Exactive;AC=UBERON:0002107", "SDRF-010", "'UBERON:0002107'", "a term of MS"),
        (
            "comment[instrument]",
            "AC=MS:1000266",
            "SDRF-010",
            "Desorption), which is obsolete",
            "MS:1000393, which",
        ),
        (
            "comment[instrument]",
            "Q Exactivee",
            "SDRF-010",
            "which is no term",
            "did you mean 'q exactive' (MS:1001911)?",
        ),
        ("comment[instrument]", "NT=Q Exactive HF;AC=MS:1001911", "SDRF-011", "'Q Exactive HF'", "'Q Exactive' with"),
        (
            "comment[modification parameters]",
            "NT=Oxidation;AC=UNIMOD:4",
            "SDRF-011",
            "'Oxidation'",
            "'Carbamidomethyl'",
        ),
        ("characteristics[organism part]", "NT=kidney;AC=UBERON:0002107", "SDRF-011", "'kidney'", "'liver'"),
        ("characteristics[organism part]", "AC=BTO:0000759", "META-003", "no release of BTO", ""),
        ("characteristics[organism part]", "livr", "META-003", "it may be a term of BTO", ""),
        ("characteristics[organism]", "AC=NCBITaxon:562", "META-003", "a taxon outside the table", ""),
        ("characteristics[organism]", "Escherichia coli", "META-003", "it may be a term of NCBITaxon", ""),
    ],
)
def test_term_that_is_not_right_says_what_was_expected(
    column: str, value: str, code: str, what: str, expected: str
) -> None:
    row = {**ROW, "comment[proteomics data acquisition method]": "data-dependent acquisition", column: value}
    ((seen, where, text, wanted),) = found(row)
    assert (seen, where) == (code, f"t.tsv: line 2, {column}")
    assert what in text
    assert expected in wanted


def test_term_is_named_once_and_kinds_are_counted() -> None:
    rows = [{**ROW, "source name": f"s{number}", "comment[instrument]": "AC=MS:9999999"} for number in range(3)]
    rows.append({**ROW, "source name": "s4", "comment[instrument]": "AC=MS:8888888"})
    findings = term_findings(read_sdrf(tsv(*rows), "t.tsv"))
    (wrong,) = (finding for finding in findings if finding.code == "SDRF-010")
    assert wrong.count == 2
    assert wrong.where == "t.tsv: line 2, comment[instrument]; line 5, comment[instrument]"


def test_every_column_of_terms_is_a_column_of_the_standard() -> None:
    assert all(column == column.lower() and ontologies for column, ontologies in vocabularies().items())
