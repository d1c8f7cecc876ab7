"""A demonstration proteomics run: data-dependent acquisition of tryptic peptides, as mzML without index, and its SDRF.

Proteins are drawn from a seed and cut after K and R; peptides elute as Gaussian peaks, show isotopes in MS1, and their
b and y ions in MS2. Nothing here uses the package's own reader, so that tests compare two sides.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Peaks = tuple[Floats, Floats]

# monoisotopic masses of residues in Da (C carbamidomethylated), and how often they occur in proteins
RESIDUES = {
    "A": (71.03711, 8.3), "C": (160.03065, 1.4), "D": (115.02694, 5.5), "E": (129.04259, 6.7), "F": (147.06841, 3.9),
    "G": (57.02146, 7.1), "H": (137.05891, 2.3), "I": (113.08406, 5.9), "K": (128.09496, 5.8), "L": (113.08406, 9.7),
    "M": (131.04049, 2.4), "N": (114.04293, 4.1), "P": (97.05276, 4.7), "Q": (128.05858, 3.9), "R": (156.10111, 5.5),
    "S": (87.03203, 6.6), "T": (101.04768, 5.3), "V": (99.06841, 6.9), "W": (186.07931, 1.1), "Y": (163.06333, 2.9),
}  # fmt: skip
WATER, PROTON, ISOTOPE_STEP = 18.010565, 1.007276, 1.003355
GRADIENT_MIN = 20.0
PEPTIDES = 240
MS2_PER_CYCLE = 4
SCAN_RANGE = (350.0, 1500.0)
ZLIB_LEVEL = 1


@dataclass(frozen=True)
class Peptide:
    """One peptide ion: its m/z, charge, height, and when it elutes (minutes)."""

    sequence: str
    charge: int
    mz: float
    height: float
    apex_min: float
    width_min: float

    def height_at(self, time_min: float) -> float:
        """Return how much of it comes at a time."""
        return float(self.height * np.exp(-0.5 * ((time_min - self.apex_min) / self.width_min) ** 2))


@dataclass(frozen=True)
class Scan:
    """One spectrum as it is written; `peptide` is what was fragmented, `survey` the number of its MS1 scan."""

    number: int
    time_min: float
    peaks: Peaks
    peptide: Peptide | None = None
    survey: int = 0


def write_mzml(path: Path, *, seed: int, spectra: int = 400) -> None:
    """Write a run of `spectra` spectra without index: MS1, then up to four MS2 of what elutes."""
    write_run(path, seed=seed, declared=spectra, written=spectra)


def write_short_mzml(path: Path, *, seed: int = 1, declared: int = 20, missing: int = 5) -> None:
    """Write a run that holds fewer spectra than it declares: as if some had been lost on the way."""
    write_run(path, seed=seed, declared=declared, written=declared - missing)


def write_sdrf(
    path: Path,
    data_file: str,
    sample_id: str,
    *,
    organism: str = "Homo sapiens",
    tissue: str = "liver",
    disease: str = "normal",
    stage: str = "prime adult stage",
    sex: str = "male",
    age: str = "45Y",
) -> None:
    """Write an SDRF of one row: a label-free run of one sample of healthy tissue."""
    row = {
        "source name": sample_id,
        "characteristics[organism]": organism,
        "characteristics[organism part]": tissue,
        "characteristics[disease]": disease,
        "characteristics[developmental stage]": stage,
        "characteristics[sex]": sex,
        "characteristics[age]": age,
        "characteristics[tissue type]": "tissue",
        "characteristics[cell type]": "not available",
        "characteristics[biological replicate]": "1",
        "assay name": f"{sample_id} run 1",
        "technology type": "proteomic profiling by mass spectrometry",
        "comment[technical replicate]": "1",
        "comment[fraction identifier]": "1",
        "comment[label]": "NT=label free sample;AC=MS:1002038",
        "comment[instrument]": "NT=Q Exactive;AC=MS:1001911",
        "comment[cleavage agent details]": "NT=Trypsin;AC=MS:1001251",
        "comment[proteomics data acquisition method]": "NT=Data-Dependent Acquisition;AC=PRIDE:0000627",
        "comment[modification parameters]": "NT=Carbamidomethyl;TA=C;MT=Fixed;AC=UNIMOD:4",
        "comment[precursor mass tolerance]": "10 ppm",
        "comment[fragment mass tolerance]": "0.02 Da",
        "comment[data file]": data_file,
        "factor value[disease]": disease,
    }
    path.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n", encoding="utf-8")


# --- the run -----------------------------------------------------------------------------------------------------


def write_run(path: Path, *, seed: int, declared: int, written: int) -> None:
    """Write a run scan by scan, and the chromatogram of their ion currents."""
    times, currents = [], []
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(header(path.stem, declared))
        for scan in acquired(seed, written):
            file.write(spectrum_xml(scan))
            times.append(scan.time_min)
            currents.append(float(np.sum(scan.peaks[1])))
        file.write("</spectrumList>\n")
        file.write(chromatogram_xml(np.array(times), np.array(currents)))
        file.write("</run>\n</mzML>\n")


def peptides_of(generator: np.random.Generator) -> list[Peptide]:
    """Return tryptic peptides of random proteins, each at one charge, in the order in which they elute."""
    letters = list(RESIDUES)
    shares = np.array([share for _, share in RESIDUES.values()])
    found: list[Peptide] = []
    while len(found) < PEPTIDES:
        protein = "".join(generator.choice(letters, size=300, p=shares / shares.sum()))
        for sequence in protein.replace("K", "K ").replace("R", "R ").split():
            charge = int(generator.choice([2, 2, 3]))
            mass = WATER + sum(RESIDUES[letter][0] for letter in sequence)
            mz = mass / charge + PROTON
            if 7 <= len(sequence) <= 25 and SCAN_RANGE[0] + 10 < mz < SCAN_RANGE[1] - 10:
                height = float(10 ** generator.uniform(5, 8))
                apex, width = generator.uniform(0.5, GRADIENT_MIN - 0.5), generator.uniform(0.08, 0.25)
                found.append(Peptide(sequence, charge, mz, height, float(apex), float(width)))
    return sorted(found[:PEPTIDES], key=lambda peptide: peptide.apex_min)


def acquired(seed: int, spectra: int) -> Iterator[Scan]:
    """Yield scans in the order of their acquisition: a survey scan, then the strongest peptides it shows."""
    generator = np.random.default_rng(seed)
    peptides = peptides_of(generator)
    step_min = GRADIENT_MIN / spectra
    number = survey = 0
    waiting: list[Peptide] = []
    while number < spectra:
        time_min = number * step_min
        number += 1
        if waiting:
            peptide = waiting.pop(0)
            yield Scan(number, time_min, fragments(peptide, time_min, generator), peptide, survey)
            continue
        survey = number
        eluting = sorted(peptides, key=lambda peptide: -peptide.height_at(time_min))[: 3 * MS2_PER_CYCLE]
        waiting = [peptide for peptide in eluting if peptide.height_at(time_min) > 1e3][:MS2_PER_CYCLE]
        yield Scan(number, time_min, survey_peaks(eluting, time_min, generator))


def survey_peaks(eluting: list[Peptide], time_min: float, generator: np.random.Generator) -> Peaks:
    """Return the isotopes of what elutes, above noise."""
    mz, intensity = noise(120, SCAN_RANGE, generator)
    isotopes = np.arange(4)
    for peptide in eluting:
        mean = len(peptide.sequence) * 0.055
        pattern = np.cumprod(np.concatenate([[1.0], mean / isotopes[1:]]))
        mz = np.append(mz, peptide.mz + isotopes * ISOTOPE_STEP / peptide.charge)
        intensity = np.append(intensity, peptide.height_at(time_min) * pattern)
    return in_order(mz, intensity, generator)


def fragments(peptide: Peptide, time_min: float, generator: np.random.Generator) -> Peaks:
    """Return a peptide's singly charged b and y ions, above noise."""
    masses = np.array([RESIDUES[letter][0] for letter in peptide.sequence])
    b_ions = np.cumsum(masses)[:-1] + PROTON
    y_ions = np.cumsum(masses[::-1])[:-1] + WATER + PROTON
    heights = peptide.height_at(time_min) * generator.uniform(0.02, 0.3, size=2 * len(b_ions))
    mz, intensity = noise(40, (100.0, peptide.mz * peptide.charge), generator)
    return in_order(np.concatenate([mz, b_ions, y_ions]), np.concatenate([intensity, heights]), generator)


