"""A toy modality in place of the real ones: a file is known by its first bytes, and nothing is imported."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from pydantic import BaseModel

from catchment.contract import Confidence, Head, Modality
from catchment.modalities import RECOGNISER
from catchment.schema.records import MODALITY_NAMES, Asset, ModalityName
from catchment.submission import receive as receive_room
from catchment.submission.receive import Receipt

MAGIC: dict[ModalityName, bytes] = {"imaging": b"II*\0", "massspec": b"<mzML", "singlecell": b"\x89HDF"}
ENDINGS: dict[ModalityName, tuple[str, ...]] = {
    "imaging": (".tif", ".ome.tif", ".png"),
    "massspec": (".mzml", ".mzml.gz"),
    "singlecell": (".h5ad",),
}


class NoSettings(BaseModel):
    """Settings of a toy: none."""


def never(*_: Any) -> Any:
    """Stand in for a function that no test here may reach."""
    raise AssertionError("a toy has no steps")


def recogniser(name: ModalityName) -> Callable[[Head], Confidence | None]:
    """Return a function that knows a modality's files by their first bytes, and a folder by its `main` file."""

    def recognise(head: Head) -> Confidence | None:
        main = head.member("main") if "main" in head.members else head
        return Confidence(f"toy-{name}", 0.9) if main.start.startswith(MAGIC[name]) else None

    return recognise


def companions(head: Head, beside: AbstractSet[str]) -> list[str]:
    """Return what belongs to a toy file: `<stem>.side`, and the folder `_<stem>_`."""
    stem = PurePosixPath(head.name).stem
    return [f"{stem}.side", f"_{stem}_"]


TOYS: dict[str, Modality[Any, Any, Any]] = {
    name: Modality(
        admit_settings=NoSettings,
        convert_settings=NoSettings,
        normalise_settings=NoSettings,
        extensions=ENDINGS[name],
        recognise=recogniser(name),
        describe=never,
        prepare=never,
        validate=never,
        estimate=never,
        convert=never,
        measure=never,
        normalise=never,
        draw=never,
        contribute=never,
        companions=companions,
    )
    for name in MODALITY_NAMES
}


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a toy in place of every modality."""
    for room in ("modalities", "steps"):
        monkeypatch.setattr(f"catchment.{room}.modality", TOYS.__getitem__)


def receive(given: Path, inbox: Path, **options: Any) -> Receipt:
    """Take an upload into an inbox, its files told apart as the house does it."""
    return receive_room.receive(given, inbox, RECOGNISER, **options)


def only(receipt: Receipt) -> Asset:
    """Return the one asset of a submission."""
    (asset,) = receipt.assets
    return asset


def write_upload(folder: Path, description: str = "", **files: bytes) -> Path:
    """Write an upload: a `submission.yaml` (where there is one) and files, `_` in a name standing for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    if description:
        (folder / "submission.yaml").write_text(description, encoding="utf-8")
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return time of change and bytes of every file below a folder, by path."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
