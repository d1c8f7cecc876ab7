"""What becomes of a real run: converted and equal to an independent reader in every spectrum, or held, and why.

mzML and peak lists are read by pyteomics, from the file as it was sent. Of Bruker TDF, timsrust's answers lie beside
this file (`ask_timsrust.py`), and msconvert with the vendor's library wrote one of the runs as mzML; of Thermo RAW,
msconvert wrote two. The last two are held against spectrum by spectrum.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "massspec"))

from tiny_mzml import asset_of, opened

from catchment.config import MassspecAdmit, MassspecConvert
from catchment.massspec import MODALITY
from catchment.massspec.readers.tdf_frames import read_peaks
from catchment.massspec.readers.tdf_tables import read_tables
from catchment.schema.records import Asset, Description, Product, Unreadable
from catchment.storage import Place
from catchment.streaming import interpreter_of
from tests.real.outcomes import SHARED, Outcome, codes, told_by

FILES = SHARED / "massspec"
FOLDERS = ("bad", "bruker", "mzml", "other", "thermo")
TIMSRUST: dict[str, Any] = json.loads(Path(__file__).with_name("timsrust.json").read_text(encoding="utf-8"))
# Thermo runs that another converter wrote as mzML, and how many surveys have other arrays there: in the first, 7
# Fourier profiles have the same m/z and other zeros, by another version of the vendor's library; in the second, the
# other converter closed profiles with a point more
CONVERTED = {"thermo/small.RAW": ("mzml/small.mzML", 7), "thermo/sliced-raw.raw": ("mzml/sliced-mzml.mzML", 10)}
VENDORS_MZML = {"bruker/diaPASEF.d": "mzml/diaPASEF.mzML"}
MZ, INTENSITY, MOBILITY = "m/z array", "intensity array", "raw inverse reduced ion mobility array"
THEIR_MOBILITY = "mean inverse reduced ion mobility array"


def real_runs() -> list[str]:
    """Every real run, relative to their folder; a `.d` is one."""
    return sorted(str(path.relative_to(FILES)) for folder in FOLDERS for path in (FILES / folder).glob("*"))


def with_licence(name: str) -> str:
    """The line of a Thermo run for those who accept the licence; empty for other runs."""
    return f"{name} (licence accepted)" if name.startswith("thermo/") else ""


def thermo_is_there() -> bool:
    """Whether the Thermo reader was built."""
    return interpreter_of("thermo").is_file()


def accepting(licence: bool) -> AbstractContextManager[Any]:
    """A span in which the Thermo licence is accepted, or none is."""
    return patch.dict(os.environ, {"CATCHMENT_ACCEPT_LICENCES": "thermo" if licence else ""})


def outcome_of(name: str, scratch: Path, *, licence: bool = False) -> Outcome:
    """What the modality makes of a run; raises AssertionError where it makes anything that others do not see."""
    asset = asset_of(FILES / name)
    scratch.mkdir(parents=True)
    with accepting(licence):
        description = MODALITY.describe(asset)
        if isinstance(description, Unreadable):
            return Outcome("", "", "", f"held: {codes(description.findings, errors=True)}", "")
        prepared = MODALITY.prepare(asset, Place(str(scratch)), MassspecAdmit())
        if isinstance(prepared, Unreadable):
            return Outcome("", "", "", f"held: {codes(prepared.findings, errors=True)}", "")
        findings = MODALITY.validate(description, asset, MassspecAdmit()).findings
        told, notes = told_by(description), codes(findings, errors=False)
        if errors := codes(findings, errors=True):
            return Outcome(*told, f"held: {errors}", notes)
        product = MODALITY.convert(asset, description, Place(str(scratch)), MassspecConvert())
    assert isinstance(product, Product), product
    words = compared(name, asset, description, scratch / product.path)
    return Outcome(*told, f"converted: {product.facts['spectra']:,} spectra, {words}", notes)


def compared(name: str, asset: Asset, description: Description, written: Path) -> str:
    """Say who sees the same spectra."""
    if description.format in ("mzml", "mzml.gz"):
        return equal_to_pyteomics(FILES / name, written)
    if description.format == "mgf":
        return equal_to_pyteomics_mgf(FILES / name, written)
    if description.format == "bruker-tdf":
        return equal_to_timsrust(name, asset, written)
    return equal_to_msconvert(name, written)


def equal_to_pyteomics(source: Path, written: Path) -> str:
    """Hold every spectrum, with all that is said of it, against what pyteomics reads in the file as it was sent."""
    if source.suffix == ".gz":
        inflated = written.with_name("inflated.mzML")
        inflated.write_bytes(gzip.decompress(source.read_bytes()))
        source = inflated
    with opened(source, by_index=False) as sent, opened(written) as kept:
        count = 0
        for one in sent:
            count += 1
            other = kept.get_by_id(one["id"])
            for key in (MZ, INTENSITY):
                assert np.array_equal(one.pop(key), other.pop(key))
            assert one.keys() == other.keys()
            assert (one["index"], one.get("ms level")) == (other["index"], other.get("ms level"))
        assert count == len(kept) > 0
    return "equal to pyteomics"


def equal_to_pyteomics_mgf(source: Path, written: Path) -> str:
    """Hold every spectrum of a peak list against what pyteomics reads in it."""
    from pyteomics import mgf

    # text, so that a byte order mark is no part of the first line
    with source.open(encoding="utf-8-sig") as text, opened(written) as kept:
        sent = list(mgf.read(text, use_index=False, convert_arrays=1, read_charges=False))
        assert len(sent) == len(kept)
        for index, one in enumerate(sent):
            other = kept.get_by_id(f"index={index}")
            assert np.array_equal(one[MZ], other[MZ])
            assert np.array_equal(one[INTENSITY], other[INTENSITY])
            ion = other["precursorList"]["precursor"][0]["selectedIonList"]["selectedIon"][0]
            assert ion["selected ion m/z"] == one["params"]["pepmass"][0]
            assert other["scanList"]["scan"][0]["scan start time"] == one["params"]["rtinseconds"]
    return "equal to pyteomics"


def equal_to_timsrust(name: str, asset: Asset, written: Path) -> str:
    """Hold every frame against timsrust's reading, and every written peak against that and the vendor's own library."""
    tables, peaks = (Path(asset.file(part).path) for part in ("analysis.tdf", "analysis.tdf_bin"))  # type: ignore[union-attr]
    run = read_tables(tables)
    samples = int(run.number("DigitizerNumSamples"))
    counts = {}
    with peaks.open("rb") as file:
        for frame, told in zip(run.frames, TIMSRUST["files"][name], strict=True):
            own = read_peaks(file, peaks.stat().st_size, frame, samples)
            starts = np.searchsorted(own.scan, np.arange(frame.scans + 1))
            assert [digest(own.tof), digest(own.counts), digest(starts)] == [
                *(told["tof"], told["counts"], told["scan_starts"])
            ]
            assert (frame.id, frame.time_s) == (told["frame"], told["rt_s"])
            counts[frame.id] = own
    with opened(written, by_index=False) as kept:
        spectra = list(kept)
    for one in spectra:
        said = dict(part.split("=") for part in one["id"].split())
        own = counts[int(said["frame"])].between(int(said["scanStart"]) - 1, int(said["scanEnd"]))
        assert np.array_equal(one[INTENSITY], own.counts)
        # within a scan m/z rise; from scan to scan 1/K0 falls, and there are as many of them as scans with peaks
        assert np.array_equal(np.lexsort((one[MZ], -one[MOBILITY])), np.arange(len(own.tof)))
        assert len(np.unique(one[MOBILITY])) == len(np.unique(own.scan))
    words = f"flight times and counts equal to {TIMSRUST['reader']}"
    if name not in VENDORS_MZML:
        return words
    equal_to_the_vendor(spectra, FILES / VENDORS_MZML[name], {frame.id: frame.accumulation_ms for frame in run.frames})
    return f"{words}, m/z and 1/K0 to msconvert with TIMS SDK 2.21"


def equal_to_the_vendor(spectra: list[dict[str, Any]], reference: Path, accumulation_ms: dict[int, float]) -> None:
    """Hold spectra against those that msconvert wrote by the vendor's library."""
    with opened(reference, by_index=False) as reader:
        theirs = list(reader)
    assert len(spectra) == len(theirs)
    for one, other in zip(spectra, theirs, strict=True):
        assert one["id"] == other["id"]
        assert one["ms level"] == other["ms level"]
        assert np.allclose(one[MZ], other[MZ], rtol=2e-11, atol=0)
        assert np.allclose(one[MOBILITY], other[THEIR_MOBILITY], rtol=2e-15, atol=0)
        frame = int(one["id"].split("frame=")[1].split()[0])
        assert np.array_equal(np.round(one[INTENSITY] * 100 / accumulation_ms[frame]), other[INTENSITY])
        times = [spectrum["scanList"]["scan"][0]["scan start time"] for spectrum in (one, other)]
        assert abs(float(times[0]) - float(times[1])) < 1e-9
        assert windows_of(one) == windows_of(other)


