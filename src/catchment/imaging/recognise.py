"""Which images are ours, told by their first bytes."""

from __future__ import annotations

import bz2
import struct
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath

from catchment.contract import HEAD_BYTES, Confidence, Head
from catchment.imaging.plate_names import is_one_plate

EXTENSIONS = (
    ".ome.tiff", ".ome.tif", ".tiff", ".tif", ".png", ".jpg", ".jpeg",
    ".nd2", ".czi", ".lif", ".lsm", ".stk", ".spe", ".dcm", ".svs", ".ndpi", ".scn", ".bif", ".qptiff",
    ".vsi", ".dv", ".r3d", ".oir", ".oib", ".ims",
    ".mrc", ".mrcs", ".map", ".mrc.gz", ".mrc.bz2", ".map.gz", ".map.bz2", ".zip",
)  # fmt: skip
SET_FORMAT = "image-set"
PLATE_FORMAT = "plate"
IMAGE_ENDINGS = tuple(ending for ending in EXTENSIONS if not ending.endswith((".zip", ".gz", ".bz2")))
# what packers and desktops add to an archive
OF_THE_PACKER = (".ds_store", "thumbs.db", "desktop.ini")

# classic and BigTIFF, little- and big-endian (TIFF 6.0 section 2; BigTIFF design of 2007)
TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
# what the VSI of Olympus' cellSens has right behind the header of a TIFF
VSI_MARKER, VSI_MARKER_AT = b"\x18\0IS", 8
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
ND2_MAGIC = b"\xda\xce\xbe\x0a"
# the second is that of an empty one
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
CZI_MAGIC = b"ZISRAWFILE"
GZIP_MAGIC, BZIP2_MAGIC = b"\x1f\x8b", b"BZh"
OME_MARKER = b"<OME"
# CCP4/MRC 2014: bytes 208 to 211; modes are those of pixels, also of kinds that have no place here
MRC_MARKER, MRC_MARKER_AT, MRC_MODES = b"MAP ", 208, frozenset({0, 1, 2, 3, 4, 6, 12, 101})
# WinView and WinSpec headers: `WinView_id` at byte 2996
SPE_MARKER, SPE_MARKER_AT = b"\x67\x45\x23\x01", 2996
# DeltaVision: the number -16224 in a header that is else like that of a map
DV_MARKERS, DV_MARKER_AT = (b"\xa0\xc0", b"\xc0\xa0"), 96
DICOM_MARKER, DICOM_MARKER_AT = b"DICM", 128
# a data set without the header of part 10: the length of group 8, four bytes long, as its first element
DICOM_BARE = b"\x08\0\0\0\x04\0\0\0"

# Olympus' newer raw format; the older one is a compound file as many others are: its name must say so
OIR_MAGIC = b"OLYMPUSRAWFORMAT"
OIB_MAGIC, OIB_ENDING = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".oib"
# Imaris' files are HDF5; an attribute of their root has this name
HDF5_MAGIC, IMS_MARKER = b"\x89HDF\r\n\x1a\n", b"ImarisDataSet"

CERTAIN, LIKELY, UNLIKELY = 1.0, 0.9, 0.1


def recognise(head: Head) -> Confidence | None:
    """Return the format of an image by its first bytes, or None.

    The OME-XML of a TIFF may lie beyond the bytes that are looked at: `tiff` says that none was seen here, and
    `describe` settles it. Of compressed files only density maps are ours, as their archives hand them out.
    """
    if head.members:
        return recognise_folder(head.members)
    if head.gzipped:
        return Confidence("mrc", CERTAIN) if container_of(head.start) == "mrc" else None
    kind = container_of(head.start)
    if kind == "tiff":
        return Confidence("ome-tiff", CERTAIN) if OME_MARKER in head.start else Confidence("tiff", LIKELY)
    if kind == "bzip2":
        return recognise_bzip2(head)
    if kind == "zip":
        return recognise_archive(head)
    if kind == "oib" and not head.name.lower().endswith(OIB_ENDING):
        return None
    return Confidence(kind, CERTAIN) if kind else None


def recognise_archive(head: Head) -> Confidence | None:
    """Return that a ZIP is a set of images where most of its files are; one that is named so is hardly one.

    Text documents and spreadsheets are ZIPs with pictures among many parts: these are none of ours.
    """
    kept = [name for name in head.archived if not name.endswith("/") and not is_of_the_packer(name)]
    images = sum(map(is_image_name, kept))
    if images * 2 > len(kept):
        return Confidence(SET_FORMAT, LIKELY)
    return Confidence(SET_FORMAT, UNLIKELY) if head.name.lower().endswith(".zip") else None


def recognise_folder(members: Sequence[str]) -> Confidence | None:
    """Return that a folder is a plate where its names say so; one of images hardly is, unless its submitter says so."""
    images = [name for name in members if is_image_name(name)]
    if is_one_plate(members, images):
        return Confidence(PLATE_FORMAT, LIKELY)
    return Confidence(PLATE_FORMAT, UNLIKELY) if 2 * len(images) > len(members) else None


def is_image_name(name: str) -> bool:
    """Tell whether a name in an archive is that of an image."""
    return name.lower().endswith(IMAGE_ENDINGS) and not is_of_the_packer(name)


