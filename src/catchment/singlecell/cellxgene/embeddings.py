"""Embeddings (obsm) and the other arrays beside the matrices (obsp, varm, varp)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from catchment.schema.records import Finding
from catchment.schema.rules import Rule
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.cellxgene.elements import keys, kind_of, shown_kind
from catchment.singlecell.rules import first_of, shown

NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_.-]*$")
ROWS_AT_A_TIME = 1 << 16


def array_findings(file: h5py.File) -> list[Finding]:
    """Return a finding for each part whose arrays hold nothing."""
    findings = []
    for part in ("obsm", "obsp", "varm", "varp"):
        group = file.get(part)
        empty = [f"{part}/{key}" for key in keys(group) if kind_of(group[key]) == "array" and 0 in group[key].shape]
        if empty:
            findings.append(rules.EMPTY_ARRAY.broken(part, first_of(empty), count=len(empty)))
    return findings


def embedding_findings(file: h5py.File, *, spatial: bool, is_single: bool | None, needed: bool) -> list[Finding]:
    """Return findings on obsm.

    `spatial`: the assay is Visium or bead-based; `is_single`: as uns['spatial'] says; `needed`: one has to be there.
    """
    obsm = file.get("obsm")
    names = keys(obsm)
    if not names:
        return [rules.EMBEDDING_MISSING.broken("obsm", "no embeddings")] if needed else []
    findings = [finding for name in names for finding in one_embedding(name, obsm[name])]
    if not spatial and not any(name.startswith("X_") for name in names):
        findings.append(rules.EMBEDDING_MISSING.broken("obsm", first_of(names)))
    if is_single and "spatial" not in names:
        findings.append(rules.EMBEDDING_SPATIAL.broken("obsm", "no 'spatial', but is_single is True"))
    elif is_single is None and "spatial" in names:
        findings.append(rules.EMBEDDING_SPATIAL.broken("obsm/spatial", "'spatial' without uns['spatial']['is_single']"))
    return findings


def one_embedding(name: str, item: Any) -> Iterator[Finding]:
    """Yield findings on one embedding; what is neither `X_...` nor `spatial` is held to its form only."""
    where = f"obsm/{shown(name)}"
    other = not name.startswith("X_") and name.lower() != "spatial"
    if other:
        yield rules.EMBEDDING_NOT_SHOWN.broken(where, repr(shown(name)))
    suffix = name if other or name.lower() == "spatial" else name[2:]
    if name.lower() == "x_spatial" or not NAME.match(suffix):
        yield rules.EMBEDDING_NAME.broken(where, repr(shown(name)))
    if kind_of(item) != "array":
        yield rules.EMBEDDING_SHAPE.broken(where, shown_kind(item))
        return
    if len(item.shape) < 2 or item.shape[1] < (1 if other else 2):
        yield rules.EMBEDDING_SHAPE.broken(where, f"shape {item.shape}")
    if item.dtype.kind not in "iuf":
        yield at(rules.EMBEDDING_SHAPE, other).broken(where, f"values of type {item.dtype}")
    elif item.dtype.kind == "f" and item.size:
        yield from value_findings(where, item, name.lower() == "spatial", other)


def value_findings(where: str, item: Any, spatial: bool, other: bool) -> Iterator[Finding]:
    """Yield findings on the values of an embedding, read some rows at a time."""
    infinite = missing = 0
    for first in range(0, item.shape[0], ROWS_AT_A_TIME):
        values = item[first : first + ROWS_AT_A_TIME]
        infinite += int(np.isinf(values).sum())
        missing += int(np.isnan(values).sum())
    rule = at(rules.EMBEDDING_VALUES, other)
    if infinite:
        yield rule.broken(where, f"{infinite:,} infinite values", count=infinite)
    if spatial and missing:
        yield rule.broken(where, f"{missing:,} NaN among coordinates", count=missing)
    elif missing == item.size:
        yield rule.broken(where, "NaN throughout", count=missing)


def at(rule: Rule, other: bool) -> Rule:
    """Return a rule at the level that it has for embeddings which no viewer shows: a warning."""
    return Rule(**{**vars(rule), "level": "warning"}) if other else rule
