"""Which images are ours, told by their first bytes."""

from __future__ import annotations

from catchment.contract import Confidence, Head

EXTENSIONS = (".ome.tiff", ".ome.tif", ".tiff", ".tif", ".png", ".jpg", ".jpeg")

# classic and BigTIFF, little- and big-endian (TIFF 6.0 section 2; BigTIFF design of 2007)
TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
OME_MARKER = b"<OME"

CERTAIN, LIKELY = 1.0, 0.9


def recognise(head: Head) -> Confidence | None:
    """Return the format of an image by its first bytes, or None.

    The OME-XML of a TIFF may lie beyond the bytes that are looked at: `tiff` says that none was seen here, and
    `describe` settles it. A gzip file is none of ours, whatever is inside.
    """
    if head.gzipped or head.members:
        return None
    kind = container_of(head.start)
    if kind == "tiff":
        return Confidence("ome-tiff", CERTAIN) if OME_MARKER in head.start else Confidence("tiff", LIKELY)
    return Confidence(kind, CERTAIN) if kind else None


def container_of(start: bytes) -> str | None:
    """Return `tiff`, `png` or `jpeg` for the first bytes of a file, or None."""
    if start.startswith(TIFF_MAGICS):
        return "tiff"
    if start.startswith(PNG_MAGIC):
        return "png"
    return "jpeg" if start.startswith(JPEG_MAGIC) else None


# what a name's ending promises; other endings (.lsm, .svs, .stk, ...) promise nothing that we could hold against it
PROMISES: dict[str, tuple[str, ...]] = {
    ".ome.tiff": ("ome-tiff",),
    ".ome.tif": ("ome-tiff",),
    ".tiff": ("tiff", "ome-tiff"),
    ".tif": ("tiff", "ome-tiff"),
    ".png": ("png",),
    ".jpg": ("jpeg",),
    ".jpeg": ("jpeg",),
}


def promised_formats(name: str) -> tuple[str, ...]:
    """Return the formats that a file's name may have by its ending; empty where the ending promises none."""
    endings = [ending for ending in PROMISES if name.lower().endswith(ending)]
    return PROMISES[max(endings, key=len)] if endings else ()