def noise(count: int, bounds: tuple[float, float], generator: np.random.Generator) -> Peaks:
    """Return peaks at random places."""
    return generator.uniform(*bounds, size=count), 10 ** generator.uniform(2.0, 3.0, size=count)


def in_order(mz: Floats, intensity: Floats, generator: np.random.Generator) -> Peaks:
    """Return peaks by rising m/z, off by 2 ppm, without those too weak to be seen."""
    seen = intensity > 50.0
    measured = mz[seen] * (1 + generator.normal(0, 2e-6, size=int(seen.sum())))
    order = np.argsort(measured, kind="stable")
    return measured[order], intensity[seen][order]


# --- mzML --------------------------------------------------------------------------------------------------------

MZ_UNIT = ("MS", "MS:1000040", "m/z")
COUNTS = ("MS", "MS:1000131", "number of detector counts")
MINUTE = ("UO", "UO:0000031", "minute")
ELECTRONVOLT = ("UO", "UO:0000266", "electronvolt")


def term(accession: str, name: str, value: object = "", unit: tuple[str, str, str] | None = None) -> str:
    """Return a cvParam."""
    text = f'<cvParam cvRef="MS" accession="{accession}" name="{name}" value="{value}"'
    if unit is not None:
        text += f' unitCvRef="{unit[0]}" unitAccession="{unit[1]}" unitName="{unit[2]}"'
    return text + "/>"


