"""Thermo RAW to spectra, in an environment of its own: the script that `readers/thermo.py` streams from.

It imports nothing of Catchment. The vendor's reader (RawFileReader, .NET) comes in the wheel of alpharaw and runs on
mono. Spectra are sent as they were acquired: profile stays profile, nothing is picked or smoothed.

RawFileReader reading tool. Copyright (c) 2016 by Thermo Fisher Scientific, Inc. All rights reserved.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MAGIC = b"\x01\xa1" + "Finnigan".encode("utf-16-le")
# a spectrum's origin is looked for among as many spectra before it
LOOK_BACK = 1_000
POLARITIES = {0: "-", 1: "+"}
Send = Callable[..., None]


def main() -> None:
    """Answer the request on standard input: the run's header, or the spectra from `first` to before `stop`."""
    request = json.load(sys.stdin)
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        sent = 0

        def send(header: dict[str, Any], payload: bytes = b"") -> None:
            nonlocal sent
            text = json.dumps(header).encode()
            pipe.write(struct.pack("<IQ", len(text), len(payload)) + text + payload)
            sent += 1

        try:
            answer(request, send)
            send({"end": sent})
        except MemoryError:
            send({"error": "MemoryError"})
        except Exception as error:  # noqa: BLE001 - the boundary: whatever the vendor's code raises has no base of ours
            send({"error": type(error).__name__, "message": first_line(error)})
        pipe.flush()
    sys.stderr.flush()
    os._exit(0)  # the runtime's own end is where it crashes most


def answer(request: dict[str, Any], send: Send) -> None:
    """Send the run's header, then the spectra that were asked for; a file that is no sound run is refused in words."""
    path = os.path.realpath(request["path"])  # mono cannot open links
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            send({"refused": "damaged", "message": "the file does not start as a RAW file does"})
            return
    library = load()
    raw = library.FileFactory(path)
    try:
        problem = problem_of(raw, library)
        if problem:
            send(problem)
            return
        raw.SelectInstrument(library.Device.MS, 1)
        head = header_of(raw)
        if "first" not in request:
            send(head)
            return
        spectra = Spectra(raw, library, head["first"])
        for scan in range(request["first"], min(request["stop"], head["last"] + 1)):
            send_spectrum(spectra, scan, send)
    finally:
        raw.Dispose()


def load() -> Any:
    """Return what we use of the vendor's reader."""
    import pythonnet

    with warnings.catch_warnings():
        # of mono before 6.12; a run that it crashes on is held like any other
        warnings.simplefilter("ignore", UserWarning)
        pythonnet.load("mono")
    import clr

    found = importlib.util.find_spec("alpharaw")
    folder = Path(next(iter(found.submodule_search_locations or ()))) if found else Path()
    for name in ("Data", "RawFileReader"):
        clr.AddReference(str(folder / "ext/thermo_fisher" / f"ThermoFisher.CommonCore.{name}.dll"))
    from System.Runtime.InteropServices import GCHandle, GCHandleType
    from ThermoFisher.CommonCore.Data.Business import Device
    from ThermoFisher.CommonCore.Data.Interfaces import IScanEventBase
    from ThermoFisher.CommonCore.RawFileReader import RawFileReaderAdapter

    class Library:
        pass

    library: Any = Library()
    library.Device = Device
    library.IScanEventBase = IScanEventBase
    library.FileFactory = RawFileReaderAdapter.FileFactory
    library.pinned = lambda values: GCHandle.Alloc(values, GCHandleType.Pinned)
    return library


