"""Genetic perturbations: each described in uns['genetic_perturbations'], cells name them by id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from catchment.schema.records import Finding
from catchment.singlecell import gene_reference
from catchment.singlecell.cells import pairs
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.cellxgene.elements import keys, kind_of, shown_kind, text
from catchment.singlecell.columns import JOIN, as_dictionary, used_values
from catchment.singlecell.rules import first_of, number_of, shown

UNS, ID, STRATEGY = "uns/genetic_perturbations", "genetic_perturbation_id", "genetic_perturbation_strategy"
ORGANISMS = frozenset({"NCBITaxon:7955", "NCBITaxon:9606", "NCBITaxon:10090"})
UNPERTURBED = "no perturbations"
STRATEGIES = (
    "control",
    "CRISPR activation screen",
    "CRISPR interference screen",
    "CRISPR knockout mutant",
    "CRISPR knockout screen",
)
IDENTIFIER = re.compile(r"""[^\s/,"']+""")
ROLES = ("control", "targeting")
DERIVED = ("derived_genomic_regions", "derived_features")
PATTERNS = {
    "protospacer_sequence": re.compile(r"[ACGT]{14,22}"),
    "protospacer_adjacent_motif": re.compile(r"3' [ABCDGHKMNRSTVWY]+"),
}


def perturbation_findings(file: Any, columns: Mapping[str, pa.Array], organism: str | None) -> Iterator[Finding]:
    """Yield findings on genetic perturbations; `columns` are those of obs."""
    described = file.get(UNS)
    there = [name for name in (ID, STRATEGY) if name in columns]
    if described is None:
        if there:
            found = f"{first_of(there)} without uns['genetic_perturbations']"
            yield rules.PERTURBATION_PARTS.broken(f"obs/{there[0]}", found)
        return
    if kind_of(described) != "dict":
        yield rules.PERTURBATION_ENTRY.broken(UNS, shown_kind(described), expected="a dictionary")
        return
    for identifier in keys(described):
        yield from entry_findings(identifier, described[identifier], organism)
    if len(there) < 2:
        missing = [name for name in (ID, STRATEGY) if name not in columns]
        yield rules.PERTURBATION_PARTS.broken("obs", f"uns['genetic_perturbations'] without {first_of(missing)}")
        return
    if organism is not None and organism not in ORGANISMS:
        yield rules.PERTURBATION_ORGANISM.broken(UNS, organism)
    for name in there:
        if not pa.types.is_dictionary(columns[name].type):
            yield rules.NOT_CATEGORICAL.broken(f"obs/{name}", f"values of type {columns[name].type}")
        elif columns[name].null_count:
            found = f"{columns[name].null_count:,} cells without a value"
            yield rules.PERTURBATION_VALUES.broken(f"obs/{name}", found, expected="a value for every cell")
    yield from cell_findings(described, as_dictionary(columns[ID]), as_dictionary(columns[STRATEGY]))


def entry_findings(identifier: str, entry: Any, organism: str | None) -> Iterator[Finding]:
    """Yield findings on the description of one perturbation."""
    where = f"{UNS}/{shown(identifier)}"
    if identifier == "na":
        yield rules.PERTURBATION_ENTRY.broken(where, "'na'", expected="another id: 'na' stands for no perturbation")
    if not IDENTIFIER.fullmatch(identifier):
        yield rules.PERTURBATION_NAME.broken(where, repr(shown(identifier)))
    if kind_of(entry) != "dict":
        yield rules.PERTURBATION_ENTRY.broken(where, shown_kind(entry), expected="a dictionary")
        return
    names = keys(entry)
    strangers = [name for name in names if name not in ("role", *PATTERNS, "intended_features")]
    if strangers:
        ours = set(strangers) <= set(DERIVED)
        fix = "remove what the system derives" if ours else rules.PERTURBATION_ENTRY.fix
        yield rules.PERTURBATION_ENTRY.broken(where, first_of(strangers), expected="no other keys", fix=fix)
    for name in ("role", *PATTERNS):
        place = f"{where}/{name}"
        if name not in names:
            yield rules.PERTURBATION_ENTRY.broken(place, "nothing")
        elif kind_of(entry[name]) != "text":
            yield rules.PERTURBATION_ENTRY.broken(place, shown_kind(entry[name]), expected="a text")
        else:
            value = text(entry[name])
            pattern = PATTERNS.get(name)
            if pattern is None and value not in ROLES:
                yield rules.PERTURBATION_ENTRY.broken(place, repr(shown(value)), expected=" or ".join(ROLES))
            elif pattern is not None and not pattern.fullmatch(value):
                yield rules.PERTURBATION_ENTRY.broken(place, repr(shown(value)), expected=pattern.pattern)
    if "intended_features" in names:
        yield from feature_findings(f"{where}/intended_features", entry["intended_features"], organism)


def feature_findings(where: str, features: Any, organism: str | None) -> Iterator[Finding]:
    """Yield findings on the genes that a perturbation is meant for."""
    if kind_of(features) != "dict":
        yield rules.PERTURBATION_ENTRY.broken(where, shown_kind(features), expected="a dictionary by gene id")
        return
    unfit = [name for name in keys(features) if kind_of(features[name]) != "text"]
    if unfit:
        yield rules.PERTURBATION_ENTRY.broken(where, first_of(unfit), expected="a text for each gene id")
    if organism is None or not gene_reference.is_known(organism):
        return
    strangers = [name for name in keys(features) if gene_reference.organism_of(name, organism) is None]
    if strangers:
        expected = rules.GENE_UNKNOWN.expected
        yield rules.PERTURBATION_ENTRY.broken(where, first_of(strangers), expected=expected, count=len(strangers))


def cell_findings(described: Any, ids: pa.DictionaryArray, strategies: pa.DictionaryArray) -> Iterator[Finding]:
    """Yield findings on the perturbations that cells name, one for each kind of fault."""
    roles = {name: role_of(described[name]) for name in keys(described)}
    wrong: dict[str, dict[str, int]] = {}

    def offence(expected: str, found: str, cells: int) -> None:
        group = wrong.setdefault(expected, {})
        group[found] = group.get(found, 0) + cells

    for value, cells in used_values(ids).items():
        parts = value.split(JOIN)
        if value != "na" and parts != sorted(set(parts)):
            offence("ids in ascending order, none twice, joined by ' || '", value, cells)
        strangers = [part for part in parts if value != "na" and part not in roles]
        if strangers:
            offence("ids of uns['genetic_perturbations']", value, cells)
    for value, strategy, cells in pairs(ids, strategies):
        admitted = (UNPERTURBED,) if value == "na" else STRATEGIES
        if strategy not in admitted:
            offence(" or ".join(admitted), f"{strategy} with {value}", cells)
        elif strategy == "control" and any(roles.get(part) != "control" for part in value.split(JOIN)):
            offence("perturbations whose role is control", f"{strategy} with {value}", cells)
    for expected, values in wrong.items():
        cells = sum(values.values())
        yield rules.PERTURBATION_VALUES.broken(
            f"obs/{ID}", f"{first_of(values)} in {number_of(cells, 'cell')}", expected=expected, count=cells
        )
    if set(used_values(ids)) == {"na"}:
        yield rules.PERTURBATION_NOTHING.broken(f"obs/{ID}", "'na' in every cell", count=len(ids))


def role_of(entry: Any) -> str | None:
    """Return the role of a perturbation, as far as it is a text."""
    item = entry["role"] if "role" in keys(entry) else None
    return text(item) if kind_of(item) == "text" else None
