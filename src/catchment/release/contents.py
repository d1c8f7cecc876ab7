"""What a release holds, drawn together once: the one thing that all its documents are written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import quote

from catchment.config import ReleaseSettings
from catchment.schema.build import Build
from catchment.schema.build_records import Assembled, Placement
from catchment.schema.records import Held, Normalised, StoredFile, StoreKind
from catchment.schema.submission_records import Contributor
from catchment.storage import digest_of_files

Row = dict[str, Any]
NO_RELEASE, NO_DATE = "0.0", date(1970, 1, 1)
FEWEST_WORDS, MOST_WORDS = 50, 5_000  # characters of a description that dataset search engines take


@dataclass(frozen=True)
class Store:
    """A store inside a release: its path, and the digest of what it holds, whatever its bytes."""

    path: str
    kind: StoreKind
    logical_digest: str

    def holds(self, path: str) -> bool:
        """Tell whether a file of the release belongs to this store."""
        return path == self.path or path.startswith(f"{self.path}/")


@dataclass(frozen=True)
class Contents:
    """One release as its documents see it. Paths are relative to the release; rows are those of the catalogue.

    `files` are all but the documents, sorted by path; `documents` the names of those that are written beside them.
    """

    release: str
    published: date
    content_digest: str
    settings: ReleaseSettings
    studies: Sequence[Row]
    datasets: Sequence[Row]
    samples: Sequence[Row]
    declared: Sequence[Row]
    contributors: Sequence[Contributor]
    files: tuple[StoredFile, ...]
    stores: tuple[Store, ...]
    normalised: Sequence[Normalised]
    held: Sequence[Held]
    censuses: Sequence[Assembled]

    @property
    def url(self) -> str:
        """Where the release will be reached."""
        return f"{self.settings.base_url.rstrip('/')}/releases/{self.release}/"

    @property
    def licence_url(self) -> str:
        """The release's licence as an address."""
        return address_of(self.settings.licence)

    @property
    def licences(self) -> dict[str, str]:
        """The licence of each study that has one of its own, by study id: it binds whatever is derived from it."""
        return {study["study_id"]: study["licence"] for study in self.studies if study["licence"]}

    @property
    def description(self) -> str:
        """What the release holds, in a length that dataset search engines take."""
        words = self.settings.description.strip()
        if len(words) < FEWEST_WORDS:
            counts = f"{len(self.datasets)} datasets of {len(self.studies)} studies"
            words = f"{words} It holds {counts} in open formats, with quality control and checksums.".strip()
        return words[:MOST_WORDS]

    @property
    def keywords(self) -> list[str]:
        """The keywords of all studies."""
        return sorted({word for study in self.studies for word in study["keywords"]})

    def below(self, folder: str) -> tuple[StoredFile, ...]:
        """Return the files below a folder, or the one file at this path."""
        return tuple(file for file in self.files if file.path == folder or file.path.startswith(f"{folder}/"))

    def without_release(self) -> Contents:
        """Return the same contents under no version and no date, stores standing for their files.

        Two builds of equal content agree in this, though TileDB names every file of a SOMA anew.
        """
        return replace(
            self, release=NO_RELEASE, published=NO_DATE, content_digest="", files=identities(self.files, self.stores)
        )


def address_of(licence: str) -> str:
    """Return a licence as an address: its own, or the one that SPDX gives it."""
    return licence if licence.startswith(("https://", "http://")) else f"https://spdx.org/licenses/{quote(licence)}"


def identities(files: tuple[StoredFile, ...], stores: tuple[Store, ...]) -> tuple[StoredFile, ...]:
    """Return files as content sees them: a SOMA is one entry with its logical digest.

    The catalogue's table of files follows from all the others, and names a SOMA's files: it is left out.
    """
    somas = {store.path: store for store in stores if store.kind == "soma"}
    whole = tuple(StoredFile(path=path, bytes=0, sha256=soma.logical_digest) for path, soma in somas.items())
    others = tuple(
        file
        for file in files
        if file.path != "catalogue/files.parquet" and not any(parent in somas for parent in folders_of(file.path))
    )
    return tuple(sorted((*whole, *others), key=lambda file: file.path))


def folders_of(path: str) -> list[str]:
    """Return every folder that a path is in."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def tree_digest(contents: Contents, folder: str) -> str:
    """Return the digest that stands for a folder of a release: of its sorted `sha256  path` lines; a file's own."""
    files = contents.below(folder)
    return files[0].sha256 if len(files) == 1 and files[0].path == folder else digest_of_files(files)


def draw_contents(
    build: Build,
    placements: Sequence[Placement],
    tables: Mapping[str, Sequence[Row]],
    settings: ReleaseSettings,
) -> Contents:
    """Return the contents of a release that has no version yet; `tables` are the rows of its catalogue."""
    files = [
        file.model_copy(update={"path": f"{placement.path}/{file.path}"})
        for placement in placements
        for file in placement.files
    ]
    stores = [
        Store(
            f"datasets/{dataset.dataset}/{dataset.product.path}", dataset.product.kind, dataset.product.logical_digest
        )
        for dataset in (record.dataset for record in build.normalised)
    ]
    for assembled in build.censuses:
        stores.append(Store(f"census/{assembled.census.soma}", "soma", assembled.census.logical_digest))
    people = {
        person.name: person
        for manifest in sorted(build.manifests, key=lambda manifest: manifest.accession, reverse=True)
        for person in reversed(manifest.study.contributors)
    }
    return Contents(
        release=NO_RELEASE,
        published=NO_DATE,
        content_digest="",
        settings=settings,
        studies=tables["studies"],
        datasets=tables["datasets"],
        samples=tables["samples"],
        declared=tables["declared"],
        contributors=tuple(reversed(people.values())),
        files=tuple(sorted(files, key=lambda file: file.path)),
        stores=tuple(sorted(stores, key=lambda store: store.path)),
        normalised=sorted(build.normalised, key=lambda record: record.asset.dataset),
        held=sorted(build.held, key=lambda record: record.asset.dataset),
        censuses=build.censuses,
    )
