"""Images of many formats into OME-Zarr. Libraries load when a function of the contract is called."""

from __future__ import annotations

from catchment.config import ImagingAdmit, ImagingConvert, ImagingNormalise
from catchment.contract import Modality

# rules are declared where the package is imported: a held asset's findings are looked up by their codes
from catchment.imaging import rules as rules
from catchment.imaging.recognise import EXTENSIONS, companions, recognise
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
    Resources,
    Unreadable,
)
from catchment.storage import Place


def _describe(asset: Asset) -> Description | Unreadable:
    """Return what the headers say; see `describe.py`."""
    from catchment.imaging.describe import describe as run

    return run(asset)


def _prepare(asset: Asset, place: Place, settings: ImagingAdmit) -> Preparation:
    """Return the asset as it is: an image is read as it was sent."""
    return Preparation(asset=asset)


def _validate(description: Description, asset: Asset, settings: ImagingAdmit) -> Admission:
    """Return every fault in one pass; see `validate.py`."""
    from catchment.imaging.validate import validate as run

    return run(description, asset, settings)


def _estimate(description: Description) -> Resources:
    """Return what the conversion needs; see `estimate.py`."""
    from catchment.imaging.estimate import estimate as run

    return run(description)


def _convert(asset: Asset, description: Description, place: Place, settings: ImagingConvert) -> Product | Unreadable:
    """Return the OME-Zarr written into the place; see `convert.py`."""
    from catchment.imaging.convert import convert as run

    return run(asset, description, place, settings)


def _measure(product: Product, place: Place) -> Metrics:
    """Return QC numbers; see `measure.py`."""
    from catchment.imaging.measure import measure as run

    return run(product, place)


def _normalise(dataset: Dataset, asset: Asset, store: Place, place: Place, settings: ImagingNormalise) -> Derived:
    """Return the intensity windows; see `normalise.py`."""
    from catchment.imaging.normalise import normalise as run

    return run(dataset, asset, store, place, settings)


def _draw(dataset: Dataset, asset: Asset, store: Place) -> bytes:
    """Return `draw.draw(...)`."""
    from catchment.imaging.draw import draw as run

    return run(dataset, asset, store)


def _contribute(dataset: Dataset, asset: Asset, place: Place) -> Contribution:
    """Return what census and catalogue take; see `contribute.py`."""
    from catchment.imaging.contribute import contribute as run

    return run(dataset, asset, place)


MODALITY = Modality(
    admit_settings=ImagingAdmit,
    convert_settings=ImagingConvert,
    normalise_settings=ImagingNormalise,
    extensions=EXTENSIONS,
    recognise=recognise,
    describe=_describe,
    prepare=_prepare,
    validate=_validate,
    estimate=_estimate,
    convert=_convert,
    measure=_measure,
    normalise=_normalise,
    draw=_draw,
    contribute=_contribute,
    companions=companions,
    resumes=True,
)
