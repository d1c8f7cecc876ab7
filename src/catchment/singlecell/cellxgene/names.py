"""Names of columns and keys: which the schema gave up, which the system writes, which no one may use."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Set as AbstractSet
from functools import cache
from importlib.resources import files
from typing import Any

import h5py
import numpy as np

from catchment.schema.records import Finding
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.cellxgene.elements import categories_of, column_names, keys, nullable
from catchment.singlecell.rules import first_of, shown

TABLES = ("obs", "var", "raw.var")
DICTIONARIES = ("uns", "obsm", "obsp", "varm", "varp")


@cache
def names_with(status: str, component: str, version: str) -> tuple[str, ...]:
    """Return the names of a component that are `deprecated` or `reserved` in a version of the schema."""
    text = files("catchment.singlecell.cellxgene").joinpath("reserved_names.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    fitting = {status, f"{status} {version}"}
    return tuple(row["name"] for row in rows if row["component"] == component and row["status"] in fitting)


def components(file: h5py.File, raw_var: str) -> dict[str, list[str]]:
    """Return the names in each part of a file that the schema knows."""
    found = {name: column_names(file.get(raw_var if name == "raw.var" else name)) for name in TABLES}
    return {**found, **{name: keys(file.get(name)) for name in DICTIONARIES}}


def name_findings(file: h5py.File, raw_var: str, version: str, told: AbstractSet[str] = frozenset()) -> list[Finding]:
    """Return findings on every name; `raw_var` is the path of the table of raw genes, if there is one.

    `told` are places of which another finding says already what is wrong.
    """
    findings = []
    for component, names in components(file, raw_var).items():
        where = raw_var if component == "raw.var" else component
        for status, rule in (("deprecated", rules.NAME_DEPRECATED), ("reserved", rules.NAME_RESERVED)):
            taken = [
                name
                for name in names_with(status, component, version)
                if name in names and f"{where}/{name}" not in told
            ]
            if taken:
                findings.append(rule.broken(where, first_of(taken), count=len(taken)))
        underscored = [name for name in names if name.startswith("__")]
        if underscored:
            findings.append(rules.NAME_UNDERSCORES.broken(where, first_of(underscored), count=len(underscored)))
        if component in TABLES:
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                findings.append(rules.NAME_TWICE.broken(where, first_of(twice), count=len(twice)))
            findings += mixed_kinds(file.get(where), where)
    return findings


def mixed_kinds(table: Any, where: str) -> list[Finding]:
    """Return a finding for each column of more than one kind of value, or of categories that are none."""
    findings = []
    for name in dict.fromkeys(column_names(table)):
        place, categories, mask = f"{where}/{shown(name)}", categories_of(table, name), nullable(table, name)
        if categories is not None and categories.dtype == np.bool_:
            findings.append(rules.CATEGORIES_TRUE_FALSE.broken(place, "categories True and False"))
        if isinstance(mask, h5py.Dataset) and mask.shape:
            gaps = int(np.count_nonzero(mask[()]))
            if gaps:
                found = "values and gaps" if gaps < mask.shape[0] else "nothing but gaps"
                findings.append(rules.MIXED_KINDS.broken(place, found, count=gaps))
    return findings
