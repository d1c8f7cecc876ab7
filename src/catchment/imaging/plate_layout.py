"""Where the images of a file lie in its store, and the metadata of plates, wells and collections. Pure.

Source of the shapes: OME-Zarr 0.5, "plate", "well" and "bioformats2raw.layout".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catchment.imaging import ngff
from catchment.imaging.ngff import VERSION, Json
from catchment.imaging.readers import Plate, Scene


def image_paths(scenes: Sequence[Scene]) -> list[str]:
    """Return the path of each image in its store: `D/08/0` on a plate; empty where there is only one image."""
    paths: list[str] = []
    counted: dict[str, int] = {}
    for number, scene in enumerate(scenes):
        if scene.spot is None:
            paths.append("" if len(scenes) == 1 else str(number))
            continue
        well = f"{scene.spot.row}/{scene.spot.column}"
        counted[well] = counted.get(well, -1) + 1
        paths.append(f"{well}/{counted[well]}")
    return paths


def groups_above(scenes: Sequence[Scene], plate: Plate | None) -> Iterator[tuple[str, Json]]:
    """Yield path and attributes of each group above the images: root, rows and wells of a plate, list of images."""
    paths = image_paths(scenes)
    if paths == [""]:
        return
    root = ngff.collection_attributes()
    if plate is not None:
        root = {"ome": {**root["ome"], "plate": plate_attributes(scenes, plate)}}  # type: ignore[dict-item]
        for row in sorted({path.split("/")[0] for path in paths}):
            yield row, {}
        yield from wells_of(scenes)
    yield "", root
    yield "OME", ngff.series_attributes(paths)


def plate_attributes(scenes: Sequence[Scene], plate: Plate) -> Json:
    """Return what the root of a plate says: rows, columns, wells with images, acquisitions, most fields of a well."""
    wells = sorted({(plate.rows.index(s.spot.row), plate.columns.index(s.spot.column)) for s in scenes if s.spot})
    fields: dict[int, dict[tuple[str, str], int]] = {}
    for scene in scenes:
        if scene.spot is not None:
            of_wells = fields.setdefault(scene.spot.acquisition, {})
            well = scene.spot.row, scene.spot.column
            of_wells[well] = of_wells.get(well, 0) + 1
    most = {number: max(of_wells.values()) for number, of_wells in fields.items()}
    return {
        "version": VERSION,
        "name": plate.name,
        "rows": [{"name": row} for row in plate.rows],
        "columns": [{"name": column} for column in plate.columns],
        "wells": [
            {"path": f"{plate.rows[row]}/{plate.columns[column]}", "rowIndex": row, "columnIndex": column}
            for row, column in wells
        ],
        "acquisitions": [
            {"id": number, "name": name, "maximumfieldcount": most[number]}
            for number, name in enumerate(plate.acquisitions)
            if number in most
        ],
        "field_count": max(most.values()),
    }


def wells_of(scenes: Sequence[Scene]) -> Iterator[tuple[str, Json]]:
    """Yield path and attributes of each well: its images in order, each with its acquisition."""
    wells: dict[str, list[Json]] = {}
    for scene, path in zip(scenes, image_paths(scenes), strict=True):
        well, _, own = path.rpartition("/")
        acquisition = scene.spot.acquisition if scene.spot else 0
        wells.setdefault(well, []).append({"path": own, "acquisition": acquisition})
    for well, images in sorted(wells.items()):
        yield well, {"ome": {"version": VERSION, "well": {"version": VERSION, "images": list(images)}}}
