"""A conversion in a process of its own, killed by itself when so many slabs are written: `IMAGE STORE SLABS`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from catchment.config import ImagingConvert
from catchment.imaging import MODALITY
from catchment.imaging.layout import Slab
from catchment.imaging.progress import Progress, Written
from catchment.modalities import Conversion, convert_asset
from catchment.schema.records import Description
from catchment.storage import kept
from tests.imaging.conftest import asset_of

SETTINGS = ImagingConvert(chunk_yx=16, shard_yx=32, shard_z=2, thumbnail_px=16)


def convert_into(image: Path, store: Path) -> Conversion:
    """Convert an image into the store of a key, going on where a killed conversion stopped."""
    asset = asset_of(image)
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)

    def make(scratch: Path) -> Conversion:
        return convert_asset(asset, description, str(scratch), SETTINGS.model_dump(mode="json"))

    return kept(store, Conversion, make, resumed=True)


def main() -> None:
    """Convert, and die with the last of the slabs that are allowed."""
    image, store, slabs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    original, count = Progress.keep, 0

    def keep(self: Progress, slab: Slab, written: Written) -> None:
        nonlocal count
        count += 1
        if count > slabs:
            os.kill(os.getpid(), signal.SIGKILL)
        original(self, slab, written)

    Progress.keep = keep  # type: ignore[method-assign]
    convert_into(image, store)


if __name__ == "__main__":
    main()
