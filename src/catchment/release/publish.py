"""Publishing: stage, link, document, seal, rename, and only then move the pointer.

A release exists once its folder has its name; it is the published one once `latest.json` says so. A process killed
anywhere in between leaves the old release published, and what it left behind goes with the next publication.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from catchment.config import ReleaseSettings
from catchment.errors import BadInput, Damage, EnvironmentFault
from catchment.release import datacite, manifest, rocrate
from catchment.release.contents import Contents, Row, draw_contents
from catchment.release.croissant import draw_croissant
from catchment.release.losses import in_words, losses
from catchment.release.pages import NAME as PAGE
from catchment.release.pages import draw_page
from catchment.release.published import read_datasets
from catchment.schema.build import Build
from catchment.schema.build_records import Placement
from catchment.schema.records import Sha256, Shape, StoredFile
from catchment.storage import (
    digest_bytes,
    digest_file,
    digest_json,
    environment_fault,
    link,
    locked,
    sync_folder,
    to_json,
    write_atomically,
)

logger = logging.getLogger(__name__)

POINTER = "latest.json"
STAGING = ".staging-"
VERSION = re.compile(r"(\d{4})\.([1-9]\d*)")
SMALL_BYTES = 1_000_000  # files below this are read again while they are linked; `audit` reads them all
CROISSANT, DATACITE = "croissant.json", "datacite.json"
DOCUMENTS = (CROISSANT, rocrate.NAME, DATACITE, PAGE)
TABLES = ("studies", "datasets", "samples", "declared")


class Publication(Shape):
    """What is published now: a new release, or the one that holds the same already. `path` is relative to the build."""

    release: str
    path: str
    manifest_sha256: Sha256
    content_digest: Sha256
    published_at: str
    files: int
    bytes: int


def publish(
    build: Build, placements: Sequence[Placement], workdir: Path, settings: ReleaseSettings, today: date
) -> Publication:
    """Return the published release of a build; nothing new is published where the latest release holds the same.

    Parameters
    ----------
    placements
        The whole layout of the release, the catalogue's own included.
    workdir
        The build folder; releases lie in its `releases`.
    today
        The date in the release's documents; its year begins the version.

    Raises
    ------
    BadInput
        Where it would lack what the last release has and `settings.allow_loss` does not allow.
    EnvironmentFault
        Where another process publishes, or the disk refuses.
    Damage
        Where a file of the build is not what its record says.
    """
    releases = workdir / "releases"
    with locked(releases, "publish"):
        remove_leftovers(releases)
        contents = draw_contents(build, placements, read_tables(placements, workdir), settings)
        contents = replace(contents, content_digest=digest_of_contents(contents))
        same = find_same(releases, contents.content_digest)
        if same is None:
            stop_at_losses(releases, contents)
            named = replace(contents, release=next_version(releases, today.year), published=today)
            same = seal(named, placements, workdir, releases)
        else:
            logger.info("nothing new: release %s holds the same", same)
        return point_to(releases, same, contents.content_digest)


def read_tables(placements: Iterable[Placement], workdir: Path) -> dict[str, list[Row]]:
    """Return the rows of the catalogue that is placed in the release.

    Raises
    ------
    BadInput
        Where the layout has no catalogue.
    """
    import pyarrow.parquet as pq

    folders = [workdir / placement.source for placement in placements if placement.kind == "catalogue"]
    if not folders:
        raise BadInput("the layout of the release has no catalogue; run `catchment step index` first")
    return {name: pq.ParquetFile(folders[0] / f"{name}.parquet").read().to_pylist() for name in TABLES}


# --- what is there already ---------------------------------------------------------------------------------------


def remove_leftovers(releases: Path) -> None:
    """Remove what killed publications left; the lock is held, so nobody works there."""
    for folder in releases.glob(f"{STAGING}*"):
        logger.info("removes %s, left by a publication that did not end", folder.name)
        shutil.rmtree(folder)


def versions(releases: Path) -> list[tuple[int, int]]:
    """Return the versions of all releases that have a folder or were published last, oldest first."""
    names = [folder.name for folder in releases.iterdir()] + [str(pointer(releases).get("release"))]
    matches = (VERSION.fullmatch(name) for name in names)
    return sorted({(int(match[1]), int(match[2])) for match in matches if match})


def next_version(releases: Path, year: int) -> str:
    """Return the version after all there are: `YYYY.N`, counted from 1 in each year."""
    return f"{year}.{max((number for own, number in versions(releases) if own == year), default=0) + 1}"


def pointer(releases: Path) -> dict[str, Any]:
    """Return what `latest.json` says; nothing before the first release."""
    path = releases / POINTER
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Damage(f"{path}: not JSON ({error}); restore it, or delete it to start anew from the releases") from None
    return found if isinstance(found, dict) else {}


def find_same(releases: Path, content_digest: str) -> str | None:
    """Return the latest release, or one sealed after it that was never pointed to, where it holds the same content."""
    found = VERSION.fullmatch(str(pointer(releases).get("release")))
    latest = (int(found[1]), int(found[2])) if found else (0, 0)
    for year, number in reversed(versions(releases)):
        name = f"{year}.{number}"
        with contextlib.suppress(OSError, ValueError):
            document = json.loads((releases / name / DATACITE).read_bytes())
            sealed = (releases / name / manifest.NAME).is_file()
            if (year, number) >= latest and sealed and datacite.content_digest_of(document) == content_digest:
                return name
    return None


def stop_at_losses(releases: Path, contents: Contents) -> None:
    """Hold a release against the last one: what it may not go without stops it before anything is written.

    Raises
    ------
    BadInput
        With each dataset that would be lost, and how to allow it.
    """
    allowed, last = contents.settings.allow_loss, str(pointer(releases).get("release"))
    folder = releases / last
    if allowed == "any" or not VERSION.fullmatch(last):
        return
    if not folder.is_dir():
        logger.warning("release %s has no folder any more: nothing to hold the new one against", last)
        return
    after = {row["dataset_id"]: row for row in contents.datasets}
    found = losses(read_datasets(folder).rows, after)
    refused = [loss for loss in found if allowed == "none" or not loss.explained]
    if refused:
        raise BadInput(
            f"not published, release {last} stays: {in_words(refused)}. Bring back what is lost, "
            'or allow it for once with --config \'release={"allow_loss": "any"}\''
        )
    for loss in found:
        logger.warning("lost since release %s: %s %s", last, loss.dataset, loss.what)


# --- a new release -----------------------------------------------------------------------------------------------


def draw_documents(contents: Contents) -> dict[str, bytes]:
    """Return the bytes of each document of a release but its manifest."""
    return {
        CROISSANT: json_bytes(draw_croissant(contents)),
        rocrate.NAME: json_bytes(rocrate.draw_crate(contents, (*DOCUMENTS, manifest.NAME))),
        DATACITE: json_bytes(datacite.draw_datacite(contents)),
        PAGE: draw_page(contents, DOCUMENTS).encode(),
    }


def json_bytes(document: Any) -> bytes:
    """Return a JSON document as it is published."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def digest_of_contents(contents: Contents) -> str:
    """Return the digest of what a release holds and says, whatever its version, its date and the names in its SOMAs.

    Provenance is left out: doing the same again does not make another release.
    """
    neutral = contents.without_release()
    documents = {name: digest_bytes(data) for name, data in draw_documents(neutral).items() if name != rocrate.NAME}
    files = [(file.path, file.sha256) for file in neutral.files]
    return digest_json({"files": files, "documents": documents})


