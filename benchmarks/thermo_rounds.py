"""The scans of one RAW file read round and round, as if it had many: a script for the Thermo reader's environment.

As the reader's script it is started by `readers/thermo.py`; `--alpharaw FILE COUNT KIND FOLDER` has alpharaw read them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src/catchment/massspec/readers"))


def as_our_reader() -> None:
    """Answer as our reader does, for any number of scans."""
    import thermo_child as child

    spectrum_of = child.spectrum_of

    def of_a_round(spectra: Any, scan: int) -> tuple[dict[str, Any], bytes]:
        count = spectra.raw.RunHeaderEx.LastSpectrum - spectra.first + 1
        header, payload = spectrum_of(spectra, spectra.first + (scan - spectra.first) % count)
        return header | {"scan": scan}, payload

    def answer(request: dict[str, Any], send: Any) -> None:
        head = child.header_of
        if "first" in request:
            child.header_of = lambda raw: head(raw) | {"last": request["stop"] - 1}
        own_answer(request, send)

    own_answer, child.answer, child.spectrum_of = child.answer, answer, of_a_round
    child.main()


def as_alpharaw(path: str, spectra: int, kind: str, numpy_beside: str) -> None:
    """Ask alpharaw's reader for all that its own import of a data-dependent run asks of each scan; keep nothing."""
    sys.path.append(numpy_beside)  # the reader's environment has no numpy, which alpharaw's class needs
    import warnings

    import pythonnet

    warnings.simplefilter("ignore")
    pythonnet.load("mono")
    from alpharaw.raw_access.pythermorawfilereader import RawFileReader

    raw = RawFileReader(path)
    first = raw.FirstSpectrumNumber
    count = raw.LastSpectrumNumber - first + 1
    for number in range(spectra):
        scan = first + number % count
        if kind == "centroids":
            raw.GetCentroidMassListFromScanNum(scan)
        else:
            raw.GetProfileMassListFromScanNum(scan)
        raw.RTFromScanNum(scan)
        raw.GetTrailerExtraForScanNum(scan)
        event = raw.GetScanEventForScanNum(scan)
        if raw.GetMSOrderForScanNum(scan) > 1:
            raw.GetCollisionEnergyForScanNum(scan)
            event.GetReaction(0)
            event.GetIsolationWidth(0)
    os._exit(0)  # mono's own end is where it crashes most


if __name__ == "__main__":
    if sys.argv[1] == "--alpharaw":
        as_alpharaw(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
    else:
        as_our_reader()
