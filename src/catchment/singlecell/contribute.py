"""What census and catalogue take from a single-cell dataset, read from its SOMA."""

from __future__ import annotations

import tiledbsoma

from catchment import soma
from catchment.schema.records import Asset, Contribution, Dataset, Measurement
from catchment.singlecell.columns import JOIN, as_dictionary, used_values
from catchment.singlecell.tables import schema_columns
from catchment.storage import Place

ANALYTE = "RNA"


def contribute(dataset: Dataset, asset: Asset, store: Place) -> Contribution:
    """Return the distinct terms of a dataset's cells, what there is to count, and its one measurement."""
    names = [column.column for column in schema_columns() if column.kind == "term"] + ["tissue_type"]
    with tiledbsoma.Experiment.open((store / dataset.product.path).uri, context=soma.context()) as experiment:
        obs = experiment.obs.read(column_names=names).concat()
        metadata = dict(experiment.metadata)
        cells, genes = experiment.ms[ANALYTE].X["raw"].shape
    terms = {name: distinct(obs[name].combine_chunks()) for name in names}
    terms["organism_ontology_term_id"] = (str(metadata["organism_ontology_term_id"]),)
    title = str(metadata.get("title") or asset.files[0].name)
    return Contribution(
        modality="singlecell",
        title=title,
        analyte=ANALYTE,
        terms=dict(sorted(terms.items())),
        counts={"cells": cells, "genes": genes},
        measurements=(
            Measurement(
                id=f"{dataset.dataset}.{ANALYTE}",
                kind="matrix",
                label=title,
                analyte=ANALYTE,
                count=cells,
                unit="cells",
            ),
        ),
    )


def distinct(values: object) -> tuple[str, ...]:
    """Return the terms that occur in a column, joined ones apart, sorted."""
    return tuple(sorted({part for value in used_values(as_dictionary(values)) for part in value.split(JOIN)}))