def first_line(error: object) -> str:
    """Return the first line of what the vendor's code says: its stack does not belong in a finding."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line.partition(":")[2].strip() for line in lines if line.startswith("Message")]
    return (said or lines or [""])[0][:300]


def problem_of(raw: Any, library: Any) -> dict[str, Any] | None:
    """Return why a file cannot be read as a run; None where it can.

    A file that is cut off or changed is open nevertheless, and only says that it has an error.
    """
    if not raw.IsOpen or raw.IsError:
        return {"refused": "damaged", "message": first_line(raw.FileError.ErrorMessage)}
    if raw.InAcquisition:
        return {"refused": "unfinished", "message": "the file says that its acquisition is still going on"}
    if not raw.GetInstrumentCountOfType(library.Device.MS):
        # there are files of detectors alone
        return {"refused": "empty", "message": "no mass spectrometer among the devices of the file"}
    return None


def header_of(raw: Any) -> dict[str, Any]:
    """Return what the file says of its run."""
    instrument, run = raw.GetInstrumentData(), raw.RunHeaderEx
    return {
        "first": int(run.FirstSpectrum),
        "last": int(run.LastSpectrum),
        "model": str(instrument.Model or ""),
        "serial_number": str(instrument.SerialNumber or ""),
        "software_version": str(instrument.SoftwareVersion or ""),
        "created": str(raw.FileHeader.CreationDate.ToString("yyyy-MM-ddTHH:mm:ss")),
        "revision": int(raw.FileHeader.Revision),
        "reader_version": importlib.metadata.version("alpharaw"),
    }


class Spectra:
    """A run's spectra by number."""

    def __init__(self, raw: Any, library: Any, first: int) -> None:
        self.raw = raw
        self.library = library
        self.first = first
        self.labels = [str(entry.Label) for entry in raw.GetTrailerExtraHeaderInformation()]
        self.levels: dict[int, int] = {}
        self.events: dict[int, int] = {}

    def event(self, scan: int) -> Any:
        return self.library.IScanEventBase(self.raw.GetScanEventForScanNumber(scan))

    def level(self, scan: int) -> int:
        """Return the MS level; neutral-loss and parent scans (negative orders) have one of fragments."""
        if scan not in self.levels:
            order = int(self.event(scan).MSOrder)
            self.levels[scan] = order if order > 0 else 2
        return self.levels[scan]

    def trailer(self, scan: int) -> dict[str, Any]:
        """Return what the instrument noted beside a spectrum, by label: numbers where it wrote numbers."""
        trailer = dict(zip(self.labels, self.raw.GetTrailerExtraValues(scan), strict=False))
        self.events[scan] = whole(trailer.get("Scan Event:"))
        return trailer

    def scan_event(self, scan: int) -> int:
        """Return which event of its cycle a spectrum is; 0 where that is not noted."""
        if scan not in self.events:
            self.trailer(scan)
        return self.events[scan]

    def origin(self, scan: int, level: int, trailer: dict[str, Any]) -> int:
        """Return the spectrum in which this one's precursor was chosen; 0 where none is found.

        What the instrument notes goes first: a scan number, or (older ones) the event of this cycle; events of a
        cycle may be left out. Either counts only where it leads to a lower level: a second fragmentation that a first
        one triggered names that one.
        """
        before = range(scan - 1, max(self.first, scan - LOOK_BACK) - 1, -1)
        noted, event = whole(trailer.get("Master Scan Number:")), whole(trailer.get("Master Index:"))
        if noted <= 0 < event:
            noted = next((number for number in before if self.scan_event(number) == event), 0)
        if self.first <= noted < scan and self.level(noted) < level:
            return noted
        return next((number for number in before if self.level(number) < level), 0)

    def values(self, array: Any) -> bytes:
        """Return a .NET array of doubles as little-endian bytes."""
        if array is None or not len(array):
            return b""
        handle = self.library.pinned(array)
        try:
            return ctypes.string_at(handle.AddrOfPinnedObject().ToInt64(), 8 * len(array))
        finally:
            handle.Free()


def whole(value: Any) -> int:
    """Return a trailer's value as a whole number, 0 where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def real(value: Any) -> float | None:
    """Return a trailer's value as a number, None where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def send_spectrum(spectra: Spectra, scan: int, send: Send) -> None:
    """Send one spectrum, or that it cannot be read: others may well be."""
    try:
        header, payload = spectrum_of(spectra, scan)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - as above: one spoilt spectrum does not stop the others
        header, payload = {"scan": scan, "unreadable": f"{type(error).__name__}: {first_line(error)}"}, b""
    send(header, payload)


def spectrum_of(spectra: Spectra, scan: int) -> tuple[dict[str, Any], bytes]:
    """Return a spectrum's header, and its m/z and then intensities as 64-bit floats."""
    raw = spectra.raw
    statistics, event, level = raw.GetScanStatsForScanNumber(scan), spectra.event(scan), spectra.level(scan)
    trailer = spectra.trailer(scan)
    data = raw.GetSegmentedScanFromScanNumber(scan, statistics)
    mz, intensity = spectra.values(data.Positions), spectra.values(data.Intensities)
    header = {
        "scan": scan,
        "level": level,
        "minutes": float(statistics.StartTime),
        "tic": float(statistics.TIC),
        "low": float(statistics.LowMass),
        "high": float(statistics.HighMass),
        "centroid": bool(statistics.IsCentroidScan),
        "polarity": POLARITIES.get(int(event.Polarity), ""),
        "filter": str(raw.GetFilterForScanNumber(scan).ToString()),
        "injection_ms": real(trailer.get("Ion Injection Time (ms):")),
        "points": len(mz) // 8,
        "intensities": len(intensity) // 8,
        "precursors": list(precursors_of(spectra, scan, level, event, trailer)),
    }
    return header, mz + intensity


def precursors_of(
    spectra: Spectra, scan: int, level: int, event: Any, trailer: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the precursors of a fragment spectrum, each with all activations it went through at this level."""
    if level < 2:
        return
    reactions = [event.GetReaction(number) for number in range(event.MassCount)]
    groups: list[list[Any]] = []
    for reaction in reactions:
        # the same ion again: a second activation of it, noted as a reaction of its own
        if groups and groups[-1][0].PrecursorMass == reaction.PrecursorMass:
            groups[-1].append(reaction)
        else:
            groups.append([reaction])
    origin = spectra.origin(scan, level, trailer)
    own = groups[level - 2 :] or groups[-1:]
    for group in own:
        first = group[0]
        width = real(trailer.get(f"MS{level} Isolation Width:")) or 0.0
        yield {
            "mz": float(first.PrecursorMass),
            "width": width if width > 0 else float(first.IsolationWidth),
            "offset": float(first.IsolationWidthOffset),
            "origin": origin,
            # what the instrument found out about the ion is about one ion
            "mono_mz": real(trailer.get("Monoisotopic M/Z:")) if len(own) == 1 else None,
            "charge": whole(trailer.get("Charge State:")) if len(own) == 1 else 0,
            "activations": [
                {
                    "type": int(reaction.ActivationType),
                    "energy": float(reaction.CollisionEnergy) if reaction.CollisionEnergyValid else None,
                }
                for reaction in group
            ],
        }


if __name__ == "__main__":
    main()
