"""Demonstration sets: a ZIP of stained cells as CM4AI ships them, and one that tries to write outside its folder.

Drawn from a seed, the same bytes every time: three treatments, two proteins, four channels, a table of antibodies.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from catchment.demonstration.imaging import FULL, draw_cells

TREATMENTS = ("untreated", "Paclitaxel", "Vorinostat")
# well -> antibody, Ensembl gene, protein
WELLS = {"C1": ("CAB079904", "ENSG00000187555", "USP7"), "H10": ("HPA061717", "ENSG00000122779", "TRIM24")}
# as the Human Protein Atlas names its channels: nucleus, endoplasmic reticulum, microtubules, protein of interest
COLOURS = ("blue", "yellow", "red", "green")
EDGE_PX = 256
PACKED_AT = (2026, 11, 21, 12, 0, 0)
FOLDER = "demo-ifimages-mda-mb-468"
README = "Stand-in for a release of immunofluorescence images: cells drawn from a seed, no cell was ever stained.\n"


def write_image_set(path: Path, *, seed: int) -> dict[str, npt.NDArray[np.uint8]]:
    """Write the ZIP; return the pixels (y, x) that were given to the encoder, by the path of each image in it."""
    drawn = {}
    rows = ["HPA_Antibody_ID,ENSEMBL ID,Protein,Baselink,Plate,Treatment,Well,Region"]
    members: dict[str, bytes] = {f"{FOLDER}/readme.txt": README.encode()}
    for number, (treatment, well) in enumerate((t, w) for t in TREATMENTS for w in WELLS):
        antibody, gene, protein = WELLS[well]
        link = f"B2AI_1_{treatment}_{well}_R1_z01_"
        rows.append(f"{antibody},{gene},{protein},{link},1,{treatment},{well},R1")
        planes = draw_cells(seed + number, (len(COLOURS), 1, EDGE_PX, EDGE_PX))[:, 0]
        for colour, plane in zip(COLOURS, planes, strict=True):
            name = f"{FOLDER}/{colour}/{link}{colour}.jpg"
            drawn[name] = np.minimum(plane // ((FULL + 1) // 256), 255).astype(np.uint8)
            members[name] = jpeg(drawn[name])
    members[f"{FOLDER}/manifest.csv"] = ("\n".join(rows) + "\n").encode()
    pack(path, members)
    return drawn


def write_hostile_zip(path: Path) -> None:
    """Write a ZIP of one image that also has a member meant for a folder above."""
    picture = jpeg(np.zeros((16, 16), np.uint8))
    pack(path, {"images/cell.jpg": picture, "../../escape.jpg": picture})


def jpeg(plane: npt.NDArray[np.uint8]) -> bytes:
    """Return a grey JPEG."""
    data = io.BytesIO()
    Image.fromarray(plane).save(data, "JPEG", quality=90)
    return data.getvalue()


def pack(path: Path, members: dict[str, bytes]) -> None:
    """Write members as a ZIP, in the order of their names, all of one time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, PACKED_AT), members[name], zipfile.ZIP_DEFLATED, 6)
