"""`ro-crate-metadata.json`: the release as an RO-Crate 1.1, with how each part was made. Pure.

Actions are drawn from the stamps in the records (`made_by`); nothing is reconstructed. JSON-LD stays flat: every
entity stands once in the graph, and whatever refers to it does so by its `@id`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from catchment.release.contents import Contents, Row, address_of
from catchment.schema.records import Asset, Held, MadeBy, Normalised
from catchment.schema.rules import is_error
from catchment.schema.submission_records import Contributor

NAME = "ro-crate-metadata.json"
# RO-Crate 1.1 has no word for a checksum; Workflow Run RO-Crate has
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
Entity = dict[str, Any]


class Graph:
    """Entities by `@id`: added once, referred to often."""

    def __init__(self) -> None:
        self._entities: dict[str, Entity] = {}

    def add(self, id_: str, type_: str | list[str], **properties: Any) -> Entity:
        """Add an entity unless it is there, and return the reference to it."""
        kept = {name: value for name, value in properties.items() if value not in (None, "", [])}
        self._entities.setdefault(id_, {"@id": id_, "@type": type_, **kept})
        return {"@id": id_}

    def entities(self) -> list[Entity]:
        """Return every entity, in the order of adding."""
        return list(self._entities.values())


def draw_crate(contents: Contents, documents: tuple[str, ...]) -> Entity:
    """Return the RO-Crate metadata document of a release; `documents` are the files written beside its contents."""
    graph = Graph()
    graph.add(NAME, "CreativeWork", about={"@id": "./"}, conformsTo={"@id": "https://w3id.org/ro/crate/1.1"})
    parts = Graph()
    people = [person(parts, one) for one in contents.contributors]
    publisher = parts.add("#publisher", "Organization", name=contents.settings.publisher)
    licence = parts.add(contents.licence_url, "CreativeWork", name=contents.settings.licence)
    has_part = [*files_of(parts, contents, documents), *datasets_of(parts, contents)]
    actions = actions_of(parts, contents)
    graph.add(
        "./",
        "Dataset",
        name=f"{contents.settings.title} {contents.release}",
        description=contents.description,
        identifier=contents.url,
        version=contents.release,
        datePublished=contents.published.isoformat(),
        license=licence,
        publisher=publisher,
        author=people or publisher,
        keywords=", ".join(contents.keywords),
        hasPart=has_part,
        mentions=actions,
    )
    return {"@context": CONTEXT, "@graph": [*graph.entities(), *parts.entities()]}


def person(graph: Graph, one: Contributor) -> Entity:
    """Add a contributor, under the ORCID where there is one."""
    id_ = f"https://orcid.org/{one.orcid.rsplit('/', 1)[-1]}" if one.orcid else fragment("person", one.name)
    affiliation = one.affiliation and graph.add(fragment("body", one.affiliation), "Organization", name=one.affiliation)
    return graph.add(id_, "Person", name=one.name, affiliation=affiliation)


def fragment(kind: str, words: str) -> str:
    """Return an `@id` inside this document made of words: whatever is no letter or digit becomes its code."""
    return f"#{kind}-" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}" for c in words)


def files_of(graph: Graph, contents: Contents, documents: tuple[str, ...]) -> list[Entity]:
    """Add the release's own files: documents, tables, submitted files."""
    types = {".json": "application/json", ".html": "text/html", ".parquet": "application/vnd.apache.parquet"}
    # the metadata file describes the crate; it is no part of it (RO-Crate 1.1, "Root Data Entity")
    found = [
        graph.add(name, "File", name=name, encodingFormat=types["." + name.rsplit(".", 1)[-1]])
        for name in documents
        if name != NAME
    ]
    for file in contents.files:
        top = file.path.split("/")[0]
        if top == "catalogue" or (top == "census" and file.path.endswith(".parquet")) or top == "raw":
            found.append(
                graph.add(
                    quote(file.path),
                    "File",
                    name=file.path,
                    contentSize=str(file.bytes),
                    sha256=file.sha256,
                    encodingFormat=types.get("." + file.path.rsplit(".", 1)[-1]),
                )
            )
    return found


