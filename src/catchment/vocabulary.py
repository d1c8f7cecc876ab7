"""Ontology terms from pinned releases, offline: does a term exist, what is it called, what stands above it.

Terms come from cellxgene-ontology-guide. Its NCBI taxonomy costs 9 s and 2.3 GB to load, so organisms come from a
small table of ours (`organisms.tsv`): those of CELLxGENE schema 7.1.0 with the lineage that a search may ask for.
"""

from __future__ import annotations

import csv
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cellxgene_ontology_guide.ontology_parser import OntologyParser

PINNED_SCHEMA = "7.1.0"
NOT_A_TERM = frozenset({"unknown", "na", "not available", "not applicable"})
TAXONOMY = "NCBITaxon"


@dataclass(frozen=True)
class Organism:
    """One organism the standards admit.

    `name` is its key in a census (`homo_sapiens`); `lineage` the (term id, label) of taxa above it, nearest first.
    """

    id: str
    label: str
    name: str
    stage_ontology: str
    gene_prefix: str
    lineage: tuple[tuple[str, str], ...]


@cache
def organisms() -> dict[str, Organism]:
    """Return the organisms of the table by NCBITaxon id."""
    text = files("catchment").joinpath("organisms.tsv").read_text(encoding="utf-8")
    table = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        taxa = [taxon.partition("=") for taxon in row.pop("lineage").split(";") if taxon]
        table[row["id"]] = Organism(**row, lineage=tuple((id_, label) for id_, _, label in taxa))
    return table


