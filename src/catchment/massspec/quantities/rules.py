"""What a table of quantities is held to."""

from __future__ import annotations

from catchment.schema.rules import NAME_LIES as NAME_LIES
from catchment.schema.rules import declare

NOT_A_TABLE = declare(
    "QT-001",
    "error",
    "a table of quantities cannot be read",
    expected="UTF-8 text by tabs or commas with one header line, or Parquet, as the program wrote it",
    fix="export the table again from the program that made it, and send it without opening it in a spreadsheet",
)
UNKNOWN_LAYOUT = declare(
    "QT-002",
    "error",
    "a table has not the columns of a quantity table that is known",
    expected="columns of a DIA-NN, Spectronaut, FragPipe, MaxQuant or MSstats table, with a quantity for each run",
    fix="export the table with protein groups and a quantity for each run (docs/formats.md names the columns)",
)
RAGGED = declare(
    "QT-003",
    "error",
    "a row of a quantity table has more or fewer cells than the header",
    expected="one cell for each column",
    fix="send the table as the program wrote it; a cut or edited row has lost its columns",
)
NOT_A_NUMBER = declare(
    "QT-004",
    "error",
    "a quantity is not a number",
    expected="a number with a decimal point, or an empty cell, NA, NaN or Filtered where nothing was measured",
    fix="export the table again, and do not edit it; a formula or a word is no quantity",
)
DECIMAL_COMMA = declare(
    "QT-005",
    "error",
    "quantities are written with a decimal comma",
    expected="numbers with a decimal point: 1234.5",
    fix="export the table with the decimal separator set to a point; 1,234 cannot be told from 1234",
)
OUT_OF_RANGE = declare(
    "QT-006",
    "error",
    "a quantity is infinite or negative",
    expected="quantities from 0, finite; an empty cell where nothing was measured",
    fix="export the quantities as they were measured, not their logarithms or ratios",
)
TWICE = declare(
    "QT-007",
    "error",
    "a run or a protein group stands twice in a table",
    expected="each run and each protein group (or precursor) once, or in a long table always with the same quantity",
    fix="export the table again; tables that were put together by hand have to be sent apart",
)
UNNAMED = declare(
    "QT-008",
    "error",
    "a row names no run or no protein group",
    expected="a run and a protein group (or precursor) in every row",
    fix="export the table again as the program writes it",
)
TOO_LARGE = declare(
    "QT-009",
    "error",
    "a table is larger than what is taken",
    expected="runs x protein groups (or precursors) up to 50 million, rows up to 16 MB",
    fix="send the protein table instead of the precursors', or a table for each part of the study",
)
NOTHING = declare(
    "QT-010",
    "error",
    "a table holds no quantity",
    expected="at least one run with at least one protein group that has a quantity",
    fix="export the table again; no protein group may have passed the filters",
)
NO_ACCESSION = declare(
    "QT-011",
    "warning",
    "a protein group names no UniProt accession",
    expected="UniProt accessions such as P04637 or P04637-2, parted by semicolons",
    fix="search against a FASTA file with UniProt headers; other names are kept, but cannot be found by accession",
    source="UniProt, accession numbers",
)
RUN_UNKNOWN = declare(
    "QT-012",
    "warning",
    "a run of a table is none that the submission knows",
    expected="a run (by file or assay name) of the SDRF or of the submission, or a sample's id",
    fix="add a row for the run to the SDRF, or name the sample that the whole table is of in submission.yaml",
)
RUN_WITHOUT_QUANTITY = declare(
    "QT-013",
    "info",
    "a run of the submission is not in the table",
    expected="nothing else: not every run has to be in a table",
    fix="nothing to do where the run was left out on purpose",
)
NOT_PROTEINS = declare(
    "QT-014",
    "info",
    "protein groups are decoys, contaminants or identified by a modified peptide only",
    expected="nothing else: they are kept and flagged, and left out of normalised quantities and of searches",
    fix="nothing to do",
    source="MaxQuant, proteinGroups.txt: Reverse, Potential contaminant, Only identified by site",
)
DATES = declare(
    "QT-015",
    "warning",
    "gene names were turned into dates by a spreadsheet",
    expected="gene symbols such as SEPTIN2 and MARCHF1",
    fix="export the table again and send it without opening it in a spreadsheet",
)
UNCERTAIN = declare(
    "QT-016",
    "warning",
    "a table has protein groups above a false discovery rate of 1 %",
    expected="PG q-values up to 0.01 in each run",
    fix="nothing is left out; filter by the layer q_value, or export the table at 1 %",
)
READ_BACK = declare(
    "QT-017",
    "error",
    "the H5AD read back differs from the table",
    expected="every quantity as it was read",
    fix="run the step again; where it happens twice, the disk is not to be trusted",
)
