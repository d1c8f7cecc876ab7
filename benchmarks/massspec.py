"""mzML: Catchment against psims, pyopenms and pyteomics, and against the same bytes written with no framework."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import race
import thermo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catchment.schema.records import Asset

SPECTRA = 6_000
# the large run: as many spectra, and as many peaks in each, as a run of an hour has
LARGE_SPECTRA, LARGE_PEAKS = 20_000, 480
REAL = Path(__file__).parents[1].parent / "shared" / "data" / "massspec"
MOST_OF_CENTROID = 5_000  # peaks: what has more is a profile
BLOCK_BYTES = 1 << 20


# --- data --------------------------------------------------------------------------------------------------------


def prepare(data: Path) -> str:
    """Write the demonstration's run, without an index; return what it is."""
    from catchment.demonstration.massspec import write_mzml

    write_mzml(data / "run.mzML", seed=1, spectra=SPECTRA)
    peaks = sum(len(mz) for _, mz, _ in spectra_of(data / "run.mzML"))
    size = (data / "run.mzML").stat().st_size / race.MB
    return f"a data-dependent run of {SPECTRA:,} spectra, {peaks / 1e6:.2f} million peaks; mzML, zlib 1, {size:.0f} MB."


def prepare_large(data: Path) -> str:
    """Write a large run's peaks as plain arrays, and the run as mzML: peaks of real spectra, drawn anew for each."""
    import numpy as np

    text = draw_peaks(data)
    write_ours(data, data / "large")
    (data / "large" / "run.mzML").replace(data / "run.mzML")
    size = (data / "run.mzML").stat().st_size / race.MB
    count = np.load(data / "starts.npy").size - 1
    return f"{count:,} spectra of {LARGE_PEAKS} peaks, {text}; as mzML, zlib 1, {size:.0f} MB."


def draw_peaks(data: Path) -> str:
    """Draw each spectrum's peaks, without repetition, out of those of a real run's centroid spectra; say which run."""
    import numpy as np

    source = REAL / "mzml" / "small.mzML"
    text = "their m/z and intensities drawn from the MS2 of small.mzML (an LTQ FT; 34 centroid spectra)"
    if not source.is_file():
        prepare(data)
        source, text = data / "run.mzML", "drawn from the demonstration's run: the real one is not there"
    peaks = {}  # one for each m/z
    for _, mz, intensity in spectra_of(source):
        if len(mz) < MOST_OF_CENTROID:
            peaks.update(zip(mz.tolist(), intensity.tolist(), strict=True))
    pool = np.array(sorted(peaks.items()))
    rng = np.random.default_rng(1)
    chosen = np.stack([np.sort(rng.choice(len(pool), LARGE_PEAKS, replace=False)) for _ in range(LARGE_SPECTRA)])
    pool[chosen.ravel(), 0].tofile(data / "mz.f8")
    np.float32(pool[chosen.ravel(), 1]).astype(np.float64).tofile(data / "intensity.f8")
    np.save(data / "starts.npy", np.arange(0, chosen.size + 1, LARGE_PEAKS))
    return f"{text}: {len(pool):,} different peaks"


def asset_of(path: Path) -> Asset:
    """Return an asset that is one file."""
    from catchment.schema.records import Asset, SourceFile

    file = SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64)
    return Asset(
        accession="CAT00000001A", modality="massspec", asset="run", dataset="run", format="mzml", files=(file,)
    )


def spectra_of(path: Path) -> Iterator[tuple[str, Any, Any]]:
    """Yield id, m/z and intensities of each spectrum, by pyteomics."""
    from pyteomics import mzml

    from catchment.massspec.verify import NoTerms

    with mzml.MzML(str(path), use_index=False, cv=NoTerms()) as reader:
        for found in reader:
            yield found["id"], found["m/z array"], found["intensity array"]


# --- a run that is already mzML ----------------------------------------------------------------------------------


def ours(data: Path, out: Path) -> None:
    """Validate, index anew, verify and measure, as the steps do."""
    from catchment.massspec import MODALITY
    from catchment.storage import Place

    asset = asset_of(data / "run.mzML")
    product = MODALITY.convert(asset, MODALITY.describe(asset), Place(str(out)), MODALITY.convert_settings())
    assert not getattr(product, "findings", ()), product
    MODALITY.measure(product, Place(str(out)))


