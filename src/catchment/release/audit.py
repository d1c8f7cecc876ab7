"""A release held against its manifest, byte by byte."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from catchment.errors import BadInput, EnvironmentFault
from catchment.release import manifest
from catchment.release.rules import MISSING, NOT_A_FILE, UNFIT_MANIFEST, UNLISTED, WRONG_BYTES, WRONG_SIZE
from catchment.schema.records import Finding, StoredFile
from catchment.storage import digest_bytes, digest_file, environment_fault

POINTER = "latest.json"


def audit(release: Path) -> list[Finding]:
    """Return a finding for each file that is missing, was added, or differs from what was sealed; in order of paths.

    The manifest itself is held against the pointer beside the release, where that names this release.

    Raises
    ------
    BadInput
        Where there is no such folder.
    EnvironmentFault
        Where a file cannot be read: that says nothing about its bytes.
    """
    if not release.is_dir():
        raise BadInput(f"{release}: no such folder; give the folder of a release, such as build/releases/2026.1")
    path = release / manifest.NAME
    try:
        sealed = path.read_bytes()
        listed = manifest.ReleaseManifest.model_validate_json(sealed)
    except FileNotFoundError:
        return [UNFIT_MANIFEST.broken(manifest.NAME, "no such file")]
    except ValidationError as error:
        return [
            UNFIT_MANIFEST.broken(manifest.NAME, f"{error.error_count()} faults, first: {error.errors()[0]['msg']}")
        ]
    except OSError as error:
        raise environment_fault(error, path) from error
    return [*check_manifest(release, listed.release, digest_bytes(sealed)), *check_files(release, listed)]


def check_manifest(release: Path, named: str, sha256: str) -> Iterator[Finding]:
    """Yield a finding where the manifest is of another release, or not the one that the pointer names."""
    name = release.resolve().name
    if named != name:
        yield UNFIT_MANIFEST.broken(manifest.NAME, f"the manifest of release {named}", expected=f"that of {name}")
    pointed_to = sha256_pointed_to(release)
    if pointed_to is not None and pointed_to != sha256:
        yield UNFIT_MANIFEST.broken(manifest.NAME, f"sha256 {sha256}", expected=f"sha256 {pointed_to}")


def sha256_pointed_to(release: Path) -> str | None:
    """Return the sha256 that the pointer beside a release gives its manifest; None where it names another release."""
    try:
        pointer = json.loads((release.resolve().parent / POINTER).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(pointer, dict) or pointer.get("release") != release.resolve().name:
        return None
    return str(pointer.get("manifest_sha256"))


def check_files(release: Path, listed: manifest.ReleaseManifest) -> Iterator[Finding]:
    """Yield a finding for each file that differs, then one for each that should not be there."""
    known = {manifest.NAME}
    for file in listed.files:
        parts = PurePosixPath(file.path)
        if parts.is_absolute() or ".." in parts.parts or file.path in known:
            yield UNFIT_MANIFEST.broken(manifest.NAME, f"the path {file.path!r}", expected="each path once, below here")
            continue
        known.add(file.path)
        finding = check_file(release, file)
        if finding is not None:
            yield finding
    for path in everything_below(release):
        name = path.relative_to(release).as_posix()
        if name not in known:
            yield UNLISTED.broken(name, f"{path.lstat().st_size:,} bytes that were never sealed")


def everything_below(folder: Path) -> list[Path]:
    """Return every file below a folder, and every link to a folder, sorted; none is followed."""
    found: list[Path] = []
    for here, folders, names in os.walk(folder, followlinks=False):
        found += [Path(here, name) for name in (*names, *(own for own in folders if Path(here, own).is_symlink()))]
    return sorted(found)


def check_file(release: Path, file: StoredFile) -> Finding | None:
    """Return what is wrong with one file; None where every byte is as it was sealed."""
    path = release / file.path
    try:
        if any(parent.is_symlink() for parent in [path, *path.parents][: len(PurePosixPath(file.path).parts)]):
            return NOT_A_FILE.broken(file.path, "a symbolic link, or a file behind one")
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return NOT_A_FILE.broken(file.path, "a folder or a special file")
        if status.st_size != file.bytes:
            return WRONG_SIZE.broken(file.path, f"{status.st_size:,} bytes", expected=f"{file.bytes:,} bytes")
        sha256 = digest_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING.broken(file.path, "no such file", expected=f"{file.bytes:,} bytes, sha256 {file.sha256}")
    except OSError as error:
        raise EnvironmentFault(f"{path}: cannot be read ({error}); mend that, then audit again") from error
    if sha256 != file.sha256:
        return WRONG_BYTES.broken(file.path, f"sha256 {sha256}", expected=f"sha256 {file.sha256}")
    return None
