"""TIFF and OME-TIFF, read with tifffile.

bioio's TIFF plugins read through tifffile too, but open the file again for every plane: 1.1 CPU s a plane of a movie of
1,000 (bioio-tifffile 1.3.1). So regions come from one open tifffile store, and bioio is what they are checked against.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr

from catchment.imaging.axes import Arrangement, NoPlace, Slices, arrangement_of, native
from catchment.imaging.metaseries import MetaSeries, read_metaseries
from catchment.imaging.ome_xml import OmeDocument, OmeImage, looks_like_ome, read_ome_xml
from catchment.imaging.physical import size_um
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.tiff_rows import PAGE_BYTES, rows_of
from catchment.imaging.rules import (
    CUT_SHORT,
    NO_PLACE,
    NOT_READABLE,
    OME_XML_UNFIT,
    PIXELS_MISSING,
    SLIDE_PICTURES,
)
from catchment.imaging.slides import NDPI_MAGNIFICATION, SLIDE_KINDS, aperio_size_um, is_picture
from catchment.imaging.tiff_layout import TiffLayout, walk
from catchment.schema.records import Finding
from catchment.schema.rules import is_error

# what tifffile and imagecodecs raise on a file that is damaged or that they do not support
HEADER_ERRORS = (
    tifffile.TiffFileError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError,
    OverflowError, ZeroDivisionError, struct.error, RuntimeError,
)  # fmt: skip
# imagecodecs raises RuntimeError's subclasses
DECODE_ERRORS = (*HEADER_ERRORS, zlib.error, NotImplementedError)
# values of the tag ResolutionUnit that nothing made for print uses
CENTIMETRE = 3
METRIC_UNITS = {4: "mm", 5: "µm"}
RGB_NAMES = {2: ("L", "A"), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}
RGB_COLOURS = {"R": "FF0000", "G": "00FF00", "B": "0000FF"}


class TiffReader:
    """An open TIFF or OME-TIFF."""

    shared = False
    name = "tifffile"
    version = str(tifffile.__version__)

    def __init__(self, source: Source) -> None:
        self.source = source
        layout, document = inspect(source)
        self._regions: dict[int, Any] = {}
        with contextlib.ExitStack() as opened:
            self._tiff, self._series = self._open(opened)
            try:
                self._arrangements = [self._arrange(series) for series in self._series]
            except NoPlace as error:
                raise UnreadableImage(NO_PLACE.broken(source.name, str(error))) from None
            self.scenes = tuple(self._scene(index, document) for index in range(len(self._series)))
            findings = self._faults(document)
            if findings:
                raise UnreadableImage(*findings)
            left_out = self._leave_pictures_out()
            self._stack = opened.pop_all()
        self.container = Container(
            format="ome-tiff" if document else "tiff",
            largest_segment_bytes=layout.largest_segment_bytes,
            compression=", ".join(map(compression_name, sorted(layout.compressions))),
            instrument=document.instrument if document else None,
            # it would speak of images that are not in the store
            ome_xml=layout.description if document and not left_out else None,
            findings=(SLIDE_PICTURES.broken(source.name, ", ".join(left_out), count=len(left_out)),)
            if left_out
            else (),
        )

    def _leave_pictures_out(self) -> list[str]:
        """Drop the images that show the slide and not the scan; return their names."""
        told = [
            series.name if series.kind in SLIDE_KINDS else scene.name
            for series, scene in zip(self._series, self.scenes, strict=True)
        ]
        tags = [magnification_of(series) for series in self._series]
        pictures = [is_picture(*each) for each in zip(told, tags, strict=True)]
        if not any(pictures) or all(pictures):
            return []
        kept = [index for index, picture in enumerate(pictures) if not picture]
        self._series = [self._series[index] for index in kept]
        self._arrangements = [self._arrangements[index] for index in kept]
        # the name of a scan may be what is written on its label
        self.scenes = tuple(
            replace(self.scenes[index], name="") if self._series[0].kind in SLIDE_KINDS else self.scenes[index]
            for index in kept
        )
        return [name or "image of the slide" for name, picture in zip(told, pictures, strict=True) if picture]

    def _open(self, opened: contextlib.ExitStack) -> tuple[Any, list[Any]]:
        """Return the open file and its series, of which every header has been read."""
        try:
            tiff = opened.enter_context(tifffile.TiffFile(self.source.path, _multifile=False, is_mmstack=False))
            series = list(tiff.series)
            for each in series:
                # tifffile reads on when asked: the key frame, the pages after it
                _ = each.keyframe.nbytes, each.dataoffset, len(each.pages), tiff.imagej_metadata
        except HEADER_ERRORS as error:
            fault = NOT_READABLE.broken(self.source.name, f"headers on which tifffile ends in: {error}")
            raise UnreadableImage(fault) from None
        if not series:
            raise UnreadableImage(NOT_READABLE.broken(self.source.name, "a TIFF without any image"))
        return tiff, series

    def close(self) -> None:
        """Let go of the file and of the stores over it."""
        self._stack.close()

    # --- pixels --------------------------------------------------------------------------------------------------

    def region(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region as t, c, z, y, x, decoding only the tiles, strips or pages it touches."""
        arrangement = self._arrangements[scene]
        try:
            stored = self._region_array(scene)[arrangement.stored_selection(wanted)]
        except DECODE_ERRORS as error:
            raise DecodingFailed(f"{type(error).__name__}: {error}") from None
        return arrangement.arrange(np.asarray(stored), wanted)

    def eager(self, scene: int, wanted: Slices) -> Pixels:
        """Return a region from whole pages, decoded one by one where they are pages, else from the whole series."""
        arrangement, series = self._arrangements[scene], self._series[scene]
        selection = arrangement.stored_selection(wanted)
        pages = len(series.shape) - len(series.keyframe.shape)
        leading = series.shape[:pages] if pages >= 0 else ()
        try:
            if pages >= 0 and (len(series.pages) == np.prod(leading, dtype=int) or series.dataoffset is not None):
                numbers = np.arange(np.prod(leading, dtype=int)).reshape(leading)[selection[:pages]]
                planes = [self._plane(series, int(number), selection[pages:]) for number in numbers.ravel()]
                stored = np.stack(planes).reshape(*numbers.shape, *planes[0].shape)
            else:
                stored = series.asarray()[selection]
        except DECODE_ERRORS as error:
            raise DecodingFailed(f"{type(error).__name__}: {error}") from None
        return arrangement.arrange(stored, wanted)

    def _plane(self, series: Any, number: int, selection: tuple[slice, ...]) -> Pixels:
        """Return part of a plane: of its page, or of the run of bytes behind a single page that stands for all."""
        if len(series.pages) > number:
            return rows_of(series.pages[number], selection)
        shape, dtype = series.keyframe.shape, series.dtype.newbyteorder(self._tiff.byteorder)
        count = int(np.prod(shape))
        run = np.fromfile(self.source.path, dtype, count, offset=series.dataoffset + number * count * dtype.itemsize)
        return run.reshape(shape)[selection]

    def _region_array(self, scene: int) -> Any:
        """Return the lazy array over a scene: by whole pages where they are small, else by tile or strip."""
        if scene not in self._regions:
            series = self._series[scene]
            by_page = series.keyframe.nbytes <= PAGE_BYTES
            store = series.aszarr(level=0, chunkmode="page" if by_page else None, maxworkers=1)
            self._stack.callback(store.close)
            self._regions[scene] = zarr.open_array(store, mode="r")
        return self._regions[scene]

    # --- headers -------------------------------------------------------------------------------------------------

    def _arrange(self, series: Any) -> Arrangement:
        """Return where the axes of a series go; what its pages are may come from ImageJ or from the submitter."""
        if series.dtype is None or series.dtype.kind not in "biuf":
            raise NoPlace(f"pixels of type {series.dtype}")
        return arrangement_of(series.axes, series.shape, self.source.page_axis)

    def _scene(self, index: int, document: OmeDocument | None) -> Scene:
        """Return one series as a scene."""
        series, arrangement = self._series[index], self._arrangements[index]
        image = document.images[index] if document and index < len(document.images) else None
        names, colours = channels_of(image, arrangement.shape[1], arrangement.samples)
        told = None if image else self._metaseries(series)
        scene = Scene(
            name=(image.name if image else "") or (series.name if len(self._series) > 1 else ""),
            shape=arrangement.shape,
            dtype=native(np.dtype(series.dtype)),
            channel_names=names,
            colours=colours,
            physical_um=dict(image.physical_um) if image else self._plain_sizes(series),
            time_increment_s=image.time_increment_s if image else None,
            samples=arrangement.samples,
            significant_bits=image.significant_bits if image else None,
            assumed_axis=arrangement.assumed
            if arrangement.assumed and arrangement.size(arrangement.assumed) > 1
            else None,
        )
        return scene if told is None else with_metaseries(scene, told)

    def _metaseries(self, series: Any) -> MetaSeries | None:
        """Return what MetaMorph and MetaXpress say of an image; raises `UnreadableImage` where it has a DOCTYPE."""
        told = read_metaseries(str(series.keyframe.description), self.source.name)
        if isinstance(told, Finding):
            raise UnreadableImage(told)
        return told

    def _plain_sizes(self, series: Any) -> dict[str, float | None]:
        """Return pixel sizes of a plain TIFF, where it says that its resolution is one of the specimen.

        ImageJ names a unit of length. Without it, inch and centimetre are what printers and cameras write, but for
        Hamamatsu's scanners. Aperio's write the size into the description.
        """
        if series.kind == "svs":
            edge = aperio_size_um(str(series.keyframe.description))
            return {"z": None, "y": edge, "x": edge}
        tags, imagej = series.keyframe.tags, self._tiff.imagej_metadata or {}
        unit = str(imagej.get("unit", "")) if self._tiff.is_imagej else ""
        if not unit:
            code = tags.valueof("ResolutionUnit")
            unit = METRIC_UNITS.get(code, "") if isinstance(code, int) else ""
        if series.kind == "ndpi" and tags.valueof("ResolutionUnit") == CENTIMETRE:
            unit = "cm"
        sizes: dict[str, float | None] = {"z": size_um(as_float(imagej.get("spacing")), unit)}
        for axis in "yx":
            tag = tags.get(f"{axis.upper()}Resolution")
            value = tag.value if tag is not None else None
            pixels, units = value if isinstance(value, tuple) and len(value) == 2 else (0, 0)
            sizes[axis] = size_um(units / pixels, unit) if pixels else None
        return sizes

    def _faults(self, document: OmeDocument | None) -> list[Finding]:
        """Return what is wrong with the series: planes without pixels, sizes that OME-XML tells otherwise."""
        findings = []
        for index, series in enumerate(self._series):
            where = f"{self.source.name}: image {index}"
            absent = sum(page is None for page in series.pages) if series.dataoffset is None else 0
            if absent:
                findings.append(
                    PIXELS_MISSING.broken(where, f"{absent:,} of {len(series.pages):,} planes without pixels")
                )
            elif series.dataoffset is not None and series.dataoffset + series.nbytes > self._tiff.filehandle.size:
                end = series.dataoffset + series.nbytes
                found = f"pixels up to byte {end:,}, the file has {self._tiff.filehandle.size:,}"
                findings.append(CUT_SHORT.broken(where, found))
        if document:
            findings += [
                OME_XML_UNFIT.broken(f"{self.source.name}: OME-XML/Image {index}", found)
                for index, found in differences(document, [a.shape for a in self._arrangements])
            ]
        return findings


