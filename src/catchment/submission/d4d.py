"""Datasheets for Datasets (D4D, the LinkML schema of Bridge2AI), whole or broken, to a draft.

Nothing of a datasheet is lost: what has a field of ours goes there, the rest stays as it was written in `study.extra`.
What is only named (a deposit without accession) is never completed by guessing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from catchment.schema.records import Finding, ModalityName
from catchment.schema.submission_records import Contributor, DeclaredData, DeclaredFile, Funder, Resource, Study
from catchment.submission import licences, rules
from catchment.submission.arrived import Arrived
from catchment.submission.d4d_text import read_datasheet
from catchment.submission.draft import Draft, DraftAsset
from catchment.submission.upload import stays_inside

DIALECT = "d4d"
# keys on top by which a datasheet is told from other YAML; two of them are enough
MARKS = re.compile(
    r"^(?:instances|creators|purposes|subsets|funders|addressing_gaps|acquisition_methods|sampling_strategies):",
    re.MULTILINE,
)
# lists of file records: of the schema's versions, old and new
FILE_LISTS = ("subsets", "resources", "distributions", "files")
DOI = re.compile(r"10\.\d{4,9}/[^\s;,()\"']*[^\s;,.()\"']")
ACCESSION = re.compile(
    r"\b(PRJ[END][A-Z]\d+|[DES]R[APRSX]\d{5,}|MSV\d{9}|PXD\d{6}|GSE\d+|EGAS\d{11}|S-B(?:IAD|SST)\d+|EMPIAR-\d+)\b"
)
ADDRESS = re.compile(r"https?://[^\s;,()\"']+")
HEX_DIGITS = {"md5": 32, "sha256": 64}
SHOWN = 100

# words by which a description of data names one of our modalities; the first that is there decides
MODALITY_WORDS: tuple[tuple[str, ModalityName], ...] = (
    (r"mass spectrometr|proteomic|\bSEC-MS\b|\bLC-MS\b|metabolomic", "massspec"),
    (r"single[- ]cell|scRNA|snRNA|perturb-seq|\bATAC", "singlecell"),
    (r"microscop|\bimag(?:e|es|ing)\b|immunofluorescence", "imaging"),
)
# what a file's `format` may say beside its media type
FORMAT_OF_MEDIA = {"text/html": "HTML", "application/json": "JSON", "application/zip": "ZIP", "text/csv": "CSV"}


def read_d4d(text: str, name: str, names: Iterable[str], is_measurement: Callable[[str], bool]) -> Draft:
    """Return the draft that a datasheet describes; `names` are those of the upload, to find its files by.

    `is_measurement` tells whether one of them can become a dataset; what cannot is described, and no more.

    Raises
    ------
    BadInput
        With file and line, where it cannot be read even after repair.
    """
    sheet = read_datasheet(text, name)
    document, there = sheet.document, Arrived(names)
    findings = list(sheet.repairs)
    files = [
        file.model_copy(update={"arrived": there.file(file.name)}) for file in file_records(document, findings, name)
    ]
    return Draft(
        dialect=DIALECT,
        study=read_study(document, findings, name),
        assets=tuple(
            DraftAsset(file=file.arrived, md5=file.md5 or None, sha256=file.sha256 or None, bytes=file.bytes)
            for file in files
            if file.arrived and is_measurement(file.arrived)
        ),
        metadata_files=(name,),
        files=tuple(files),
        findings=tuple(findings),
    )


def is_datasheet(start: str) -> bool:
    """Tell whether a YAML text is a datasheet, by the keys on its top."""
    return len(set(MARKS.findall(start))) > 1


# --- the study ---------------------------------------------------------------------------------------------------


def read_study(document: Mapping[str, Any], findings: list[Finding], name: str) -> Study:
    """Return the study that a datasheet speaks of; the whole of it stays in `extra`."""
    everything = list(texts(document))
    doi = first_doi(words(document.get("doi")) or words(document.get("id")))
    id_ = doi.lower() or words(document.get("id"))
    licence = words(document.get("license")) or words(document.get("licence"))
    own = {"id": id_, "title": words(document.get("title")) or words(document.get("name")) or id_ or name}
    resources = tuple(elsewhere(document.get("external_resources"), findings, name))
    embargo = [text for text in everything if "embargo" in text.lower()]
    if embargo:
        findings.append(rules.EMBARGO_IN_PROSE.broken(name, embargo[0][:SHOWN], count=len(embargo)))
    return Study(
        **own,
        description=words(document.get("description")),
        licence=(licences.spdx(licence) or licence) if licence else None,
        contributors=tuple(people(document.get("creators", ()))),
        keywords=tuple(texts(document.get("keywords", ()))),
        doi=doi,
        version=words(document.get("version")),
        funders=tuple(funders(document.get("funders", ()))),
        related_dois=tuple(sorted({found for text in everything for found in DOI.findall(text)} - {doi})),
        usage="\n".join(texts([document.get("discouraged_uses", ()), document.get("license_and_use_terms", ())])),
        limitations=tuple(limitations(document)),
        has_embargoed_parts=bool(embargo),
        resources=resources,
        declared=tuple(declared_data(document.get("instances", ()))),
        extra=dict(document),
    )


def words(value: Any) -> str:
    """Return all text of a value, a line each: the schema has seen the same slot as text and as a list."""
    return "\n".join(texts(value))


def texts(value: Any) -> Iterator[str]:
    """Return every text inside a value, in order."""
    if isinstance(value, str):
        if value.strip():
            yield value.strip()
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def first_doi(text: str) -> str:
    """Return the first DOI in a text, as written; empty where there is none."""
    match = DOI.search(text)
    return match.group() if match else ""


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Return the mappings among a list's items, or the one mapping in its place."""
    for inner in value if isinstance(value, list) else [value]:
        if isinstance(inner, Mapping):
            yield inner