@cache
def subspecies() -> dict[str, tuple[str, str]]:
    """Return (label, species) of each taxon below an organism whose descendants the schema admits."""
    text = files("catchment").joinpath("subspecies.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["id"]: (row["label"], row["species"]) for row in rows}


def species_of(taxon: str) -> str | None:
    """Return the organism of the table that a taxon is, or is below; None where there is none."""
    if taxon in organisms():
        return taxon
    return subspecies()[taxon][1] if taxon in subspecies() else None


_in_use = PINNED_SCHEMA


def use_schema(version: str) -> None:
    """Answer from the releases that this version of the CELLxGENE schema pins, from now on in this process."""
    global _in_use
    if version == _in_use:
        return
    _in_use = version
    for remembered in (parser, label, exists, is_deprecated, ancestors, synonyms, equivalents, labels_of):
        remembered.cache_clear()


@cache
def parser() -> OntologyParser:
    """Return the ontologies that the schema version in use pins; each loads, and each term, when first asked for."""
    from cellxgene_ontology_guide.ontology_parser import OntologyParser

    from catchment.ontology_terms import Ontologies

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it says so of every schema but the newest
        made = OntologyParser(schema_version=f"v{_in_use}")
        made.cxg_schema = Ontologies(_in_use)
    return made


def prefix(term: str) -> str:
    """Return the ontology a term id names: `UBERON` of `UBERON:0002107`, `CVCL` of `CVCL_0030`."""
    return term.split("_" if term.startswith("CVCL_") else ":", 1)[0]


@cache
def label(term: str) -> str | None:
    """Return the label of a term; the word itself where it stands for none (`unknown`); None where there is none."""
    if term in NOT_A_TERM:
        return term
    if prefix(term) == TAXONOMY:
        return dict(taxa()).get(term)
    try:
        return parser().get_term_label(term) or None
    except (ValueError, KeyError):
        return None


@cache
def exists(term: str) -> bool:
    """Tell whether the pinned releases have a term, also one that is obsolete or lost its label."""
    if term in NOT_A_TERM or prefix(term) == TAXONOMY:
        return label(term) is not None
    return bool(parser().is_valid_term_id(term))


@cache
def is_deprecated(term: str) -> bool:
    """Tell whether an existing term is obsolete in the pinned release."""
    if term in NOT_A_TERM or prefix(term) == TAXONOMY:
        return False
    return bool(parser().is_term_deprecated(term))


def replacements(term: str) -> tuple[str, ...]:
    """Return the terms that an obsolete one gives way to, the one that replaces it first; none where none is named."""
    if term in NOT_A_TERM or prefix(term) == TAXONOMY or not exists(term):
        return ()
    further = parser().get_term_metadata(term).get("consider") or ()
    named = [parser().get_term_replacement(term), *further]
    return tuple(dict.fromkeys(id_.replace("_", ":") if prefix(id_) != "CVCL" else id_ for id_ in named if id_))


@cache
def ancestors(term: str) -> tuple[str, ...]:
    """Return every term above this one (is_a and part_of), without itself; none where it does not exist."""
    if prefix(term) == TAXONOMY:
        found = organisms().get(term)
        return tuple(id_ for id_, _ in found.lineage) if found else ()
    if term in NOT_A_TERM or label(term) is None:
        return ()
    return tuple(parser().get_term_ancestors(term, include_self=False))


def descends_from(term: str, *roots: str) -> bool:
    """Tell whether a term is one of the roots or stands below one."""
    return term in roots or not set(roots).isdisjoint(ancestors(term))


def taxa() -> dict[str, str]:
    """Return label by id of every taxon in the organism table and its lineages."""
    found = {organism.id: organism.label for organism in organisms().values()}
    for organism in organisms().values():
        found.update(organism.lineage)
    return found


# --- for searching -----------------------------------------------------------------------------------------------

COMMON_NAMES: dict[str, tuple[str, ...]] = {
    "NCBITaxon:9606": ("human",),
    "NCBITaxon:10090": ("mouse", "house mouse"),
    "NCBITaxon:9483": ("marmoset", "common marmoset"),
    "NCBITaxon:9544": ("rhesus macaque", "rhesus monkey"),
    "NCBITaxon:9541": ("crab-eating macaque", "cynomolgus monkey"),
    "NCBITaxon:9598": ("chimpanzee",),
    "NCBITaxon:9595": ("gorilla", "western lowland gorilla"),
    "NCBITaxon:30608": ("mouse lemur", "gray mouse lemur"),
    "NCBITaxon:10116": ("rat", "Norway rat"),
    "NCBITaxon:9986": ("rabbit",),
    "NCBITaxon:9823": ("pig",),
    "NCBITaxon:7955": ("zebrafish",),
    "NCBITaxon:7227": ("fruit fly", "fly"),
    "NCBITaxon:6239": ("roundworm", "worm"),
    "NCBITaxon:40674": ("mammals", "mammal"),
    "NCBITaxon:7742": ("vertebrates", "vertebrate"),
    "NCBITaxon:33208": ("animals", "animal"),
    "NCBITaxon:50557": ("insects", "insect"),
    "PATO:0000461": ("healthy",),
}

# stages that the ontologies of single organisms keep to themselves -> UBERON's embryo stage
SPANNING_STAGES: dict[str, str] = dict.fromkeys(
    ("HsapDv:0000002", "MmusDv:0000002", "FBdv:00005289", "WBls:0000803"), "UBERON:0000068"
)


@cache
def synonyms(term: str) -> tuple[str, ...]:
    """Return other names of a term, sorted: those of its ontology, and the common names of organisms."""
    names = set(COMMON_NAMES.get(term, ()))
    if prefix(term) != TAXONOMY and term not in NOT_A_TERM and label(term) is not None:
        names.update(parser().get_term_synonyms(term))
    return tuple(sorted(names - {label(term)}))


@cache
def equivalents(term: str) -> tuple[str, ...]:
    """Return the same thing in the ontologies that span species: `UBERON:0002107` for zebrafish liver."""
    if prefix(term) == TAXONOMY or term in NOT_A_TERM or label(term) is None:
        return ()
    spanning = sorted(parser().cxg_schema.cross_ontology_mappings)
    found = [SPANNING_STAGES.get(term), *(parser().get_bridge_term_id(term, ontology) for ontology in spanning)]
    return tuple(sorted({id_ for id_ in found if id_ is not None and id_ != term}))


@cache
def labels_of(ontology: str) -> dict[str, str]:
    """Return term id by lower-case label of a whole ontology; of organisms, those of the table."""
    if ontology == TAXONOMY:
        named = {name: id_ for id_, names in COMMON_NAMES.items() if prefix(id_) == TAXONOMY for name in names}
        return {name.lower(): id_ for name, id_ in {**named, **{text: id_ for id_, text in taxa().items()}}.items()}
    terms = {text.lower(): id_ for text, id_ in parser().get_term_label_to_id_map(ontology).items() if text}
    own = {name: id_ for id_, names in COMMON_NAMES.items() if prefix(id_) == ontology for name in names}
    return {**own, **terms}
