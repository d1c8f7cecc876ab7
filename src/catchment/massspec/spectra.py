"""Spectra as numbers: one spectrum, the table with a row for each, and the digest of all that they hold. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catchment.massspec.arrays import Floats
from catchment.massspec.survey_map import SurveyMap

Table = Mapping[str, NDArray[Any]]

NO_LEVEL = 0
INVERSE_MOBILITY = "raw inverse reduced ion mobility array"  # MS:1003008
# column -> type of its values; -1 and NaN stand for what is not given until the table is written
COLUMNS = {
    "index": "int64",
    "native_id": "str",
    "ms_level": "int16",
    "rt_s": "float64",
    "points": "int64",
    "tic": "float64",
    "declared_tic": "float64",
    "base_peak_mz": "float64",
    "base_peak_intensity": "float64",
    "mz_min": "float64",
    "mz_max": "float64",
    "precursor_mz": "float64",
    "charge": "int16",
    "polarity": "str",
    "centroid": "str",
}
PIXELS = ("pixel_x", "pixel_y")


@dataclass(frozen=True)
class Spectrum:
    """One spectrum. `mz` and `intensity` are of equal length; `mz` holds nm where `is_mass_spectrum` is False.

    `ms_level` is 0 where none is stated; what else is not stated is NaN, 0 (charge) or empty (`polarity` is "+" or
    "-", `representation` "centroid" or "profile"). `inverse_mobility` is 1/K0 of each peak in Vs/cm2, where there is
    one; such peaks are sorted by mobility first. `pixel` is the place (x, y; y downwards) of a spectrum in an image.
    """

    index: int
    native_id: str
    ms_level: int
    retention_time_s: float
    mz: Floats
    intensity: Floats
    declared_tic: float = np.nan
    precursor_mz: float = np.nan
    charge: int = 0
    polarity: str = ""
    representation: str = ""
    is_mass_spectrum: bool = True
    inverse_mobility: Floats | None = None
    pixel: tuple[int, int] | None = None

    def digest(self) -> bytes:
        """Return the sha256 of id, level, time, m/z, intensities and mobilities (numbers as 64-bit floats)."""
        digest = hashlib.sha256()
        name = self.native_id.encode()
        numbers = np.array([self.retention_time_s], "<f8")
        digest.update(f"{len(name)} {self.ms_level} {len(self.mz)} ".encode() + name + numbers.tobytes())
        digest.update(np.ascontiguousarray(self.mz, "<f8").tobytes())
        digest.update(np.ascontiguousarray(self.intensity, "<f8").tobytes())
        if self.inverse_mobility is not None:
            digest.update(np.ascontiguousarray(self.inverse_mobility, "<f8").tobytes())
        return digest.digest()


@dataclass
class SpectraTable:
    """One row for each spectrum so far, the digest of all of them in their order, and the map of MS1."""

    rows: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    digests: list[bytes] = field(default_factory=list)
    surveys: SurveyMap = field(default_factory=SurveyMap)
    pixels: list[tuple[int, int]] = field(default_factory=list)

    def add(self, spectrum: Spectrum) -> None:
        """Add a spectrum's row."""
        mass = spectrum.is_mass_spectrum and len(spectrum.mz) > 0
        top = int(np.argmax(spectrum.intensity)) if len(spectrum.intensity) else -1
        row = {
            "index": spectrum.index,
            "native_id": spectrum.native_id,
            "ms_level": spectrum.ms_level,
            "rt_s": spectrum.retention_time_s,
            "points": len(spectrum.mz),
            "tic": float(np.sum(spectrum.intensity)),
            "declared_tic": spectrum.declared_tic,
            "base_peak_mz": float(spectrum.mz[top]) if mass else np.nan,
            "base_peak_intensity": float(spectrum.intensity[top]) if top >= 0 else np.nan,
            "mz_min": float(spectrum.mz.min()) if mass else np.nan,
            "mz_max": float(spectrum.mz.max()) if mass else np.nan,
            "precursor_mz": spectrum.precursor_mz,
            "charge": spectrum.charge,
            "polarity": spectrum.polarity,
            "centroid": spectrum.representation,
        }
        for name, value in row.items():
            self.rows[name].append(value)
        self.digests.append(spectrum.digest())
        if spectrum.pixel is not None:
            self.pixels.append(spectrum.pixel)
        if spectrum.ms_level == 1:
            self.surveys.add(spectrum.retention_time_s, spectrum.mz, spectrum.intensity)

    def extend(self, later: SpectraTable) -> None:
        """Add the rows of a part that comes after the spectra so far."""
        for name, values in later.rows.items():
            self.rows[name] += values
        self.digests += later.digests
        self.pixels += later.pixels
        self.surveys.extend(later.surveys)

    def __len__(self) -> int:
        return len(self.digests)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the table as one array for each column; those of `PIXELS` where every spectrum is one of an image."""
        columns = {
            name: np.array(self.rows[name], dtype=object if type_ == "str" else type_)
            for name, type_ in COLUMNS.items()
        }
        if self.pixels and len(self.pixels) == len(self):
            columns |= dict(zip(PIXELS, np.array(self.pixels, np.int64).T, strict=True))
        return columns

    def digest(self) -> str:
        """Return the digest of all spectra in their order, in lower-case hex."""
        return hashlib.sha256(b"".join(self.digests)).hexdigest()
