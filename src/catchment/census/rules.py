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
ASSAY_LEFT_OUT = declare(
    "CEN-006",
    "info",
    "cells of an assay that this census does not take",
    expected="one of census.plan.assays, or an assay below one",
    fix="add the assay to census.plan.assays if its cells belong in this census",
)
TISSUE_TYPE_LEFT_OUT = declare(
    "CEN-007",
    "info",
    "cells of a tissue type that this census does not take",
    expected="one of census.plan.tissue_types",
    fix="add the tissue type to census.plan.tissue_types if its cells belong in this census",
)
NOT_PRIMARY = declare(
    "CEN-008",
    "info",
    "cells that are not primary data",
    expected="primary data, each cell once",
    fix="set census.plan.primary_only to false if every dataset should have all its cells",
)
BLOCKED = declare(
    "CEN-009",
    "info",
    "a dataset is on the blocklist",
    expected="a dataset that census.plan.blocklist does not name",
    fix="take its accession off census.plan.blocklist if it belongs in this census",
)
ORGANISM_LEFT_OUT = declare(
    "CEN-010",
    "info",
    "a matrix of an organism that this census does not take",
    expected="one of census.plan.organisms",
    fix="add the organism to census.plan.organisms if its cells belong in this census",
)
SUPERSEDED = declare(
    "CEN-011",
    "info",
    "a dataset of which a later revision is there",
    expected="the latest revision of a submission",
    fix="nothing: the revision stands for it",
)
REPEATED_CELLS = declare(
    "CEN-012",
    "warning",
    "cells that another dataset has as well",
    expected="each cell primary data of one dataset",
    fix="set is_primary_data to False for these cells in one of the two datasets; they are counted twice",
    source="CELLxGENE schema 7.1.0, is_primary_data",
)
WRONG = declare(
    "CEN-100",
    "error",
    "an assembled census is not what its plan and its sources say",
    expected="what the plan and the datasets give",
    fix="do not release it; report this as a fault of catchment, with the log of the verify step",
)
