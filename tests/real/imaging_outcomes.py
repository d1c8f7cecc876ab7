"""What becomes of a real image: converted and equal to an independent reader on every plane, or held, and why.

The independent readers' answers lie beside this file: Bio-Formats for nearly all (`ask_bioformats.py`), Zeiss' own
library and ffmpeg where Bio-Formats fails or composes a mosaic in another order; tifffile where all of them fail.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
import tifffile

from catchment.config import ImagingAdmit, ImagingConvert
from catchment.imaging import MODALITY
from catchment.imaging.readers import kind_of
from catchment.imaging.readers.trust import BASE, trusted
from catchment.schema.records import Description
from catchment.streaming import interpreter_of
from tests.imaging.conftest import Passage, asset_of, carry
from tests.real.outcomes import SHARED, Outcome, codes, told_by

FILES = SHARED / "imaging"
FOLDERS = ("bad", "czi", "dicom", "hcs_sbs", "lif", "mrc", "nd2", "ome-tiff", "png", "spe", "tiff", "wsi")
PLATES = "hcs/resources"
IMAGE_ENDINGS = (".tif", ".tiff")
# folders that are one plate each
PLATE_FOLDERS = (
    "hcs/resources/CV8000",
    "hcs/resources/ImageXpress/1well-3C-2S-Zmix-T",
    "hcs/resources/ImageXpress/Projection-Mix",
    "hcs/resources/ImageXpress/SingleChannel",
    "hcs_sbs",
)

BIOFORMATS: dict[str, Any] = json.loads(Path(__file__).with_name("bioformats.json").read_text(encoding="utf-8"))
OTHERS: dict[str, Any] = json.loads(Path(__file__).with_name("other_readers.json").read_text(encoding="utf-8"))
# Bio-Formats hands out maps as they are stored, the last row first: what its axes z, y, x are in truth
STORED_AXES = {"mrc/EMD-3001.map.bz2": "yxz", "mrc/EMD-3197.map": "zyx", "mrc/emd_3197.map.gz": "zyx"}


def real_files() -> list[str]:
    """Every real image but those of plates, relative to their folder."""
    return sorted(
        str(path.relative_to(FILES))
        for folder in FOLDERS
        for path in (FILES / folder).glob("*")
        if path.suffix not in (".txt", ".md")
    )


def plate_planes() -> dict[str, list[str]]:
    """The single planes of each plate, relative to the folder of real images."""
    planes: dict[str, list[str]] = {}
    for path in sorted((FILES / PLATES).rglob("*")):
        if path.suffix.lower() in IMAGE_ENDINGS:
            name = str(path.relative_to(FILES))
            planes.setdefault("/".join(name.split("/")[:3]), []).append(name)
    return planes


def outcome_of(name: str, scratch: Path) -> Outcome:
    """What the modality makes of a file; raises AssertionError where it makes anything that others do not see."""
    passage = carry(FILES / name, scratch, settings=ImagingConvert())
    told = told_by(passage.description)
    warnings = codes(passage.findings, errors=False)
    if errors := codes(passage.findings, errors=True):
        return Outcome(*told, f"held: {errors}", warnings)
    return Outcome(*told, compared(name, passage), warnings)


def outcome_of_plate(folder: str, scratch: Path) -> Outcome:
    """What the modality makes of a plate; raises AssertionError where a plane is not what others see in its file."""
    passage = carry(FILES / folder, scratch, settings=ImagingConvert())
    told = told_by(passage.description)
    warnings = codes(passage.findings, errors=False)
    if errors := codes(passage.findings, errors=True):
        return Outcome(*told, f"held: {errors}", warnings)
    rows = pq.read_table(scratch / "images.parquet").to_pylist()
    asked = set()
    for row in rows:
        stored = passage.pixels(image=row["path"])
        planes = (stored[t, c, z] for c, t, z in np.ndindex(stored.shape[1], stored.shape[0], stored.shape[2]))
        for member, plane in zip(row["members"], planes, strict=True):
            name = f"{folder}/{member['file']}"
            who, seen = answers(name)
            assert hashlib.sha256(as_others(name, plane)).hexdigest() in {image["sha256"] for image in seen}, name
            asked.add(who)
    wells, files = len({row["well"] for row in rows}), sum(len(row["members"]) for row in rows)
    size = f"{wells} well{'s' * (wells > 1)}, {len(rows)} images"
    found = f"one plate, {size}, each of {files} planes equal to {' or '.join(sorted(asked))}"
    return Outcome(*told, found, warnings)


def asked_files() -> list[str]:
    """The real images that optional readers are asked about: those of a format with such a partner."""
    formats = {row.format for row in trusted() if row.environment != BASE and row.role != "never"}
    return [name for name in real_files() if kind_of(str(FILES / name)) in formats]


def gpl_is_there() -> bool:
    """Whether the optional readers under the GPL were built."""
    return all(interpreter_of(row.environment).is_file() for row in trusted() if row.environment != BASE)


def opinions_of(name: str) -> list[str]:
    """What becomes of a file where the optional readers are accepted, and what they say of it."""
    with patch.dict(os.environ, {"CATCHMENT_ACCEPT_LICENCES": "gpl"}):
        asset = asset_of(FILES / name)
        description = MODALITY.describe(asset)
        if not isinstance(description, Description):
            return [f"held: {codes(description.findings, errors=True)}", ""]
        admission = MODALITY.validate(description, asset, ImagingAdmit())
    errors = codes(admission.findings, errors=True)
    return [f"held: {errors}" if errors else "admitted", str(admission.statistics["independent_readers"])]


def compared(name: str, passage: Passage) -> str:
    """Say who sees the same pixels; every image of the store must be one that the other reader sees."""
    assert isinstance(passage.description, Description)
    scenes: Any = passage.description.facts["scenes"]
    asked, seen = answers(name)
    for number, scene in enumerate(scenes):
        pixels = passage.pixels(image=str(number) if len(scenes) > 1 else "")
        digest = hashlib.sha256(as_others(name, pixels)).hexdigest()
        same = [image for image in seen if image["sha256"] == digest]
        assert same, f"{name}: image {number} is none that {asked} sees"
        sizes_agree(name, scene["physical_size_um"], same[0].get("sizes_um"))
    count = f"{len(scenes)} images" if len(scenes) > 1 else "1 image"
    return f"converted: {count}, every plane equal to {asked}"


def answers(name: str) -> tuple[str, list[dict[str, Any]]]:
    """Who is asked about a file, and the images that they see in it."""
    if name in OTHERS:
        return OTHERS[name]["reader"], OTHERS[name]["images"]
    told = BIOFORMATS["files"][name]
    if "images" in told:
        return BIOFORMATS["reader"], told["images"]
    plane = tifffile.imread(FILES / name)
    return "tifffile", [{"sha256": hashlib.sha256(plane.astype(plane.dtype.newbyteorder("<")).tobytes()).hexdigest()}]


def as_others(name: str, pixels: np.ndarray) -> bytes:
    """The pixels t, c, z, y, x of a store in the order in which the other reader hands them out, little-endian."""
    if name in STORED_AXES:
        order = [2 + "zyx".index(axis) for axis in STORED_AXES[name]]
        pixels = pixels.transpose(0, 1, *order)[..., ::-1, :]
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()


def sizes_agree(name: str, own: dict[str, float | None], others: list[float | None] | None) -> None:
    """Hold pixel sizes against the other reader's: ours may be missing (print resolutions), never different."""
    if others is None or name in STORED_AXES:
        return
    for axis, size in zip("zyx", others, strict=True):
        assert own[axis] is None or (size is not None and math.isclose(own[axis], size, rel_tol=1e-6)), (name, axis)
