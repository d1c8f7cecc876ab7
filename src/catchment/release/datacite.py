"""`datacite.json`: the release in the DataCite metadata schema 4, ready to be registered for a DOI. Pure."""

from __future__ import annotations

from typing import Any

from catchment.release.contents import Contents, address_of
from catchment.schema.submission_records import Contributor

DIGEST_TYPE = "sha256 of the content"
Document = dict[str, Any]


def draw_datacite(contents: Contents) -> Document:
    """Return the DataCite document of a release.

    Its second alternate identifier is the content digest, by which the next build sees whether anything changed.
    """
    settings = contents.settings
    dois = sorted({study["publication_doi"] for study in contents.studies if study["publication_doi"]})
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Release of biological datasets"},
        "titles": [{"title": f"{settings.title} {contents.release}"}],
        "creators": [creator(person) for person in contents.contributors]
        or [{"name": settings.publisher, "nameType": "Organizational"}],
        "publisher": {"name": settings.publisher},
        "publicationYear": str(contents.published.year),
        "dates": [{"date": contents.published.isoformat(), "dateType": "Issued"}],
        "version": contents.release,
        "url": contents.url,
        "descriptions": [{"description": contents.description, "descriptionType": "Abstract"}],
        "subjects": [{"subject": word} for word in contents.keywords],
        "rightsList": [rights(one) for one in dict.fromkeys((settings.licence, *sorted(contents.licences.values())))],
        "sizes": [f"{sum(file.bytes for file in contents.files)} bytes", f"{len(contents.datasets)} datasets"],
        "formats": sorted({row["format"] for row in contents.datasets if row["format"]}),
        "alternateIdentifiers": [
            {"alternateIdentifier": contents.url, "alternateIdentifierType": "URL"},
            {"alternateIdentifier": contents.content_digest, "alternateIdentifierType": DIGEST_TYPE},
        ],
        "relatedIdentifiers": [
            {"relatedIdentifier": doi, "relatedIdentifierType": "DOI", "relationType": "IsSupplementTo"} for doi in dois
        ],
    }


def creator(person: Contributor) -> Document:
    """Return one contributor as DataCite names people."""
    found: Document = {"name": person.name, "nameType": "Personal"}
    if person.orcid:
        found["nameIdentifiers"] = [
            {
                "nameIdentifier": f"https://orcid.org/{person.orcid.rsplit('/', 1)[-1]}",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    if person.affiliation:
        found["affiliation"] = [{"name": person.affiliation}]
    return found


def rights(licence: str) -> Document:
    """Return one licence that holds in the release: its own first, then those of studies."""
    if licence == address_of(licence):
        return {"rights": licence, "rightsUri": licence}
    return {
        "rights": licence,
        "rightsUri": address_of(licence),
        "rightsIdentifier": licence,
        "rightsIdentifierScheme": "SPDX",
        "schemeUri": "https://spdx.org/licenses/",
    }


def content_digest_of(document: object) -> str | None:
    """Return the content digest that a DataCite document of ours names; None where it names none."""
    identifiers = document.get("alternateIdentifiers") if isinstance(document, dict) else None
    for identifier in identifiers if isinstance(identifiers, list) else ():
        if isinstance(identifier, dict) and identifier.get("alternateIdentifierType") == DIGEST_TYPE:
            return str(identifier.get("alternateIdentifier"))
    return None
