"""What census and catalogue take from a run."""

from __future__ import annotations

from catchment.schema.records import Asset, Contribution, Dataset, Measurement
from catchment.storage import Place

SAMPLE_FIELDS = (
    "organism_ontology_term_id",
    "tissue_ontology_term_id",
    "tissue_type",
    "disease_ontology_term_id",
    "development_stage_ontology_term_id",
    "sex_ontology_term_id",
)
NOT_KNOWN = frozenset({"", "unknown"})
# how SDRF's technology type begins -> what is measured
ANALYTES = {"metabolom": "metabolite", "lipidom": "lipid"}


def contribute(dataset: Dataset, asset: Asset, place: Place) -> Contribution:
    """Return a run's terms, counts, and a measurement for each MS level."""
    analyte = analyte_of(asset)
    return Contribution(
        modality="massspec",
        title=asset.annotations.get("assay name") or asset.name,
        analyte=analyte,
        terms=terms_of(asset),
        counts={"runs": 1, "spectra": sum(spectra for _, spectra in levels_of(dataset))},
        measurements=tuple(
            Measurement(
                id=f"{dataset.dataset}.MS{level}" if level else f"{dataset.dataset}.other",
                kind="acquisition",
                label=f"MS{level}" if level else "other spectra",
                analyte=analyte,
                count=count,
                unit="spectra",
            )
            for level, count in levels_of(dataset)
        ),
    )


def levels_of(dataset: Dataset) -> list[tuple[int, int]]:
    """Return (MS level, spectra) of a run, in the order of levels."""
    levels = dataset.product.facts.get("ms_levels")
    pairs = levels.items() if isinstance(levels, dict) else ()
    return sorted((int(level), count) for level, count in pairs if isinstance(count, int))


def terms_of(asset: Asset) -> dict[str, tuple[str, ...]]:
    """Return the distinct known terms of the run's samples by field, sorted; fields without any are left out."""
    values = {field: {str(getattr(sample, field)) for sample in asset.samples} for field in SAMPLE_FIELDS}
    values["assay_ontology_term_id"] = {asset.assay_ontology_term_id}
    return {field: tuple(sorted(known - NOT_KNOWN)) for field, known in values.items() if known - NOT_KNOWN}


def analyte_of(asset: Asset) -> str:
    """Return what the run measures, by its SDRF's technology type; proteins where that says nothing else."""
    technology = asset.annotations.get("technology type", "").lower()
    return next((analyte for start, analyte in ANALYTES.items() if start in technology), "protein")
