"""Files as a description lists them, held against what has arrived: awaited, verified, or not what was declared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from catchment.schema.records import Finding
from catchment.schema.submission_records import DeclaredFile
from catchment.submission import rules
from catchment.submission.upload import Upload, md5_of


def checked_files(
    files: Iterable[DeclaredFile], upload: Upload, digests: Mapping[str, tuple[int, str]], assets: Collection[str]
) -> tuple[tuple[DeclaredFile, ...], list[Finding]]:
    """Return declared files with what became of each, and the faults of those that are part of no asset.

    `digests` has size and sha256 of every file of the upload; the faults of `assets` stand with the asset.
    """
    checked, faults = [], []
    for file in files:
        if not file.arrived:
            checked.append(file)
            continue
        fault = difference(file, upload, *digests[file.arrived])
        if fault is not None and file.arrived not in assets:
            faults.append(rules.CHECKSUM.broken(file.name, fault[0], expected=fault[1]))
        declared = bool(file.sha256 or file.md5)
        status = "mismatch" if fault else "verified" if declared else "unchecked"
        checked.append(file.model_copy(update={"status": status}))
    awaited = [file for file in checked if file.status == "awaited"]
    if awaited:
        faults.append(rules.AWAITED.broken(awaited[0].name, "declared, not in the upload", count=len(awaited)))
    return tuple(checked), faults


def difference(file: DeclaredFile, upload: Upload, size: int, sha256: str) -> tuple[str, str] | None:
    """Return what was found and what was declared, where a file's bytes are not those declared."""
    if file.bytes is not None and file.bytes != size:
        return f"{size:,} bytes", f"{file.bytes:,} bytes, as declared"
    if file.sha256 and file.sha256 != sha256:
        return f"sha256 {sha256}", f"declared sha256 {file.sha256}"
    if file.md5 and file.md5 != (md5 := md5_of(upload.path(file.arrived))):
        return f"md5 {md5}", f"declared md5 {file.md5}"
    return None
