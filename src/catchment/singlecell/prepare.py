"""What a submitted asset needs before it is held against the schema: nothing, where it is an H5AD of today."""

from __future__ import annotations

from catchment.config import SinglecellAdmit
from catchment.schema.records import Asset, Preparation, Unreadable
from catchment.storage import Place


def prepare(asset: Asset, place: Place, settings: SinglecellAdmit) -> Preparation | Unreadable:
    """Return the asset to go on with."""
    return Preparation(asset=asset)