def header(run_id: str, declared: int) -> str:
    """Return everything before the first spectrum."""
    psi = "http://psi.hupo.org/ms/mzml"
    parts = "".join(
        f'<{part} order="{order}">{term(accession, name)}</{part}>'
        for order, (part, accession, name) in enumerate(
            (
                ("source", "MS:1000398", "nanoelectrospray"),
                ("analyzer", "MS:1000484", "orbitrap"),
                ("detector", "MS:1000624", "inductive detector"),
            ),
            start=1,
        )
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<mzML xmlns="{psi}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{psi} '
        f'http://psidev.info/files/ms/mzML/xsd/mzML1.1.0.xsd" id={quoteattr(run_id)} version="1.1.0">\n'
        '<cvList count="2"><cv id="MS" fullName="Proteomics Standards Initiative Mass Spectrometry Ontology" '
        'version="4.1.258" URI="http://purl.obolibrary.org/obo/ms/psi-ms.obo"/>'
        '<cv id="UO" fullName="Unit Ontology" URI="http://purl.obolibrary.org/obo/uo.obo"/></cvList>\n'
        f"<fileDescription><fileContent>{term('MS:1000579', 'MS1 spectrum')}{term('MS:1000580', 'MSn spectrum')}"
        f"{term('MS:1000127', 'centroid spectrum')}</fileContent></fileDescription>\n"
        '<softwareList count="1"><software id="demonstration" version="1">'
        f"{term('MS:1000799', 'custom unreleased software tool', 'catchment')}</software></softwareList>\n"
        '<instrumentConfigurationList count="1"><instrumentConfiguration id="IC1">'
        f"{term('MS:1001911', 'Q Exactive')}"
        f'<componentList count="3">{parts}</componentList></instrumentConfiguration></instrumentConfigurationList>\n'
        '<dataProcessingList count="1"><dataProcessing id="DP1"><processingMethod order="0" '
        f'softwareRef="demonstration">{term("MS:1000544", "Conversion to mzML")}</processingMethod>'
        "</dataProcessing></dataProcessingList>\n"
        f'<run id={quoteattr(run_id)} defaultInstrumentConfigurationRef="IC1" startTimeStamp="2026-01-15T09:30:00Z">\n'
        f'<spectrumList count="{declared}" defaultDataProcessingRef="DP1">\n'
    )


