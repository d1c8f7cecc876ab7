"""Why a dataset of a build is not in its census. A dataset left out stays in the release, with this reason."""

from __future__ import annotations

from catchment.schema.rules import declare

ORGANISM_UNKNOWN = declare(
    "CEN-001",
    "warning",
    "a matrix names no organism that a census has",
    expected="one organism of the table in docs/formats.md",
    fix="give the organism's NCBITaxon id as the dataset's organism_ontology_term_id",
    source="CELLxGENE schema 7.1.0, organism_ontology_term_id",
)
ORGANISM_MIXED = declare(
    "CEN-002",
    "warning",
    "a matrix holds cells of more than one organism",
    expected="one organism per dataset",
    fix="send one dataset for each organism",
    source="CELLxGENE schema 7.1.0, organism_ontology_term_id",
)
SAME_CONTENT = declare(
    "CEN-003",
    "warning",
    "a dataset has the same content as another one",
    expected="content that no other dataset of the census has",
    fix="withdraw one of the two; its content would be counted twice",
)
NO_CELLS = declare(
    "CEN-004",
    "warning",
    "a matrix holds no cells",
    expected="at least one cell",
    fix="send the matrix with its cells",
)
HELD = declare(
    "CEN-005",
    "info",
    "an asset is held, so the census goes without it",
    expected="an asset that every step before the census let through",
    fix="look at the asset's own findings and mend what they name",
)