def through_psims(data: Path, out: Path) -> None:
    """Read with pyteomics, write with psims."""
    from pyteomics import mzml

    from catchment.massspec.verify import NoTerms

    def scans() -> Iterator[dict[str, Any]]:
        with mzml.MzML(str(data / "run.mzML"), use_index=False, cv=NoTerms()) as reader:
            for found in reader:
                scan = found["scanList"]["scan"][0]
                precursor = None
                if "precursorList" in found:
                    (one,) = found["precursorList"]["precursor"]
                    (ion,) = one["selectedIonList"]["selectedIon"]
                    precursor = {
                        "mz": ion["selected ion m/z"],
                        "intensity": ion["peak intensity"],
                        "charge": ion["charge state"],
                        "spectrum_reference": one["spectrumRef"],
                        "isolation_window": [
                            one["isolationWindow"]["isolation window lower offset"],
                            one["isolationWindow"]["isolation window target m/z"],
                            one["isolationWindow"]["isolation window upper offset"],
                        ],
                        "activation": [
                            "beam-type collision-induced dissociation",
                            {"collision energy": one["activation"]["collision energy"]},
                        ],
                    }
                yield {
                    "mz_array": found["m/z array"],
                    "intensity_array": found["intensity array"],
                    "id": found["id"],
                    "scan_start_time": float(scan["scan start time"]),
                    "params": [
                        {"ms level": found["ms level"]},
                        "MS1 spectrum" if found["ms level"] == 1 else "MSn spectrum",
                        {"total ion current": found["total ion current"]},
                    ],
                    "precursor_information": precursor,
                }

    write_by_psims(out, scans(), SPECTRA)


def write_by_psims(out: Path, scans: Iterator[dict[str, Any]], count: int) -> None:
    """Write spectra with psims; m/z in 64 bits, intensities in 32, zlib."""
    import numpy as np
    from psims.mzml.writer import MzMLWriter

    out.mkdir()
    with MzMLWriter(str(out / "run.mzML"), close=True) as writer:
        writer.controlled_vocabularies()
        writer.file_description(["MS1 spectrum", "MSn spectrum"])
        writer.software_list([{"id": "benchmark", "version": "1", "params": ["custom unreleased software tool"]}])
        writer.instrument_configuration_list([writer.InstrumentConfiguration(id="IC1", component_list=[])])
        method = writer.ProcessingMethod(order=0, software_reference="benchmark", params=["Conversion to mzML"])
        writer.data_processing_list([writer.DataProcessing([method], id="DP1")])
        encoding = {"m/z array": np.float64, "intensity array": np.float32}
        with writer.run(id="run", instrument_configuration="IC1"), writer.spectrum_list(count=count):
            for scan in scans:
                writer.write_spectrum(**scan, encoding=encoding, compression="zlib")


def through_pyopenms(data: Path, out: Path) -> None:
    """Load and store with pyopenms."""
    import pyopenms

    out.mkdir()
    experiment = pyopenms.MSExperiment()
    pyopenms.MzMLFile().load(str(data / "run.mzML"), experiment)
    pyopenms_file().store(str(out / "run.mzML"), experiment)


def pyopenms_file() -> Any:
    """Return pyopenms's mzML file with zlib, 64 and 32 bits, an index."""
    import pyopenms

    file = pyopenms.MzMLFile()
    options = file.getOptions()
    options.setCompression(True)
    options.setMz32Bit(False)
    options.setIntensity32Bit(True)
    options.setWriteIndex(True)
    file.setOptions(options)
    return file


def read_ours(data: Path, _: Path) -> None:
    """Read, decode and check every spectrum, index, checksum and a part by its schema; QC: as admit does."""
    from catchment.massspec import MODALITY

    asset = asset_of(data / "run.mzML")
    admission = MODALITY.validate(MODALITY.describe(asset), asset, MODALITY.admit_settings())
    assert admission.statistics["spectra"] == LARGE_SPECTRA, admission
    assert not admission.findings, admission.findings


def read_pyteomics(data: Path, _: Path) -> None:
    """Read every spectrum from front to back with pyteomics."""
    assert sum(1 for _ in spectra_of(data / "run.mzML")) == LARGE_SPECTRA


