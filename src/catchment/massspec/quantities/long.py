"""Pairs of run and feature of a long table, gathered in bounded memory: each once, whatever the order of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SHIFT = 32
MERGE_AT = 1 << 21
MOST_NAMED = 1_000


class Pairs:
    """Values by quantity of (run, feature); of pairs that occur more than once the lowest and the highest are kept."""

    def __init__(self, quantities: tuple[str, ...]) -> None:
        self.runs: dict[str, int] = {}
        self.features: dict[str, int] = {}
        self.parts: dict[str, list[tuple[Codes, Floats, Floats]]] = {name: [] for name in quantities}
        self.pending = dict.fromkeys(quantities, 0)

    @property
    def cells(self) -> int:
        """How many pairs there can be."""
        return len(self.runs) * len(self.features)

    def codes(self, runs: Any, features: Any) -> tuple[Codes, Codes, Codes]:
        """Return the numbers of the runs and features of some rows (-1: unnamed), and the rows of new features."""
        before = len(self.features)
        run_codes, feature_codes = number(runs, self.runs), number(features, self.features)
        new, rows = np.unique(feature_codes, return_index=True)
        return run_codes, feature_codes, rows[new >= before]

    def add(self, quantity: str, runs: Codes, features: Codes, values: Floats) -> None:
        """Take values of some rows; those that are not measured, or have no name, are left out."""
        there = np.isfinite(values) & (runs >= 0) & (features >= 0)
        keys = (runs[there] << SHIFT) | features[there]
        self.parts[quantity].append(merged([(keys, values[there], values[there])]))
        self.pending[quantity] += len(self.parts[quantity][-1][0])
        if self.pending[quantity] > MERGE_AT:
            self.merge(quantity)

    def merge(self, quantity: str) -> tuple[Codes, Floats, Floats]:
        """Return the pairs of a quantity in their order, each once, with its lowest and its highest value."""
        whole = merged(self.parts[quantity])
        self.parts[quantity], self.pending[quantity] = [whole], 0
        return whole

    def contradictions(self, quantity: str) -> Iterator[tuple[str, str]]:
        """Yield run and feature of pairs that have different values."""
        keys, low, high = self.merge(quantity)
        runs, features = list(self.runs), list(self.features)
        for key in keys[low != high][:MOST_NAMED].tolist():
            yield runs[key >> SHIFT], features[key & ((1 << SHIFT) - 1)]

    def matrix(self, quantity: str) -> Floats:
        """Return the values of a quantity, runs x features, NaN where there is none."""
        keys, low, _ = self.merge(quantity)
        values = np.full((len(self.runs), len(self.features)), np.nan)
        values[keys >> SHIFT, keys & ((1 << SHIFT) - 1)] = low
        return values


def merged(parts: list[tuple[Codes, Floats, Floats]]) -> tuple[Codes, Floats, Floats]:
    """Return pairs in their order, each once, with its lowest and its highest value."""
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    keys, low, high = (np.concatenate([part[own] for part in parts]) for own in range(3))
    order = np.argsort(keys, kind="stable")
    keys, low, high = keys[order], low[order], high[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if keys.size else np.zeros(0, np.int64)
    if not keys.size:
        return keys, low, high
    return keys[starts], np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)


def number(names: Any, known: dict[str, int]) -> Codes:
    """Return the number of each name, in the order in which names are first met; -1 where there is none."""
    coded = names.dictionary_encode()
    own = [known.setdefault(name, len(known)) if name else -1 for name in coded.dictionary.to_pylist()]
    codes = np.array(own or [-1], np.int64)
    indices = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return codes[indices]  # type: ignore[no-any-return]