def spectrum_xml(scan: Scan) -> str:
    """Return a spectrum as mzML."""
    mz, intensity = scan.peaks
    top = int(np.argmax(intensity))
    level = 1 if scan.peptide is None else 2
    window = SCAN_RANGE if scan.peptide is None else (100.0, 2000.0)
    limits = term("MS:1000501", "scan window lower limit", window[0], MZ_UNIT)
    limits += term("MS:1000500", "scan window upper limit", window[1], MZ_UNIT)
    lines = [
        f'<spectrum index="{scan.number - 1}" id="{native_id(scan.number)}" defaultArrayLength="{len(mz)}">',
        term("MS:1000511", "ms level", level)
        + (term("MS:1000579", "MS1 spectrum") if level == 1 else term("MS:1000580", "MSn spectrum"))
        + term("MS:1000127", "centroid spectrum")
        + term("MS:1000130", "positive scan"),
        term("MS:1000504", "base peak m/z", float(mz[top]), MZ_UNIT)
        + term("MS:1000505", "base peak intensity", float(intensity[top]), COUNTS)
        + term("MS:1000285", "total ion current", float(np.sum(intensity))),
        f'<scanList count="1">{term("MS:1000795", "no combination")}'
        f"<scan>{term('MS:1000016', 'scan start time', scan.time_min, MINUTE)}"
        f'<scanWindowList count="1"><scanWindow>{limits}</scanWindow></scanWindowList></scan></scanList>',
        "" if scan.peptide is None else precursor_xml(scan.peptide, scan),
        '<binaryDataArrayList count="2">',
        array_xml(mz, "<f8", term("MS:1000514", "m/z array", unit=MZ_UNIT)),
        array_xml(intensity, "<f4", term("MS:1000515", "intensity array", unit=COUNTS)),
        "</binaryDataArrayList></spectrum>",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def precursor_xml(peptide: Peptide, scan: Scan) -> str:
    """Return what was isolated and fragmented for an MS2 spectrum."""
    isolation = term("MS:1000827", "isolation window target m/z", peptide.mz, MZ_UNIT)
    isolation += term("MS:1000828", "isolation window lower offset", 0.8, MZ_UNIT)
    isolation += term("MS:1000829", "isolation window upper offset", 0.8, MZ_UNIT)
    ion = term("MS:1000744", "selected ion m/z", peptide.mz, MZ_UNIT) + term(
        "MS:1000041", "charge state", peptide.charge
    )
    ion += term("MS:1000042", "peak intensity", peptide.height_at(scan.time_min), COUNTS)
    activation = term("MS:1000422", "beam-type collision-induced dissociation")
    activation += term("MS:1000045", "collision energy", 28.0, ELECTRONVOLT)
    return (
        f'<precursorList count="1"><precursor spectrumRef="{native_id(scan.survey)}">'
        f"<isolationWindow>{isolation}</isolationWindow>"
        f'<selectedIonList count="1"><selectedIon>{ion}</selectedIon></selectedIonList>'
        f"<activation>{activation}</activation></precursor></precursorList>"
    )


def chromatogram_xml(times: Floats, currents: Floats) -> str:
    """Return the total ion current chromatogram."""
    return (
        '<chromatogramList count="1" defaultDataProcessingRef="DP1">\n'
        f'<chromatogram index="0" id="TIC" defaultArrayLength="{len(times)}">'
        f"{term('MS:1000235', 'total ion current chromatogram')}"
        '<binaryDataArrayList count="2">'
        f"{array_xml(times, '<f8', term('MS:1000595', 'time array', unit=MINUTE))}"
        f"{array_xml(currents, '<f4', term('MS:1000515', 'intensity array', unit=COUNTS))}"
        "</binaryDataArrayList></chromatogram>\n</chromatogramList>\n"
    )


def array_xml(values: Floats, dtype: str, kind: str) -> str:
    """Return an array, compressed with zlib."""
    text = base64.b64encode(zlib.compress(values.astype(dtype).tobytes(), ZLIB_LEVEL)).decode("ascii")
    width = term("MS:1000523", "64-bit float") if dtype == "<f8" else term("MS:1000521", "32-bit float")
    return (
        f'<binaryDataArray encodedLength="{len(text)}">{width}{term("MS:1000574", "zlib compression")}{kind}'
        f"<binary>{text}</binary></binaryDataArray>"
    )


def native_id(number: int) -> str:
    """Return the id that Thermo's software gives a scan."""
    return f"controllerType=0 controllerNumber=1 scan={number}"
