"""Genes as the schema wants them: ids of the pinned annotation as index, feature_is_filtered in var and there only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from catchment.schema.records import Finding
from catchment.singlecell import gene_reference
from catchment.singlecell.cellxgene import rules
from catchment.singlecell.cellxgene.elements import categories_of, column_names, nullable
from catchment.singlecell.genes import pattern_of
from catchment.singlecell.rules import first_of, number_of, shown

FILTERED = "feature_is_filtered"
PLENTY = 20_000


def gene_findings(where: str, index: list[str], ids: list[str], organism: str | None) -> Iterator[Finding]:
    """Yield findings on the genes of a table; `ids` were found in its `index`, or else in one of its columns."""
    if index != ids:
        yield rules.GENE_INDEX.broken(where, f"index of {first_of(index)}; ids in a column")
    if organism is None or not gene_reference.is_known(organism):
        return
    form = pattern_of(organism)
    # what does not even look like an id of the organism is a finding of its own (AD-014)
    unknown = [
        gene
        for gene in ids
        if gene_reference.organism_of(gene, organism) is None and (form.fullmatch(gene) or looks_shared(gene))
    ]
    if unknown:
        found = f"{first_of(unknown)} ({len(unknown):,} of {len(ids):,})"
        yield rules.GENE_UNKNOWN.broken(where, found, count=len(unknown))


def looks_shared(gene: str) -> bool:
    """Tell whether an id looks like one of the genes that any dataset may have."""
    return gene.startswith(("ERCC-", "ENSSASG"))


def few_genes(where: str, genes: int) -> Iterator[Finding]:
    """Yield a finding where a dataset has fewer genes than an unfiltered one would."""
    if genes < PLENTY:
        yield rules.FEW_GENES.broken(where, f"{genes:,} genes")


def flag_findings(file: Any, has_raw: bool, raw_var: str) -> Iterator[Finding]:
    """Yield findings on the column feature_is_filtered."""
    where = f"var/{FILTERED}"
    if has_raw and FILTERED in column_names(file.get(raw_var)):
        yield rules.FILTERED_OF_RAW.broken(f"{raw_var}/{FILTERED}", "the column")
    if FILTERED not in column_names(file["var"]):
        yield rules.FILTERED_MISSING.broken(where, "no such column")
        return
    flags = filtered(file)
    if flags is None:
        kind = "categories" if categories_of(file["var"], FILTERED) is not None else "values of another kind"
        found = "true/false with gaps" if nullable(file["var"], FILTERED) is not None else kind
        yield rules.FILTERED_MISSING.broken(where, found, expected="true/false")
    elif flags.any() and not has_raw:
        count = int(flags.sum())
        yield rules.FILTERED_WITHOUT_RAW.broken(where, f"True for {count:,} genes", count=count)


def filtered(file: Any) -> npt.NDArray[np.bool_] | None:
    """Return which genes of var are said to be filtered; None where the column is not plainly true/false."""
    table = file["var"]
    item = table[FILTERED] if FILTERED in column_names(table) and not hasattr(table, "dtype") else None
    if item is None or getattr(item, "dtype", None) != np.bool_ or len(item.shape) != 1:
        return None
    flags: npt.NDArray[np.bool_] = item[()]
    return flags


def filter_findings(
    names: list[str],
    flags: npt.NDArray[np.bool_] | None,
    x_values: npt.NDArray[np.int64],
    raw_cells: npt.NDArray[np.int64],
) -> Iterator[Finding]:
    """Yield findings where flags and matrices disagree.

    `x_values`: values of X that are not zero, by gene of var; `raw_cells`: the same of the raw counts.
    """
    if flags is None or not flags.size == x_values.size == raw_cells.size:
        return
    values = int(x_values[flags].sum())
    if values:
        genes = [names[column] for column in np.flatnonzero(flags & (x_values > 0))]
        found = f"{number_of(values, 'value')} in X of {first_of(genes)}"
        yield rules.FILTERED_HAS_VALUES.broken(f"var/{FILTERED}", found, count=len(genes))
    unsaid = np.flatnonzero(~flags & (x_values == 0) & (raw_cells > 0))
    if unsaid.size:
        found = first_of(shown(names[column]) for column in unsaid)
        yield rules.FILTERED_UNSAID.broken(f"var/{FILTERED}", found, count=int(unsaid.size))
