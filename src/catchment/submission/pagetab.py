"""PageTab submissions of the BioImage Archive and BioStudies, with REMBI's sections and file lists, to a draft."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from catchment.schema.records import Finding
from catchment.schema.submission_records import Contributor, DeclaredData, DeclaredFile, Funder, Resource, Study
from catchment.submission import licences, rules
from catchment.submission.arrived import Arrived
from catchment.submission.draft import Draft, DraftAsset, DraftSample
from catchment.submission.pagetab_text import ListedFile, Section, read_file_list, read_pagetab
from catchment.submission.upload import stays_inside

DIALECT = "pagetab"
FILE_LIST = "File List"
# what a study component may be associated with, by the title of a section of that type
ASSOCIATED = ("Biosample", "Specimen", "Image acquisition", "Image correlation", "Image analysis")
TAXON = re.compile(r"(?:NCBITaxon[:_]|taxon:)?(\d+)$")
ORCID = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")
# what a biosample says of itself beyond its organism, kept in its own words
SAMPLE_WORDS = (
    "Biological entity", "Description", "Intrinsic variable", "Extrinsic variable", "Experimental variable",
)  # fmt: skip
# columns of a file list that hold a checksum
CHECKSUMS = {"md5": "md5", "md5 checksum": "md5", "sha256": "sha256", "sha-256": "sha256"}

ReadText = Callable[[str], str]
IsMeasurement = Callable[[str], bool]


def read(text: str, name: str, names: Iterable[str], is_measurement: IsMeasurement, read_text: ReadText) -> Draft:
    """Return the draft that a PageTab submission describes.

    Parameters
    ----------
    names
        Those of the upload, to find files by.
    is_measurement
        Tells whether a file or folder of the upload can become a dataset.
    read_text
        Reads one of them: a file list.

    Raises
    ------
    BadInput
        With file and line, where it or a file list cannot be read.
    """
    submission = read_pagetab(text, name)
    root = submission.sections[0] if submission.sections else Section("Study")
    findings = [*title_findings(root, name)]
    samples = [biosample(section) for section in root.below("Biosample") if section.first("Title", "Name")]
    known = frozenset(sample.id for sample in samples)
    there = Arrived(names)
    metadata: list[str] = [name]
    files: list[DeclaredFile] = []
    assets: list[DraftAsset] = []
    seen: set[str] = set()
    for section in with_files(root):
        listed = list(section.files)
        for list_name in section.all(FILE_LIST):
            found = there.file(list_name)
            if found:
                metadata.append(found)
                listed += read_file_list(read_text(found), found)
            else:
                findings.append(rules.FILE_MISSING.broken(f"{name}: {list_name}", "a file list, not in the upload"))
        linked = associations(section)
        for file in listed:
            where = f"{name}: {section.type} {section.first('Name', 'Title')}".rstrip()
            if not stays_inside(file.path):
                findings.append(rules.UNSAFE_PATH.broken(where, file.path[:100]))
            elif file.path in seen:
                findings.append(rules.FILE_TWICE.broken(where, file.path[:100]))
            else:
                seen.add(file.path)
                declared, asset = placed(file, there, is_measurement, linked, known)
                files += declared
                assets += asset
    return Draft(
        dialect=DIALECT,
        study=read_study(submission, root),
        samples=tuple({sample.id: sample for sample in reversed(samples)}.values()),
        assets=tuple(assets),
        metadata_files=tuple(dict.fromkeys(metadata)),
        files=tuple(files),
        findings=tuple(findings),
    )


def with_files(root: Section) -> Iterator[Section]:
    """Yield the root section and all below it that name files or a file list."""
    stack = [root]
    while stack:
        section = stack.pop(0)
        if section.files or section.all(FILE_LIST):
            yield section
        stack = [*section.sections, *stack]


# --- the study ---------------------------------------------------------------------------------------------------


def read_study(submission: Section, root: Section) -> Study:
    """Return the study that a submission and its root section speak of; all attributes stay in `extra`."""
    licence = root.first("License", "Licence") or submission.first("License", "Licence")
    doi = submission.first("DOI") or root.first("DOI")
    publications = [section.first("DOI") for section in root.below("Publication")]
    return Study(
        id=submission.accno or doi.lower(),
        title=submission.first("Title") or root.first("Title") or submission.accno or "untitled",
        description=root.first("Description", "Abstract"),
        licence=(licences.spdx(licence) or licence) if licence else None,
        contributors=tuple(people(root)),
        keywords=tuple(
            word.strip() for text in root.all("Keywords", "Keyword") for word in text.split(",") if word.strip()
        ),
        collection=submission.first("AttachTo") or None,
        doi=doi,
        publication_doi=next((found for found in publications if found), None),
        funders=tuple(
            Funder(name=section.first("Agency"), number=section.first("grant_id"))
            for section in root.below("Funding")
            if section.first("Agency")
        ),
        resources=tuple(Resource(name=link, identifier=link) for link in root.links if link),
        declared=tuple(
            DeclaredData(modality=None, title=title, description=section.first("Description"))
            for section in root.below("Study Component")
            if (title := section.first("Name", "Title"))
        ),
        extra={"submission": tree_of(submission)},
    )


def tree_of(section: Section) -> dict[str, Any]:
    """Return a section with all below it as plain values; files are left out, they stand in the file records."""
    return {
        "type": section.type,
        "accno": section.accno,
        "attributes": [list(pair) for pair in section.attributes],
        "links": list(section.links),
        "sections": [tree_of(inner) for inner in section.sections],
    }


def people(root: Section) -> Iterator[Contributor]:
    """Return the authors, each with the name of the organisation that is referred to."""
    bodies = {
        section.accno: section.first("Name") for section in root.below("Organization", "Organisation") if section.accno
    }
    for author in root.below("Author"):
        if name := author.first("Name"):
            orcid = ORCID.search(author.first("ORCID"))
            body = author.first("Affiliation")
            yield Contributor(
                name=name, orcid=orcid.group() if orcid else None, affiliation=bodies.get(body, body) or None
            )


# --- samples and what refers to them -----------------------------------------------------------------------------


def biosample(section: Section) -> DraftSample:
    """Return a biosample: its organism by taxon id, all else in its own words."""
    organism = next(section.below("Organism"), section)
    taxon = TAXON.match(organism.first("NCBI taxon ID", "NCBI Taxon ID", "Taxon"))
    extra = {name: "; ".join(section.all(name)) for name in SAMPLE_WORDS if section.all(name)}
    for name in ("Scientific name", "Common name"):
        if value := organism.first(name):
            extra[name] = value
    return DraftSample(
        id=section.first("Title", "Name"),
        organism_ontology_term_id=f"NCBITaxon:{taxon[1]}" if taxon else "unknown",
        extra=extra,
    )


def title_findings(root: Section, name: str) -> Iterator[Finding]:
    """Yield a finding for a title that two sections of a type share, and for an association with none."""
    titles = {
        type_: Counter(title for section in root.below(type_) if (title := section.first("Title", "Name")))
        for type_ in ASSOCIATED
    }
    for type_, counts in titles.items():
        for title, times in counts.items():
            if times > 1:
                yield rules.TITLE_TWICE.broken(f"{name}: {type_}", title[:100], count=times)
    for section in root.below("Associations"):
        for type_ in ASSOCIATED:
            for title in section.all(type_):
                if title not in titles[type_]:
                    yield rules.ASSOCIATION_DANGLES.broken(f"{name}: Associations", f"{type_} {title[:100]!r}")


def associations(section: Section) -> dict[str, list[str]]:
    """Return the titles that a study component is associated with, by type, in order."""
    found: dict[str, list[str]] = {}
    for association in section.sections:
        for type_ in ASSOCIATED if association.type.casefold() == "associations" else ():
            found.setdefault(type_, []).extend(association.all(type_))
    return {type_: list(dict.fromkeys(titles)) for type_, titles in found.items() if titles}


def placed(
    file: ListedFile,
    there: Arrived,
    is_measurement: IsMeasurement,
    linked: dict[str, list[str]],
    samples: frozenset[str],
) -> tuple[list[DeclaredFile], list[DraftAsset]]:
    """Return the record of a listed file, and the asset that it is where it is a measurement that has arrived.

    A folder of the upload is an asset without a record of its own: its files are what has checksums.
    """
    facts = {name: value for name, value in file.attributes if name and value}
    checksums = ((CHECKSUMS.get(name.casefold()), value.lower()) for name, value in facts.items())
    digests = {algorithm: value for algorithm, value in checksums if algorithm}
    is_folder = there.is_folder(file.path)
    found = file.path if is_folder else there.file(file.path)
    associated = {type_: "; ".join(titles) for type_, titles in linked.items() if type_ != "Biosample"}
    chosen = [title for title in linked.get("Biosample", []) if title in samples]
    record = DeclaredFile(name=file.path, title=facts.get("Description", ""), arrived=found, **digests)
    asset = DraftAsset(file=found or file.path, samples=tuple(chosen), annotations={**associated, **facts}, **digests)
    return [] if is_folder else [record], [asset] if found and is_measurement(found) else []
