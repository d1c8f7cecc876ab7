"""Thermo RAW to spectra: what the vendor's reader, in an environment of its own, streams to us."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catchment import errors, streaming
from catchment.isolation import Limits
from catchment.massspec import rules
from catchment.massspec.acquisition import BEAM_COLLISION, COLLISION, Piece, Precursor, RunHeader, Scan
from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.spectra import Spectrum
from catchment.schema.rules import RULES

LICENCE = ENVIRONMENT = "thermo"
SCRIPT = Path(__file__).with_name("thermo_child.py")
# a child starts in a second of processor time and then reads 1,000 to 3,000 spectra in each (measured)
SCANS_PER_PIECE = 5_000
NATIVE_ID = "controllerType=0 controllerNumber=1 scan={}"
REFUSALS = {"damaged": rules.RAW_DAMAGED, "unfinished": rules.RAW_UNFINISHED, "empty": rules.COUNTS_DIFFER}
# the vendor's numbers for ways to fragment: first activation, then what the same one is called as a second
ACTIVATIONS = {
    0: (COLLISION, "MS:1002679"),
    1: ("MS:1000262", "MS:1000262"),
    2: ("MS:1000250", "MS:1000250"),
    3: ("MS:1000599", "MS:1000599"),
    4: ("MS:1000598", "MS:1000598"),
    5: (BEAM_COLLISION, "MS:1002678"),
    9: ("MS:1003247", "MS:1003247"),
    11: ("MS:1003246", "MS:1003246"),
}
BY_COLLISION = frozenset({0, 3, 5})


class Sent(BaseModel):
    """What the reader sends: of the expected form, or refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Refusal(Sent):
    refused: str
    message: str


class Unreadable(Sent):
    scan: int
    unreadable: str


class Header(Sent):
    first: int = Field(ge=0)
    last: int
    model: str
    serial_number: str
    software_version: str
    created: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
    revision: int
    reader_version: str


class Activation(Sent):
    type: int
    energy: float | None


class Ion(Sent):
    mz: float
    width: float
    offset: float
    origin: int
    mono_mz: float | None
    charge: int
    activations: tuple[Activation, ...]


class SpectrumHeader(Sent):
    scan: int
    level: int = Field(ge=1, le=99)
    minutes: float
    tic: float
    low: float
    high: float
    centroid: bool
    polarity: str = Field(pattern=r"^[+-]?$")
    filter: str
    injection_ms: float | None
    points: int = Field(ge=0)
    intensities: int = Field(ge=0)
    precursors: tuple[Ion, ...]


class ThermoRun:
    """The spectra of a RAW file, by ranges of scans: each range is read by a process of its own.

    Raises
    ------
    Broken
        Where the licence is not accepted, the environment is not there, or the vendor's reader refuses the file.
    """

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        require_reader()
        self.path = path
        self.max_bytes = streaming.MAX_PAYLOAD_BYTES if max_bytes is None else max_bytes
        self.scans_per_piece = SCANS_PER_PIECE
        found = list(asked({"path": str(path)}, self.max_bytes))
        if len(found) != 1:
            raise Broken(rules.RAW_DAMAGED, f"{len(found)} headers")
        own = understood(Header, found[0][0])
        self.first, self.count = own.first, max(own.last - own.first + 1, 0)
        if not self.count:
            raise Broken(rules.COUNTS_DIFFER, "no spectra", expected="at least one spectrum")
        self.header = RunHeader(
            file_format="MS:1000563",
            id_format="MS:1000768",
            time_unit="minute",
            reader="alpharaw (Thermo RawFileReader)",
            reader_version=shown(own.reader_version),
            spectra=self.count,
            instrument=shown(own.model) or None,
            serial_number=shown(own.serial_number),
            start_time=own.created,
            software=(("MS:1000532", "", shown(own.software_version)),),
            facts={"file_revision": own.revision},
        )

    def pieces(self) -> tuple[Piece, ...]:
        """Return ranges of scans, counted from 0."""
        step = self.scans_per_piece
        return tuple(Piece(first, min(step, self.count - first)) for first in range(0, self.count, step))

    def scans(self, piece: Piece, faults: Faults) -> Iterator[Scan]:
        """Yield the spectra of a range; each that the vendor's reader cannot read is a fault."""
        start = self.first + piece.first
        stop = start + (piece.count or 0)
        expected = start
        for header, payload in asked({"path": str(self.path), "first": start, "stop": stop}, self.max_bytes):
            own = understood(Unreadable if "unreadable" in header else SpectrumHeader, header)
            if own.scan != expected:
                raise Broken(rules.RAW_DAMAGED, f"scan {own.scan} where scan {expected} was expected")
            expected += 1
            if isinstance(own, SpectrumHeader):
                yield scan_of(own, payload, own.scan - self.first)
            else:
                faults.add(rules.SCAN_UNREADABLE, f"scan {own.scan}", shown(own.unreadable))
        if expected != stop:
            raise Broken(
                rules.RAW_DAMAGED, f"{expected - start:,} spectra of {stop - start:,}", where=f"scan {expected}"
            )


