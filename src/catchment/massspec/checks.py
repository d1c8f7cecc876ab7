"""What the spectra of a run in another format are held to: each by itself, and all of them together. Pure."""

from __future__ import annotations

import numpy as np

from catchment.massspec import rules
from catchment.massspec.faults import Faults, shown
from catchment.massspec.spectra import SpectraTable, Spectrum

BEYOND_SENSE = 1e200  # sums of larger values would overflow


def is_sound(spectrum: Spectrum, faults: Faults) -> bool:
    """Tell whether a spectrum's numbers can be kept; count what is wrong with them."""
    where = f"spectrum {shown(spectrum.native_id)}"
    mz, intensity = spectrum.mz, spectrum.intensity
    if len(mz) != len(intensity):
        found = f"{len(mz):,} m/z and {len(intensity):,} intensities"
        faults.add(rules.LENGTH_DIFFERS, where, found, kind="pair", expected="as many of one as of the other")
        return False
    arrays = [mz, intensity] if spectrum.inverse_mobility is None else [mz, intensity, spectrum.inverse_mobility]
    bad = sum(int(np.count_nonzero(~(np.abs(values) < BEYOND_SENSE))) for values in arrays)
    if bad:
        faults.add(rules.NOT_A_NUMBER, where, f"{bad:,} values that are NaN, infinite or beyond 1e200")
        return False
    # peaks of several mobility scans are sorted by mobility first
    if spectrum.inverse_mobility is None and (falls := int(np.count_nonzero(np.diff(mz) < 0))):
        faults.add(rules.UNSORTED, where, f"{falls:,} of {len(mz):,} m/z values below the one before")
    return True


def check_order(table: SpectraTable, faults: Faults) -> None:
    """Count spectra whose id another has, and times that run backwards."""
    seen: set[str] = set()
    last = -np.inf
    for native_id, time_s in zip(table.rows["native_id"], table.rows["rt_s"], strict=True):
        where = f"spectrum {shown(native_id)}"
        if native_id in seen:
            faults.add(rules.ID_REPEATED, where, "an id that another spectrum has", kind="twice")
        seen.add(native_id)
        if time_s < last:
            faults.add(rules.TIME_RUNS_BACK, where, f"{time_s:g} s after {last:g} s")
        last = last if np.isnan(time_s) else time_s


def check_count(table: SpectraTable, declared: int | None, faults: Faults) -> None:
    """Hold the number of spectra against what the file declares; one that declares none needs at least one."""
    if declared is not None and declared != len(table):
        expected = f"{declared:,}, as declared"
        faults.add(rules.COUNTS_DIFFER, "run", f"{len(table):,} spectra", kind="spectrum", expected=expected)
    elif not len(table):
        faults.add(rules.COUNTS_DIFFER, "run", "no spectra", kind="spectrum", expected="at least one spectrum")