def is_of_the_packer(name: str) -> bool:
    """Tell whether a file in an archive is no part of what was sent: macOS and Windows add such."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith("._") or path.name.lower() in OF_THE_PACKER


def companions(head: Head, beside: AbstractSet[str]) -> Sequence[str]:
    """Return the folder of frames that a VSI has beside it."""
    kind = container_of(head.start)
    stem = PurePosixPath(head.name).stem
    return [f"_{stem}_"] if kind == "vsi" and f"_{stem}_" in beside else []


def recognise_bzip2(head: Head) -> Confidence | None:
    """Return that a bzip2 file holds a density map; where its first block is too long to look into, its name says."""
    start = inflated_bzip2(head.start)
    if start is None or (not start and "mrc" not in promised_formats(head.name)):
        return None
    if not start:
        return Confidence("mrc", LIKELY)
    return Confidence("mrc", CERTAIN) if container_of(start) == "mrc" else None


def inflated_bzip2(data: bytes) -> bytes | None:
    """Return the first 64 KiB inside bzip2 data, nothing where no block ends in it; None where it is damaged."""
    try:
        return bz2.BZ2Decompressor().decompress(data, HEAD_BYTES)
    except (OSError, ValueError):
        return None


def container_of(start: bytes) -> str | None:
    """Return the container for the first bytes (64 KiB, less where the file is shorter), or None."""
    if start.startswith(TIFF_MAGICS):
        return "vsi" if start[VSI_MARKER_AT:].startswith(VSI_MARKER) else "tiff"
    magics = {PNG_MAGIC: "png", JPEG_MAGIC: "jpeg", ND2_MAGIC: "nd2", CZI_MAGIC: "czi", BZIP2_MAGIC: "bzip2"}
    magics |= dict.fromkeys(ZIP_MAGICS, "zip") | {OIR_MAGIC: "oir", OIB_MAGIC: "oib"}
    for magic, kind in magics.items():
        if start.startswith(magic):
            return kind
    if start.startswith(HDF5_MAGIC) and IMS_MARKER in start:
        return "ims"
    if start[MRC_MARKER_AT:].startswith(MRC_MARKER) and mrc_mode(start) in MRC_MODES:
        return "mrc"
    if start[DV_MARKER_AT:].startswith(DV_MARKERS) and dv_planes(start):
        return "dv"
    if start[DICOM_MARKER_AT:].startswith(DICOM_MARKER):
        return "dicom"
    if start.startswith(DICOM_BARE) and start[12:14] == b"\x08\0":
        return "dicom"
    if start[SPE_MARKER_AT:].startswith(SPE_MARKER):
        return "spe"
    return "lif" if looks_like_lif(start) else None


def mrc_mode(start: bytes) -> int:
    """Return the kind of pixels of a density map: the fourth word, in the byte order in which it is small."""
    return min(int.from_bytes(start[12:16], "little"), int.from_bytes(start[12:16], "big"))


def dv_planes(start: bytes) -> bool:
    """Tell whether the first words of a DeltaVision header are sizes of planes and a kind of pixels."""
    order = "<" if start[DV_MARKER_AT:].startswith(DV_MARKERS[0]) else ">"
    if len(start) < DV_MARKER_AT:
        return False
    sizes: tuple[int, ...] = struct.unpack(f"{order}3i", start[:12])
    return min(sizes) > 0 and max(sizes[:2]) < 1 << 20


def looks_like_lif(start: bytes) -> bool:
    """Tell whether bytes start a Leica image file: test value 0x70, length, 0x2A, characters, UTF-16 of XML."""
    if len(start) < 15:
        return False
    test, length, mark, characters = struct.unpack("<IIBI", start[:13])
    return test == 0x70 and mark == 0x2A and length == characters * 2 + 5 and start[13:15] == b"<\0"


# what a name's ending promises; other endings (.rec, .st, ...) promise nothing that we could hold against it
TIFFS = ("tiff", "ome-tiff")
PROMISES: dict[str, tuple[str, ...]] = {
    ".ome.tiff": ("ome-tiff",),
    ".ome.tif": ("ome-tiff",),
    **dict.fromkeys((".tiff", ".tif", ".lsm", ".stk", ".svs", ".ndpi", ".scn", ".bif", ".qptiff"), TIFFS),
    ".png": ("png",),
    ".jpg": ("jpeg",),
    ".jpeg": ("jpeg",),
    **dict.fromkeys((".mrc", ".mrcs", ".map", ".mrc.gz", ".mrc.bz2", ".map.gz", ".map.bz2"), ("mrc",)),
    ".dcm": ("dicom",),
    ".zip": (SET_FORMAT,),
    ".r3d": ("dv",),
    **{f".{kind}": (kind,) for kind in ("nd2", "czi", "lif", "spe", "vsi", "dv", "oir", "oib", "ims")},
}


def promised_formats(name: str) -> tuple[str, ...]:
    """Return the formats that a file's name may have by its ending; empty where the ending promises none."""
    endings = [ending for ending in PROMISES if name.lower().endswith(ending)]
    return PROMISES[max(endings, key=len)] if endings else ()
