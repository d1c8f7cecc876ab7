from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tiny_mzml import KIND, MZ, array, encoded, run, spectrum, written

from catchment.massspec import MODALITY
from catchment.massspec.excerpt import MAX_BYTES, excerpt
from catchment.massspec.validate import read_run
from catchment.massspec.validity import validity_findings, written_findings
from catchment.schema.records import Asset, Description, Finding

ACTIVATED = (
    '<precursorList count="1"><precursor spectrumRef="scan=1"><activation>{terms}</activation></precursor>'
    "</precursorList>"
)


def found_in(asset: Asset) -> list[Finding]:
    description = MODALITY.describe(asset)
    assert isinstance(description, Description), description
    return list(MODALITY.validate(description, asset, MODALITY.admit_settings()).findings)


def with_precursor(terms: str) -> str:
    """Return a spectrum whose precursor carries these terms; elements in the order of the schema."""
    return spectrum(1).replace("<binaryDataArrayList", ACTIVATED.format(terms=terms) + "<binaryDataArrayList")


CID = '<cvParam cvRef="MS" accession="MS:1000133" name="collision-induced dissociation"/>'
SOUND = run(spectrum(0), with_precursor(CID))


def test_a_valid_run_has_no_finding(tmp_path: Path) -> None:
    assert found_in(written(tmp_path, SOUND)) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "where", "found", "expected"),
    [
        (
            ' id="r"',
            ' id="1 run"',
            "MZ-046",
            "<run>",
            "'1 run' is not a valid value of the atomic type 'xs:ID'",
            "schema",
        ),
        ("<run ", "<sampleList/><run ", "MZ-046", "<sampleList>", "Element 'sampleList'", "schema"),
        ("<scan>", '<scan colour="red">', "MZ-046", "spectrum scan=1", "'colour'", "schema"),
        ('spectrumRef="scan=1"', 'spectrumRef="scan=7"', "MZ-046", "mzML", "key-sequence ['scan=7']", "schema"),
        (
            KIND,
            KIND[: KIND.index(">") + 1],
            "MZ-047",
            "spectrum scan=1",
            "<spectrum> without",
            "MS:1000525 (spectrum rep",
        ),
        (CID, "", "MZ-047", "spectrum scan=2", "<activation> without it", "MS:1000044 (dissociation method)"),
        (CID, CID.replace("1000133", "1000044"), "", "", "", ""),
        ("MS:1001911", "MS:9999999", "MZ-047", "<instrumentConfiguration>", "<instrument", "MS:1000031"),
        ("MS:1001911", "MS:1001911x", "MZ-047", "<instrumentConfiguration>", "<instrument", "MS:1000031"),
        ('name="ms level"', 'name="level, renamed"', "", "", "", ""),
    ],
)
def test_what_schema_and_mapping_require_is_held_against_a_run(
    tmp_path: Path, old: str, new: str, code: str, where: str, found: str, expected: str
) -> None:
    assert old in SOUND
    findings = found_in(written(tmp_path, SOUND.replace(old, new)))
    if not code:
        assert findings == []
        return
    first = findings[0]
    assert (first.code, first.level) == (code, "warning")
    assert first.where.startswith(where)
    assert found in first.found
    assert expected in first.expected


def test_a_prefix_that_nothing_declares_is_an_error(tmp_path: Path) -> None:
    asset = written(tmp_path, SOUND.replace("<mzML ", '<mzML other:colour="red" '))
    assert [(f.code, f.level, f.where) for f in found_in(asset)] == [("MZ-003", "error", "namespaces")]


def test_a_term_that_no_vocabulary_has_is_named(tmp_path: Path) -> None:
    unknown = spectrum(0, extra='<cvParam cvRef="MS" accession="MS:9999999" name="new"/>')
    ((code, where, found),) = [(f.code, f.where, f.found) for f in found_in(written(tmp_path, run(unknown)))]
    assert (code, where, found) == ("MZ-047", "spectrum scan=1", "MS:9999999")


