"""The inbox: one folder a submission, `<accession>/manifest.json` and `<accession>/<modality>/<asset>.json`."""

from __future__ import annotations

import re
from pathlib import Path

from catchment.errors import BadInput
from catchment.schema.records import (
    ACCESSION_PATTERN,
    ASSET_ID_PATTERN,
    MODALITY_NAMES,
    Asset,
    Finding,
    ModalityName,
    SourceFile,
)
from catchment.schema.submission_records import Manifest
from catchment.storage import digest_file, digest_json, load
from catchment.submission import rules

AssetKey = tuple[str, ModalityName, str]


def asset_keys(inbox: Path) -> list[AssetKey]:
    """Return (accession, modality, asset) of every asset received so far, sorted.

    Only submissions whose manifest is there count: it is written last, so one that is still arriving is not seen.

    Raises
    ------
    BadInput
        With the name of a folder or file that fits no id pattern: it would otherwise be left out in silence.
    """
    keys: list[AssetKey] = []
    for submission in sorted(path for path in inbox.glob("*") if path.is_dir() and not path.name.startswith(".")):
        require_fit(ACCESSION_PATTERN, submission.name, submission, "an accession such as CAT00000001K")
        if not (submission / "manifest.json").exists():
            continue
        for modality in MODALITY_NAMES:
            for path in sorted((submission / modality).glob("*.json")):
                require_fit(ASSET_ID_PATTERN, path.stem, path, "an asset id of a-z, 0-9 and -")
                keys.append((submission.name, modality, path.stem))
    return keys


def require_fit(pattern: str, name: str, path: Path, expected: str) -> None:
    """Stop at a name that fits no pattern."""
    if not re.fullmatch(pattern, name):
        raise BadInput(f"{path}: the name {name!r} fits no id; expected {expected}; rename or move it")


def manifests(inbox: Path) -> list[Manifest]:
    """Return the manifest of every submission, sorted by accession; one that is still arriving is not seen."""
    paths = sorted(inbox.glob("*/manifest.json"))
    return [load(Manifest, path) for path in paths if not path.parent.name.startswith(".")]


def without_assets(inbox: Path) -> tuple[str, ...]:
    """Return the accessions of submissions of which nothing has arrived but their description."""
    found = manifests(inbox)
    return tuple(manifest.accession for manifest in found if manifest.declared_files and not manifest.assets)


def asset_digest(asset: Asset) -> str:
    """Return the digest of all that a conversion can depend on: contents and metadata, not where the files lie."""
    return digest_json(asset.model_dump(mode="json", exclude={"findings": True, "files": {"__all__": {"path"}}}))


def source_findings(asset: Asset, submission: Path) -> list[Finding]:
    """Return a finding for each file of an asset that is no longer what was received; `submission` as in `located`.

    A copy in the inbox is ours and read-only: its size is enough. Of a file that is referenced every byte counts.
    """
    findings = []
    for file in asset.files:
        path = submission / file.path
        if not path.is_file():
            findings.append(rules.SOURCE_CHANGED.broken(file.name, "the file is gone"))
        elif path.stat().st_size != file.bytes:
            found = f"{path.stat().st_size:,} bytes, received {file.bytes:,}"
            findings.append(rules.SOURCE_CHANGED.broken(file.name, found))
        elif Path(file.path).is_absolute() and digest_file(path) != file.sha256:
            findings.append(rules.SOURCE_CHANGED.broken(file.name, "another sha256 than was received"))
    return findings


def located(asset: Asset, submission: Path) -> Asset:
    """Return the asset with absolute file paths; `submission` is its folder in the inbox."""
    files = tuple(
        SourceFile(**{**file.model_dump(), "path": str((submission / file.path).resolve())}) for file in asset.files
    )
    return asset.model_copy(update={"files": files})
