"""Which groups of cells a census takes, by the rules of its configuration. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pyarrow as pa

from catchment import vocabulary
from catchment.census.rules import ASSAY_LEFT_OUT, NOT_PRIMARY, TISSUE_TYPE_LEFT_OUT
from catchment.config import CensusPlan
from catchment.schema.build_records import CellGroup
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

GROUPED = ("assay_ontology_term_id", "tissue_type", "is_primary_data")


def looks_at_cells(settings: CensusPlan) -> bool:
    """Tell whether any rule can leave out some cells of a dataset and keep others."""
    return bool(settings.assays or settings.tissue_types or settings.primary_only)


def groups_of(obs: pa.Table) -> tuple[CellGroup, ...]:
    """Return how many cells of each group an obs has, sorted by group."""
    counted = Counter(zip(*(obs[name].to_pylist() for name in GROUPED), strict=True))
    return tuple(
        CellGroup(**dict(zip(GROUPED, group, strict=True)), cells=cells) for group, cells in sorted(counted.items())
    )


def reason_against(group: CellGroup, settings: CensusPlan) -> tuple[Rule, str, str] | None:
    """Return the rule that leaves a group of cells out, what was found and what is taken; None where none does."""
    assay = group.assay_ontology_term_id
    if settings.assays and not {assay, *vocabulary.ancestors(assay)} & set(settings.assays):
        label = vocabulary.label(assay)
        return ASSAY_LEFT_OUT, f"{assay} ({label})" if label else assay, ", ".join(settings.assays)
    if settings.tissue_types and group.tissue_type not in settings.tissue_types:
        return TISSUE_TYPE_LEFT_OUT, group.tissue_type, ", ".join(settings.tissue_types)
    if settings.primary_only and not group.is_primary_data:
        return NOT_PRIMARY, "is_primary_data False", "is_primary_data True"
    return None


def choose_cells(
    dataset: str, groups: Sequence[CellGroup], settings: CensusPlan
) -> tuple[tuple[CellGroup, ...], list[Finding]]:
    """Return the groups of a dataset's cells that are left out, and a finding with their cells for each cause.

    A group that breaks several rules is counted under the first: assay, tissue type, primary data.
    """
    reasons = [(group, reason_against(group, settings)) for group in groups]
    left_out = tuple(group for group, reason in reasons if reason is not None)
    cells: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], tuple[Rule, str, str]] = {}
    for group, reason in reasons:
        if reason is not None:
            rule, found, _ = reason
            cells[rule.code, found] += group.cells
            first.setdefault((rule.code, found), reason)
    findings = [
        rule.broken(dataset, found, expected=expected, count=cells[key])
        for key, (rule, found, expected) in first.items()
    ]
    return left_out, findings


def cells_in(groups: Iterable[CellGroup]) -> int:
    """Return how many cells some groups have."""
    return sum(group.cells for group in groups)
