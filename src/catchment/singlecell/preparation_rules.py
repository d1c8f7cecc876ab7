"""What a single-cell submission is told of its preparation: migration between schemas (MIG), recipes (CUR)."""

from __future__ import annotations

from catchment.schema.rules import declare

CXG = "CELLxGENE dataset schema 7.1.0, appendix A"

# --- migration ---------------------------------------------------------------------------------------------------

MIGRATED = declare(
    "MIG-001",
    "info",
    "brought to the current schema",
    expected="names and values of the current schema",
    fix="nothing needs to be done; the submitted file is kept as it was sent",
    source=CXG,
)
MIGRATED_CHECK = declare(
    "MIG-002",
    "warning",
    "brought to the current schema in a way that a person should check",
    expected="names and values of the current schema",
    fix="look at the values that were changed",
    source=CXG,
)
NOT_MIGRATED = declare(
    "MIG-003",
    "error",
    "written for an earlier schema in a way that only a person can bring up to date",
    expected="names and values of the current schema",
    fix="mend the values by hand, or with a `curate` recipe in submission.yaml",
    source=CXG,
)
VERSION_UNKNOWN = declare(
    "MIG-004",
    "error",
    "a schema version that is not known",
    expected="a version from 2.0.0 to the current one",
    fix="remove uns['schema_version'] and give the dataset the names and values of the current schema",
    source=CXG,
)

# --- other containers --------------------------------------------------------------------------------------------

MATRIX_MARKET = declare(
    "MTX-001",
    "error",
    "a matrix in Matrix Market format that cannot be read",
    expected="features by cells, 'matrix coordinate integer general', cell after cell as Cell Ranger writes it",
    fix="write it again cell by cell (`scipy.io.mmwrite(path, matrix.tocsc())`), or send an H5AD",
)
FEATURES_LEFT = declare(
    "MTX-002",
    "info",
    "features that are no genes stay in the submitted file only",
    expected="features of type 'Gene Expression'",
    fix="nothing needs to be done; the submitted file is kept beside the converted dataset",
)

# --- curation recipes --------------------------------------------------------------------------------------------

CURATED = declare(
    "CUR-001",
    "info",
    "made by the submission's recipe",
    expected="columns, genes and counts as the schema has them",
    fix="nothing needs to be done; the submitted file is kept as it was sent",
)
RECIPE_SOURCE_MISSING = declare(
    "CUR-002",
    "error",
    "a recipe names something that the file does not have",
    expected="the author's name of a column or matrix of the file",
    fix="correct the name in `curate`; `catchment receive --suggest` lists what the file has",
)
RECIPE_GAP = declare(
    "CUR-003",
    "error",
    "values that a recipe does not cover",
    expected="a value for every cell",
    fix="add them to `values` (or to the table), or let `pattern` fit them",
)
GENES_AMBIGUOUS = declare(
    "CUR-004",
    "error",
    "genes that a recipe does not bring to one id each",
    expected="one Ensembl id for each gene, none twice",
    fix="give the id of each such gene in `gene_values`, or merge the genes before submitting",
)
RECIPE_NO_PLACE = declare(
    "CUR-005",
    "error",
    "counts that cannot become the raw counts",
    expected="a matrix of the file's cells and genes",
    fix="name the matrix of raw counts in `curate.raw_counts`: X, raw or layers/<name>",
)
