"""Single-cell: H5AD (AnnData) in, TileDB-SOMA out. What is heavy loads when a function is first called."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from catchment.config import SinglecellAdmit, SinglecellConvert, SinglecellNormalise
from catchment.contract import Head, Modality
from catchment.schema.records import (
    Admission,
    Asset,
    Contribution,
    Dataset,
    Derived,
    Description,
    Metrics,
    Preparation,
    Product,
    Suggestion,
    Unreadable,
)
from catchment.singlecell.estimate import estimate
from catchment.singlecell.fragments.files import beside_h5ad
from catchment.singlecell.recognise import recognise
from catchment.storage import Place


def _describe(asset: Asset) -> Description | Unreadable:
    """Return `describe.describe(asset)`."""
    from catchment.singlecell.describe import describe as run

    return run(asset)


def _prepare(asset: Asset, place: Place, settings: SinglecellAdmit) -> Preparation | Unreadable:
    """Return `prepare.prepare(...)`."""
    from catchment.singlecell.prepare import prepare as run

    return run(asset, place, settings)


def _label(asset: Asset, place: Place, settings: SinglecellAdmit) -> Asset | Unreadable:
    """Return `label.label(...)`."""
    from catchment.singlecell.label import label as run

    return run(asset, place, settings)


def _validate(description: Description, asset: Asset, settings: SinglecellAdmit) -> Admission:
    """Return `validate.validate(...)`."""
    from catchment.singlecell.validate import validate as run

    return run(description, asset, settings)


def _convert(asset: Asset, description: Description, place: Place, settings: SinglecellConvert) -> Product | Unreadable:
    """Return `convert.convert(...)`."""
    from catchment.singlecell.convert import convert as run

    return run(asset, description, place, settings)


def _measure(product: Product, place: Place) -> Metrics:
    """Return `measure.measure(...)`."""
    from catchment.singlecell.measure import measure as run

    return run(product, place)


def _normalise(dataset: Dataset, asset: Asset, store: Place, place: Place, settings: SinglecellNormalise) -> Derived:
    """Return `normalise.normalise(...)`."""
    from catchment.singlecell.normalise import normalise as run

    return run(dataset, asset, store, place, settings)


def _draw(dataset: Dataset, asset: Asset, store: Place) -> bytes:
    """Return `draw.draw(...)`."""
    from catchment.singlecell.draw import draw as run

    return run(dataset, asset, store)


def _contribute(dataset: Dataset, asset: Asset, store: Place) -> Contribution:
    """Return `contribute.contribute(...)`."""
    from catchment.singlecell.contribute import contribute as run

    return run(dataset, asset, store)


def _companions(head: Head, beside: AbstractSet[str]) -> Sequence[str]:
    """Return the ATAC fragments beside an H5AD, and their index."""
    return beside_h5ad(head.name, beside) if head.name.lower().endswith(".h5ad") else []


def _suggest(asset: Asset) -> Suggestion:
    """Return `suggest.suggest(asset)`."""
    from catchment.singlecell.suggest import suggest as run

    return run(asset)


MODALITY = Modality(
    admit_settings=SinglecellAdmit,
    convert_settings=SinglecellConvert,
    normalise_settings=SinglecellNormalise,
    extensions=(".h5ad",),
    recognise=recognise,
    describe=_describe,
    prepare=_prepare,
    validate=_validate,
    label=_label,
    suggest=_suggest,
    estimate=estimate,
    convert=_convert,
    measure=_measure,
    normalise=_normalise,
    draw=_draw,
    contribute=_contribute,
    companions=_companions,
)