def read_pyopenms(data: Path, _: Path) -> None:
    """Load the run with pyopenms."""
    import pyopenms

    experiment = pyopenms.MSExperiment()
    pyopenms.MzMLFile().load(str(data / "run.mzML"), experiment)
    assert experiment.size() == LARGE_SPECTRA


def decode_floor(data: Path, _: Path) -> None:
    """Find each array, decode its base64, inflate it."""
    import binascii
    import mmap
    import re
    import zlib

    with (data / "run.mzML").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        for found in re.finditer(rb"<binary>([^<]*)</binary>", text):
            zlib.decompress(binascii.a2b_base64(found[1]))


def copy_floor(data: Path, out: Path) -> None:
    """Read, hash, write: every byte once."""
    import hashlib

    digest = hashlib.sha1(usedforsecurity=False)
    with (data / "run.mzML").open("rb") as source, out.open("wb") as target:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            target.write(block)
        target.write(digest.hexdigest().encode())


def check(data: Path, out: Path) -> str:
    """Compare every number, and say what else is no longer there."""
    wrong, text = check_peaks(data, out), written(out).read_bytes()
    lost = [name.decode() for name in (b"collision energy", b"<chromatogram ", b"<indexList") if name not in text]
    return wrong or (f"spectra yes; no {', '.join(name.strip('< ') for name in lost)}" if lost else "")


def check_peaks(data: Path, out: Path) -> str:
    """Read what was written with pyteomics, and compare ids and every number."""
    import numpy as np

    pairs = zip(spectra_of(data / "run.mzML"), spectra_of(written(out)), strict=True)
    for (id_, mz, intensity), (other_id, other_mz, other_intensity) in pairs:
        if id_ != other_id or not np.array_equal(mz, other_mz):
            return f"{other_id} differs"
        if not np.array_equal(np.float32(intensity), np.float32(other_intensity)):
            return f"{other_id}: other intensities"
    return ""


def written(out: Path) -> Path:
    """Return the run in what a contender wrote."""
    (path,) = out.glob("*.mzML")
    return path


# --- the writer alone --------------------------------------------------------------------------------------------


def peaks(data: Path) -> Iterator[tuple[int, Any, Any]]:
    """Yield number, m/z and intensities of each spectrum."""
    import numpy as np

    starts = np.load(data / "starts.npy")
    with (data / "mz.f8").open("rb") as mz, (data / "intensity.f8").open("rb") as intensity:
        for number, count in enumerate(np.diff(starts).tolist()):
            yield number, np.fromfile(mz, np.float64, count), np.fromfile(intensity, np.float64, count)


def native_id(number: int) -> str:
    """Return the id that Thermo's software gives a scan."""
    return f"controllerType=0 controllerNumber=1 scan={number + 1}"


def write_ours(data: Path, out: Path) -> None:
    """Write with Catchment's writer, as the conversion of other formats does."""
    from catchment.massspec import acquisition, spectra, writer
    from catchment.schema.records import SourceFile

    out.mkdir()

    def scan_of(number: int, mz: Any, intensity: Any) -> Any:
        own = spectra.Spectrum(number, native_id(number), 1, float(number), mz, intensity, representation="centroid")
        return acquisition.Scan(own, float(number))

    header = acquisition.RunHeader("MS:1000563", "MS:1000768", "second", "benchmark", "1")
    scans = (scan_of(*spectrum) for spectrum in peaks(data))
    fragment = writer.write_fragment(scans, "second", out / "fragment")
    source = data / "mz.f8"
    sources = [SourceFile(path=str(source), name="run.raw", bytes=source.stat().st_size, sha256="0" * 64)]
    writer.join([fragment], fragment.table, header, sources, "run.raw", out / "run.mzML")


def write_psims(data: Path, out: Path) -> None:
    """Write with psims."""
    write_by_psims(
        out,
        (
            {
                "mz_array": mz,
                "intensity_array": intensity,
                "id": native_id(n),
                "scan_start_time": n / 60,
                "params": [{"ms level": 1}, "MS1 spectrum", {"total ion current": float(intensity.sum())}],
            }
            for n, mz, intensity in peaks(data)
        ),
        LARGE_SPECTRA,
    )


