"""Terms of the vocabularies that proteomics uses, offline, from the files that psims ships: names, synonyms, obsolete.

psims is installed with pyteomics. Its own reader takes seconds for PSI-MS; what is asked here (is there such a term,
what is it called) needs the stanzas' first lines alone. Each vocabulary loads when it is first asked for.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from catchment.errors import EnvironmentFault

OBO_FILES = {
    "MS": "psi-ms.obo.gz",
    "UO": "unit.obo.gz",
    "GO": "go.obo.gz",
    "MOD": "psi-mod.obo.gz",
    "XLMOD": "XLMOD.obo.gz",
}
UNIMOD, UNIMOD_FILE = "UNIMOD", "unimod_tables.xml.gz"
VOCABULARIES = (*OBO_FILES, UNIMOD)
UNIMOD_NAMESPACE = "{http://www.unimod.org/xmlns/schema/unimod_tables_1}"
SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class OboTerm:
    """One term. `replaced_by` is empty where an obsolete term names no successor; `parents` are those of `is_a`."""

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    obsolete: bool = False
    replaced_by: str = ""
    parents: tuple[str, ...] = ()


@cache
def terms(vocabulary: str) -> dict[str, OboTerm]:
    """Return the terms of a vocabulary (one of `VOCABULARIES`) by their id."""
    found = unimod_terms() if vocabulary == UNIMOD else obo_terms(shipped(OBO_FILES[vocabulary]).decode())
    return {term.id: term for term in found if term.id.startswith(f"{vocabulary}:")}


@cache
def ids_by_name(vocabulary: str) -> dict[str, str]:
    """Return term id by lower-case name and synonym; names go before synonyms, current terms before obsolete ones."""
    ordered = sorted(terms(vocabulary).values(), key=lambda term: term.obsolete)
    named = [(term.name.lower(), term.id) for term in ordered]
    named += [(synonym.lower(), term.id) for term in ordered for synonym in term.synonyms]
    return dict(reversed(named))


def shipped_path(name: str) -> Path:
    """Return the path of a file that psims ships; psims itself is not imported, which would take half a second."""
    package = find_spec("psims")
    if package is None or package.origin is None:
        raise EnvironmentFault("psims is not installed; it comes with pyteomics[xml]: install the package again")
    return Path(package.origin).parent / name


def shipped(name: str) -> bytes:
    """Return a vocabulary's file, inflated."""
    return gzip.decompress(shipped_path(f"controlled_vocabulary/vendor/{name}").read_bytes())


def obo_terms(text: str) -> list[OboTerm]:
    """Return the terms in the text of an OBO 1.4 file."""
    found = []
    for stanza in text.replace("\r\n", "\n").split("\n[Term]\n")[1:]:
        values: dict[str, list[str]] = {}
        for line in stanza.partition("\n\n")[0].splitlines():
            key, _, value = line.partition(": ")
            values.setdefault(key, []).append(value.strip())
        synonyms = (SYNONYM.match(value) for value in values.get("synonym", ()))
        found.append(
            OboTerm(
                id=values["id"][0].split(" ")[0],
                name=values.get("name", [""])[0],
                synonyms=tuple(match[1] for match in synonyms if match),
                obsolete=values.get("is_obsolete", [""])[0].startswith("true"),
                replaced_by=values.get("replaced_by", [""])[0].split(" ")[0],
                parents=tuple(value.split(" ")[0] for value in values.get("is_a", ())),
            )
        )
    return found


def unimod_terms() -> list[OboTerm]:
    """Return the modifications of Unimod's tables; their names are those that search engines write."""
    root = ElementTree.fromstring(shipped(UNIMOD_FILE))  # noqa: S314 - of a package pinned by its hash
    others: dict[str, list[str]] = {}
    for row in root.iter(f"{UNIMOD_NAMESPACE}alt_names_row"):
        others.setdefault(row.attrib["mod_key"], []).append(row.attrib["alt_name"])
    return [
        OboTerm(
            id=f"{UNIMOD}:{row.attrib['record_id']}",
            name=row.attrib["code_name"],
            synonyms=(row.attrib["ex_code_name"], row.attrib["full_name"], *others.get(row.attrib["record_id"], ())),
        )
        for row in root.iter(f"{UNIMOD_NAMESPACE}modifications_row")
    ]
