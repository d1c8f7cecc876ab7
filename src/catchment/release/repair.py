"""A damaged release made whole from a replica: file by file, and only by bytes that its manifest names."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from catchment.errors import BadInput
from catchment.release import manifest
from catchment.release.audit import POINTER, audit, check_manifest, sha256_pointed_to
from catchment.release.publish import STAGING
from catchment.release.rules import MISSING, NOT_A_FILE, WRONG_BYTES, WRONG_SIZE
from catchment.schema.records import Finding
from catchment.storage import digest_bytes, digest_file, environment_fault, locked, sync_folder

RESTORABLE = frozenset(rule.code for rule in (MISSING, NOT_A_FILE, WRONG_BYTES, WRONG_SIZE))


@dataclass(frozen=True)
class Repair:
    """What became of one damaged file; `note`: why it was not restored, or what else is to be looked at."""

    path: str
    restored: bool
    note: str


def repair(release: Path, replica: Path) -> tuple[Repair, ...]:
    """Restore each file of a release that an audit finds damaged, and return what became of each, in order of paths.

    A file is taken from the replica where its bytes have the sha256 in the manifest; the manifest itself where they
    have the one that the pointer gives. What the manifest does not list is left alone.

    Raises
    ------
    BadInput
        Where there is no such release or replica, or they are one folder.
    EnvironmentFault
        Where another process publishes here, or the disk refuses.
    """
    if not replica.is_dir():
        raise BadInput(f"{replica}: no such folder; give a copy of the release, such as mirror/releases/2026.1")
    if release.is_dir() and release.samefile(replica):
        raise BadInput(f"{replica}: this is the release itself; give another copy of it")
    findings = audit(release)
    if not findings:
        return ()
    releases = release.resolve().parent
    with locked(releases, "publish"):
        # under the name of an unfinished publication: what a killed repair leaves goes with the next one
        staging = releases / f"{STAGING}{uuid.uuid4().hex[:12]}"
        try:
            staging.mkdir()
            return tuple(restore_all(release, replica, findings, staging))
        except OSError as error:
            raise environment_fault(error, Path(error.filename or release)) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def restore_all(release: Path, replica: Path, findings: list[Finding], staging: Path) -> Iterator[Repair]:
    """Yield what becomes of the manifest, where it is not the one that was published, then of each damaged file."""
    listed = trusted_manifest(release)
    if listed is None:
        outcome = restore_manifest(release, replica, staging)
        yield outcome
        listed = trusted_manifest(release) if outcome.restored else None
        if listed is None:
            return
        findings = audit(release)  # the first one knew no manifest to go by
    sealed = {file.path: file.sha256 for file in listed.files}
    for finding in findings:
        if finding.code in RESTORABLE:
            yield restore(release, replica, finding.where, sealed[finding.where], staging)


# --- the manifest ------------------------------------------------------------------------------------------------


def trusted_manifest(release: Path) -> manifest.ReleaseManifest | None:
    """Return the manifest by which a release may be repaired; None where it is unfit, or not what was published."""
    path = release / manifest.NAME
    try:
        data = path.read_bytes()
        listed = manifest.ReleaseManifest.model_validate_json(data)
    except (FileNotFoundError, ValidationError):
        return None
    faults = list(check_manifest(release, listed.release, digest_bytes(data)))
    return None if faults else listed


def restore_manifest(release: Path, replica: Path, staging: Path) -> Repair:
    """Restore the manifest that the pointer names; without that word there is none to be trusted."""
    sha256 = sha256_pointed_to(release)
    if sha256 is None:
        note = f"{POINTER} does not name this release: nothing says which manifest is the right one; restore it by hand"
        return Repair(manifest.NAME, restored=False, note=note)
    return restore(release, replica, manifest.NAME, sha256, staging)


# --- one file ----------------------------------------------------------------------------------------------------


def restore(release: Path, replica: Path, path: str, sealed: str, staging: Path) -> Repair:
    """Put a file of the replica in the place of a damaged one, by one rename, if it has the sha256 that was sealed."""
    source, target, scratch = replica / path, release / path, staging / "file"
    unfit = unfitness(source)
    if not unfit:
        shutil.copyfile(source, scratch)
        sha256 = digest_file(scratch)  # of what is about to be put there, not of what the replica may be by now
        unfit = "" if sha256 == sealed else f"the replica has sha256 {sha256}, expected {sealed}"
    if not unfit:
        unfit = in_the_way(release, target)
    if unfit:
        return Repair(path, restored=False, note=unfit)
    names = other_names(target)
    handle = os.open(scratch, os.O_RDONLY)
    try:
        os.fchmod(handle, 0o444)
        os.fsync(handle)
    finally:
        os.close(handle)
    scratch.replace(target)
    sync_folder(target.parent)
    note = f"the damaged bytes have {names} more names (its store, other releases); audit those" if names else ""
    return Repair(path, restored=True, note=note)


def unfitness(source: Path) -> str:
    """Return why a file of the replica cannot be read at all; empty where it can."""
    try:
        regular = stat.S_ISREG(source.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return "the replica does not have it"
    return "" if regular else "the replica has a folder or a special file there"


def in_the_way(release: Path, target: Path) -> str:
    """Make the place of a file free and return what could not be moved; empty where nothing is in the way.

    Links are removed, never what they lead to; a file or a filled folder, which the manifest does not list, stays.
    """
    for parent in reversed(target.relative_to(release).parents[:-1]):
        folder = release / parent
        if folder.is_symlink():
            folder.unlink()
        if folder.exists() and not folder.is_dir():
            return f"a file stands in the place of the folder {parent}; move it out of the release"
        folder.mkdir(exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        if any(target.iterdir()):
            return "a folder with files stands in its place; move it out of the release"
        target.rmdir()
    return ""


def other_names(path: Path) -> int:
    """Return how many more names a regular file has; 0 where there is none."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0
    return status.st_nlink - 1 if stat.S_ISREG(status.st_mode) else 0
