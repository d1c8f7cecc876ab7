"""Quantities made comparable: between runs (median, quantiles), or over the fractions of a separation. Pure.

Arrays are runs x features, NaN where nothing was measured; what is missing stays missing, nothing is imputed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]


def positive(values: Floats) -> Floats:
    """Return log2 of the values above 0, NaN for all others: a zero says nothing of a run's scale."""
    return np.log2(np.where(values > 0, values, np.nan))  # type: ignore[no-any-return]


def median_factors(values: Floats) -> Floats:
    """Return the factor of each run that brings the median of its log2 quantities to the mean of all runs' medians."""
    logs = positive(values)
    medians = np.array([np.median(run[np.isfinite(run)]) if np.isfinite(run).any() else np.nan for run in logs])
    known = np.isfinite(medians)
    centre = float(medians[known].mean()) if known.any() else 0.0
    return np.where(known, np.exp2(centre - medians), 1.0)


def quantile_normalised(values: Floats) -> Floats:
    """Return quantities whose log2 have the same distribution in every run.

    As Bolstad et al. (2003) have it; a run that lacks values stands for its quantiles, interpolated, and equal values
    stay equal (they get the mean of their ranks). Zeros stay zero.
    """
    logs = positive(values)
    height = logs.shape[1]
    grid = np.linspace(0.0, 1.0, max(height, 2))
    counts = np.isfinite(logs).sum(axis=1)
    own = [np.sort(run[np.isfinite(run)]) for run in logs]
    target = [np.interp(grid, places(len(run)), run) for run in own if run.size]
    if not target:
        return values.copy()
    mean = np.mean(target, axis=0)
    result = values.copy()
    for run, count in zip(range(len(logs)), counts.tolist(), strict=True):
        there = np.isfinite(logs[run])
        if count:
            ranks = (rankdata(values[run][there]) - 1) / (count - 1) if count > 1 else np.array([0.5])
            result[run, there] = np.exp2(np.interp(ranks, grid, mean))
    return result


def places(count: int) -> Floats:
    """Return where sorted values stand between 0 and 1; one alone stands in the middle."""
    return np.linspace(0.0, 1.0, count) if count > 1 else np.array([0.5])


def replicate_factors(values: Floats, replicates: Sequence[Hashable]) -> Floats:
    """Return the factor of each fraction that centres replicates of a separation on each other: one for a replicate.

    Compared are the totals of each protein over all fractions of a replicate, of proteins that every replicate has; the
    median log2 ratio to their mean is taken out. Fractions of one replicate keep their proportions: their totals are
    the elution profile, and are never made equal.
    """
    groups = list(dict.fromkeys(replicates))
    rows = [np.array([number for number, name in enumerate(replicates) if name == group]) for group in groups]
    totals = positive(np.array([np.nansum(values[own], axis=0) for own in rows]))
    shared = np.isfinite(totals).all(axis=0)
    factors = np.ones(len(values))
    if len(groups) > 1 and shared.any():
        away = np.median(totals[:, shared] - totals[:, shared].mean(axis=0), axis=1)
        for own, one in zip(rows, away, strict=True):
            factors[own] = np.exp2(-one)
    return factors


def profiles(values: Floats) -> Floats:
    """Return each protein's quantities as parts of its highest one over all fractions: its elution profile."""
    highest = np.max(np.where(np.isfinite(values), values, 0.0), axis=0, initial=0.0)
    return values / np.where(highest > 0, highest, np.nan)  # type: ignore[no-any-return]