def test_terms_of_a_group_count_where_it_is_referred_to(tmp_path: Path) -> None:
    group = f'<referenceableParamGroupList count="1"><referenceableParamGroup id="g">{KIND}</referenceableParamGroup>'
    text = run(spectrum(0, kind=""), head=f"{group}</referenceableParamGroupList>")
    reference = '<referenceableParamGroupRef ref="g"/>'
    level = text.index('<cvParam cvRef="MS" accession="MS:1000511"')
    assert found_in(written(tmp_path, text[:level] + reference + text[level:])) == []
    assert [finding.code for finding in found_in(written(tmp_path, text))] == ["MZ-047", "MZ-047"]


def test_what_is_wrong_in_the_same_way_is_one_finding(tmp_path: Path) -> None:
    spectra = [spectrum(number, kind=KIND[KIND.index(">") + 1 :]) for number in range(5)]
    (finding,) = found_in(written(tmp_path, run(*spectra)))
    assert (finding.count, finding.where) == (5, "spectrum scan=1; spectrum scan=2; spectrum scan=3")


def test_a_run_with_errors_is_not_held_against_the_schema_as_well(tmp_path: Path) -> None:
    damaged = run(spectrum(0, body=f'<binaryDataArrayList count="1">{array("*", MZ)}</binaryDataArrayList>'))
    assert [finding.code for finding in found_in(written(tmp_path, damaged))] == ["MZ-004"]


@pytest.mark.parametrize("gzipped", [False, True])
def test_of_a_long_run_a_part_is_looked_at_and_references_out_of_it_are_no_fault(tmp_path: Path, gzipped: bool) -> None:
    spectra = [
        with_precursor(CID).replace('id="scan=2"', f'id="scan={n}"').replace("scan=1<", "") for n in range(1, 400)
    ]
    spectra = [one.replace('spectrumRef="scan=1"', f'spectrumRef="scan={200 + n}"') for n, one in enumerate(spectra)]
    text = run(*spectra[:190]).encode()
    name = "long.mzML.gz" if gzipped else "long.mzML"
    asset = written(tmp_path, gzip.compress(text) if gzipped else text, name)
    _, document, findings = read_run(Path(asset.files[0].path), None)
    part = excerpt(Path(asset.files[0].path), document)
    assert findings == ()
    assert 90 <= part.count(b"<spectrum ") <= 101
    assert part.startswith(text[:200])
    assert part.endswith(b"</mzML>\n") or part.endswith(b"</mzML>")
    # all of these references lead nowhere, in the run as in its part
    (finding,) = validity_findings(Path(asset.files[0].path), document)
    assert finding.count == part.count(b"spectrumRef")
    document.ids["spectrum"] += [f"scan={200 + number}" for number in range(400)]
    assert validity_findings(Path(asset.files[0].path), document) == ()


def test_the_part_of_a_run_with_large_spectra_is_bounded(tmp_path: Path) -> None:
    values = [float(number * 7919 % 100_003) for number in range(100_000)]
    text = array(encoded(sorted(values)), MZ)
    body = f'<binaryDataArrayList count="2">{text}{array(encoded(values), MZ.replace("1000514", "1000515"))}'
    one = spectrum(0, length=len(values), body=f"{body}</binaryDataArrayList>")
    count = 4 * MAX_BYTES // len(one)
    asset = written(tmp_path, run(*(one.replace('"scan=1"', f'"scan={number}"') for number in range(count))))
    path = Path(asset.files[0].path)
    assert len(excerpt(path, read_run(path, None)[1])) < MAX_BYTES + 3 * len(one)


def test_what_we_wrote_is_held_to_it_as_an_error(tmp_path: Path) -> None:
    path = Path(written(tmp_path, SOUND.replace(CID, "")).files[0].path)
    document = read_run(path, None)[1]
    (finding,) = written_findings(path, document, frozenset())
    assert (finding.code, finding.level) == ("MZ-048", "error")
    assert written_findings(path, document, frozenset({"MS:1000044"})) == ()
