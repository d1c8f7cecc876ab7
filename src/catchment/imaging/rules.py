"""What an image is held to: its container, its metadata, its pixels, what was written of it."""

from __future__ import annotations

from catchment.archive import rules as archive_rules
from catchment.schema.rules import DOCTYPE, NAME_LIES, declare

__all__ = ["DOCTYPE", "NAME_LIES", "archive_rules"]

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
    "an image points at a file that is not part of this asset",
    expected="names of files that were sent with it; in UUID/@FileName of OME-TIFF, names without folders",
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

OPTIONAL_READER = declare(
    "IMG-013",
    "error",
    "an image is of a kind that only an optional reader reads, and that one is not set up",
    expected="an accepted licence and the reader in its own environment",
    fix="run `make readers ACCEPT_LICENCES=gpl` and set accept_licences: [gpl] in the configuration, then admit the "
    "asset again (docs/readers.md); or export the image as OME-TIFF",
    unsafe=True,  # as above
)
FRAMES_MISSING = declare(
    "IMG-014",
    "error",
    "the frames of a slide are not there",
    expected="the folder `_NAME_` with its .ets files beside NAME.vsi",
    fix="send the .vsi and its folder `_NAME_` together in one folder; or export the scan as OME-TIFF",
    unsafe=True,  # what is there are pictures of the slide and its label
)

# --- the metadata ------------------------------------------------------------------------------------------------

SIZE_MISSING = declare(
    "IMG-020",
    "warning",
    "the physical size of a pixel is not known",
    expected="a size above 0 in a unit of length; print resolutions (72, 300 dpi, ...) say nothing about a specimen",
    fix="export the image as OME-TIFF with PhysicalSizeX, PhysicalSizeY and, for stacks, PhysicalSizeZ; of a ZIP of "
    "images give `pixel_size_um` under the asset's annotations",
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

# --- sets of images in one archive -------------------------------------------------------------------------------

NO_IMAGE = declare(
    "IMG-040",
    "error",
    "an archive holds no image",
    expected="images, each in a format of docs/formats.md, whose names end as the format's do",
    fix="send the images in one ZIP; send other files outside it",
    unsafe=True,
)
LEFT_OUT = declare(
    "IMG-041",
    "warning",
    "files in an archive of images are left out: nobody reads them, so the archive itself is not published either",
    expected="images, tables (.csv, .tsv) and documents (.txt, .md, .json, .html, .xml, .pdf, .yaml)",
    fix="take the files out of the archive, and send what is data as an asset of its own",
    unsafe=True,
)
NAME_TELLS_NOTHING = declare(
    "IMG-042",
    "warning",
    "names of images in a set do not say where and how they were taken",
    expected="names by the template under annotations: member_names, or by a known one (docs/submitting.md)",
    fix="give a template, such as `member_names: '{treatment}_{well}_{region}_{channel}'`",
)
UNLIKE = declare(
    "IMG-043",
    "error",
    "images of one field differ in size or kind of pixel",
    expected="one size and one kind of pixel for all channels and planes of a field",
    fix="export the named image as the others of its field",
)
CHANNEL_MISSING = declare(
    "IMG-044",
    "warning",
    "fields of a set lack a channel that others have",
    expected="every channel for each field; the field is kept with the channels that it has",
    fix="add the missing images, or nothing where they were never taken",
)
PLANE_MISSING = declare(
    "IMG-045",
    "error",
    "a channel of a field lacks a plane that another channel has, or that it has in other fields",
    expected="the same z planes and time points for all channels of a field: what is absent would be read as 0",
    fix="add the missing image, or leave its plane out of all channels",
)
SAME_PLACE = declare(
    "IMG-046",
    "error",
    "two images claim the same channel and plane of a field",
    expected="one image for each",
    fix="remove one of them, or give a template (member_names) that tells them apart",
)
NOT_ONE_PLANE = declare(
    "IMG-047",
    "error",
    "a file of a set holds more than its name can tell apart",
    expected="one image; one plane, where the name says which channel it is",
    fix="split the file, or send it as an asset of its own",
)
FACTS_DIFFER = declare(
    "IMG-048",
    "error",
    "the name of an image, a table and the submission contradict each other",
    expected="the same treatment, well, protein, ... wherever it is said",
    fix="correct the one that is wrong",
)
NO_TABLE = declare(
    "IMG-049",
    "warning",
    "a table in a set of images is not used",
    expected="a CSV or TSV in UTF-8 with a header whose columns docs/submitting.md lists",
    fix="name the columns as listed; one must say which image a row is about (file, or treatment, well, region)",
)
NO_ROW = declare(
    "IMG-050",
    "warning",
    "images of a set have no row of their own in its table",
    expected="one row for each image or field; what no row says stays unknown",
    fix="add the rows, or remove those that contradict each other",
)
BAD_NAMING = declare(
    "IMG-051",
    "error",
    "what the submission says of the images in a set cannot be used",
    expected="`member_names` with known tokens, each once; `channels` as `word=name, ...`; `pixel_size_um` a number",
    fix="correct the annotations of the asset; docs/submitting.md lists the tokens",
)

# --- plates ------------------------------------------------------------------------------------------------------

NO_PLATE = declare(
    "IMG-052",
    "error",
    "names in a folder of images do not say which well each one shows",
    expected="names by the pattern under annotations: plate_names, or by a known one (docs/submitting.md)",
    fix="give a pattern, such as `plate_names: '{plate}_{well}_s{field}_w{channel}'`, or list the images one by one",
)
INDEX_UNFIT = declare(
    "IMG-053",
    "error",
    "what the microscope wrote about a plate cannot be read",
    expected="the index files of the microscope as it wrote them: well-formed, with numbers where numbers belong",
    fix="copy the files (.mlf, .mrf, .mes, .wpi; .HTD) from the microscope's computer again",
)
LISTED_ABSENT = declare(
    "IMG-054",
    "error",
    "images that the microscope's index lists are not there",
    expected="every image of the index, under the name that it has there",
    fix="add the missing images: the upload was not complete",
)
PLATE_INCOMPLETE = declare(
    "IMG-055",
    "warning",
    "a plate lacks wells, fields or time points that were to be imaged, or that other wells have",
    expected="the same fields in every well; the plate is kept with what it has",
    fix="add the missing images, or nothing where they were never taken",
)
OFF_PLATE = declare(
    "IMG-056",
    "warning",
    "images in the folder of a plate are left out: neither an index nor their names put them into a well",
    expected="images of wells; thumbnails and the microscope's own corrections are left out without a word",
    fix="send them as assets of their own, or give a pattern (plate_names) that fits them too",
)

# --- what was written --------------------------------------------------------------------------------------------

WRITTEN_DIFFERS = declare(
    "IMG-030",
    "error",
    "the OME-Zarr does not hold the pixels of its source",
    expected="level 0 equal to the source bit by bit, every shard there",
    fix="run the conversion again; where it stays, please report the file",
)
