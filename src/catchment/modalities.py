"""Modalities by name, imported when first needed, and what a step asks of one in a single confined child.

`VERSIONS[modality][step]` enters every content key: raise a number when, and only when, that step's output changes.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from catchment.contract import Confidence, Head, Modality, Recogniser
from catchment.schema.records import (
    MODALITY_NAMES,
    PLOTS,
    Asset,
    Contribution,
    Dataset,
    Derived,
    Description,
    Finding,
    Metrics,
    ModalityName,
    Product,
    Resources,
    Shape,
    Suggestion,
    Unreadable,
)
from catchment.schema.rules import RULES, Rule, is_error
from catchment.storage import Place

VERSIONS: dict[str, dict[str, int]] = {
    "imaging": {"admit": 5, "convert": 5, "normalise": 4},
    "massspec": {"admit": 6, "convert": 6, "normalise": 3},
    "singlecell": {"admit": 10, "convert": 6, "normalise": 3},
    "census": {"plan": 3, "assemble": 4, "verify": 2},
    "release": {"index": 3, "release": 2},
}


def modality(name: ModalityName) -> Modality[Any, Any, Any]:
    """Return a modality; its libraries load only where its functions need them."""
    return importlib.import_module(f"catchment.{name}").MODALITY  # type: ignore[no-any-return]


def rules_of(name: ModalityName) -> Mapping[str, Rule]:
    """Return every rule that an asset of a modality can break, by code: its own are declared in its `rules.py`."""
    importlib.import_module(f"catchment.{name}.rules")
    return RULES


def recognitions(head: Head) -> Iterator[tuple[ModalityName, Confidence]]:
    """Yield every modality that takes a file for its own, with how sure it is."""
    for name in MODALITY_NAMES:
        confidence = modality(name).recognise(head)
        if confidence is not None:
            yield name, confidence


def announced(file_name: str) -> ModalityName | None:
    """Return the modality that a file's name announces, whatever its content: the one that knows its longest ending."""
    known = {name: longest_ending(file_name, modality(name).extensions) for name in MODALITY_NAMES}
    name = max(MODALITY_NAMES, key=lambda name: len(known[name]))
    return name if known[name] else None


def ending(file_name: str, name: ModalityName) -> str:
    """Return the longest ending of a file's name that a modality knows, empty where it knows none."""
    own = modality(name)
    return longest_ending(file_name, (*own.extensions, *own.shared_endings))


def longest_ending(file_name: str, endings: Sequence[str]) -> str:
    """Return the longest of some endings that a file's name has, in any case; empty where it has none."""
    lowered = file_name.lower()
    return max((known for known in endings if lowered.endswith(known)), key=len, default="")


def companions(head: Head, name: ModalityName, beside: AbstractSet[str]) -> Sequence[str]:
    """Return which of the names beside a file are one asset with it, as its modality says."""
    return modality(name).companions(head, beside)


RECOGNISER = Recogniser(by_content=recognitions, by_name=announced, ending=ending, companions=companions)


# --- what runs in the child --------------------------------------------------------------------------------------


class Inspection(Shape):
    """All that `admit` learns of an asset in one child: without description where its container cannot be read.

    `path`: the file in the scratch place that later steps read in place of those submitted, if there is one.
    """

    description: Description | None
    findings: tuple[Finding, ...]
    statistics: dict[str, JsonValue] = {}
    estimate: Resources | None = None
    path: str | None = None


class Conversion(Shape):
    """A product and its metrics, or why there is none."""

    product: Product | None
    metrics: Metrics
    findings: tuple[Finding, ...]


class Normalisation(Shape):
    """A derived view and what census and catalogue take."""

    derived: Derived
    contribution: Contribution


def inspect_asset(asset: Asset, scratch: str, settings: dict[str, JsonValue]) -> Inspection:
    """Describe, prepare, validate, estimate and, where no error stands against it, label a located asset."""
    return inspection_of(asset, scratch, settings, label=True)


def check_asset(asset: Asset, scratch: str, settings: dict[str, JsonValue]) -> Inspection:
    """Describe, prepare, validate and estimate a located asset, to tell what would be found."""
    return inspection_of(asset, scratch, settings, label=False)


def suggest_recipe(asset: Asset) -> Suggestion | None:
    """Return the draft of a recipe for a located asset; None where its modality takes none."""
    suggest = modality(asset.modality).suggest
    return suggest(asset) if suggest else None


def inspection_of(asset: Asset, scratch: str, settings: dict[str, JsonValue], *, label: bool) -> Inspection:
    """Return what describing, preparing, validating, estimating and perhaps labelling a located asset comes to."""
    own = modality(asset.modality)
    chosen, place = own.admit_settings.model_validate(settings), Place(scratch)
    description = own.describe(asset)
    if isinstance(description, Unreadable):
        return Inspection(description=None, findings=description.findings)
    preparation = own.prepare(asset, place, chosen)
    if isinstance(preparation, Unreadable):
        return Inspection(description=None, findings=preparation.findings)
    prepared, findings = preparation.asset, preparation.findings
    if prepared.files != asset.files:
        description = own.describe(prepared)
        if isinstance(description, Unreadable):
            return Inspection(description=None, findings=(*findings, *description.findings))
    admission = own.validate(description, prepared, chosen)
    findings = (*findings, *admission.findings)
    if label and not any(map(is_error, findings)):
        labelled = own.label(prepared, place, chosen)
        if isinstance(labelled, Unreadable):
            return Inspection(description=description, findings=(*findings, *labelled.findings))
        prepared = labelled
        for name, content in admission.side_cars.items():
            if drawn := content():
                (place.path / name).write_bytes(drawn)
    return Inspection(
        description=description,
        findings=findings,
        statistics=admission.statistics,
        estimate=own.estimate(description),
        path=None if prepared.files == asset.files else str(Path(prepared.files[0].path).relative_to(place.path)),
    )


def convert_asset(asset: Asset, description: Description, scratch: str, settings: dict[str, JsonValue]) -> Conversion:
    """Convert a located asset into the scratch folder and measure what was written."""
    own = modality(asset.modality)
    product = own.convert(asset, description, Place(scratch), own.convert_settings.model_validate(settings))
    if isinstance(product, Unreadable):
        return Conversion(product=None, metrics={}, findings=product.findings)
    return Conversion(product=product, metrics=own.measure(product, Place(scratch)), findings=product.findings)


def normalise_asset(
    dataset: Dataset, asset: Asset, store: str, scratch: str, settings: dict[str, JsonValue]
) -> Normalisation:
    """Derive a dataset's view into the scratch folder, draw its plots there, and draw up its contribution."""
    own = modality(dataset.modality)
    derived = own.normalise(
        dataset, asset, Place(store), Place(scratch), own.normalise_settings.model_validate(settings)
    )
    (Path(scratch) / PLOTS).write_bytes(own.draw(dataset, asset, Place(store)))
    derived = derived.model_copy(update={"side_cars": {**derived.side_cars, "plots": PLOTS}})
    return Normalisation(derived=derived, contribution=own.contribute(dataset, asset, Place(store)))
