"""A run held against the XML schema of mzML, and against the terms that PSI requires in each element.

Schema and vocabulary come from psims, which is installed with pyteomics. Whole files of any size would take longer than
all else that is done with them: of a large run a part is looked at (`excerpt.py`), and what is found says so.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from catchment import obo
from catchment.massspec import rules
from catchment.massspec.document import NAMESPACE, Document
from catchment.massspec.excerpt import excerpt
from catchment.massspec.faults import Faults, shown
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

XSD = "validation/xsd/mzML1.1.0.xsd"
PREFIX = f"{{{NAMESPACE}}}"
BRACED = re.compile(r"\{[^}]*\}")
KEY = re.compile(r"No match found for key-sequence \['(.*)'\]")
# what libxml2 adds where it could not check a key because of a value that it has complained of
NO_ERROR = "Warning: No precomputed value available"
MESSAGE_CHARACTERS = 240
KNOWN_PREFIXES = ("MS:", "UO:")
TERM = re.compile(r"(?:MS|UO):\d{7}", re.ASCII)


@dataclass(frozen=True)
class Requirement:
    """A term that an element has to carry, or one below it; `itself` says whether the term itself counts.

    The table holds the rules of level MUST of PSI's mapping of mzML (ms-mapping.xml).
    """

    element: str
    term: str
    itself: bool
    name: str


def validity_findings(path: Path, document: Document) -> tuple[Finding, ...]:
    """Return what a submitted run breaks: warnings, for it is kept as it is."""
    return check(path, document, rules.SCHEMA_BROKEN, rules.TERMS_MISSING).findings()


def written_findings(path: Path, document: Document, unstated: frozenset[str]) -> tuple[Finding, ...]:
    """Return what a run that we wrote breaks: errors. `unstated` are required terms that its source has nothing for."""
    faults = check(path, document, rules.WRITTEN_INVALID, rules.WRITTEN_INVALID)
    faults.tallies = {key: tally for key, tally in faults.tallies.items() if key[1] not in unstated}
    return faults.findings()


def check(path: Path, document: Document, schema_rule: Rule, terms_rule: Rule) -> Faults:
    """Hold a run, which was read to its end without an error, against schema and terms."""
    from lxml import etree

    faults = Faults()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(excerpt(path, document), parser)
    except etree.XMLSyntaxError as refused:
        # our own scan knows no namespaces; others refuse a prefix that nothing declares
        faults.add(rules.MALFORMED, "namespaces", shown(refused.msg or "", MESSAGE_CHARACTERS))
        return faults
    tree = etree.ElementTree(root if root.tag == f"{PREFIX}mzML" else root.find(f"{PREFIX}mzML"))
    schema = etree.XMLSchema(etree.parse(str(obo.shipped_path(XSD))))
    schema.validate(tree)
    ids = set(document.ids["spectrum"])
    for error in schema.error_log:
        reference = KEY.search(error.message)
        if NO_ERROR in error.message or (reference and reference[1] in ids):
            continue  # what a precursor refers to may be a spectrum that the excerpt leaves out
        element = element_at(tree, error.path)
        kind = f"{error.type_name} {element.tag if element is not None else ''}"
        expected = "elements and attributes as the schema of mzML 1.1.0 has them"
        faults.add(
            schema_rule,
            place_of(element),
            shown(BRACED.sub("", error.message), MESSAGE_CHARACTERS),
            kind=kind,
            expected=expected,
        )
    check_terms(tree.getroot(), faults, terms_rule)
    return faults


def check_terms(mzml: Any, faults: Faults, rule: Rule) -> None:
    """Count elements without a required term, and terms that the pinned vocabularies do not know."""
    groups = {group.get("id"): accessions(group) for group in mzml.iter(f"{PREFIX}referenceableParamGroup")}
    for need in requirements():
        allowed = below(need.term) | ({need.term} if need.itself else frozenset())
        for element in mzml.iterfind("/".join(f"{PREFIX}{step}" for step in need.element.split("/"))):
            own = accessions(element)
            for reference in element.iterfind(f"{PREFIX}referenceableParamGroupRef"):
                own |= groups.get(reference.get("ref"), set())
            if allowed.isdisjoint(own):
                last = need.element.rsplit("/", 1)[-1]
                expected = f"{need.term} ({need.name}){'' if need.itself else ', by a term below it'}"
                faults.add(rule, place_of(element), f"<{last}> without it", kind=need.term, expected=expected)
    for param in mzml.iter(f"{PREFIX}cvParam"):
        accession = param.get("accession", "")
        if accession.startswith(KNOWN_PREFIXES) and not (TERM.fullmatch(accession) and is_known(accession)):
            expected = "a term of PSI-MS or of the Unit Ontology"
            faults.add(rule, place_of(param), shown(accession), kind="unknown", expected=expected)


def accessions(element: Any) -> set[str]:
    """Return the accessions of an element's own parameters."""
    return {param.get("accession") for param in element.iterfind(f"{PREFIX}cvParam")}


def element_at(tree: Any, path: str | None) -> Any:
    """Return the element that a complaint is about; None where it names none."""
    found = tree.xpath(path) if path else []
    return found[0] if found else None


def place_of(element: Any) -> str:
    """Say where an element stands: its spectrum or chromatogram by id, else its name."""
    for own in chain_of(element):
        name = own.tag.removeprefix(PREFIX)
        if name in ("spectrum", "chromatogram"):
            return f"{name} {shown(own.get('id', ''))}"
    return f"<{shown(element.tag.removeprefix(PREFIX))}>" if element is not None else "mzML"


def chain_of(element: Any) -> Iterator[Any]:
    """Yield an element and those that it stands in, from the inside out."""
    while element is not None:
        yield element
        element = element.getparent()


@cache
def requirements() -> tuple[Requirement, ...]:
    """Return the rows of the table."""
    text = (files("catchment.massspec") / "required_terms.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return tuple(Requirement(row["element"], row["term"], row["itself"] == "yes", row["name"]) for row in rows)


@cache
def below(term: str) -> frozenset[str]:
    """Return the accessions of all terms of PSI-MS below a term."""
    found: set[str] = set()
    new = {term}
    while new:
        new = {own.id for own in obo.terms("MS").values() if new & {*own.parents}} - found
        found |= new
    return frozenset(found)


def is_known(accession: str) -> bool:
    """Tell whether a vocabulary has a term, current or obsolete."""
    return accession in obo.terms(accession.partition(":")[0])
