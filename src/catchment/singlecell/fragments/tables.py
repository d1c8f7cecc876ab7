"""Which organisms may have fragments, on which chromosomes, and of which kinds of assay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

from catchment import vocabulary
from catchment.singlecell.tables import rows_of

ATAC, RNA = "EFO:0010891", "EFO:0008913"

Kind = Literal["paired", "unpaired"]


@cache
def chromosomes() -> Mapping[str, Mapping[str, int]]:
    """Return the length of each chromosome, in bases, by its name, for every organism that has a table."""
    found: dict[str, dict[str, int]] = {}
    for row in rows_of("fragments/chromosomes.tsv"):
        found.setdefault(row["organism_ontology_term_id"], {})[row["chromosome"]] = int(row["length"])
    return MappingProxyType(found)


def kind_of(assays: Iterable[str]) -> Kind | None:
    """Return whether assays all come with RNA (paired) or all without (unpaired); None where neither holds."""
    kinds = {one_kind(assay) for assay in assays}
    return kinds.pop() if len(kinds) == 1 else None


def one_kind(assay: str) -> Kind | None:
    """Return the kind of one assay; None where it is no single-cell ATAC."""
    if not vocabulary.descends_from(assay, ATAC):
        return None
    return "paired" if vocabulary.descends_from(assay, RNA) else "unpaired"
