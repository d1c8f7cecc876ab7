"""The scene of a spatial dataset: where its spots lie, its images, and how the ones are brought onto the others.

As the Census has it (`census_spatial_sequencing`) and `tiledbsoma.io.spatial` writes it: `spatial/<scene>/obsl/loc` are
the positions, `spatial/<scene>/img/<library>` the images of a section, a level each, and `obs_spatial_presence` says
which cells are in the scene. Space is that of the image at full resolution: x to the right, y down, in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catchment.schema.records import Finding
from catchment.singlecell import rules
from catchment.singlecell.rules import first_of
from catchment.singlecell.uns import NAME

POSITIONS, SPATIAL = "obsm/spatial", "uns/spatial"
PRESENCE = "obs_spatial_presence"
FULL = "fullres"
BEADS = "section"  # the scene of a dataset that names no library
AXES = ("x", "y")


@dataclass(frozen=True)
class Scene:
    """One section: `positions` (spots x 2: x, y) and its images.

    `images`: by name, the largest first, where in the file they are; height x width x channels, one type of number.
    `scale`: pixels of the largest for one of full resolution. `factors`: all that the file says of sizes.
    """

    name: str
    positions: npt.NDArray[np.float64]
    images: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where the scene is in the experiment."""
        return f"spatial/{self.name}"

    @property
    def image(self) -> str:
        """Where its images are, each a level."""
        return f"{self.path}/img/{self.name}"

    @property
    def metadata(self) -> dict[str, dict[str, Any]]:
        """What is said beside the values, by path: how large a spot is, and how images were scaled."""
        diameter = self.factors.get("spot_diameter_fullres")
        spot = {} if diameter is None else {"soma_geometry_type": "radius", "soma_geometry": diameter / 2}
        return {f"{self.path}/obsl/loc": spot, **({self.image: dict(self.factors)} if self.images else {})}

    @property
    def tables(self) -> dict[str, pa.Table]:
        """Positions, and which cells are in the scene: all."""
        cells = np.arange(len(self.positions), dtype=np.int64)
        scenes = pa.array([self.name] * cells.size, pa.large_string())
        return {
            f"{self.path}/obsl/loc": pa.table(
                {"x": self.positions[:, 0], "y": self.positions[:, 1], "soma_joinid": cells}
            ),
            PRESENCE: pa.table({"soma_joinid": cells, "scene_id": scenes, "data": np.ones(cells.size, np.bool_)}),
        }


def scene_of(file: h5py.File, embeddings: Mapping[str, tuple[int, ...]]) -> tuple[Scene | None, list[Finding]]:
    """Return the scene of a file whose obsm is known, or why a spatial dataset has none; nothing for any other.

    Positions are read, images are not.
    """
    said = file.get(SPATIAL)
    if said is None and "spatial" not in embeddings:
        return None, []
    why = why_none(said, embeddings)
    if why is None:
        positions = np.asarray(file[POSITIONS][:, :2], np.float64)
        if np.isfinite(positions).all():
            return scene_with(said, positions), []
        why = "positions that are no numbers"
    return None, [rules.NO_SCENE.broken(SPATIAL, why)]


def why_none(said: Any, embeddings: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return what stands against a scene, by headers; None where nothing does."""
    if not isinstance(said, h5py.Group):
        return "positions, but no uns['spatial']"
    if embeddings.get("spatial", (0, 0))[1] < len(AXES):
        return "no obsm['spatial'] with two columns"
    single = said.get("is_single")
    if isinstance(single, h5py.Dataset) and single.shape == () and single.dtype == np.bool_ and not single[()]:
        return "several sections in one dataset (is_single is False)"
    several = libraries(said)
    return f"several libraries: {first_of(several)}" if len(several) > 1 else None


def libraries(said: h5py.Group) -> list[str]:
    """Return the names of the libraries of uns['spatial']."""
    return [name for name in sorted(said) if isinstance(said.get(name), h5py.Group)]


def scene_with(said: h5py.Group, positions: npt.NDArray[np.float64]) -> Scene:
    """Return the scene of one section."""
    name = next(iter(libraries(said)), None)
    if name is None or not NAME.fullmatch(name):
        return Scene(BEADS, positions)
    factors = scale_factors(said[name].get("scalefactors"))
    images = levels_of(said[name].get("images"), f"{SPATIAL}/{name}/images")
    largest = next(iter(images), FULL)
    scale = 1.0 if largest == FULL else factors.get(f"tissue_{largest}_scalef", 0.0)
    if not 0 < scale < np.inf:
        images, scale = {}, 1.0  # nobody could tell where a spot is on the image
    return Scene(name, positions, images, scale, factors)


def scale_factors(group: Any) -> dict[str, float]:
    """Return the numbers that say how large spots and images are."""
    names = sorted(group) if isinstance(group, h5py.Group) else []
    items = {name: group.get(name) for name in names if NAME.fullmatch(name)}
    return {
        name: float(item[()])
        for name, item in items.items()
        if isinstance(item, h5py.Dataset) and item.shape == () and item.dtype.kind in "iuf"
    }


def levels_of(group: Any, path: str) -> dict[str, str]:
    """Return the images of a library that are levels of one, the largest first: equal channels and type of number."""
    names = sorted(group) if isinstance(group, h5py.Group) else []
    found = {name: group.get(name) for name in names if NAME.fullmatch(name)}
    images = {name: item for name, item in found.items() if is_image(item)}
    ordered = sorted(images, key=lambda name: (-images[name].shape[0] * images[name].shape[1], name != FULL, name))
    if not ordered:
        return {}
    first = images[ordered[0]]
    alike = (first.dtype, first.shape[2])
    return {name: f"{path}/{name}" for name in ordered if (images[name].dtype, images[name].shape[2]) == alike}


def is_image(item: Any) -> bool:
    """Tell whether something is an image: height x width x channels of numbers that an array of a SOMA can hold."""
    if not isinstance(item, h5py.Dataset) or len(item.shape or ()) != 3 or item.size == 0:
        return False
    return item.dtype.kind in "iu" or (item.dtype.kind == "f" and item.dtype.itemsize in (4, 8))
