"""What an image is held to: its container, its metadata, its pixels, what was written of it."""

from __future__ import annotations

from catchment.schema.rules import DOCTYPE, NAME_LIES, declare

__all__ = ["DOCTYPE", "NAME_LIES"]

TIFF6 = "TIFF 6.0, section 2"
OME = "OME-TIFF specification 6"

# --- the container -----------------------------------------------------------------------------------------------

BROKEN_CHAIN = declare(
    "IMG-001",
    "error",
    "the chain of image directories of a TIFF loops, leaves the file, or is absurdly long",
    expected="each image directory (IFD) once, inside the file, 200,000 at most",
    fix="open the file with the software that wrote it and save it again",
    source=TIFF6,
    unsafe=True,
)
CUT_SHORT = declare(
    "IMG-002",
    "error",
    "a file ends before its pixels do",
    expected="all bytes that the headers point at inside the file",
    fix="the file was cut on its way; copy it again from its source and compare sizes",
    source=TIFF6,
    unsafe=True,
)
TOO_LARGE = declare(
    "IMG-003",
    "error",
    "a file declares a tile, strip or image larger than is decoded here",
    expected="no more than admit.max_chunk_mb at a time",
    fix="save the image in tiles (512 to 2048 pixels), or raise imaging.admit.max_chunk_mb where the size is real",
    unsafe=True,
)
POINTS_OUT = declare(
    "IMG-004",
    "error",
    "an OME-TIFF points at a file outside its folder",
    expected="file names without folders in UUID/@FileName",
    fix="save the image again as one OME-TIFF that holds all its pixels",
    source=OME,
    unsafe=True,
)
COMPANION_MISSING = declare(
    "IMG-005",
    "error",
    "an OME-TIFF keeps pixels in a companion file that is not part of this asset",
    expected="all pixels in the one file",
    fix="save the image again as one OME-TIFF that holds all its pixels",
    source=OME,
)
NOT_READABLE = declare(
    "IMG-006",
    "error",
    "an image's headers cannot be read",
    expected="an image file of docs/formats.md whose headers are whole",
    fix="open the file with the software that wrote it and save it again",
    unsafe=True,
)
OME_XML_UNFIT = declare(
    "IMG-007",
    "error",
    "the OME-XML of an image is damaged or describes other pixels than the file has",
    expected="well-formed OME-XML whose sizes and types are those of the stored pixels",
    fix="save the image again with software that writes valid OME-TIFF, or as plain TIFF",
    source=OME,
)
PIXELS_MISSING = declare(
    "IMG-008",
    "error",
    "planes or tiles that a file declares were never stored",
    expected="bytes for every tile and every plane: what is absent would be read as 0",
    fix="export the image again, whole; where planes were never acquired, leave them out of the declared sizes",
)
NO_PLACE = declare(
    "IMG-009",
    "error",
    "an image has an axis or a kind of pixel that OME-Zarr (t, c, z, y, x) has no place for",
    expected="axes out of time, channel, z, y, x; whole numbers or floats; grey or RGB(A) pixels",
    fix="export the image with these axes, one file per further axis position",
)
NOT_DECODABLE = declare(
    "IMG-010",
    "error",
    "pixels cannot be decoded",
    expected="every tile and strip whole, in a compression that is supported",
    fix="the file may be damaged: copy it again; else save it with no, deflate or LZW compression",
)
READERS_DISAGREE = declare(
    "IMG-011",
    "error",
    "two readers see different pixels in the same file",
    expected="the same values, plane by plane",
    fix="save the image again as OME-TIFF; please report the file, it shows a defect in a reader",
)

NO_READER = declare(
    "IMG-012",
    "error",
    "an image is of a kind for which no reader here is known to be right",
    expected="a format, compression and kind of pixel of docs/formats.md",
    fix="export the image as OME-TIFF with the software that wrote it, or with Bio-Formats",
    unsafe=True,  # what nobody looks into may hold the picture of a label
)

# --- the metadata ------------------------------------------------------------------------------------------------

SIZE_MISSING = declare(
    "IMG-020",
    "warning",
    "the physical size of a pixel is not known",
    expected="a size above 0 in a unit of length; print resolutions (72, 300 dpi, ...) say nothing about a specimen",
    fix="export the image as OME-TIFF with PhysicalSizeX, PhysicalSizeY and, for stacks, PhysicalSizeZ",
    source="OME-Zarr 0.5, axes and units",
)
AXIS_ASSUMED = declare(
    "IMG-021",
    "warning",
    "the file does not say what its pages are",
    expected="pages named as time points, z planes or channels",
    fix="give `page_axis: t`, `z` or `c` under the asset's annotations, or export the image as OME-TIFF",
)

SLIDE_PICTURES = declare(
    "IMG-022",
    "warning",
    "pictures of the slide itself are left out: its label may name a patient",
    expected="the scanned image alone; the submitted file still holds the pictures",
    fix="remove label and macro images with the scanner's software before the file is published",
    unsafe=True,
)
PERSON_NAMED = declare(
    "IMG-023",
    "warning",
    "the headers of a medical image say who was imaged",
    expected="no names, numbers or birth dates of people; they are not taken into the OME-Zarr",
    fix="take them out of the file (DICOM PS3.15, annex E) before it is published",
    source="DICOM PS3.15, annex E",
    unsafe=True,
)
GAPS = declare(
    "IMG-024",
    "warning",
    "a mosaic does not fill its rectangle",
    expected="tiles that cover the image; where there is none, pixels are 0",
    fix="nothing to do where the region was not rectangular; else export the mosaic stitched",
)

# --- what was written --------------------------------------------------------------------------------------------

WRITTEN_DIFFERS = declare(
    "IMG-030",
    "error",
    "the OME-Zarr does not hold the pixels of its source",
    expected="level 0 equal to the source bit by bit, every shard there",
    fix="run the conversion again; where it stays, please report the file",
)
