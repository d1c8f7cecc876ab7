"""What census and catalogue take from an image."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from catchment.imaging.image_index import read_index
from catchment.imaging.member_names import stains
from catchment.imaging.sidecars import read_channels
from catchment.schema.records import Asset, Contribution, Dataset, Measurement, Sample
from catchment.storage import Place

TERM_FIELDS = (
    "organism_ontology_term_id",
    "tissue_ontology_term_id",
    "tissue_type",
    "disease_ontology_term_id",
    "development_stage_ontology_term_id",
    "sex_ontology_term_id",
)
# annotations that say that a channel shows where a protein is, by its antibody
PROTEIN_ANNOTATIONS = ("antibody", "antibody_target")
UNKNOWN = ("unknown", "")


def contribute(dataset: Dataset, asset: Asset, place: Place) -> Contribution:
    """Return terms of the samples and the assay, counts, and one measurement per channel."""
    channels = read_channels(place.path, dataset.product.side_cars)
    images: Any = dataset.product.facts["image_shapes"]
    shown = channels_shown(dataset, place)
    of_channels = "protein" if any(asset.annotations.get(key) for key in PROTEIN_ANNOTATIONS) else "morphology"
    analyte = "protein" if "protein" in shown.values() else of_channels
    return Contribution(
        modality="imaging",
        title=PurePosixPath(asset.folder or asset.files[0].name).name,
        analyte=analyte,
        terms=terms_of(asset),
        counts={
            "images": len(images),
            "planes": sum(channel["planes"] for channel in channels),
            "channels": len(channels),
        },
        measurements=tuple(
            Measurement(
                id=f"{dataset.dataset}.C{number:04d}",
                kind="image channel",
                label=channel["name"],
                analyte=shown.get((channel["image"], channel["channel"]), of_channels),
                count=channel["planes"],
                unit="planes",
            )
            for number, channel in enumerate(channels, start=1)
        ),
    )


def channels_shown(dataset: Dataset, place: Place) -> dict[tuple[int, int], str]:
    """Return what the channels of a set show, by image and channel, where it is a known stain; nothing of others."""
    index = dataset.product.side_cars.get("images")
    rows = read_index(place.path / index) if index else []
    return {
        (row["image"] - 1, number): stains()[target.casefold()]["analyte"]
        for row in rows
        for number, target in enumerate(row["targets"])
        if target.casefold() in stains()
    }


def terms_of(asset: Asset) -> dict[str, tuple[str, ...]]:
    """Return field -> distinct terms, sorted; a field about which nothing is known is left out."""
    found = {field: distinct(asset.samples, field) for field in TERM_FIELDS}
    if asset.assay_ontology_term_id not in UNKNOWN:
        found["assay_ontology_term_id"] = (asset.assay_ontology_term_id,)
    return {field: terms for field, terms in found.items() if terms}


def distinct(samples: tuple[Sample, ...], field: str) -> tuple[str, ...]:
    """Return the known values of a field, each once, sorted."""
    return tuple(sorted({str(getattr(sample, field)) for sample in samples} - set(UNKNOWN)))
