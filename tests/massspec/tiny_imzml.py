"""Tiny imzML images, written out by hand so that each test can break one thing."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tiny_mzml import PSI, asset_of

from catchment.schema.records import Asset

IDENTIFIER = uuid.UUID("1e82151a-9be8-4894-97a9-57549c205134")
TYPES = {
    "<f4": ("MS:1000521", "32-bit float"),
    "<f8": ("MS:1000523", "64-bit float"),
    "<i4": ("MS:1000519", "32-bit integer"),
    "<i8": ("MS:1000522", "64-bit integer"),
    "<i2": ("IMS:1100001", "16-bit integer"),
}
KINDS = {
    "mz": ("MS:1000514", "m/z array"),
    "intensity": ("MS:1000515", "intensity array"),
    "mobility": ("MS:1003008", "raw inverse reduced ion mobility array"),
    "charge": ("MS:1000516", "charge array"),
}


def term(accession: str, name: str, value: object = "", unit: str = "") -> str:
    own = f' unitCvRef="UO" unitAccession="{unit}" unitName="unit"' if unit else ""
    return f'<cvParam cvRef="{accession.split(":")[0]}" accession="{accession}" name="{name}" value="{value}"{own}/>'


def checksum(name: str, data: bytes) -> str:
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


SETTINGS = (
    term("IMS:1000042", "max count of pixels x", 2)
    + term("IMS:1000043", "max count of pixels y", 2)
    + term("IMS:1000046", "pixel size (x)", "50.0", "UO:0000017")
    + term("IMS:1000413", "flyback")
)
KIND = term("MS:1000579", "MS1 spectrum") + term("MS:1000127", "centroid spectrum")


@dataclass
class Image:
    """An image's `.imzML` and `.ibd`, which grow with each pixel."""

    continuous: bool = False
    compressed: bool = False
    identifier: bytes = IDENTIFIER.bytes
    types: dict[str, str] = field(default_factory=lambda: {"mz": "<f8", "intensity": "<f4"})
    ibd: bytes = b""
    spectra: list[str] = field(default_factory=list)
    mz: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        self.ibd = self.identifier

    def place(self, values: Any, type_: str) -> tuple[int, int, int]:
        """Append an array; return its offset, bytes and values."""
        data = np.asarray(values).astype(type_).tobytes()
        data = zlib.compress(data) if self.compressed else data
        start = len(self.ibd)
        self.ibd += data
        return start, len(data), len(values)

    def array(self, kind: str, place: Sequence[object]) -> str:
        packed = ("MS:1000574", "zlib compression") if self.compressed else ("MS:1000576", "no compression")
        told = zip(("IMS:1000102", "IMS:1000104", "IMS:1000103"), ("offset", "encoded", "length"), place, strict=True)
        return (
            f'<binaryDataArray encodedLength="0"><referenceableParamGroupRef ref="{kind}"/>{term(*packed)}'
            f"{''.join(term(accession, name, value) for accession, name, value in told)}<binary/></binaryDataArray>"
        )

    def add(
        self,
        x: object,
        y: object,
        mz: Any,
        intensity: Any,
        /,
        *,
        id_: str | None = None,
        kind: str = KIND,
        extra: str = "",
        scan: str = "",
        more: dict[str, Any] | None = None,
        **places: Sequence[object],
    ) -> Image:
        """Add a pixel; `places` say falsely where an array lies, `more` are arrays of other kinds."""
        if self.mz is None or not self.continuous:
            self.mz = self.place(mz, self.types["mz"])
        found: dict[str, Sequence[object]] = {
            "mz": self.mz,
            "intensity": self.place(intensity, self.types["intensity"]),
        }
        found |= {name: self.place(values, "<f8") for name, values in (more or {}).items()}
        found |= places
        number = len(self.spectra) + 1
        position = (term("IMS:1000050", "position x", x) if x is not None else "") + term(
            "IMS:1000051", "position y", y
        )
        arrays = "".join(self.array(name, place) for name, place in found.items())
        self.spectra.append(
            f'<spectrum index="{number}" id="{f"spectrum={number}" if id_ is None else id_}" defaultArrayLength="0">'
            f'{kind}<scanList count="1">{term("MS:1000795", "no combination")}<scan>{scan}{position}</scan></scanList>'
            f'{extra}<binaryDataArrayList count="{len(found)}">{arrays}</binaryDataArrayList></spectrum>\n'
        )
        return self

    def document(self, *, content: str | None = None, declared: int | None = None, tail: str = "") -> str:
        """Return the `.imzML`; `content` stands for what it says of the `.ibd`."""
        mode = term("IMS:1000030", "continuous") if self.continuous else term("IMS:1000031", "processed")
        told = term("IMS:1000080", "universally unique identifier", "{" + str(IDENTIFIER).upper() + "}")
        told += term("IMS:1000091", "ibd SHA-1", checksum("sha1", self.ibd).upper())
        types = {"mobility": "<f8", "charge": "<f8", **self.types}
        groups = "".join(
            f'<referenceableParamGroup id="{kind}">{term(*KINDS[kind])}{term(*TYPES[type_])}'
            f"{term('IMS:1000101', 'external data', 'true')}</referenceableParamGroup>"
            for kind, type_ in types.items()
        )
        content = told if content is None else content
        return (
            f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<mzML xmlns="{PSI}" version="1.1">'
            '<cvList count="2"><cv id="MS" fullName="PSI-MS" URI="ms"/><cv id="UO" fullName="UO" URI="uo"/></cvList>'
            f"<fileDescription><fileContent>{KIND}{mode}{content}</fileContent></fileDescription>"
            f'<referenceableParamGroupList count="{len(types)}">{groups}</referenceableParamGroupList>'
            f'<scanSettingsList count="1"><scanSettings id="s">{SETTINGS}</scanSettings></scanSettingsList>'
            '<instrumentConfigurationList count="1"><instrumentConfiguration id="IC">'
            f"{term('MS:1001911', 'Q Exactive')}</instrumentConfiguration></instrumentConfigurationList>"
            f'<run id="r"><spectrumList count="{len(self.spectra) if declared is None else declared}">\n'
            f"{''.join(self.spectra)}</spectrumList>{tail}</run></mzML>\n"
        )

    def written(self, folder: Path, ibd: bytes | None = None, text: str | None = None, **more: Any) -> Asset:
        """Write the pair (`ibd` and `text` in place of what they are) and return it as it is received."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "slice.imzML").write_text(self.document(**more) if text is None else text, encoding="latin-1")
        (folder / "slice.ibd").write_bytes(self.ibd if ibd is None else ibd)
        return pair_of(folder / "slice.imzML")


def pair_of(path: Path) -> Asset:
    """Return an imzML with its `.ibd` as one asset."""
    asset = asset_of(path, format="imzml")
    return asset.model_copy(update={"files": (*asset.files, *asset_of(path.with_suffix(".ibd")).files)})


def three_pixels(**how: Any) -> Image:
    """Return an image of 2 x 2 pixels of which one was not taken."""
    image = Image(**how)
    for number, (x, y) in enumerate(((1, 1), (2, 1), (1, 2)), start=1):
        image.add(x, y, (100.5, 200.25, 300.125), (1.0 * number, 7.0 * number, 2.0 * number))
    return image