def datasets_of(graph: Graph, contents: Contents) -> list[Entity]:
    """Add the folder of each dataset and of the census."""
    found = [
        graph.add(
            folder(row),
            "Dataset",
            name=row["title"],
            identifier=row["dataset_id"],
            description=f"{row['modality']} dataset of study {row['study_id']}, as {row['format']}",
            contentSize=str(row["bytes"]),
            license=licence_of(graph, contents, row),
        )
        for row in contents.datasets
        if row["path"]
    ]
    for census in contents.censuses:
        words = "Chosen datasets of all modalities, assembled: one SOMA, and a table of every measurement"
        digest = census.census.logical_digest
        found.append(graph.add("census/", "Dataset", name="census", description=words, identifier=digest))
    return found


def licence_of(graph: Graph, contents: Contents, row: Row) -> Entity | None:
    """Add the licence of a dataset's study, where it has one of its own."""
    licence = contents.licences.get(row["study_id"])
    return graph.add(address_of(licence), "CreativeWork", name=licence) if licence else None


def folder(row: Row) -> str:
    """Return the `@id` of a dataset's folder."""
    return f"datasets/{row['dataset_id']}/"


# --- how it was made ---------------------------------------------------------------------------------------------


def actions_of(graph: Graph, contents: Contents) -> list[Entity]:
    """Add one action for each stamp: datasets that were made, assets that were held, the census."""
    published = {file.path for file in contents.files}
    found = [made(graph, record, published) for record in contents.normalised]
    found += [held(graph, record, published) for record in contents.held]
    for census in contents.censuses:
        planned = [{"@id": folder(row)} for row in contents.datasets if row["in_census"]]
        found.append(
            graph.add(
                "#assemble",
                "CreateAction",
                name="assemble the census",
                instrument=instrument(graph, census.made_by),
                object=planned,
                result={"@id": "census/"},
                additionalProperty=inputs(graph, "#assemble", census.made_by),
            )
        )
    return found


def made(graph: Graph, record: Normalised, published: set[str]) -> Entity:
    """Add the action that a dataset came from."""
    id_ = f"#make-{record.asset.dataset}"
    return graph.add(
        id_,
        "CreateAction",
        name=f"convert and normalise {record.asset.dataset}",
        instrument=instrument(graph, record.made_by),
        object=sources(graph, record.asset, published),
        result={"@id": f"datasets/{record.asset.dataset}/"},
        actionStatus="http://schema.org/CompletedActionStatus",
        additionalProperty=inputs(graph, id_, record.made_by),
    )


def held(graph: Graph, record: Held, published: set[str]) -> Entity:
    """Add the action that did not come to its end, and why."""
    id_ = f"#make-{record.asset.dataset}"
    return graph.add(
        id_,
        "CreateAction",
        name=f"{record.held_at} {record.asset.dataset}",
        instrument=instrument(graph, record.made_by),
        object=sources(graph, record.asset, published),
        actionStatus="http://schema.org/FailedActionStatus",
        error="; ".join(f"{finding.code}: {finding.found}" for finding in record.findings if is_error(finding)),
        additionalProperty=inputs(graph, id_, record.made_by),
    )


def instrument(graph: Graph, stamp: MadeBy) -> Entity:
    """Add the program that did a step, at its version."""
    return graph.add(
        f"#catchment-{stamp.step}-{stamp.step_version}-{stamp.catchment}",
        "SoftwareApplication",
        name=f"catchment step {stamp.step}",
        softwareVersion=stamp.catchment,
        version=str(stamp.step_version),
    )


def inputs(graph: Graph, action: str, stamp: MadeBy) -> list[Entity]:
    """Add the digest of each thing that went into a step."""
    return [
        graph.add(f"{action}-input-{number}", "PropertyValue", name=f"digest of {name}", value=digest)
        for number, (name, digest) in enumerate(sorted(stamp.inputs.items()))
    ]


def sources(graph: Graph, asset: Asset, published: set[str]) -> list[Entity]:
    """Return the submitted files of an asset: those in the release, and the digests of those that are not."""
    found = []
    for file in asset.files:
        path = file.path.replace("raw/", f"raw/{asset.accession}/", 1)
        if path in published:
            found.append({"@id": quote(path)})
        else:
            found.append(graph.add(f"urn:sha256:{file.sha256}", "CreativeWork", name=file.name))
    return found
