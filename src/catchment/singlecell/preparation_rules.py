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
