"""Images written by tifffile or Pillow, and the way of one image through the modality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from catchment.config import ImagingAdmit, ImagingConvert
from catchment.imaging import MODALITY
from catchment.schema.records import (
    Admission,
    Asset,
    Dataset,
    Description,
    Finding,
    Product,
    Sample,
    SourceFile,
    Unreadable,
)
from catchment.storage import Place, digest_file, stored_files

SMALL = ImagingConvert(chunk_yx=16, shard_yx=32, shard_z=2, thumbnail_px=16)


def asset_of(path: Path, name: str | None = None, samples: tuple[Sample, ...] = (), **annotations: str) -> Asset:
    """The located asset of one file, or of a folder with every file in it."""
    own = path.name if name is None else name
    paths = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    files = tuple(
        SourceFile(
            path=str(one),
            name=str(PurePosixPath(own) / one.relative_to(path)),
            bytes=one.stat().st_size,
            sha256=digest_file(one),
        )
        for one in paths
    )
    return Asset(
        accession="CAT00000001D",
        modality="imaging",
        asset="a0001",
        dataset="CAT00000001D.D0001",
        format="tiff",
        files=files,
        samples=samples,
        assay_ontology_term_id="EFO:0002909",
        annotations=annotations,
        folder=own if path.is_dir() else "",
    )


@dataclass
class Passage:
    """What the modality made of one image."""

    asset: Asset
    description: Description | Unreadable
    admission: Admission | None
    product: Product | Unreadable | None
    folder: Path

    @property
    def findings(self) -> list[Finding]:
        """Every finding of every step."""
        parts = (self.description, self.admission, self.product)
        return [finding for part in parts for finding in getattr(part, "findings", ())]

    @property
    def codes(self) -> list[str]:
        """Their codes."""
        return [finding.code for finding in self.findings]

    @property
    def held(self) -> bool:
        """Whether an error stopped it."""
        return any(finding.level == "error" for finding in self.findings)

    @property
    def store(self) -> Path:
        """The OME-Zarr."""
        assert isinstance(self.product, Product)
        return self.folder / self.product.path

    def pixels(self, level: int = 0, image: str = "") -> np.ndarray:
        """A level of the store, read with zarr alone."""
        return np.asarray(zarr.open_array(self.store / image / str(level), mode="r")[...])

    def dataset(self) -> Dataset:
        """The dataset that steps would make of it."""
        assert isinstance(self.product, Product)
        return Dataset(
            accession=self.asset.accession,
            modality="imaging",
            asset=self.asset.asset,
            dataset=self.asset.dataset,
            store=str(self.folder),
            product=self.product,
            files=stored_files(self.folder),
            metrics=MODALITY.measure(self.product, Place(str(self.folder))),
        )


def carry(
    path: Path, folder: Path, settings: ImagingConvert = SMALL, admit: ImagingAdmit | None = None, **told: Any
) -> Passage:
    """Describe, validate and, where nothing is wrong, convert an image."""
    asset = asset_of(path, **told)
    folder.mkdir(parents=True)
    description = MODALITY.describe(asset)
    passage = Passage(asset, description, None, None, folder)
    if isinstance(description, Description):
        passage.admission = MODALITY.validate(description, asset, admit or ImagingAdmit())
        if not passage.held:
            passage.product = MODALITY.convert(asset, description, Place(str(folder)), settings)
    return passage


Carry = Callable[..., Passage]
Write = Callable[..., Path]


@pytest.fixture
def through(tmp_path: Path) -> Carry:
    """Carry an image through the modality."""
    count = iter(range(100))

    def run(path: Path, **told: Any) -> Passage:
        return carry(path, tmp_path / f"out{next(count)}", **told)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an array as TIFF by tifffile."""

    def run(pixels: np.ndarray, name: str = "image.ome.tif", **how: Any) -> Path:
        path = tmp_path / name
        if ".ome." in name:
            how = {"ome": True, "photometric": "minisblack", **how}
        tifffile.imwrite(path, pixels, **how)
        return path

    return run


def ramp(*shape: int, dtype: Any = np.uint16) -> np.ndarray:
    """Values that differ from pixel to pixel and from plane to plane."""
    return (np.arange(np.prod(shape)) * 7 % 251).astype(dtype).reshape(shape)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Accepted and set up: stand-ins for the libraries of optional readers."""
    from tests.imaging.optional_stand_ins import stand_in

    stand_in(monkeypatch, tmp_path / "scripts")
