"""Mass spectrometry: instrument runs to verified, indexed mzML; tables of quantities to AnnData.

Importing this package is light: what reads data loads its libraries where it is called.
"""

from __future__ import annotations

from catchment.config import MassspecAdmit, MassspecConvert, MassspecNormalise
from catchment.contract import Modality
from catchment.massspec import rules as rules
from catchment.massspec.contribute import contribute
from catchment.massspec.estimate import estimate
from catchment.massspec.quantities import rules as table_rules
from catchment.massspec.quantities.layouts import formats as table_formats
from catchment.massspec.recognise import EXTENSIONS, TABLE_ENDINGS, companions, recognise
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
    Unreadable,
)
from catchment.storage import Place

TABLE_RULES = table_rules  # imported for what it declares


def describe_run(asset: Asset) -> Description | Unreadable:
    """Return what the header of a run, or of a table of quantities, says."""
    from catchment.massspec.describe import describe, head_of_asset
    from catchment.massspec.quantities.describe import describe as describe_table

    found = recognise(head_of_asset(asset))
    if found is not None and found.format in table_formats():
        return describe_table(asset)

    return describe(asset)


def prepare_run(asset: Asset, place: Place, settings: MassspecAdmit) -> Preparation | Unreadable:
    """Return the asset as it is, or as the mzML that a site's own converter made of it."""
    from catchment.massspec.describe import WITHOUT_READER, head_of_asset

    found = recognise(head_of_asset(asset))
    format_ = found.format if found is not None else ""
    command = {str(name): words for name, words in settings.converters.items()}.get(format_)
    if command is None and format_ not in WITHOUT_READER:
        return Preparation(asset=asset)
    from catchment.massspec.external import convert_externally

    return convert_externally(asset, format_, command, place)


def validate_run(description: Description, asset: Asset, settings: MassspecAdmit) -> Admission:
    """Return every fault of a run or table, and its statistics."""
    if description.format in table_formats():
        from catchment.massspec.quantities.validate import validate as validate_table

        return validate_table(description, asset)
    from catchment.massspec.validate import validate

    return validate(description, asset, settings)


def convert_run(
    asset: Asset, description: Description, place: Place, settings: MassspecConvert
) -> Product | Unreadable:
    """Write a run as indexed mzML, a table as H5AD, with its side-cars."""
    if description.format in table_formats():
        from catchment.massspec.quantities.convert import convert as convert_table

        return convert_table(asset, description, place)
    from catchment.massspec.convert import convert

    return convert(asset, description, place, settings)


def measure_run(product: Product, place: Place) -> Metrics:
    """Return the QC numbers of a converted run or table."""
    if product.kind == "h5ad":
        from catchment.massspec.quantities.measure import measure as measure_table

        return measure_table(product, place)
    from catchment.massspec.measure import measure

    return measure(product, place)


def normalise_run(dataset: Dataset, asset: Asset, store: Place, place: Place, settings: MassspecNormalise) -> Derived:
    """Write the derived view of a run or table."""
    if dataset.product.kind == "h5ad":
        from catchment.massspec.quantities.normalise import normalise as normalise_table

        return normalise_table(dataset, store, place, settings)
    from catchment.massspec.normalise import normalise

    return normalise(dataset, asset, store, place, settings)


def draw_run(dataset: Dataset, asset: Asset, store: Place) -> bytes:
    """Return the QC plots of a run or table."""
    if dataset.product.kind == "h5ad":
        from catchment.massspec.quantities.measure import draw as draw_table

        return draw_table(dataset, asset, store)
    from catchment.massspec.draw import draw

    return draw(dataset, asset, store)


def contribute_run(dataset: Dataset, asset: Asset, store: Place) -> Contribution:
    """Return what census and catalogue take from a run or table."""
    if dataset.product.kind == "h5ad":
        from catchment.massspec.quantities.measure import contribute as contribute_table

        return contribute_table(dataset, asset)
    return contribute(dataset, asset, store)


MODALITY = Modality(
    admit_settings=MassspecAdmit,
    convert_settings=MassspecConvert,
    normalise_settings=MassspecNormalise,
    extensions=EXTENSIONS,
    shared_endings=TABLE_ENDINGS,
    recognise=recognise,
    describe=describe_run,
    prepare=prepare_run,
    validate=validate_run,
    estimate=estimate,
    convert=convert_run,
    measure=measure_run,
    normalise=normalise_run,
    draw=draw_run,
    contribute=contribute_run,
    companions=companions,
)