def inspect(source: Source) -> tuple[TiffLayout, OmeDocument | None]:
    """Return the layout of a TIFF and its OME-XML (None where it has none), before any library sees the file.

    Raises
    ------
    UnreadableImage
        With every fault of the container and of the OME-XML.
    """
    with Path(source.path).open("rb") as file:
        layout = walk(file, source.name)
    document = read_ome_xml(layout.description, source.name) if looks_like_ome(layout.description) else None
    findings = [*layout.findings, *(document.findings if document else ())]
    if not layout.directories and not findings:
        findings.append(NOT_READABLE.broken(source.name, "a TIFF without any image"))
    if any(map(is_error, findings)):
        raise UnreadableImage(*findings)
    return layout, document


def differences(document: OmeDocument, shapes: list[tuple[int, ...]]) -> list[tuple[int, str]]:
    """Return (image, what differs) for each image whose stored shape is not what OME-XML says."""
    if len(document.images) != len(shapes):
        return [(0, f"{len(document.images)} images described, {len(shapes)} stored")]
    told = [tuple(image.sizes[axis] for axis in "tczyx") for image in document.images]
    return [
        (index, f"sizes t, c, z, y, x {said}, stored {shape}")
        for index, (said, shape) in enumerate(zip(told, shapes, strict=True))
        if said != shape
    ]


