"""What a file of ATAC fragments, sent beside its H5AD, is held to (FRG)."""

from __future__ import annotations

from catchment.schema.rules import declare

CXG = "CELLxGENE dataset schema 7.1.0, scATAC-seq assets"

# --- may, or must, this dataset have one -------------------------------------------------------------------------

MISSING = declare(
    "FRG-001",
    "error",
    "no fragments file beside a dataset of ATAC alone",
    expected="`<name of the H5AD>-fragments.tsv.gz` beside the H5AD, since the assay has no gene expression of its own",
    fix="put the fragments file into the H5AD's folder under that name and send both",
    source=f"{CXG}; the reference has a command of its own for it, and admits the H5AD alone",
)
NOT_ATAC = declare(
    "FRG-002",
    "error",
    "a fragments file beside assays that cannot have one",
    expected="assays that are all paired (ATAC and RNA), or all unpaired (ATAC alone), in every cell",
    fix="correct assay_ontology_term_id, or send cells of one kind of assay; without ATAC, remove the fragments file",
    source=CXG,
)
ORGANISM = declare(
    "FRG-003",
    "error",
    "a fragments file of an organism without a table of chromosomes",
    expected="human (NCBITaxon:9606) or mouse (NCBITaxon:10090)",
    fix="send the H5AD without its fragments file",
    source=f"{CXG} ≠: the text admits taxa below mouse, the reference does not; they are taken as mouse",
)
NOT_PRIMARY = declare(
    "FRG-004",
    "error",
    "a fragments file beside cells that are not primary data",
    expected="is_primary_data True for every cell",
    fix="send the fragments with the dataset in which these cells are primary, and this H5AD without them",
    source=CXG,
)
SEVERAL = declare(
    "FRG-005",
    "error",
    "several fragments files beside one H5AD",
    expected="one fragments file with the fragments of every cell",
    fix="join them into one file with the cells' names of obs, or name each `<name of its H5AD>-fragments.tsv.gz`",
    source=CXG,
)

# --- the file ----------------------------------------------------------------------------------------------------

UNREADABLE = declare(
    "FRG-010",
    "error",
    "a fragments file that cannot be read",
    expected="lines of text, packed with gzip or bgzip, complete to the last byte",
    fix="compare the file's size and checksum with its source and send it again; `gzip -t` must accept it",
    source=CXG,
    unsafe=True,
)
COLUMNS = declare(
    "FRG-011",
    "error",
    "lines of a fragments file that are not five columns",
    expected="chromosome, start, end, cell and number of read pairs, parted by tabs; no header, no comments",
    fix="write these columns and no others; `zcat FILE | grep -v '^#' | cut -f 1-5` takes off what is too much",
    source=CXG,
)
NOT_INTEGER = declare(
    "FRG-012",
    "error",
    "coordinates or read pairs that are no whole numbers",
    expected="whole numbers, in digits alone, in columns 2, 3 and 5",
    fix="write the numbers without decimal points, separators and exponents",
    source=CXG,
)
CHROMOSOME = declare(
    "FRG-013",
    "error",
    "fragments on chromosomes that the organism's table does not have",
    expected="the names of GRCh38 (human) or GRCm39 (mouse), `chr1`, not `1`; scaffolds only where they have genes",
    fix="rename the chromosomes, and drop fragments on scaffolds without genes",
    source=CXG,
)
BEYOND_END = declare(
    "FRG-014",
    "error",
    "fragments that end beyond their chromosome",
    expected="an end of at most the chromosome's length",
    fix="check the assembly: GRCh38 for human, GRCm39 for mouse; lift coordinates of another one over",
    source=CXG,
)
START_ZERO = declare(
    "FRG-015",
    "error",
    "fragments that start at 0",
    expected="a start of 1 or more",
    fix="drop these fragments; nothing is mapped to the first base of a chromosome",
    source=f"{CXG} ≠: the text counts from 0, the reference refuses a start of 0",
)
COORDINATES = declare(
    "FRG-016",
    "error",
    "fragments that end before they start",
    expected="a start that is not negative, and an end that is greater",
    fix="check columns 2 and 3: start, counted from 0, then the end, which the fragment does not include",
    source=CXG,
)
UNKNOWN_CELL = declare(
    "FRG-017",
    "error",
    "fragments of cells that the H5AD does not have",
    expected="names of cells as in the index of obs, in column 4",
    fix="drop fragments of barcodes that are no cells of the dataset, and name cells as obs does (suffixes, too)",
    source=CXG,
)
CELL_WITHOUT = declare(
    "FRG-018",
    "error",
    "cells without any fragment",
    expected="at least one fragment for every cell of the H5AD",
    fix="name cells as obs does, or take cells without fragments out of the H5AD",
    source=CXG,
)
READ_PAIRS = declare(
    "FRG-019",
    "error",
    "fragments without read pairs",
    expected="1 or more read pairs in column 5",
    fix="drop fragments that no read pair supports",
    source=CXG,
)
REPEATED = declare(
    "FRG-020",
    "error",
    "fragments that occur more than once",
    expected="each line once",
    fix="keep one of each: `zcat FILE | sort -u | bgzip > NEW`",
    source=CXG,
)
EMPTY_LINE = declare(
    "FRG-022",
    "warning",
    "empty lines in a fragments file",
    expected="a fragment in every line",
    fix="nothing needs to be done: they are left out; `zcat FILE | grep .` does the same",
    source=f"{CXG} ≠: the text asks for five columns in every line, the reference passes empty ones over",
)
INDEX = declare(
    "FRG-021",
    "warning",
    "a tabix index that is not of its fragments file",
    expected="the index that tabix makes of this very file; none is needed",
    fix="nothing needs to be done: the published file gets an index of its own",
)
