"""What an image's headers say."""

from __future__ import annotations

from pydantic import JsonValue

from catchment.imaging.axes import TCZYX
from catchment.imaging.readers import ImageReader, Scene, Source, UnreadableImage, open_reader
from catchment.schema.records import Asset, Description, Unreadable

PAGE_AXES = ("t", "z", "c")


def source_of(asset: Asset) -> Source:
    """Return where a located asset's image and what belongs to it lie, and what its unnamed pages are said to be."""
    page_axis = asset.annotations.get("page_axis", "").strip().lower()
    told = tuple(sorted(asset.annotations.items()))
    if asset.folder:
        files = tuple((file.name.removeprefix(f"{asset.folder}/"), file.path, file.sha256) for file in asset.files)
        return Source(files[0][1], asset.folder, told=told, files=files)
    first, *others = asset.files
    companions = tuple((file.name, file.path) for file in others)
    return Source(first.path, first.name, page_axis if page_axis in PAGE_AXES else None, told, companions)


def describe(asset: Asset) -> Description | Unreadable:
    """Return shape, dtype, channels and pixel sizes of an image; no pixel is decoded.

    `shape` is that of the first scene, in order t, c, z, y, x; facts hold every scene.
    """
    try:
        reader = open_reader(source_of(asset))
    except UnreadableImage as fault:
        return Unreadable(findings=fault.findings)
    try:
        return description_of(reader)
    finally:
        reader.close()


def description_of(reader: ImageReader) -> Description:
    """Return the description of an open image."""
    scene, container = reader.scenes[0], reader.container
    units = {axis: "micrometer" for axis in "zyx" if scene.physical_um[axis] is not None}
    if scene.time_increment_s is not None:
        units["t"] = "second"
    return Description(
        format=container.format,
        reader=reader.name,
        reader_version=reader.version,
        axes=TCZYX,
        shape=scene.shape,
        dtype=scene.dtype.name,
        units=units,
        instrument=container.instrument,
        facts={
            "n_scenes": len(reader.scenes),
            "scenes": [scene_facts(each) for each in reader.scenes],
            "physical_size_um": dict(scene.physical_um),
            "channel_names": list(scene.channel_names),
            "samples_per_pixel": scene.samples,
            "compression": container.compression,
            "largest_segment_bytes": container.largest_segment_bytes,
        },
    )


def scene_facts(scene: Scene) -> dict[str, JsonValue]:
    """Return one scene as JSON values."""
    return {
        "name": scene.name,
        "shape": list(scene.shape),
        "dtype": scene.dtype.name,
        "channel_names": list(scene.channel_names),
        "physical_size_um": dict(scene.physical_um),
        "time_increment_s": scene.time_increment_s,
        "samples_per_pixel": scene.samples,
        "significant_bits": scene.significant_bits,
        "assumed_axis": scene.assumed_axis,
        "bytes": scene.nbytes,
        **({"facts": dict(scene.facts), "members": len(scene.members)} if scene.members else {}),
    }