def require_reader() -> None:
    """Refuse to go on without an accepted licence and the reader's environment; name whichever is missing."""
    missing = streaming.missing(LICENCE, ENVIRONMENT)
    if missing:
        raise Broken(rules.READER_NOT_SET_UP, f"a Thermo RAW file, and {missing}")


def asked(request: dict[str, Any], max_bytes: int) -> Iterator[streaming.Item]:
    """Yield what the reader sends; what stops it is a broken rule."""
    interpreter = streaming.interpreter_of(ENVIRONMENT)
    try:
        for header, payload in streaming.stream(interpreter, SCRIPT, request, Limits(), max_bytes):
            if "refused" in header:
                own = understood(Refusal, header)
                raise Broken(REFUSALS.get(own.refused, rules.RAW_DAMAGED), shown(own.message))
            yield header, payload
    except errors.ReaderFailed as error:
        raise Broken(RULES[error.code], shown(str(error))) from None


def understood(kind: Any, header: dict[str, Any]) -> Any:
    """Return a header in its expected form."""
    try:
        return kind.model_validate(header)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise Broken(rules.RAW_DAMAGED, f"{shown(place)}: {shown(fault['msg'])}") from None


def scan_of(own: SpectrumHeader, payload: bytes, index: int) -> Scan:
    """Return the spectrum in an item."""
    if len(payload) != 8 * (own.points + own.intensities):
        raise Broken(rules.RAW_DAMAGED, f"{len(payload):,} bytes for {own.points:,} points", where=f"scan {own.scan}")
    numbers = np.frombuffer(payload, "<f8")
    precursors = tuple(precursor_of(ion) for ion in own.precursors)
    spectrum = Spectrum(
        index=index,
        native_id=NATIVE_ID.format(own.scan),
        ms_level=own.level,
        retention_time_s=own.minutes * 60.0,
        mz=numbers[: own.points],
        intensity=numbers[own.points :],
        declared_tic=own.tic,
        precursor_mz=precursors[0].mz if precursors else math.nan,
        charge=precursors[0].charges[0] if precursors and precursors[0].charges else 0,
        polarity=own.polarity,
        representation="centroid" if own.centroid else "profile",
    )
    return Scan(
        spectrum,
        own.minutes,
        precursors,
        filter_text=own.filter,
        window_mz=(own.low, own.high),
        injection_time_ms=math.nan if own.injection_ms is None else own.injection_ms,
    )


def precursor_of(ion: Ion) -> Precursor:
    """Return a precursor: its m/z is the monoisotopic one where the instrument found it inside the isolation window."""
    half = ion.width / 2
    target = ion.mz + ion.offset
    mono = ion.mono_mz
    known = mono is not None and mono > 0 and abs(mono - target) <= half
    first, *later = ion.activations or (Activation(type=-1, energy=None),)
    terms = [ACTIVATIONS[first.type][0]] if first.type in ACTIVATIONS else []
    terms += [ACTIVATIONS[other.type][1] for other in later if other.type in ACTIVATIONS]
    second = next((other.energy for other in later if other.type in BY_COLLISION), None)
    return Precursor(
        mz=mono if known and mono is not None else ion.mz,
        charges=(ion.charge,) if 0 < ion.charge < 999 else (),
        target_mz=target,
        lower=half if half > 0 else math.nan,
        upper=half if half > 0 else math.nan,
        activations=tuple(terms),
        # of reactions with electrons the vendor's number is a time
        energy_ev=first.energy if first.energy is not None and first.type in BY_COLLISION else math.nan,
        supplemental_energy_ev=math.nan if second is None else second,
        spectrum_ref=NATIVE_ID.format(ion.origin) if ion.origin > 0 else "",
    )
