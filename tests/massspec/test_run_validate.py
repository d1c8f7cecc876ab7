from __future__ import annotations

import base64
import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest
from tiny_mzml import (
    INTENSITY,
    MZ,
    PLAIN,
    admitted,
    array,
    arrays,
    asset_of,
    converted,
    encoded,
    run,
    spectrum,
    written,
)

from catchment.massspec import MODALITY
from catchment.massspec.validate import instrument_findings
from catchment.schema.records import Description, Unreadable
from catchment.schema.rules import RULES

GOOD_MZ, GOOD_INTENSITY = array(encoded([1.0, 2.0, 3.0]), MZ), array(encoded([1.0, 2.0, 3.0]), INTENSITY)
TRUNCATION = '<cvParam cvRef="MS" accession="MS:1003088" name="truncation and zlib compression"/>'
NO_UNIT_TIME = 'accession="MS:1000016" name="scan start time" value="9"'
BOMB = base64.b64encode(zlib.compress(bytes(50_000_000), 9)).decode()


def pair(first: str = GOOD_MZ, second: str = GOOD_INTENSITY) -> str:
    return f'<binaryDataArrayList count="2">{first}{second}</binaryDataArrayList>'


def test_sound_run_has_no_findings(tmp_path: Path) -> None:
    description, statistics, findings = admitted(written(tmp_path, run(spectrum(0), spectrum(1))))
    assert findings == {}
    assert (description.shape, description.axes, description.instrument) == ((2,), ("spectrum",), "Q Exactive")
    assert statistics["ms_levels"] == {"1": 2}
    assert (statistics["rt_min_s"], statistics["rt_max_s"]) == (0.0, 60.0)
    assert (statistics["mz_min"], statistics["mz_max"], statistics["tic_total"]) == (100.0, 300.0, 16.0)
    assert statistics["index"] == "absent"


@pytest.mark.parametrize(
    ("text", "code", "level"),
    [
        (run(spectrum(0), declared=2), "MZ-001", "error"),
        (run(spectrum(0), declared="two"), "MZ-001", "error"),
        (run(declared=0), "MZ-001", "error"),
        (run(spectrum(0))[:-60], "MZ-002", "error"),
        (run(spectrum(0), "<x></y>"), "MZ-003", "error"),
        (run(spectrum(0, body=pair(array("####", MZ)))), "MZ-004", "error"),
        (run(spectrum(0, body=pair(array("AAAA", MZ)))), "MZ-005", "error"),
        (run(spectrum(0, length=4)), "MZ-006", "error"),
        (run(spectrum(0, length="-3")), "MZ-006", "error"),
        (run(spectrum(0, body=pair(array(encoded([1.0]), MZ, length=' arrayLength="1"')))), "MZ-006", "error"),
        (run(spectrum(0, body=pair(array(encoded([1.0, 2, 3]), MZ, TRUNCATION)))), "MZ-007", "error"),
        (run(spectrum(0, body=pair(array(encoded([1.0, 2, 3]), MZ, precision="")))), "MZ-007", "error"),
        (run(spectrum(0, mz=[3.0, 2.0, 5.0])), "MZ-008", "warning"),
        (run(spectrum(1), spectrum(0)), "MZ-009", "warning"),
        (run(spectrum(0, time=NO_UNIT_TIME)), "MZ-010", "warning"),
        (run(spectrum(0, body=pair(GOOD_MZ.replace(' unitAccession="MS:1000040"', "")))), "MZ-010", "warning"),
        (run(spectrum(0), spectrum(1, id_="scan=1")), "MZ-012", "error"),
        (run(spectrum(0, id_="")), "MZ-012", "error"),
        (run(spectrum(0, body=pair(array(BOMB, MZ)))), "MZ-018", "error"),
        (run(spectrum(0, length=10**9)), "MZ-018", "error"),
        (run(spectrum(0, body="")), "MZ-021", "error"),
        (run(spectrum(0, body=pair(GOOD_MZ, ""))), "MZ-021", "error"),
        (run(spectrum(0, level="")), "MZ-022", "warning"),
        (run(spectrum(0), version=""), "MZ-022", "warning"),
        (run(spectrum(0, intensity=[1.0, np.nan, 2.0])), "MZ-023", "error"),
        (run(spectrum(0, mz=[1.0, 2.0, np.inf])), "MZ-023", "error"),
    ],
)
def test_each_fault_has_its_code_and_nothing_else_is_found(tmp_path: Path, text: str, code: str, level: str) -> None:
    _, _, findings = admitted(written(tmp_path, text))
    assert findings == {code: level}


