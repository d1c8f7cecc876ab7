"""mzXML and MGF become mzML that holds the same numbers, or are held for what is wrong with them."""

from __future__ import annotations

import base64
import gzip
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_mzml import admitted, converted, opened, schema_errors, written

from catchment.massspec import MODALITY
from catchment.schema.records import Description, Finding, Unreadable

PEAKS = ((100.5, 1.0), (200.25, 7.5), (300.125, 2.0))
NAMESPACE = "http://sashimi.sourceforge.net/schema_revision/mzXML_3.2"


def findings_of(folder: Path, content: str | bytes, name: str, **settings: Any) -> list[Finding]:
    asset = written(folder, content, name)
    description = MODALITY.describe(asset)
    if not isinstance(description, Description):
        return list(description.findings)
    return list(MODALITY.validate(description, asset, MODALITY.admit_settings(**settings)).findings)


def codes_of(folder: Path, content: str | bytes, name: str, **settings: Any) -> list[str]:
    return [found.code for found in findings_of(folder, content, name, **settings)]


# --- MGF ---------------------------------------------------------------------------------------------------------

MGF = """\
# a comment
CHARGE=2+ and 3+
BEGIN IONS
TITLE=first <&> "é"
PEPMASS=500.25 1234.5
RTINSECONDS=12.5
SCANS=17
100.5 1
200.25\t7.5 1+

END IONS
BEGIN IONS
TITLE=second
PEPMASS=600.5
CHARGE=3-
RTINSECONDS=13.5
END IONS
"""


def test_peak_list_becomes_mzml_of_fragment_spectra(tmp_path: Path) -> None:
    asset = written(tmp_path, MGF, "a.mgf")
    _, statistics, findings = admitted(asset)
    assert findings == {"MZ-026": "info"}
    assert statistics["ms_levels"] == {"2": 2}
    product, path = converted(asset, tmp_path / "out")
    assert product.facts["chromatograms"] == 0
    assert schema_errors(path) == []
    with opened(path) as kept:
        first, second = kept.get_by_id("index=0"), kept.get_by_id("index=1")
    assert first["m/z array"].tolist() == [100.5, 200.25]
    assert first["intensity array"].tolist() == [1.0, 7.5]
    assert (first["spectrum title"], first["peak list scans"]) == ('first <&> "é"', 17)
    time = first["scanList"]["scan"][0]["scan start time"]
    assert (float(time), time.unit_info) == (12.5, "second")
    ion = first["precursorList"]["precursor"][0]["selectedIonList"]["selectedIon"][0]
    assert (ion["selected ion m/z"], ion["peak intensity"]) == (500.25, 1234.5)
    assert ion["possible charge state"] in ([2, 3], (2, 3), 3)
    ion = second["precursorList"]["precursor"][0]["selectedIonList"]["selectedIon"][0]
    assert (ion["selected ion m/z"], ion["charge state"]) == (600.5, 3)
    assert "negative scan" in second
    assert len(second["m/z array"]) == 0


@pytest.mark.parametrize("dress", [lambda b: b, lambda b: b"\xef\xbb\xbf" + b, lambda b: b.replace(b"\n", b"\r\n")])
def test_line_ends_and_byte_order_mark_change_nothing(tmp_path: Path, dress: Any) -> None:
    plain = converted(written(tmp_path, MGF, "a.mgf"), tmp_path / "plain")[0]
    dressed = converted(written(tmp_path, dress(MGF.encode()), "b.mgf"), tmp_path / "dressed")[0]
    assert plain.logical_digest == dressed.logical_digest


@pytest.mark.parametrize(
    ("content", "codes", "where"),
    [
        (MGF.replace("200.25\t7.5 1+", "CORRUPT"), ["MZ-025", "MZ-026"], "line 9"),
        (MGF.replace("200.25\t7.5 1+", "nan 3"), ["MZ-023", "MZ-026"], "spectrum index=0"),
        (MGF + "100 1\n", ["MZ-025", "MZ-026"], "line 18"),
        (MGF.replace("500.25 1234.5", "heavy"), ["MZ-025", "MZ-026"], "line 11"),
        (MGF.removesuffix("END IONS\n"), ["MZ-002", "MZ-026"], "end of file"),
        ("# none\nBEGIN IONS\n", ["MZ-002", "MZ-026"], "end of file"),
        (MGF.replace("END IONS\nBEGIN", "BEGIN", 1), ["MZ-025", "MZ-026"], "line 11"),
        (MGF.replace("TITLE=second", "TITLE=" + "x" * 2_000_000), ["MZ-025", "MZ-026"], "run"),
    ],
)
def test_peak_list_that_is_damaged_is_held_at_its_line(
    tmp_path: Path, content: str, codes: list[str], where: str
) -> None:
    found = findings_of(tmp_path, content, "a.mgf")
    assert [one.code for one in found] == codes
    assert found[0].where == where


