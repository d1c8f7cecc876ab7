"""What a mass-spectrometry run is held to."""

from __future__ import annotations

from catchment.schema.rules import DOCTYPE as DOCTYPE
from catchment.schema.rules import NAME_LIES as NAME_LIES
from catchment.schema.rules import declare

MZML = "mzML 1.1"

COUNTS_DIFFER = declare(
    "MZ-001",
    "error",
    "a run has other than the declared number of spectra, or none",
    expected="as many spectra as spectrumList declares, and at least one",
    fix="export the run again from the instrument's own file; spectra may have been lost",
    source=MZML,
)
TRUNCATED = declare(
    "MZ-002",
    "error",
    "a run's file ends before its end",
    expected="a file that ends with the end of its outermost element",
    fix="send the file again; the copy or the export was cut off",
    unsafe=True,
)
MALFORMED = declare(
    "MZ-003",
    "error",
    "a file is not well-formed mzML or mzXML",
    expected="well-formed XML with the elements of its format in their places",
    fix="export the run again; do not edit it by hand",
    source=MZML,
    unsafe=True,
)
BAD_BASE64 = declare(
    "MZ-004",
    "error",
    "an array is not valid base64",
    expected="base64 without foreign characters, padded",
    fix="export the run again; the file was damaged after it was written",
    source=MZML,
)
BAD_COMPRESSION = declare(
    "MZ-005",
    "error",
    "a compressed array cannot be decompressed",
    expected="a whole zlib stream, or whole numbers of MS-Numpress",
    fix="export the run again; the file was damaged after it was written",
    source=MZML,
)
LENGTH_DIFFERS = declare(
    "MZ-006",
    "error",
    "an array has not the declared length",
    expected="as many values in each array as defaultArrayLength (or the array's own arrayLength) says",
    fix="export the run again",
    source=MZML,
)
ENCODING_UNSUPPORTED = declare(
    "MZ-007",
    "error",
    "an array is encoded in a way that cannot be read here",
    expected="32- or 64-bit floats or integers, without compression or with zlib, or MS-Numpress",
    fix="export the run again with zlib compression (msconvert: --zlib)",
    source=MZML,
)
UNSORTED = declare(
    "MZ-008",
    "warning",
    "m/z values do not rise",
    expected="m/z in rising order within a spectrum",
    fix="nothing to do where the software is known for it; readers that search by m/z may miss peaks",
)
TIME_RUNS_BACK = declare(
    "MZ-009",
    "warning",
    "retention times run backwards",
    expected="spectra in the order in which they were acquired",
    fix="check how the run was merged or sorted",
)
UNIT_MISSING = declare(
    "MZ-010",
    "warning",
    "a unit is missing",
    expected="the unit beside each retention time and array",
    fix="export with current software; retention times without unit are read as minutes",
    source=MZML,
)
ARRAYS_FOREIGN = declare(
    "MZ-011",
    "error",
    "an .ibd is not the one that its imzML was written with",
    expected="the identifier that the imzML names, and the bytes that its checksum was made of",
    fix="send the .imzML and the .ibd of one export together; where they are, the copy was cut off or changed",
    source="imzML 1.1: universally unique identifier, ibd SHA-1, ibd MD5",
)
ID_REPEATED = declare(
    "MZ-012",
    "error",
    "spectra cannot be told apart by their ids",
    expected="an id for each spectrum, different from all others",
    fix="export the run again",
    source=MZML,
)
INDEX_WRONG = declare(
    "MZ-013",
    "warning",
    "the file's index is wrong",
    expected="an entry for each spectrum and chromatogram, at the byte where it starts",
    fix="nothing to do: the index is written anew; the software that changed the file should do the same",
    source="indexedmzML 1.1.2",
)
CHECKSUM_DIFFERS = declare(
    "MZ-014",
    "warning",
    "the checksum inside the file is not that of its bytes",
    expected="the SHA-1 of the file up to and including <fileChecksum>",
    fix="make sure that the file is as the instrument's software wrote it; the checksum is written anew",
    source="indexedmzML 1.1.2",
)
VERSION_UNSUPPORTED = declare(
    "MZ-015",
    "error",
    "a version of mzML that cannot be read",
    expected="mzML 1.1.x (namespace http://psi.hupo.org/ms/mzml)",
    fix="convert the instrument's own file with current software",
)
GZIP_BOMB = declare(
    "MZ-016",
    "error",
    "a gzip file that inflates beyond measure",
    expected="at most 200 bytes out of each byte",
    fix="send the file uncompressed",
    unsafe=True,
)
GZIP_DAMAGED = declare(
    "MZ-017",
    "error",
    "a gzip file is cut off or damaged",
    expected="a whole gzip file whose checksum fits",
    fix="send the file again; the copy was cut off",
    unsafe=True,
)
SPECTRUM_TOO_LARGE = declare(
    "MZ-018",
    "error",
    "an array is larger than a spectrum may be",
    expected="at most massspec.admit.max_spectrum_mb for each array, and no array that inflates beyond its declaration",
    fix="where the data are right, raise massspec.admit.max_spectrum_mb",
    unsafe=True,
)
READER_MISSING = declare(
    "MZ-019",
    "error",
    "no reader for this format is installed",
    expected="mzML, mzXML or MGF, plain or gzip, imzML with its .ibd, a Thermo RAW file or a Bruker TDF folder",
    fix="convert the run to mzML with the vendor's software or msconvert and send it beside the original; an operator "
    "who has a converter names it under massspec.admit.converters (docs/readers.md)",
)
READ_BACK_DIFFERS = declare(
    "MZ-020",
    "error",
    "what was written does not read back as what was sent",
    expected="the same spectra from an independent reader",
    fix="report this: it is a fault of the conversion, or a spectrum that other software cannot read",
)
ARRAYS_MISSING = declare(
    "MZ-021",
    "error",
    "a spectrum lacks its arrays",
    expected="an m/z array (or wavelengths) and an intensity array in each spectrum that has peaks",
    fix="export the run again",
    source=MZML,
)
UNSTATED = declare(
    "MZ-022",
    "warning",
    "something that mzML requires is not stated",
    expected="the version of mzML, and each spectrum's MS level",
    fix="export with current software",
    source=MZML,
)
NOT_A_NUMBER = declare(
    "MZ-023",
    "error",
    "an array holds values that are no numbers",
    expected="finite m/z and intensities",
    fix="export the run again",
)
EMPTY = declare(
    "MZ-024",
    "error",
    "a file holds no data",
    expected="an instrument run",
    fix="send the file again; an upload that failed leaves an empty file",
)
PEAK_LIST_LINE = declare(
    "MZ-025",
    "error",
    "a peak list has lines that say nothing",
    expected="KEY=value, a peak (m/z, intensity), BEGIN IONS or END IONS in each line that is no comment",
    fix="export the peak list again; do not edit it by hand",
    source="Mascot generic format",
)
PEAK_LIST_LACKS = declare(
    "MZ-026",
    "info",
    "a peak list is not the run that it was taken from",
    expected="an instrument's own file, or mzML made from it",
    fix="send the run itself where it can be had: a peak list has no MS1, no ion current and no instrument in it",
)
READER_NOT_SET_UP = declare(
    "MZ-027",
    "error",
    "the reader of this format is not set up",
    expected="an accepted licence and the reader in its own environment",
    fix="run `make readers ACCEPT_LICENCES=thermo` and set accept_licences: [thermo] in the configuration, then admit "
    "the asset again (docs/readers.md); or send the run as mzML",
)
RAW_DAMAGED = declare(
    "MZ-028",
    "error",
    "the vendor's reader finds an instrument file damaged",
    expected="a file that the vendor's reader opens without an error",
    fix="send the file again from the instrument's computer; the copy was cut off or changed",
)
RAW_UNFINISHED = declare(
    "MZ-029",
    "error",
    "an instrument file is still being acquired",
    expected="a run that the instrument has finished",
    fix="wait until the acquisition has ended, then send the file again",
)
SCAN_UNREADABLE = declare(
    "MZ-030",
    "error",
    "the vendor's reader cannot read a spectrum",
    expected="every spectrum from the first to the last",
    fix="open the run with the vendor's software; where it fails there too, the file was damaged when it was acquired",
)
TDF_DAMAGED = declare(
    "MZ-040",
    "error",
    "a Bruker TDF run is damaged",
    expected="tables and peaks that fit each other, frame by frame",
    fix="copy the whole .d folder again from the instrument's computer; the copy was cut off or changed",
)
TDF_UNSUPPORTED = declare(
    "MZ-041",
    "error",
    "a Bruker TDF run is of a kind that cannot be read here",
    expected="frames of MS1, MS/MS, ddaPASEF, diaPASEF or prmPASEF, compressed with zstd",
    fix="convert the run to mzML with the vendor's software or msconvert and send it beside the original",
)
TDF_APPROXIMATE = declare(
    "MZ-042",
    "warning",
    "the axes of a Bruker TDF run are approximations",
    expected="calibrations of m/z (ModelType 1) and of mobility (ModelType 2) for every frame",
    fix="where m/z have to be exact to the ppm, send mzML made with the vendor's library beside the original",
    source="docs/decisions/0021-bruker-tdf.md",
)
TDF_BETWEEN = declare(
    "MZ-043",
    "info",
    "peaks were recorded between two isolations",
    expected="nothing else: the quadrupole needs some scans to move on",
    fix="nothing to do; these peaks have no precursor, and are in the submitted run only",
)
SCHEMA_BROKEN = declare(
    "MZ-046",
    "warning",
    "a run does not follow the XML schema of mzML",
    expected="a document that is valid by mzML1.1.0.xsd",
    fix="export with current software; the run is kept as it is, and strict readers may refuse it",
    source="mzML1.1.0.xsd; of a large run the header and up to 100 spectra",
)
TERMS_MISSING = declare(
    "MZ-047",
    "warning",
    "a run lacks terms that mzML requires, or has terms that nobody knows",
    expected="the terms of PSI's mapping for mzML in each element",
    fix="export with current software; the run is kept as it is",
    source="ms-mapping.xml (rules of level MUST), PSI-MS 4.1.258; of a large run the header and up to 100 spectra",
)
WRITTEN_INVALID = declare(
    "MZ-048",
    "error",
    "what was written is no valid mzML",
    expected="mzML that is valid by its schema, with every term that it requires",
    fix="report this: it is a fault of the conversion",
    source="mzML1.1.0.xsd, ms-mapping.xml (rules of level MUST)",
)
ARRAY_MISPLACED = declare(
    "MZ-051",
    "error",
    "an imzML has an array where no array can be",
    expected="an offset, an encoded length and an array length that fit each other and the .ibd",
    fix="send the .ibd again where it was cut off; else export the image again",
    source="imzML 1.1: external offset, external encoded length, external array length",
)
PIXEL_MISSING = declare(
    "MZ-052",
    "error",
    "a spectrum of an image has no position",
    expected="position x and position y of each spectrum, as whole numbers",
    fix="export the image again; a run that is no image is sent as mzML",
    source="imzML 1.1: IMS:1000050, IMS:1000051",
)
IMZML_LEFT = declare(
    "MZ-053",
    "info",
    "an imzML holds what is not carried into its mzML",
    expected="m/z, intensities and mobilities of spectra whose ids have the form key=value",
    fix="nothing to do; it stays in the submitted files, which are published as they were sent",
)
INSTRUMENT_DIFFERS = declare(
    "MZ-050",
    "warning",
    "the instrument in the SDRF is not the one that the run names",
    expected="the instrument model that acquired the run",
    fix="correct comment[instrument] in the SDRF row of this run, or list the file in the row that it belongs to",
    source="SDRF-Proteomics 1.1.0, comment[instrument]",
)
CONVERTER_FAILED = declare(
    "MZ-044",
    "error",
    "a site's own converter could not convert a run",
    expected="mzML, and exit code 0, from the program that massspec.admit.converters names",
    fix="see the step's log; try the program by hand on the run, and send it again where it is damaged",
)
CONVERTED_OUTSIDE = declare(
    "MZ-045",
    "info",
    "a run was converted by a program of this site",
    expected="nothing else: there is no reader of ours for the format, or the operator prefers another one",
    fix="nothing to do; what the program wrote was validated like an mzML that was submitted",
)