@pytest.mark.parametrize("edit", [("<indexListOffset>", "<indexListOffset>1"), ("</indexList>", "</indexList><!---->")])
def test_wrong_index_or_checksum_is_a_warning(tmp_path: Path, edit: tuple[str, str]) -> None:
    _, path = converted(written(tmp_path, run(spectrum(0))), tmp_path / "out")
    asset = written(tmp_path, path.read_text().replace(*edit), "edited.mzML")
    _, statistics, findings = admitted(asset)
    assert "MZ-014" in findings
    assert set(findings.values()) == {"warning"}
    assert statistics["index"] == ("wrong" if edit[0] == "<indexListOffset>" else "right")


def test_all_faults_are_found_in_one_pass_and_counted(tmp_path: Path) -> None:
    broken = [spectrum(n, body=pair(array("####", MZ))) for n in range(5)]
    asset = written(tmp_path, run(*broken, spectrum(7, mz=[2.0, 1.0, 3.0]), spectrum(6), declared=9))
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)
    findings = MODALITY.validate(description, asset, MODALITY.admit_settings()).findings
    assert [(found.code, found.count) for found in findings] == [
        ("MZ-004", 5),
        ("MZ-008", 1),
        ("MZ-009", 1),
        ("MZ-001", 1),
    ]
    assert findings[0].where == "spectrum scan=1; spectrum scan=2; spectrum scan=3"
    assert (findings[-1].found, findings[-1].expected) == ("7 spectrum elements", "9, as declared")


def test_largest_spectrum_is_a_setting(tmp_path: Path) -> None:
    many = np.linspace(1, 2, 100_000)
    asset = written(tmp_path, run(spectrum(0, mz=many, intensity=many)))
    assert admitted(asset, max_spectrum_mb=2)[2] == {}
    assert admitted(asset, max_spectrum_mb=1)[2] == {"MZ-018": "error"}


def test_empty_spectrum_is_no_fault(tmp_path: Path) -> None:
    _, statistics, findings = admitted(written(tmp_path, run(spectrum(0, [], []), spectrum(1, [], [], body=""))))
    assert findings == {}
    assert statistics["empty_fraction"] == 1.0


def test_uncompressed_and_unstated_compression_are_read(tmp_path: Path) -> None:
    plain = encoded([1.0, 2.0, 3.0], compressed=False)
    body = pair(array(plain, MZ, PLAIN), array(plain, INTENSITY, compression=""))
    assert admitted(written(tmp_path, run(spectrum(0, body=body))))[2] == {"MZ-047": "warning"}


def test_wavelengths_are_no_mass_spectrum(tmp_path: Path) -> None:
    wavelengths = MZ.replace("MS:1000514", "MS:1000617").replace("m/z array", "wavelength array")
    body = pair(array(encoded([1.0, 2.0, 3.0]), wavelengths))
    _, statistics, findings = admitted(written(tmp_path, run(spectrum(0, level="", body=body))))
    assert findings == {}
    assert (statistics["ms_levels"], statistics["mz_min"]) == ({"0": 1}, None)


def test_peaks_sorted_by_mobility_are_no_fault(tmp_path: Path) -> None:
    mobility = '<cvParam cvRef="MS" accession="MS:1003006" name="mean inverse reduced ion mobility array"/>'
    body = arrays([3.0, 1.0, 2.0], [1.0, 1.0, 1.0])
    body = body.replace("</binaryDataArrayList>", array(encoded([1.0, 2.0, 3.0]), mobility) + "</binaryDataArrayList>")
    assert admitted(written(tmp_path, run(spectrum(0, body=body))))[2] == {}


@pytest.mark.parametrize(
    ("unit", "seconds"), [("UO:0000010", 3.0), ("UO:0000031", 180.0), ("UO:0000028", 0.003), ("", 180.0)]
)
def test_retention_times_become_seconds(tmp_path: Path, unit: str, seconds: float) -> None:
    time = f'accession="MS:1000016" name="scan start time" value="3" unitAccession="{unit}"'
    _, statistics, _ = admitted(written(tmp_path, run(spectrum(0, time=time))))
    assert statistics["rt_min_s"] == pytest.approx(seconds)


def test_values_beyond_all_sense_do_not_upset_the_statistics(tmp_path: Path) -> None:
    time = 'accession="MS:1000016" name="scan start time" value="1e308" unitAccession="UO:0000031"'
    _, statistics, _ = admitted(written(tmp_path, run(spectrum(0, time=time), spectrum(1, intensity=[1e308] * 3))))
    assert (statistics["rt_min_s"], statistics["spectra"]) == (None, 1)


