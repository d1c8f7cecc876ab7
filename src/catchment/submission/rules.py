"""What an upload is held to before anything in it is read as data."""

from __future__ import annotations

from catchment.schema.rules import NAME_LIES as NAME_LIES
from catchment.schema.rules import declare

UNRECOGNISED = declare(
    "FMT-002",
    "error",
    "no modality recognises a file",
    expected="an H5AD, an image or an instrument run in a format listed in docs/formats.md",
    fix="remove the file, or convert it to a supported format",
    unsafe=True,
)
FILE_MISSING = declare(
    "LIST-001",
    "error",
    "a listed file is not in the upload",
    expected="every listed file beside its description",
    fix="add the file to the upload, or take it off the list",
)
FILE_UNLISTED = declare(
    "LIST-002",
    "warning",
    "a file of the upload is listed nowhere",
    expected="every file listed as an asset or named as metadata",
    fix="list the file under `assets`, or leave it out",
)
CHECKSUM = declare(
    "SUM-001",
    "error",
    "a file's checksum is not the declared one",
    expected="the sha256 that the description declares",
    fix="send the file again; where the file is right, correct the declared checksum",
)
UNSAFE_PATH = declare(
    "PATH-002",
    "error",
    "a listed path leaves the upload",
    expected="a path below the upload's folder, without links",
    fix="put the file into the upload's folder and list its name",
    source="docs/submitting.md, what is checked",
    unsafe=True,
)
FILE_SHARED = declare(
    "LIST-004",
    "error",
    "a file is part of two assets",
    expected="every file in one asset; a folder that is an asset has all the files below it",
    fix="list the folder, or the first of the files that belong together, and nothing that is part of it",
)
RENAMED = declare(
    "PATH-003",
    "warning",
    "the names inside a folder cannot be kept",
    expected="names that stay apart when every character but A-Z, a-z, 0-9, `.`, `_` and `-` becomes `_`, also without "
    "case, and of at most 120 characters",
    fix="rename the files inside the folder where a reader has to find them by name",
    source="docs/decisions/0020-assets-of-many-files.md",
)
UNKNOWN_SAMPLE = declare(
    "LINK-001",
    "error",
    "an asset names a sample that is not declared",
    expected="the id of a sample under `samples`",
    fix="declare the sample, or correct its id (ids are compared letter by letter)",
)
UNKNOWN_TERM = declare(
    "META-001",
    "error",
    "a sample's ontology term does not exist or is obsolete",
    expected="a current term of the pinned ontology releases",
    fix="look the term up in the ontology and give its current id",
    source="cross-modality metadata 1.1.0",
)
NOT_CHECKED = declare(
    "META-003",
    "info",
    "a term could not be checked",
    expected="a term of an ontology that can be checked here",
    fix="nothing to do; the term is kept as given, and not called valid",
)
BAD_VALUE = declare(
    "META-002",
    "error",
    "a metadata value is not one of the allowed ones",
    expected="one of the values that the standard lists",
    fix="choose one of the allowed values",
    source="cross-modality metadata 1.1.0",
)
RUN_UNDESCRIBED = declare(
    "LIST-003",
    "warning",
    "a run has no row in the SDRF",
    expected="a row for every instrument run, its name under comment[data file]",
    fix="add a row for the run",
    source="SDRF-Proteomics",
)
SOURCE_CHANGED = declare(
    "SRC-001",
    "error",
    "a submitted file changed after it was received",
    expected="the bytes that were received",
    fix="receive the submission again; let nothing write to files that are referenced",
    unsafe=True,
)
DATASHEET_REPAIRED = declare(
    "D4D-001",
    "warning",
    "a line of a datasheet had to be repaired to be read",
    expected="YAML; text with a colon in quotes, nothing before or after the document",
    fix='put the text in quotes: "Human Subjects: No; ..."; nothing of it was lost',
    source="Datasheets for Datasets (D4D)",
)
DATASHEET_REJOINED = declare(
    "D4D-002",
    "info",
    "a sentence of a datasheet was read as key and value",
    expected="text in quotes where it has a colon",
    fix="nothing to do, its words were put together again; put it in quotes to be read as written",
    source="Datasheets for Datasets (D4D)",
)
DECLARED_FILE = declare(
    "D4D-003",
    "error",
    "a file record of a description cannot be used",
    expected="a plain relative path, given once; md5 of 32, sha256 of 64 hexadecimal digits; bytes as a number",
    fix="correct the record; the files that it names are taken without it where they are in the upload",
    source="Datasheets for Datasets (D4D)",
)
DATASHEET_FORMAT = declare(
    "D4D-004",
    "warning",
    "a file record of a datasheet contradicts itself",
    expected="`format` and `media_type` of one kind, and the ending of the name with them",
    fix="correct `format`; the media type was taken",
    source="Datasheets for Datasets (D4D)",
)
RESOURCE_UNRESOLVED = declare(
    "D4D-005",
    "warning",
    "data elsewhere are named without an accession",
    expected="the accession or address of each deposit",
    fix="give the accession (PRJNA..., MSV..., PXD...); none is ever guessed, and nothing can be fetched until then",
    source="Datasheets for Datasets (D4D)",
)
EMBARGO_IN_PROSE = declare(
    "D4D-006",
    "warning",
    "a description speaks of an embargo without saying of what and until when",
    expected="the files concerned and a date",
    fix="say which files are under embargo until when; until then the study is marked as open with parts under embargo",
    source="Datasheets for Datasets (D4D)",
)
AWAITED = declare(
    "LIST-005",
    "info",
    "a declared file has not arrived yet",
    expected="its bytes, with the declared checksum",
    fix="send the file with the same description; until then its record can be found, marked as awaiting bytes",
)
FILE_TWICE = declare(
    "LIST-006",
    "warning",
    "a file is listed twice",
    expected="every file on one list, once",
    fix="take it off one of the lists; the first entry was taken",
    source="BioImage Archive, file lists",
)
TITLE_TWICE = declare(
    "PTB-001",
    "warning",
    "two sections of a type have one title",
    expected="a title of its own for each biosample, specimen, acquisition, correlation and analysis: they join by it",
    fix="give each its own title, and correct the associations",
    source="REMBI, as the BioImage Archive reads it",
)
ASSOCIATION_DANGLES = declare(
    "PTB-002",
    "warning",
    "an association names a section that is not there",
    expected="the title of a biosample, specimen, acquisition, correlation or analysis, letter by letter",
    fix="correct the title, or add the section",
    source="REMBI, as the BioImage Archive reads it",
)
