"""Stands in for the vendor's reader: sends what the file itself asks for, in the form that the real one uses."""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path
from typing import Any


def header_of(count: int) -> dict[str, Any]:
    return {
        "first": 1,
        "last": count,
        "model": "LTQ FT",
        "serial_number": "SN1",
        "software_version": "1.1",
        "created": "2026-01-02T03:04:05",
        "revision": 66,
        "reader_version": "0.6.1",
    }


def spectrum_of(scan: int, changes: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    second = scan % 3 != 1
    values = [100.0 + scan, 200.0 + scan, float(scan), 2.0]
    ion = {
        "mz": 500.5,
        "width": 2.0,
        "offset": 0.0,
        "origin": scan - (scan - 1) % 3,
        "mono_mz": 500.25,
        "charge": 2,
        "activations": [{"type": 4, "energy": 90.0}, {"type": 5, "energy": 25.0}],
    }
    header = {
        "scan": scan,
        "level": 2 if second else 1,
        "minutes": scan / 7,
        "tic": 10.0 * scan,
        "low": 100.0,
        "high": 2000.0,
        "centroid": second,
        "polarity": "+",
        "filter": "FTMS + p",
        "injection_ms": 1.5,
        "points": 2,
        "intensities": 2,
        "precursors": [ion] if second else [],
    }
    return {**header, **changes}, struct.pack("<4d", *values)


def main() -> None:
    request = json.load(sys.stdin)
    text = Path(request["path"]).read_bytes().partition(b"{")[2]
    how = json.loads(b"{" + text) if text else {}
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        sent = 0

        def send(header: dict[str, Any], payload: bytes = b"") -> None:
            nonlocal sent
            data = json.dumps(header).encode()
            pipe.write(struct.pack("<IQ", len(data), len(payload)) + data + payload)
            sent += 1

        if "refused" in how:
            send({"refused": how["refused"], "message": "words of the vendor"})
        elif "first" not in request:
            send({**header_of(how.get("count", 9)), **how.get("header", {})})
        else:
            for scan in range(request["first"], request["stop"]):
                if scan == how.get("dies_at"):
                    pipe.flush()
                    os.abort()
                if scan in how.get("unreadable", ()):
                    send({"scan": scan, "unreadable": "NullReferenceException: Object reference not set"})
                elif scan not in how.get("left_out", ()):
                    changes = how["spectrum"] if scan == how.get("changed") else {}
                    send(*spectrum_of(scan, changes))
        send({"end": sent})


if __name__ == "__main__":
    main()