def windows_of(spectrum: dict[str, Any]) -> list[list[float]]:
    """What was isolated: centre, offsets, collision energy, as both converters write them."""
    return [
        [
            round(float(number), 9)
            for number in (*precursor["isolationWindow"].values(), precursor["activation"]["collision energy"])
        ]
        for precursor in spectrum.get("precursorList", {}).get("precursor", ())
    ]


def digest(numbers: Any) -> str:
    """The SHA-256 of whole numbers as little-endian 32-bit words."""
    return hashlib.sha256(np.ascontiguousarray(numbers, "<u4").tobytes()).hexdigest()


def equal_to_msconvert(name: str, written: Path) -> str:
    """Hold a Thermo run against the mzML that another converter wrote of it."""
    if name not in CONVERTED:
        return "no other reader asked"
    reference, unequal_surveys = CONVERTED[name]
    unequal = 0
    with opened(FILES / reference, by_index=False) as theirs, opened(written, by_index=False) as ours:
        pairs = list(zip(theirs, ours, strict=True))
    for other, one in pairs:
        assert (one["id"], one["ms level"]) == (other["id"], other["ms level"])
        equal = all(np.array_equal(one[key], other[key]) for key in (MZ, INTENSITY))
        assert equal or one["ms level"] == 1
        unequal += not equal
        scans = [spectrum["scanList"]["scan"][0] for spectrum in (one, other)]
        assert abs(float(scans[0]["scan start time"]) - float(scans[1]["scan start time"])) < 1e-9
        assert scans[0]["filter string"] == scans[1]["filter string"]
        assert np.isclose(one["total ion current"], other["total ion current"], rtol=1e-6)
        assert essence(one) == essence(other)
    assert unequal == unequal_surveys
    return f"all but {unequal} surveys equal to another converter's mzML"


def essence(spectrum: dict[str, Any]) -> list[Any]:
    """What matters of a spectrum's precursors, numbers rounded to what both converters write."""
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


def equal_mzxml(name: str) -> None:
    """Hold the spectra that we read in an mzXML against pyteomics' reading, whatever became of the run as a whole."""
    from catchment.massspec.faults import Faults
    from catchment.massspec.runs import open_run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        from pyteomics import mzxml
    with mzxml.MzXML(str(FILES / name), use_index=False) as reader:
        sent = list(reader)
    run = open_run("mzxml", asset_of(FILES / name), None)
    found = [scan for piece in run.pieces() for scan in run.scans(piece, Faults())]
    for one, scan in zip(sent, found, strict=True):
        assert np.array_equal(one[MZ], scan.spectrum.mz)
        assert np.array_equal(one[INTENSITY], scan.spectrum.intensity)
        assert one["msLevel"] == scan.spectrum.ms_level
        assert np.isclose(one["retentionTime"] * 60, scan.start_time)