def test_peak_list_with_too_many_peaks_is_refused(tmp_path: Path) -> None:
    text = "BEGIN IONS\n" + "1 1\n" * 70_000 + "END IONS\n"
    assert codes_of(tmp_path, text, "a.mgf", max_spectrum_mb=1) == ["MZ-018", "MZ-026"]


# --- mzXML -------------------------------------------------------------------------------------------------------


def peaks(values: Any = PEAKS, *, precision: int = 64, compressed: bool = False, more: str = "") -> str:
    numbers = [number for pair in values for number in pair]
    data = struct.pack(f">{len(numbers)}{'d' if precision == 64 else 'f'}", *numbers)
    kind = ' compressionType="zlib" compressedLen="1"' if compressed else ""
    text = base64.b64encode(zlib.compress(data) if compressed else data).decode()
    return f'<peaks precision="{precision}" byteOrder="network" contentType="m/z-int"{kind}{more}>{text}</peaks>'


def scan(
    number: int, inside: str = "", body: str | None = None, count: object = 3, level: int = 1, more: str = ""
) -> str:
    return (
        f'<scan num="{number}" msLevel="{level}" peaksCount="{count}" polarity="+" centroided="1"'
        f' retentionTime="PT{number}.5S" totIonCurrent="12"{more}>{peaks() if body is None else body}{inside}</scan>\n'
    )


PRECURSOR = (
    '<precursorMz precursorIntensity="9" precursorCharge="2" activationMethod="HCD" windowWideness="2">500.25'
    "</precursorMz>"
)


def mzxml(*scans: str, count: object = None, namespace: str = NAMESPACE, head: str = "") -> str:
    declared = sum(text.count("<scan ") for text in scans) if count is None else count
    return (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{head}<mzXML xmlns="{namespace}"><msRun scanCount="{declared}">'
        '<parentFile fileName="C:\\x\\run.raw" fileType="RAWData" fileSha1="0"/><msInstrument>'
        '<msManufacturer category="msManufacturer" value="Thermo"/><msModel category="msModel" value="LTQ"/>'
        '<software type="acquisition" name="Xcalibur" version="1.3"/></msInstrument>'
        f"{''.join(scans)}</msRun></mzXML>\n"
    )


NESTED = mzxml(
    scan(1, inside=scan(2, level=2, body=PRECURSOR + peaks(precision=32), more=' collisionEnergy="35"')),
    scan(3, body=peaks(compressed=True)),
    scan(4, body=peaks(()), count=0),
)


def test_nested_scans_become_mzml_in_the_order_in_which_they_begin(tmp_path: Path) -> None:
    asset = written(tmp_path, NESTED, "a.mzXML")
    description, statistics, findings = admitted(asset)
    assert findings == {}
    assert (description.instrument, description.shape, statistics["spectra"]) == ("Thermo LTQ", (4,), 4)
    product, path = converted(asset, tmp_path / "out")
    assert (product.facts["ms_levels"], product.facts["chromatograms"]) == ({"1": 3, "2": 1}, 2)
    assert schema_errors(path) == []
    with opened(path, by_index=False) as kept:
        spectra = list(kept)
    assert [one["id"] for one in spectra] == ["scan=1", "scan=2", "scan=3", "scan=4"]
    for one in spectra[:3]:
        assert list(zip(one["m/z array"], one["intensity array"], strict=True)) == list(PEAKS)
    assert len(spectra[3]["m/z array"]) == 0
    precursor = spectra[1]["precursorList"]["precursor"][0]
    assert precursor["spectrumRef"] == "scan=1"
    assert precursor["activation"] == {"beam-type collision-induced dissociation": "", "collision energy": 35.0}
    assert precursor["isolationWindow"]["isolation window lower offset"] == 1.0
    ion = precursor["selectedIonList"]["selectedIon"][0]
    assert (ion["selected ion m/z"], ion["charge state"], ion["peak intensity"]) == (500.25, 2, 9.0)


