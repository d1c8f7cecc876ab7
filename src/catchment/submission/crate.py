"""RO-Crates, 1.1 and 1.2, as folders: `ro-crate-metadata.json` and what it lists, to a draft.

JSON-LD is read as RO-Crate demands it, flat: entities by `@id`, no context is fetched and none is expanded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from catchment.errors import BadInput
from catchment.schema.records import Finding
from catchment.schema.submission_records import Contributor, DeclaredFile, Funder, Resource, Study
from catchment.submission import licences, rules
from catchment.submission.arrived import Arrived
from catchment.submission.draft import Draft, DraftAsset
from catchment.submission.upload import stays_inside

DIALECT = "ro-crate"
FILE_NAME = "ro-crate-metadata.json"
MAX_ENTITIES = 200_000
ORCID = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")
DOI = re.compile(r"10\.\d{4,9}/\S+")
DIGITS = {"md5": 32, "sha256": 64}
SHOWN = 100

Entity = Mapping[str, Any]


class Crate:
    """The entities of a crate by their `@id`."""

    def __init__(self, graph: Iterable[Entity]) -> None:
        self.entities = {id_of(entity): entity for entity in graph}

    def all(self, entity: Entity, *names: str) -> Iterator[Entity | str]:
        """Yield the values of properties: entities where they are referred to (or stand inside), else text."""
        for name in names:
            value = entity.get(name)
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Mapping):
                    yield self.entities.get(id_of(one), one)
                elif one not in (None, ""):
                    yield str(one)

    def texts(self, entity: Entity, *names: str) -> list[str]:
        """Return the values of properties as text: of an entity its name, else its `@id`."""
        return [text for one in self.all(entity, *names) if (text := self.words(one))]

    def first(self, entity: Entity, *names: str) -> str:
        """Return the first value of properties as text; empty where there is none."""
        return next(iter(self.texts(entity, *names)), "")

    def words(self, value: Entity | str) -> str:
        """Return a text as it is, of an entity its name."""
        if isinstance(value, str):
            return value.strip()
        own = value.get("name") or value.get("@value") or id_of(value)
        return str(own[0] if isinstance(own, list) and own else own).strip()


def id_of(entity: Entity) -> str:
    """Return the `@id` of an entity; empty where it has none."""
    id_ = entity.get("@id")
    return id_ if isinstance(id_, str) else ""


def types_of(entity: Entity) -> frozenset[str]:
    """Return the types of an entity, without prefixes."""
    kinds = entity.get("@type")
    return frozenset(
        str(kind).rpartition("/")[2].rpartition(":")[2] for kind in (kinds if isinstance(kinds, list) else [kinds])
    )


def read_crate(text: str, names: Iterable[str], is_measurement: Callable[[str], bool], name: str = FILE_NAME) -> Draft:
    """Return the draft that a crate describes.

    Parameters
    ----------
    names
        Those of the upload, to find files by.
    is_measurement
        Tells whether a file or folder of the upload can become a dataset.

    Raises
    ------
    BadInput
        Where it is no RO-Crate.
    """
    crate = Crate(graph_of(text, name))
    root = root_of(crate, name)
    there = Arrived(names)
    findings: list[Finding] = []
    files: list[DeclaredFile] = []
    assets: list[DraftAsset] = []
    elsewhere: list[Resource] = []
    for id_, entity in crate.entities.items():
        types = types_of(entity)
        path = unquote(id_).removeprefix("./").rstrip("/")
        if entity is root or not types & {"File", "MediaObject", "Dataset"} or path in ("", name):
            continue
        if re.match(r"[a-z][a-z0-9+.-]*:", id_, re.IGNORECASE):
            elsewhere.append(Resource(name=crate.first(entity, "name") or id_, identifier=id_))
        elif id_.startswith("#"):
            continue
        elif not stays_inside(path):
            findings.append(rules.UNSAFE_PATH.broken(name, id_[:SHOWN]))
        elif "Dataset" in types:
            assets += [DraftAsset(file=path)] if there.is_folder(path) and is_measurement(path) else []
        else:
            file = file_record(crate, entity, path, there, findings, name)
            files.append(file)
            if file.arrived and is_measurement(file.arrived):
                assets.append(
                    DraftAsset(file=file.arrived, md5=file.md5 or None, sha256=file.sha256 or None, bytes=file.bytes)
                )
    folders = [f"{asset.file}/" for asset in assets if there.is_folder(asset.file)]
    own = [asset for asset in assets if not asset.file.startswith(tuple(folders))] if folders else assets
    return Draft(
        dialect=DIALECT,
        study=read_study(crate, root, elsewhere),
        assets=tuple(own),
        metadata_files=(name,),
        files=tuple(files),
        findings=tuple(findings),
    )


def graph_of(text: str, name: str) -> list[Entity]:
    """Return the entities of a crate."""
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = f" line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"{name}{line}: not valid JSON; write the crate with an RO-Crate tool") from None
    graph = document.get("@graph") if isinstance(document, Mapping) else None
    if not isinstance(graph, list):
        raise BadInput(f"{name}: found no `@graph`; expected flattened JSON-LD, as RO-Crate has it")
    if len(graph) > MAX_ENTITIES:
        raise BadInput(f"{name}: found {len(graph):,} entities, expected at most {MAX_ENTITIES:,}; split the crate")
    entities = [entity for entity in graph if isinstance(entity, Mapping) and id_of(entity)]
    if len(entities) < len(graph):
        raise BadInput(f"{name}: {len(graph) - len(entities):,} entities of `@graph` have no `@id`; give each one")
    twice = len(entities) - len({id_of(entity) for entity in entities})
    if twice:
        raise BadInput(f"{name}: {twice:,} entities have an `@id` that stands before; keep one of each")
    return entities


def root_of(crate: Crate, name: str) -> Entity:
    """Return the root data entity: what the metadata descriptor is about."""
    for id_, entity in crate.entities.items():
        if id_.rpartition("/")[2] == name:
            about = next(crate.all(entity, "about"), None)
            if isinstance(about, Mapping) and "Dataset" in types_of(about):
                return about
    raise BadInput(f"{name}: no descriptor that is `about` a Dataset; every RO-Crate has one for its root")


def read_study(crate: Crate, root: Entity, elsewhere: Iterable[Resource]) -> Study:
    """Return the study that the root data entity speaks of; all its properties stay in `extra`."""
    licence = next((licence_text(one) for one in crate.all(root, "license")), "")
    identifiers = [*crate.texts(root, "identifier", "cite-as"), id_of(root)]
    doi = next((match.group() for text in identifiers if (match := DOI.search(text))), "")
    keywords = [word.strip() for text in crate.texts(root, "keywords") for word in text.split(",")]
    return Study(
        id=doi.lower(),
        title=crate.first(root, "name") or "untitled",
        description="\n".join(crate.texts(root, "description")),
        licence=licence or None,
        contributors=tuple(people(crate, root)),
        keywords=tuple(word for word in keywords if word),
        doi=doi,
        version=crate.first(root, "version"),
        funders=tuple(Funder(name=name) for name in crate.texts(root, "funder")),
        usage="\n".join(crate.texts(root, "usageInfo", "conditionsOfAccess")),
        resources=tuple(elsewhere),
        extra=json.loads(json.dumps(dict(root))),
    )


def licence_text(value: Entity | str) -> str:
    """Return a licence as SPDX where its address, identifier or name says which; else as it is written."""
    written = (
        [value]
        if isinstance(value, str)
        else [id_of(value), *(str(value.get(key) or "") for key in ("identifier", "name"))]
    )
    candidates = [text.rstrip("/").rpartition("/")[2] if "spdx.org" in text else text for text in written if text]
    return next((found for text in candidates if (found := licences.spdx(text))), written[0])


def people(crate: Crate, root: Entity) -> Iterator[Contributor]:
    """Yield authors and creators, each once, with ORCID and affiliation where given."""
    seen = set()
    for person in crate.all(root, "author", "creator"):
        name = crate.words(person)
        if name in seen or not name:
            continue
        seen.add(name)
        if isinstance(person, str):
            yield Contributor(name=name)
        else:
            orcid = ORCID.search(id_of(person))
            affiliation = crate.first(person, "affiliation") or None
            yield Contributor(name=name, orcid=orcid.group() if orcid else None, affiliation=affiliation)


def file_record(
    crate: Crate, entity: Entity, path: str, there: Arrived, findings: list[Finding], name: str
) -> DeclaredFile:
    """Return one file entity; a checksum or size that is none is told, and not kept as one."""
    facts: dict[str, Any] = {}
    for algorithm, digits in DIGITS.items():
        digest = crate.first(entity, algorithm).lower()
        if digest and not re.fullmatch(f"[0-9a-f]{{{digits}}}", digest):
            findings.append(rules.DECLARED_FILE.broken(f"{name}: {path}", f"{algorithm} {digest[:SHOWN]!r}"))
            digest = ""
        facts[algorithm] = digest
    size = re.fullmatch(r"(\d{1,18})(?:\.0)?(?: ?(?:B|bytes))?", crate.first(entity, "contentSize"))
    return DeclaredFile(
        name=path,
        title=crate.first(entity, "name"),
        description="\n".join(crate.texts(entity, "description")),
        media_type=crate.first(entity, "encodingFormat"),
        bytes=int(size[1]) if size else None,
        arrived=there.file(path),
        **facts,
    )
