"""Every real run in the shared test data: converted equal to pyteomics' reading, or held with a finding."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "massspec"))

from tiny_mzml import admitted, asset_of, converted, opened, schema_errors

from catchment.isolation import Limits, call
from catchment.massspec import MODALITY
from catchment.massspec.faults import Faults
from catchment.modalities import inspect_asset
from catchment.schema.records import Unreadable
from catchment.streaming import interpreter_of

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "massspec"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data: {DATA} is absent"),
]
OBSOLETE = "1min.mzML"


@pytest.fixture(autouse=True)
def no_licence_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATCHMENT_ACCEPT_LICENCES", raising=False)


def names(folder: str) -> list[str]:
    return sorted(path.name for path in (DATA / folder).glob("*")) if DATA.is_dir() else ["absent"]


@pytest.mark.parametrize("name", [name for name in names("mzml") if name != OBSOLETE])
def test_real_run_is_converted_equal_to_pyteomics_reading(tmp_path: Path, name: str) -> None:
    source = DATA / "mzml" / name
    asset = asset_of(source)
    _, statistics, findings = admitted(asset)
    assert set(findings.values()) <= {"warning"}
    product, path = converted(asset, tmp_path)
    inflated = tmp_path / "inflated.mzML"
    if name.endswith(".gz"):
        import gzip

        inflated.write_bytes(gzip.decompress(source.read_bytes()))
        source = inflated
    with opened(source, by_index=False) as sent, opened(path) as kept:
        count = 0
        for one in sent:
            other = kept.get_by_id(one["id"])
            for key in ("m/z array", "intensity array"):
                assert np.array_equal(one.pop(key), other.pop(key))
            assert one.keys() == other.keys()
            assert (one["index"], one.get("ms level")) == (other["index"], other.get("ms level"))
            count += 1
    assert count == product.facts["spectra"] == statistics["spectra"] > 0


def test_obsolete_mzml_is_held() -> None:
    found = MODALITY.describe(asset_of(DATA / "mzml" / OBSOLETE))
    assert isinstance(found, Unreadable)
    assert [finding.code for finding in found.findings] == ["MZ-015"]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("bad_base64.mzML", {"MZ-004"}),
        ("bomb.mzML", {"XML-001"}),
        ("empty.RAW", {"MZ-024"}),
        ("mzml_named.raw", {"FMT-001"}),
        ("obsolete_mzML0.99.1_SRM.mzML", {"MZ-015"}),
        ("tester_corrupt.mgf", {"MZ-025"}),
        ("truncated.mzML", {"MZ-002"}),
        ("truncated.mzML.gz", {"MZ-017"}),
        ("truncated_5k.RAW", {"MZ-027"}),
        ("truncated_half.RAW", {"MZ-027"}),
        ("withEmptySpectra.mgf", set()),
        ("withZeros.mgf", set()),
        ("xxe.mzML", {"XML-001"}),
    ],
)
def test_bad_file_is_held_quickly_for_its_reason(name: str, codes: set[str]) -> None:
    asset = asset_of(DATA / "bad" / name)
    start = time.process_time()
    found = MODALITY.describe(asset)
    findings = (
        found.findings
        if isinstance(found, Unreadable)
        else MODALITY.validate(found, asset, MODALITY.admit_settings()).findings
    )
    assert {finding.code for finding in findings if finding.level == "error"} == codes
    assert time.process_time() - start < 2


def test_every_bad_file_is_covered_above() -> None:
    covered = test_bad_file_is_held_quickly_for_its_reason.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert names("bad") == sorted(name for name, _ in covered)


@pytest.mark.parametrize(
    "path", ["other/small.mgf", "other/withIntensity.mgf", "bad/withEmptySpectra.mgf", "bad/withZeros.mgf"]
)
def test_peak_list_is_converted_equal_to_pyteomics_reading(tmp_path: Path, path: str) -> None:
    from pyteomics import mgf

    asset = asset_of(DATA / path)
    assert admitted(asset)[2] == {"MZ-026": "info"}
    product, written = converted(asset, tmp_path)
    assert schema_errors(written) == []
    # text, so that a byte order mark is no part of the first line
    with (DATA / path).open(encoding="utf-8-sig") as text, opened(written) as kept:
        sent = list(mgf.read(text, use_index=False, convert_arrays=1, read_charges=False))
        for index, one in enumerate(sent):
            other = kept.get_by_id(f"index={index}")
            assert np.array_equal(one["m/z array"], other["m/z array"])
            assert np.array_equal(one["intensity array"], other["intensity array"])
            ion = other["precursorList"]["precursor"][0]["selectedIonList"]["selectedIon"][0]
            assert ion["selected ion m/z"] == one["params"]["pepmass"][0]
            assert other["scanList"]["scan"][0]["scan start time"] == one["params"]["rtinseconds"]
    assert len(sent) == product.facts["spectra"] > 0


def test_mzxml_cut_out_of_a_longer_run_is_held_and_read_equal_to_pyteomics_reading() -> None:
    from catchment.massspec.runs import open_run, read_spectra

    path = DATA / "other/pyteomics_test.mzXML"
    assert admitted(asset_of(path))[2] == {"MZ-014": "warning", "MZ-001": "error"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        from pyteomics import mzxml
    with mzxml.MzXML(str(path), use_index=False) as reader:
        sent = list(reader)
    run = open_run("mzxml", asset_of(path), None)
    found = [scan for piece in run.pieces() for scan in run.scans(piece, Faults())]
    assert len(found) == len(sent) == len(read_spectra(run).table) == 2
    for one, scan in zip(sent, found, strict=True):
        assert np.array_equal(one["m/z array"], scan.spectrum.mz)
        assert np.array_equal(one["intensity array"], scan.spectrum.intensity)
        assert one["msLevel"] == scan.spectrum.ms_level
        assert one["retentionTime"] * 60 == pytest.approx(scan.start_time)


# --- Thermo: only where its reader was built ----------------------------------------------------------------------


@pytest.fixture
def thermo(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Path(__file__).parents[2]
    if not interpreter_of("thermo").is_file() and (checkout / ".venv-thermo").is_dir():
        monkeypatch.setenv("CATCHMENT_READERS", str(checkout))
    if not interpreter_of("thermo").is_file():
        pytest.skip('no Thermo reader: make readers ACCEPT_LICENCES="thermo"')
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "thermo")


@pytest.mark.usefixtures("thermo")
@pytest.mark.parametrize(
    ("name", "reference", "unequal_surveys"),
    # in the first, 7 Fourier profiles have the same m/z and other zeros: another version of the vendor's library;
    # in the second, another converter closed the reference's profiles with a point more
    [("small.RAW", "small.mzML", 7), ("sliced-raw.raw", "sliced-mzml.mzML", 10)],
)
def test_raw_is_converted_equal_to_another_converters_mzml(
    tmp_path: Path, name: str, reference: str, unequal_surveys: int
) -> None:
    asset = asset_of(DATA / "thermo" / name)
    description, statistics, findings = admitted(asset)
    assert findings == {}
    product, path = converted(asset, tmp_path)
    assert schema_errors(path) == []
    unequal = 0
    with opened(DATA / "mzml" / reference, by_index=False) as theirs, opened(path, by_index=False) as ours:
        pairs = list(zip(theirs, ours, strict=True))
    for other, one in pairs:
        assert (one["id"], one["ms level"]) == (other["id"], other["ms level"])
        equal = all(np.array_equal(one[key], other[key]) for key in ("m/z array", "intensity array"))
        assert equal or one["ms level"] == 1
        unequal += not equal
        scans = [spectrum["scanList"]["scan"][0] for spectrum in (one, other)]
        assert float(scans[0]["scan start time"]) == pytest.approx(float(scans[1]["scan start time"]), abs=1e-9)
        assert scans[0]["filter string"] == scans[1]["filter string"]
        assert one["total ion current"] == pytest.approx(other["total ion current"], rel=1e-6)
        assert essence(one) == essence(other)
    assert unequal == unequal_surveys
    assert len(pairs) == product.facts["spectra"] == statistics["spectra"] == description.shape[0]


def essence(spectrum: dict[str, Any]) -> list[Any]:
    """Return what matters of a spectrum's precursors, numbers rounded to what both converters write."""
    found = []
    for precursor in spectrum.get("precursorList", {}).get("precursor", ()):
        ion, window = precursor["selectedIonList"]["selectedIon"][0], precursor["isolationWindow"]
        numbers = (
            ion["selected ion m/z"],
            window["isolation window target m/z"],
            window["isolation window lower offset"],
            precursor["activation"]["collision energy"],
        )
        charge = ion.get("charge state")
        found.append(
            (precursor["spectrumRef"], charge, sorted(precursor["activation"]), [round(n, 6) for n in numbers])
        )
    return found