# --- what cannot even be described -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "codes"),
    [
        ("a.mzML", b"", ["MZ-024"]),
        ("a.mzML", b"hello", ["FMT-001"]),
        ("a.raw", b"\x01\xa1" + "Finnigan".encode("utf-16-le"), ["MZ-027"]),
        ("a.mzML", b"\x01\xa1" + "Finnigan".encode("utf-16-le"), ["FMT-001", "MZ-027"]),
        ("a.raw", gzip.compress(b"\x01\xa1" + "Finnigan".encode("utf-16-le")), ["MZ-019"]),
        ("a.mzXML", b"<mzXML>", ["MZ-002"]),
        ("a.mzML", b"<!DOCTYPE a><mzML>", ["XML-001"]),
        ("a.mzML", b"<mzML xmlns='http://psi.hupo.org/schema_revision/mzML_0.99.1'>", ["MZ-015"]),
    ],
)
def test_file_that_is_no_readable_run_says_what_it_is(
    tmp_path: Path, name: str, content: bytes, codes: list[str]
) -> None:
    description = MODALITY.describe(written(tmp_path, content, name))
    assert isinstance(description, Unreadable)
    assert [found.code for found in description.findings] == codes
    assert {found.level for found in description.findings} == {"error"}


def test_what_was_found_on_arrival_is_not_found_again(tmp_path: Path) -> None:
    asset = written(tmp_path, b"hello", "a.mzML")
    first = MODALITY.describe(asset)
    assert isinstance(first, Unreadable)
    again = MODALITY.describe(asset.model_copy(update={"findings": first.findings}))
    assert again == Unreadable(findings=())


@pytest.mark.parametrize(
    ("name", "zipped", "lies"),
    [
        ("a.raw", False, True),
        ("a.mzML.gz", False, True),
        ("a.mzML", True, True),
        ("a.mzML.gz", True, False),
        ("a", False, False),
    ],
)
def test_name_that_lies_is_an_error_though_the_content_can_be_read(
    tmp_path: Path, name: str, zipped: bool, lies: bool
) -> None:
    data = run(spectrum(0)).encode()
    asset = written(tmp_path, gzip.compress(data) if zipped else data, name)
    assert admitted(asset)[2] == ({"FMT-001": "error"} if lies else {})


def test_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.d").mkdir()
    (tmp_path / "a.d/notes.txt").write_bytes(b"x")
    description = MODALITY.describe(asset_of(tmp_path / "a.d"))
    assert isinstance(description, Unreadable)
    assert [(finding.code, finding.found) for finding in description.findings] == [
        ("MZ-019", "a folder of 1 files that is no known run")
    ]


def test_security_rules_are_unsafe() -> None:
    assert {code for code, rule in RULES.items() if rule.unsafe and code[:3] in ("MZ-", "XML")} == {
        "XML-001",
        "MZ-002",
        "MZ-003",
        "MZ-016",
        "MZ-017",
        "MZ-018",
    }


def test_a_strangers_text_is_short_and_printable_in_a_finding(tmp_path: Path) -> None:
    asset = written(tmp_path, run(spectrum(0, id_="\u202e" + "x" * 5_000, body="")))
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)
    where = MODALITY.validate(description, asset, MODALITY.admit_settings()).findings[0].where
    assert where == f"spectrum ?{'x' * 79}..."


def test_estimate_does_not_take_a_strangers_word_for_memory(tmp_path: Path) -> None:
    description, _, _ = admitted(written(tmp_path, run(spectrum(0), declared=10**15)))
    resources = MODALITY.estimate(description)
    assert (resources.memory_mb < 1_000, resources.pieces) == (True, 1)


@pytest.mark.parametrize(
    ("described", "differs"),
    [
        ("NT=Q Exactive;AC=MS:1001911", False),
        ("AC=MS:1001911; NT=q-exactive", False),
        ("Q Exactive", False),
        ("AC=MS:1001911", False),
        ("", False),
        ("NT=LTQ Orbitrap Velos;AC=MS:1001742", True),
    ],
)
def test_instrument_of_the_sdrf_is_held_against_that_of_the_run(described: str, differs: bool) -> None:
    found = instrument_findings(described, "Q Exactive")
    assert [finding.code for finding in found] == (["MZ-050"] if differs else [])
    assert instrument_findings(described, None) == ()
    if differs:
        assert (found[0].found, found[0].expected) == ("LTQ Orbitrap Velos", "Q Exactive")