def people(creators: Any) -> Iterator[Contributor]:
    """Return the people of `creators`: by name, as a principal investigator, or as a plain text."""
    for creator in creators if isinstance(creators, list) else [creators]:
        if isinstance(creator, str) and creator.strip():
            yield Contributor(name=creator.strip())
        elif isinstance(creator, Mapping):
            person = creator.get("principal_investigator") or creator
            person = person if isinstance(person, Mapping) else {"name": person}
            where = next(texts(person.get("affiliation") or creator.get("affiliation")), None)
            orcid = next(texts(person.get("orcid") or person.get("id")), "")
            if found := next(texts(person.get("name")), ""):
                known = re.search(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]$", orcid)
                yield Contributor(name=found, orcid=known.group() if known else None, affiliation=where)


def funders(value: Any) -> Iterator[Funder]:
    """Return who paid: the grantor, with name and number of the grant."""
    for entry in mappings(value):
        grants = [grant for key in ("grant", "grants") for grant in mappings(entry.get(key))] or [{}]
        for grant in grants:
            grantor = next(texts(entry.get("grantor") or grant.get("grantor") or entry.get("name")), "")
            title, number = (next(texts(grant.get(key)), "") for key in ("name", "grant_number"))
            if grantor or title:
                yield Funder(name=grantor or title, grant=title, number=number)


def limitations(document: Mapping[str, Any]) -> Iterator[str]:
    """Return what a datasheet says is missing, does not overlap, or is not split."""
    for instance in mappings(document.get("instances")):
        yield from texts([missing.get("missing") for missing in mappings(instance.get("missing_information"))])
    for key in ("relationships", "splits", "anomalies"):
        yield from texts(document.get(key))


def elsewhere(value: Any, findings: list[Finding], name: str) -> Iterator[Resource]:
    """Return the data that lie elsewhere, each with its accession or address where it is given."""
    for number, entry in enumerate(value if isinstance(value, list) else [value]):
        named = entry.get("external_resources", entry.get("name")) if isinstance(entry, Mapping) else entry
        for text in texts(named):
            match = ACCESSION.search(text) or DOI.search(text) or ADDRESS.search(text)
            if match is None:
                findings.append(rules.RESOURCE_UNRESOLVED.broken(f"{name}: external_resources[{number}]", text[:SHOWN]))
            yield Resource(name=text, identifier=match.group() if match else None)


def declared_data(instances: Any) -> Iterator[DeclaredData]:
    """Return the kinds of data that `instances` speaks of; keywords alone make none."""
    for instance in mappings(instances):
        said = [next(texts(instance.get(key)), "") for key in ("representation", "instance_type", "data_type")]
        title = next((text for text in said if text), "")
        if title:
            yield DeclaredData(modality=modality_of(said), title=title, description="\n".join(said[1:]).strip())


def modality_of(said: Iterable[str]) -> ModalityName | None:
    """Return the modality that the first telling words name."""
    for text in said:
        for pattern, modality in MODALITY_WORDS:
            if re.search(pattern, text, re.IGNORECASE):
                return modality
    return None


# --- files -------------------------------------------------------------------------------------------------------


def file_records(document: Mapping[str, Any], findings: list[Finding], name: str) -> Iterator[DeclaredFile]:
    """Return the file records of a datasheet, each path once."""
    seen: set[str] = set()
    for key in FILE_LISTS:
        entries = list(mappings(document.get(key, ())))
        if not any("path" in entry or "md5" in entry or "sha256" in entry for entry in entries):
            continue
        for number, entry in enumerate(entries):
            where = f"{name}: {key}[{number}]"
            path = next(texts(entry.get("path") or entry.get("name")), "")
            if not stays_inside(path):
                findings.append(rules.UNSAFE_PATH.broken(where, path[:SHOWN]))
            elif path in seen:
                findings.append(rules.DECLARED_FILE.broken(where, f"{path[:SHOWN]}, listed already"))
            else:
                seen.add(path)
                yield file_record(path, entry, findings, where)


def file_record(path: str, entry: Mapping[str, Any], findings: list[Finding], where: str) -> DeclaredFile:
    """Return one file record; a checksum or size that is none is told, and not kept as one."""
    digests = {}
    for algorithm, digits in HEX_DIGITS.items():
        digest = next(texts(entry.get(algorithm)), "").lower()
        if digest and not re.fullmatch(f"[0-9a-f]{{{digits}}}", digest):
            findings.append(rules.DECLARED_FILE.broken(where, f"{algorithm} {digest[:SHOWN]!r} of {path}"))
            digest = ""
        digests[algorithm] = digest
    size = next(texts(entry.get("bytes")), "")
    if size and not re.fullmatch(r"\d{1,18}", size):
        findings.append(rules.DECLARED_FILE.broken(where, f"bytes {size[:SHOWN]!r} of {path}"))
        size = ""
    media_type, format_ = (next(texts(entry.get(key)), "") for key in ("media_type", "format"))
    expected = FORMAT_OF_MEDIA.get(media_type)
    if expected and format_ and format_.upper() != expected:
        found = f"format {format_[:SHOWN]} beside media type {media_type} for {path}"
        findings.append(rules.DATASHEET_FORMAT.broken(where, found))
    return DeclaredFile(
        name=path,
        title=next(texts(entry.get("title")), ""),
        description=words(entry.get("description")),
        media_type=media_type,
        bytes=int(size) if size else None,
        **digests,
    )