def seal(contents: Contents, placements: Iterable[Placement], workdir: Path, releases: Path) -> str:
    """Write a release under its final name and return its version.

    Raises
    ------
    EnvironmentFault
        Where another run took the version meanwhile, or the disk refuses.
    """
    staging = releases / f"{STAGING}{uuid.uuid4().hex[:12]}"
    final = releases / contents.release
    try:
        staging.mkdir()
        link_files(placements, workdir, staging)
        documents = [write_document(staging, name, data) for name, data in draw_documents(contents).items()]
        # last: a folder with a manifest is a whole release
        write_document(staging, manifest.NAME, to_json(manifest.draw_manifest(contents, documents)))
        for folder, _, _ in os.walk(staging):
            sync_folder(Path(folder))
        if final.exists():
            raise taken(contents.release)
        staging.rename(final)
        sync_folder(releases)
    except OSError as error:
        if final.exists():
            raise taken(contents.release) from error
        raise environment_fault(error, staging) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return contents.release


def taken(release: str) -> EnvironmentFault:
    """Return the fault of the publisher who came second."""
    return EnvironmentFault(
        f"REL-001 release {release} was published by another run; run again, and what is new becomes the next release"
    )


def link_files(placements: Iterable[Placement], workdir: Path, staging: Path) -> None:
    """Link every file of the layout into the staged release, each checked against its record and made read-only.

    Raises
    ------
    Damage
        Where a file is gone, is no regular file, or is not what its record says.
    """
    for placement in placements:
        for file in placement.files:
            path = PurePosixPath(placement.path, file.path)
            if path.is_absolute() or ".." in path.parts:
                raise BadInput(f"{path}: found a path that leaves the release; expected one below it")
            source = workdir / placement.source / file.path
            check_source(source, file)
            link(source, staging / path)
            if stat.S_IMODE(source.stat().st_mode) != 0o444:
                (staging / path).chmod(0o444)


def check_source(source: Path, file: StoredFile) -> None:
    """Hold a file of the build against its record: kind and size, and every byte where that costs next to nothing."""
    try:
        status = source.lstat()
    except OSError as error:
        raise Damage(f"{source}: {os.strerror(error.errno or 0)}; expected the file that its record lists") from error
    if not stat.S_ISREG(status.st_mode):
        raise Damage(f"{source}: found a link or a special file, expected a regular file; it is not published")
    if status.st_size != file.bytes:
        raise Damage(
            f"{source}: found {status.st_size:,} bytes, expected {file.bytes:,}; remove its store and run again"
        )
    if file.bytes < SMALL_BYTES and digest_file(source) != file.sha256:
        raise Damage(f"{source}: found another sha256 than in its record; remove its store and run again")


def write_document(staging: Path, name: str, data: bytes) -> StoredFile:
    """Write a document of the release, durable and read-only."""
    with (staging / name).open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o444)
    return StoredFile(path=name, bytes=len(data), sha256=digest_bytes(data))


def point_to(releases: Path, release: str, content_digest: str) -> Publication:
    """Make a release the published one, unless it is already, and return what is published."""
    sealed = (releases / release / manifest.NAME).read_bytes()
    listed = manifest.ReleaseManifest.model_validate_json(sealed)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    wanted = {"release": release, "manifest_sha256": digest_bytes(sealed)}
    said = pointer(releases)
    if {name: said.get(name) for name in wanted} != wanted:
        said = {**wanted, "published_at": now}
        write_atomically(releases / POINTER, json_bytes(said))
        logger.info("release %s is published: %d files", release, len(listed.files))
    return Publication(
        **wanted,
        path=f"releases/{release}",
        content_digest=content_digest,
        published_at=str(said.get("published_at", now)),
        files=len(listed.files) + 1,
        bytes=sum(file.bytes for file in listed.files) + len(sealed),
    )
