"""QC numbers of a run from the table of its spectra, and the mzQC document that carries them. Pure.

None needs identified peptides; names and accessions are those of psi-ms 4.1.258 (the MS:4000... branch).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from catchment.massspec.spectra import Table

Number = float | int | None
Metric = Number | list[float]

VOCABULARY_VERSION = "4.1.258"
JUMP = 10.0
QUARTERS = 4
WINDOW_S = 60.0
# mzQC requires a date of creation; a clock would make equal inputs give different bytes
NO_DATE = "1970-01-01T00:00:00Z"
# accession, name, the metrics that hold its value (two of them: a range), unit (accession, name)
HERTZ, FRACTION = ("UO:0000106", "hertz"), ("UO:0000191", "fraction")
COUNT, SECOND, MZ = ("UO:0000189", "count unit"), ("UO:0000010", "second"), ("MS:1000040", "m/z")
TERMS: tuple[tuple[str, str, tuple[str, ...], tuple[str, str] | None], ...] = (
    ("MS:4000059", "number of MS1 spectra", ("n_ms1",), COUNT),
    ("MS:4000060", "number of MS2 spectra", ("n_ms2",), COUNT),
    ("MS:4000155", "area under TIC", ("tic_total",), None),
    ("MS:4000029", "area under TIC in MS1", ("tic_ms1",), None),
    ("MS:4000030", "area under TIC in MS2", ("tic_ms2",), None),
    ("MS:4000069", "m/z acquisition range", ("mz_min", "mz_max"), MZ),
    ("MS:4000070", "retention time acquisition range", ("rt_min_s", "rt_max_s"), SECOND),
    ("MS:4000071", "number of chromatograms", ("n_chromatograms",), COUNT),
    ("MS:4000097", "MS1 signal jump (10x) count", ("ms1_signal_jumps",), COUNT),
    ("MS:4000098", "MS1 signal fall (10x) count", ("ms1_signal_falls",), COUNT),
    ("MS:4000099", "number of empty MS1 scans", ("n_empty_ms1",), COUNT),
    ("MS:4000100", "number of empty MS2 scans", ("n_empty_ms2",), COUNT),
    ("MS:4000108", "MS1 peak density distribution mean", ("ms1_peaks_mean",), None),
    ("MS:4000112", "MS2 peak density distribution mean", ("ms2_peaks_mean",), None),
    ("MS:4000109", "MS1 peak density distribution sigma", ("ms1_peaks_sigma",), None),
    ("MS:4000113", "MS2 peak density distribution sigma", ("ms2_peaks_sigma",), None),
    ("MS:4000101", "number of empty MS3 scans", ("n_empty_ms3",), COUNT),
    ("MS:4000053", "chromatography duration", ("rt_duration_s",), SECOND),
    ("MS:4000065", "fastest frequency for MS level 1 collection", ("ms1_fastest_hz",), HERTZ),
    ("MS:4000066", "fastest frequency for MS level 2 collection", ("ms2_fastest_hz",), HERTZ),
    ("MS:4000183", "TIC quantile RT fraction", ("tic_quarters_rt_fraction",), FRACTION),
    ("MS:4000184", "MS1 quantile RT fraction", ("ms1_quarters_rt_fraction",), FRACTION),
    ("MS:4000185", "MS2 quantile RT fraction", ("ms2_quarters_rt_fraction",), FRACTION),
)
CHARGES = ("MS:4000063", "MS2 known precursor charges fractions")


def run_metrics(table: Table, chromatograms: int) -> dict[str, Metric]:
    """Return the QC numbers of a run with at least one spectrum; what cannot be said is None."""
    level, points, tic = table["ms_level"], table["points"], table["tic"]
    metrics: dict[str, Metric] = {
        "n_spectra": len(level),
        "n_chromatograms": chromatograms,
        "empty_fraction": float(np.mean(points == 0)),
        "tic_total": float(tic.sum()),
        "rt_min_s": extreme(table["rt_s"], np.min),
        "rt_max_s": extreme(table["rt_s"], np.max),
        "mz_min": extreme(table["mz_min"], np.min),
        "mz_max": extreme(table["mz_max"], np.max),
    }
    for number in (1, 2):
        own = level == number
        metrics[f"n_ms{number}"] = int(own.sum())
        metrics[f"n_empty_ms{number}"] = int((points[own] == 0).sum())
        metrics[f"tic_ms{number}"] = float(tic[own].sum())
        metrics[f"ms{number}_peaks_mean"] = float(points[own].mean()) if own.any() else None
        metrics[f"ms{number}_peaks_median"] = float(np.median(points[own])) if own.any() else None
        metrics[f"ms{number}_peaks_sigma"] = float(points[own].std()) if own.any() else None
        metrics[f"ms{number}_fastest_hz"] = fastest_hz(table["rt_s"][own])
        metrics[f"ms{number}_quarters_rt_fraction"] = quarters(table["rt_s"], own.astype(np.float64))
    metrics["n_empty_ms3"] = int((points[level == 3] == 0).sum())
    metrics["tic_quarters_rt_fraction"] = quarters(table["rt_s"], tic)
    metrics["rt_duration_s"] = extreme(table["rt_s"], np.ptp)
    survey = tic[level == 1]
    metrics["ms1_signal_jumps"] = int((survey[1:] > JUMP * survey[:-1]).sum())
    metrics["ms1_signal_falls"] = int((survey[1:] * JUMP < survey[:-1]).sum())
    return metrics


def extreme(values: NDArray[Any], pick: Any) -> float | None:
    """Return the least or greatest of the values that are given; None where none is."""
    given = values[np.isfinite(values)]
    return float(pick(given)) if len(given) else None


def fastest_hz(times_s: NDArray[Any]) -> float | None:
    """Return the most spectra that fall into any 60 s, as a frequency; None for a run shorter than that.

    As QuaMeter counts (MS1-Freq-Max, MS2-Freq-Max), from which PSI-MS took the metric.
    """
    times_s = np.sort(times_s[np.isfinite(times_s)])
    if len(times_s) == 0 or np.ptp(times_s) < WINDOW_S:
        return None
    within = np.searchsorted(times_s, times_s + WINDOW_S, side="left") - np.arange(len(times_s))
    return float(within.max() / WINDOW_S)


def quarters(times_s: NDArray[Any], weights: NDArray[Any]) -> list[float] | None:
    """Return the parts of the run's duration in which each quarter of the weights accumulates; they add up to 1.

    A quarter ends with the spectrum that completes it; the last one reaches to the end of the run. None where there
    are no weights, times are not given, or the run has no duration.
    """
    total = float(weights.sum())
    if not np.isfinite(times_s).all() or not np.isfinite(total) or total <= 0 or np.ptp(times_s) <= 0:
        return None
    order = np.argsort(times_s, kind="stable")
    reached = np.cumsum(weights[order])
    shares = np.arange(1, QUARTERS) / QUARTERS * reached[-1]
    ends = times_s[order][np.searchsorted(reached, shares)]
    bounds = np.concatenate([[times_s.min()], ends, [times_s.max()]])
    return [float(part) for part in np.diff(bounds) / np.ptp(times_s)]


def charge_fractions(table: Table) -> dict[str, float]:
    """Return the fraction of MS2 spectra with a stated precursor charge that have each charge; keys in rising order."""
    known = table["charge"][(table["ms_level"] == 2) & (table["charge"] > 0)]
    charges, counts = np.unique(known, return_counts=True)
    return {str(charge): float(count / len(known)) for charge, count in zip(charges, counts, strict=True)}


def level_counts(table: Table) -> dict[str, int]:
    """Return the number of spectra by MS level ("0": no mass spectrum, or no level stated)."""
    levels, counts = np.unique(table["ms_level"], return_counts=True)
    return {str(level): int(count) for level, count in zip(levels, counts, strict=True)}


def mzqc(
    metrics: Mapping[str, Metric],
    charges: Mapping[str, float],
    *,
    file_name: str,
    sha256: str,
    start_time: str,
    version: str,
) -> dict[str, JsonValue]:
    """Return the mzQC 1.0.0 document of a run; it is dated by the run's start, for it describes nothing later."""
    values: list[JsonValue] = []
    for accession, name, keys, unit in TERMS:
        found: list[JsonValue] = [as_json(metrics[key]) for key in keys]
        entry: dict[str, JsonValue] = {
            "accession": accession,
            "name": name,
            "value": found if len(keys) > 1 else found[0],
        }
        if unit is not None:
            entry["unit"] = {"accession": unit[0], "name": unit[1]}
        if None not in found:
            values.append(entry)
    if charges:
        # the columns of a table go by the accessions of charge state and fraction
        columns: JsonValue = {"MS:1000041": [int(charge) for charge in charges], "UO:0000191": [*charges.values()]}
        values.append({"accession": CHARGES[0], "name": CHARGES[1], "value": columns})
    digest: JsonValue = {"accession": "MS:1003151", "name": "SHA-256", "value": sha256}
    format_: JsonValue = {"accession": "MS:1000584", "name": "mzML format"}
    software: JsonValue = {
        "accession": "MS:1000799",
        "name": "custom unreleased software tool",
        "value": "catchment",
        "version": version,
        "uri": "https://example.org/catchment",
    }
    vocabularies: JsonValue = [
        {
            "name": "Proteomics Standards Initiative Mass Spectrometry Ontology",
            "uri": "https://purl.obolibrary.org/obo/ms/psi-ms.obo",
            "version": VOCABULARY_VERSION,
        },
        {"name": "Unit Ontology", "uri": "https://purl.obolibrary.org/obo/uo.obo"},
    ]
    run: JsonValue = {
        "metadata": {
            "label": file_name,
            "inputFiles": [
                {
                    "name": file_name,
                    "location": f"file:///{file_name}",
                    "fileFormat": format_,
                    "fileProperties": [digest],
                }
            ],
            "analysisSoftware": [software],
        },
        "qualityMetrics": values,
    }
    return {
        "mzQC": {
            "version": "1.0.0",
            "creationDate": zoned(start_time) or NO_DATE,
            "runQualities": [run],
            "controlledVocabularies": vocabularies,
        }
    }


def as_json(value: Metric) -> JsonValue:
    """Return a metric as JSON has it."""
    return [*value] if isinstance(value, list) else value


def zoned(start_time: str) -> str | None:
    """Return a run's start as an RFC 3339 time (UTC where it names no zone); None where it is no time."""
    try:
        moment = datetime.fromisoformat(start_time)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
