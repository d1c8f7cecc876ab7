"""A scene written into a SOMA experiment, and read back: what `scene` tells of a file, by tiledbsoma."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import tiledbsoma
from tiledbsoma import Axis, CoordinateSpace, IdentityTransform, ScaleTransform

from catchment import soma
from catchment.schema.records import Finding
from catchment.singlecell import rules
from catchment.singlecell.rules import shown
from catchment.singlecell.scene import AXES, PRESENCE, Scene

DISCLAIMER = "Support for spatial types is experimental"


def create_scene(
    experiment: tiledbsoma.Experiment,
    scene: Scene,
    shapes: Mapping[str, tuple[int, ...]],
    dtype: np.dtype[Any] | None,
    zstd_level: int,
) -> dict[str, str]:
    """Create a scene with every table and image empty, and return the address of each by its path.

    `shapes` are those of its images by their path in the experiment, the largest first, `dtype` their type.
    """
    axes: Any = tuple(Axis(name=name, unit="pixels") for name in AXES)
    space, uris = CoordinateSpace(axes), {}
    frame: Any
    image: Any = None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=DISCLAIMER)
        made = experiment.add_new_collection("spatial").add_new_collection(scene.name, tiledbsoma.Scene)
        made.coordinate_space = space
        for name in ("obsl", "varl", "img"):
            made.add_new_collection(name)
        for path, table in scene.tables.items():
            if path == PRESENCE:
                index, domain = ("soma_joinid", "scene_id"), [last_of(table), ("", "")]
                schema = soma.soma_schema(table)
                frame = experiment.add_new_dataframe(PRESENCE, schema=schema, index_column_names=index, domain=domain)
            else:
                spans = [(float(axis.min(initial=0)), float(axis.max(initial=0))) for axis in scene.positions.T]
                frame = made.add_new_point_cloud_dataframe(
                    "loc",
                    "obsl",
                    transform=IdentityTransform(AXES, AXES),
                    coordinate_space=space,
                    schema=soma.soma_schema(table),
                    domain=[*spans, last_of(table)],
                )
                frame.metadata.update(scene.metadata[path])
            uris[path] = str(frame.uri)
        for path, shape in shapes.items():
            key, options = path.rpartition("/")[2], soma.dense_options(shape, zstd_level)
            if image is None:
                image = made.add_new_multiscale_image(
                    scene.name,
                    "img",
                    transform=ScaleTransform(AXES, AXES, (scene.scale, scene.scale)),
                    coordinate_space=space,
                    type=pa.from_numpy_dtype(dtype),
                    level_shape=shape,
                    level_key=key,
                    data_axis_order=("y", "x", "soma_channel"),
                    platform_config=options,
                )
                image.metadata.update(scene.metadata[scene.image])
                uris[path] = image[key].uri
            else:
                uris[path] = image.add_new_level(key, shape=shape, platform_config=options).uri
    return uris


def last_of(table: pa.Table) -> tuple[int, int]:
    """Return the first and last `soma_joinid` that a table has room for."""
    return 0, max(table.num_rows - 1, 0)


def scene_differences(uri: str, scene: Scene) -> Iterator[Finding]:
    """Yield a finding where a scene, read by tiledbsoma, brings spots elsewhere on the image than it was told."""
    with tiledbsoma.Scene.open(f"{uri}/{scene.path}", context=soma.context()) as found:
        image: Any = found.get_transform_to_multiscale_image(scene.name) if scene.images else None
        images = [tuple(image.scale_factors)] if scene.images else []
        spots = type(found.get_transform_to_point_cloud_dataframe("loc"))
    if images != [(scene.scale, scene.scale)] * len(images) or spots is not IdentityTransform:
        yield rules.READ_BACK.broken(scene.path, f"images scaled by {shown(images)}, expected {scene.scale}")