def write_pyopenms(data: Path, out: Path) -> None:
    """Write with pyopenms's consumer, a spectrum at a time."""
    import pyopenms

    out.mkdir()
    consumer = pyopenms.PlainMSDataWritingConsumer(str(out / "run.mzML"))
    consumer.setOptions(pyopenms_file().getOptions())
    consumer.setExpectedSize(LARGE_SPECTRA, 0)
    for number, mz, intensity in peaks(data):
        spectrum = pyopenms.MSSpectrum()
        spectrum.set_peaks((mz, intensity))
        spectrum.setRT(float(number))
        spectrum.setMSLevel(1)
        spectrum.setNativeID(native_id(number))
        consumer.consumeSpectrum(spectrum)
    del consumer


def write_floor(data: Path, out: Path) -> None:
    """Compress (zlib 1), encode, hash, write."""
    import binascii
    import hashlib
    import zlib

    digest = hashlib.sha1(usedforsecurity=False)
    with out.open("wb") as target:
        for _, mz, intensity in peaks(data):
            for values in (mz.astype("<f8"), intensity.astype("<f4")):
                text = binascii.b2a_base64(zlib.compress(values.tobytes(), 1), newline=False)
                digest.update(text)
                target.write(text)
        target.write(digest.hexdigest().encode())


# --- the races ---------------------------------------------------------------------------------------------------

REWRITES = {
    race.OURS: race.Contender(
        "Catchment: convert (validates, indexes, verifies, measures)",
        ours,
        check,
        "catchment.massspec.convert, pyteomics.mzml",
    ),
    "psims": race.Contender("pyteomics + psims", through_psims, check, "pyteomics.mzml, psims.mzml.writer"),
    "pyopenms": race.Contender("pyopenms, load and store", through_pyopenms, check, "pyopenms"),
    race.FLOOR: race.Contender("floor: read, SHA-1, write", copy_floor, None, "hashlib"),
}
READERS = {
    race.OURS: race.Contender("Catchment: admit (checks, index, QC)", read_ours, None, "catchment.massspec.validate"),
    "pyteomics": race.Contender("pyteomics, front to back", read_pyteomics, None, "pyteomics.mzml"),
    "pyopenms": race.Contender("pyopenms, load", read_pyopenms, None, "pyopenms"),
    race.FLOOR: race.Contender("floor: base64, zlib", decode_floor, None, "re"),
}
WRITERS = {
    race.OURS: race.Contender("Catchment: massspec.writer", write_ours, check_peaks, "catchment.massspec.convert"),
    "psims": race.Contender("psims", write_psims, check_peaks, "psims.mzml.writer, numpy"),
    "pyopenms": race.Contender("pyopenms, writing consumer", write_pyopenms, check_peaks, "pyopenms"),
    race.FLOOR: race.Contender("floor: zlib 1, base64, SHA-1, write", write_floor, None, "numpy"),
}
RACES = {
    "rewrite": race.Race(
        "A run that is mzML already",
        """
From one mzML to another that holds the same spectra, now with an index. Catchment keeps the document byte for byte and
puts a new index around it, after it has decoded and checked every array; then it scans the written file, reads a sample
of it with pyteomics, and writes a table of spectra, mzQC and a thumbnail. The others decode and encode anew (zlib at
their own level), and do not look at what they wrote. What reads with pyteomics here carries over less: no
chromatogram and few parameters. Compared are ids, m/z and intensities of every spectrum, and whether collision
energies, chromatogram and index are there; other metadata is not. The floor does not look at what it copies.
""",
        prepare,
        REWRITES,
    )
}
RACES["read"] = race.Race(
    "Reading a large mzML",
    """
Every spectrum of a large run read from front to back. Catchment does what `admit` does: each array is decoded, checked
and hashed, the index and the checksum are held against the bytes, a part is held against schema and vocabulary, and
the QC numbers are drawn up. The peers read and keep nothing (pyteomics), or the whole run in memory (pyopenms). The
floor finds the arrays, decodes their base64 and inflates them.
""",
    prepare_large,
    READERS,
)
RACES["writer"] = race.Race(
    "The mzML writer alone",
    """
The same peaks from memory into an indexed mzML: m/z in 64 bits, intensities in 32, zlib: level 1 in Catchment and the
floor, their own in the others, which give no choice. Intensities are rounded to 32 bits by all but Catchment, which
keeps 64 where 32 do not hold a value; here all fit.
""",
    prepare_large,
    WRITERS,
)

RACES |= thermo.RACES

if __name__ == "__main__":
    raise SystemExit(race.main(__file__, RACES))