def test_chromatograms_are_read_back_by_an_independent_reader(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        from pyteomics import mzml

    from catchment.massspec.verify import NoTerms

    _, path = converted(written(tmp_path, NESTED, "a.mzXML"), tmp_path / "out")
    with mzml.MzML(str(path), use_index=False, cv=NoTerms(), iterative=True) as reader:
        found = {one["id"]: one for one in reader.iterfind("chromatogram")}
    assert list(found) == ["TIC", "BPC"]
    assert found["TIC"]["time array"].tolist() == [1.5, 2.5, 3.5, 4.5]
    assert found["TIC"]["intensity array"].tolist() == [12.0] * 4
    assert found["BPC"]["intensity array"].tolist() == [7.5, 7.5, 7.5, 0.0]


def test_gzip_around_it_changes_nothing(tmp_path: Path) -> None:
    plain = converted(written(tmp_path, NESTED, "a.mzXML"), tmp_path / "plain")[0]
    zipped = converted(written(tmp_path, gzip.compress(NESTED.encode()), "b.gz"), tmp_path / "zipped")[0]
    assert plain.logical_digest == zipped.logical_digest


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (mzxml(scan(1), count=3113), ["MZ-001"]),
        (mzxml(), ["MZ-001"]),
        (NESTED[:-30], ["MZ-002"]),
        (NESTED.replace("</msRun>", "</msran>"), ["MZ-003"]),
        (mzxml(scan(1, body=peaks().replace("QF", "?F", 1))), ["MZ-004"]),
        (mzxml(scan(1, body=peaks(compressed=True).replace(">eJ", ">AJ"))), ["MZ-005"]),
        (mzxml(scan(1, count=4)), ["MZ-006"]),
        (mzxml(scan(1, count="x")), ["MZ-006"]),
        (mzxml(scan(1, body=peaks().replace("m/z-int", "intensity"))), ["MZ-007"]),
        (mzxml(scan(1, body=peaks(PEAKS[::-1]))), ["MZ-008"]),
        (mzxml(scan(2), scan(1)), ["MZ-009"]),
        (mzxml(scan(1), scan(1)), ["MZ-012"]),
        (mzxml(scan(1), namespace="http://example.org/"), ["MZ-015"]),
        (mzxml(scan(1, body="")), ["MZ-021"]),
        (mzxml(scan(1, level=0)), ["MZ-022"]),
        (mzxml(scan(1, body=peaks(((1.0, float("inf")),) * 3))), ["MZ-023"]),
        (mzxml(scan(1), head='<!DOCTYPE mzXML [<!ENTITY a "b">]>'), ["XML-001"]),
        (mzxml(scan(1)).replace("</mzXML>", "<sha1>0</sha1></mzXML>"), ["MZ-014"]),
        (mzxml(*["<scan num='1' msLevel='1' peaksCount='0'>" * 40]), ["MZ-003"]),
    ],
)
def test_faulty_mzxml_is_told_by_its_code(tmp_path: Path, text: str, codes: list[str]) -> None:
    assert codes_of(tmp_path, text, "a.mzXML") == codes


def test_mzxml_with_a_huge_array_is_refused(tmp_path: Path) -> None:
    assert codes_of(tmp_path, mzxml(scan(1, count=10**12)), "a.mzXML", max_spectrum_mb=1) == ["MZ-018"]
    bomb = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()
    body = f'<peaks precision="32" compressionType="zlib" contentType="m/z-int">{bomb}</peaks>'
    assert codes_of(tmp_path, mzxml(scan(1, body=body)), "b.mzXML") == ["MZ-018"]


def test_checksum_of_mzxml_is_over_all_before_it(tmp_path: Path) -> None:
    import hashlib

    before = mzxml(scan(1)).removesuffix("</mzXML>\n") + "<sha1>"
    digest = hashlib.sha1(before.encode(), usedforsecurity=False).hexdigest()
    assert codes_of(tmp_path, f"{before}{digest}</sha1></mzXML>", "a.mzXML") == []


def test_damage_found_only_while_converting_writes_nothing(tmp_path: Path) -> None:
    asset = written(tmp_path, NESTED, "a.mzXML")
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)
    Path(asset.files[0].path).write_text(NESTED[:-30])
    from catchment.storage import Place

    out = tmp_path / "out"
    out.mkdir()
    product = MODALITY.convert(asset, description, Place(str(out)), MODALITY.convert_settings())
    assert isinstance(product, Unreadable)
    assert [found.code for found in product.findings] == ["MZ-002"]
    assert list(out.iterdir()) == []


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    asset = written(tmp_path, NESTED, "a.mzXML")
    first, second = (converted(asset, tmp_path / name)[1].read_bytes() for name in ("one", "two"))
    assert first == second
    assert str(tmp_path).encode() not in first


def test_numbers_survive_exactly(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    values = np.sort(generator.uniform(50, 2_000, 1_000))
    heights = generator.lognormal(8, 3, 1_000)
    body = peaks(list(zip(values.tolist(), heights.tolist(), strict=True)))
    _, path = converted(written(tmp_path, mzxml(scan(1, body=body, count=1_000)), "a.mzXML"), tmp_path / "out")
    with opened(path) as kept:
        found = kept.get_by_id("scan=1")
    assert np.array_equal(found["m/z array"], values)
    assert np.array_equal(found["intensity array"], heights)