@pytest.mark.usefixtures("thermo")
def test_raw_by_two_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    from catchment.massspec.readers.thermo import ThermoRun
    from catchment.massspec.runs import write_run

    source = DATA / "thermo/small.RAW"
    written = []
    for scans_per_piece, threads in ((5_000, 1), (10, 2)):
        run = ThermoRun(source)
        run.scans_per_piece = scans_per_piece
        target = tmp_path / str(threads) / "run.mzML"
        write_run(run, asset_of(source).files, source.name, target, threads)
        written.append(target.read_bytes())
    assert written[0] == written[1]


@pytest.mark.usefixtures("thermo")
def test_raw_with_a_supplemental_activation_is_converted(tmp_path: Path) -> None:
    _, path = converted(asset_of(DATA / "thermo/sliced_ethcd.raw"), tmp_path)
    with opened(path) as kept:
        spectrum = kept.get_by_id("controllerType=0 controllerNumber=1 scan=6")
    precursor = spectrum["precursorList"]["precursor"][0]
    assert precursor["spectrumRef"].endswith("scan=1")
    assert precursor["activation"] == {
        "electron transfer dissociation": "",
        "supplemental beam-type collision-induced dissociation": "",
        "supplemental collision energy": 25.0,
    }


@pytest.mark.usefixtures("thermo")
@pytest.mark.parametrize("how", ["truncated_5k", "truncated_half", "flipped", "tail", "magic-only"])
def test_damaged_raw_is_held(tmp_path: Path, how: str) -> None:
    path = DATA / "bad" / f"{how}.RAW"
    if not path.is_file():
        data = bytearray((DATA / "thermo/small.RAW").read_bytes())
        path = tmp_path / "a.raw"
        if how == "flipped":
            data[600_000:600_400] = bytes(byte ^ 0xFF for byte in data[600_000:600_400])
        path.write_bytes(data[:-200] if how == "tail" else data[:18] if how == "magic-only" else data)
    found = MODALITY.describe(asset_of(path))
    findings = (
        found.findings
        if isinstance(found, Unreadable)
        else MODALITY.validate(found, asset_of(path), MODALITY.admit_settings()).findings
    )
    assert [finding.code for finding in findings if finding.level == "error"] == ["MZ-028"]


@pytest.mark.usefixtures("thermo")
def test_raw_is_admitted_in_the_confined_child_as_well(tmp_path: Path) -> None:
    found = call(inspect_asset, asset_of(DATA / "thermo/small.RAW"), str(tmp_path), {}, limits=Limits())
    assert (found.findings, found.description.shape) == ((), (48,))


def test_bomb_is_held_in_the_confined_child_as_well(tmp_path: Path) -> None:
    found = call(
        inspect_asset,
        asset_of(DATA / "bad" / "bomb.mzML"),
        str(tmp_path),
        {},
        limits=Limits(memory_mb=2_000, cpu_seconds=20),
    )
    assert [finding.code for finding in found.findings] == ["XML-001"]
