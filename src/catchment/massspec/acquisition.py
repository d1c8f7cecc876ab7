"""A run in another format than mzML, as its reader hands it on: spectra with what else is known of how they came. Pure.

Terms are accessions of psi-ms 4.1.258; `TERMS` holds the name of each one that is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from catchment.massspec.document import Param
from catchment.massspec.faults import Faults
from catchment.massspec.spectra import Spectrum

TimeUnit = Literal["second", "minute"]
SECONDS: dict[TimeUnit, float] = {"second": 1.0, "minute": 60.0}

COLLISION, BEAM_COLLISION, DISSOCIATION = "MS:1000133", "MS:1000422", "MS:1000044"
TERMS = {
    "MS:1000044": "dissociation method",
    "MS:1000133": "collision-induced dissociation",
    "MS:1000136": "surface-induced dissociation",
    "MS:1000242": "blackbody infrared radiative dissociation",
    "MS:1000250": "electron capture dissociation",
    "MS:1000262": "infrared multiphoton dissociation",
    "MS:1000422": "beam-type collision-induced dissociation",
    "MS:1000435": "photodissociation",
    "MS:1000598": "electron transfer dissociation",
    "MS:1000599": "pulsed q dissociation",
    "MS:1002678": "supplemental beam-type collision-induced dissociation",
    "MS:1002679": "supplemental collision-induced dissociation",
    "MS:1003246": "ultraviolet photodissociation",
    "MS:1003247": "negative electron transfer dissociation",
    "MS:1000532": "Xcalibur",
    "MS:1000692": "Bruker software",
    "MS:1000563": "Thermo RAW format",
    "MS:1000566": "ISB mzXML format",
    "MS:1001062": "Mascot MGF format",
    "MS:1000768": "Thermo nativeID format",
    "MS:1000774": "multiple peak list nativeID format",
    "MS:1000776": "scan number only nativeID format",
    "MS:1000824": "no nativeID format",
    "MS:1000799": "custom unreleased software tool",
    "MS:1002817": "Bruker TDF format",
    "MS:1002818": "Bruker TDF nativeID format",
    "MS:1003611": "imzML format",
}


@dataclass(frozen=True)
class Precursor:
    """The ion that a spectrum's fragments come from; m/z and energies in eV are NaN where they are not stated.

    `lower` and `upper` are the isolation window's offsets from its target; `spectrum_ref` is the native id of the
    spectrum in which the ion was chosen; `inverse_mobility` is its 1/K0 in Vs/cm2.
    """

    mz: float
    charges: tuple[int, ...] = ()
    intensity: float = math.nan
    target_mz: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    activations: tuple[str, ...] = ()
    energy_ev: float = math.nan
    supplemental_energy_ev: float = math.nan
    spectrum_ref: str = ""
    inverse_mobility: float = math.nan


@dataclass(frozen=True)
class Scan:
    """A spectrum and what mzML can say of it besides.

    `start_time` is in the run's own unit; `position` has the numbers of an image's pixel by their terms.
    """

    spectrum: Spectrum
    start_time: float = math.nan
    precursors: tuple[Precursor, ...] = ()
    filter_text: str = ""
    title: str = ""
    scan_numbers: str = ""
    window_mz: tuple[float, float] | None = None
    injection_time_ms: float = math.nan
    position: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class RunHeader:
    """What a file says of its run as a whole.

    file_format, id_format
        Terms of the format and of its native ids.
    whole_run
        Whether the file holds a run from its start to its end, so that chromatograms of it mean something.
    software
        (term, name, version) of what acquired or wrote the file.
    spectra
        How many spectra the file declares; None where its format declares none.
    scan_settings
        How an image was taken, in terms of `imaging.py`; None where the run is no image.
    """

    file_format: str
    id_format: str
    time_unit: TimeUnit
    reader: str
    reader_version: str
    whole_run: bool = True
    spectra: int | None = None
    instrument: str | None = None
    serial_number: str = ""
    start_time: str = ""
    scan_settings: tuple[Param, ...] | None = None
    software: tuple[tuple[str, str, str], ...] = ()
    facts: dict[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """A range of spectra, in the file's own order; `count` is None where it reaches to the end."""

    first: int = 0
    count: int | None = None


class Run(Protocol):
    """A run that can be read; its pieces can be read one after the other, or by several threads."""

    @property
    def header(self) -> RunHeader:
        """What the file says of its run."""

    def pieces(self) -> tuple[Piece, ...]:
        """Return the pieces that the run falls into: the same ones, however many threads will read them."""

    def scans(self, piece: Piece, faults: Faults) -> Iterator[Scan]:
        """Yield a piece's spectra, and count what is wrong with them; raises `Broken` where it cannot read on."""