def channels_of(image: OmeImage | None, count: int, samples: int) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    """Return name and colour of each channel: from OME-XML, red-green-blue of colour images, else `channel 0`, ..."""
    described = [channel for channel in image.channels for _ in range(channel.samples)] if image else []
    told = described if len(described) == count else []
    letters = RGB_NAMES.get(samples, ()) if samples > 1 else ()
    names, colours = [], []
    for number in range(count):
        letter = letters[number % samples] if letters else ""
        given = told[number].name if told else ""
        fallback = letter if letter and count == samples else f"channel {number}"
        names.append(f"{given} {letter}" if given and letter else given or fallback)
        colours.append(RGB_COLOURS.get(letter) if letter else (told[number].colour if told else None))
    return tuple(names), tuple(colours)


def with_metaseries(scene: Scene, told: MetaSeries) -> Scene:
    """Return a scene with what MetaMorph or MetaXpress say of it; the channel where there is but one."""
    own = (told.channel,) if told.channel and scene.shape[1] == 1 else scene.channel_names
    sizes = {**scene.physical_um, "y": told.pixel_y_um, "x": told.pixel_x_um}
    waves = (told.wavelength_nm,) * scene.shape[1] if scene.shape[1] == 1 else ()
    return replace(scene, physical_um=sizes, channel_names=own, emission_nm=waves, stage_z_um=told.stage_z_um)


def compression_name(code: int) -> str:
    """Return the name of a TIFF compression, `NONE`, `LZW`, ...; the number where nobody has named it."""
    try:
        return str(tifffile.COMPRESSION(code).name)
    except ValueError:
        return str(code)


def magnification_of(series: Any) -> dict[int, object]:
    """Return the tag by which Hamamatsu's scanners tell scans from pictures of the slide."""
    tag = series.keyframe.tags.get(NDPI_MAGNIFICATION) if series.kind == "ndpi" else None
    return {} if tag is None else {NDPI_MAGNIFICATION: tag.value}


def as_float(value: object) -> float | None:
    """Return a number that ImageJ wrote, None where it is none."""
    return float(value) if isinstance(value, int | float) else None
