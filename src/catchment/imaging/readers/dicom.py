"""DICOM, one file at a time: a frame or several, uncompressed or under JPEG-LS."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.utils import pixel_array

from catchment.imaging.physical import duration_s, size_um
from catchment.imaging.readers import Container, DecodingFailed, Pixels, Scene, Source, UnreadableImage
from catchment.imaging.readers.planes import Place, PlaneReader
from catchment.imaging.rules import CUT_SHORT, NO_PLACE, NO_READER, NOT_READABLE, PERSON_NAMED
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

# what pydicom raises on damaged data sets
ERRORS = (
    InvalidDicomError, BytesLengthException, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError,
    EOFError, OverflowError, struct.error, NotImplementedError, RuntimeError, RecursionError, zlib.error,
)  # fmt: skip
UNCOMPRESSED = {"1.2.840.10008.1.2": "<", "1.2.840.10008.1.2.1": "<", "1.2.840.10008.1.2.2": ">"}
CODECS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "1.2.840.10008.1.2.4.80": ("JPEG-LS", imagecodecs.jpegls_decode),
    "1.2.840.10008.1.2.4.81": ("JPEG-LS, nearly without loss", imagecodecs.jpegls_decode),
}
GREY = ("MONOCHROME1", "MONOCHROME2")
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
FRAME_TIME, SLICE_VECTOR, SLICE_LOCATION = 0x00181063, 0x00540080, 0x00201041
PERSONAL = ("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "PatientAddress")
# what those who take names out write in their place
NO_NAMES = ("", "anonymized", "anonymised", "anonymous", "anon", "unknown", "none", "xxx")


class DicomReader(PlaneReader):
    """An open DICOM file; frames are a film unless the file says that they are slices."""

    name = "pydicom"
    version = str(pydicom.__version__)

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._set: Any = pydicom.dcmread(source.path, force=True, defer_size=65_536)
                self._read_headers()
        except ERRORS as error:
            raise UnreadableImage(self._fault(NOT_READABLE, f"a data set on which pydicom ends in: {error}")) from None

    def _fault(self, rule: Rule, found: str) -> Finding:
        """Return a finding on this file."""
        return rule.broken(self.source.name, found)

    def _refuse(self, rule: Rule, found: str) -> UnreadableImage:
        """Return the refusal of this file."""
        return UnreadableImage(self._fault(rule, found))

    def _read_headers(self) -> None:
        """Take the kind of pixels, the frames and the sizes from the data set."""
        own = self._set
        if "PixelData" not in own:
            raise self._refuse(NOT_READABLE, "a data set without PixelData")
        syntax = str(getattr(own, "file_meta", {}).get("TransferSyntaxUID", "") or "1.2.840.10008.1.2")
        if syntax not in UNCOMPRESSED and syntax not in CODECS:
            raise self._refuse(NO_READER, f"pixels under transfer syntax {syntax}")
        self._codec = CODECS.get(syntax)
        y, x, frames = int(own.Rows), int(own.Columns), int(own.get("NumberOfFrames", 1) or 1)
        self._samples = int(own.get("SamplesPerPixel", 1))
        photometric = str(own.PhotometricInterpretation)
        if str(own.get("SOPClassUID", "")) == WHOLE_SLIDE:
            raise self._refuse(NO_READER, "a whole slide, whose frames are tiles")
        if photometric not in (*GREY, "RGB") or (photometric in GREY) != (self._samples == 1):
            raise self._refuse(NO_PLACE, f"{self._samples} samples of kind {photometric}")
        if self._codec and self._samples > 1:
            raise self._refuse(NO_READER, f"colour pixels under {self._codec[0]}")
        if min(y, x, frames) <= 0 or self._samples not in (1, 3):
            raise self._refuse(NOT_READABLE, f"{frames} frames of {x} x {y} pixels, {self._samples} samples")
        self._dtype = self._pixel_type("" if self._codec else UNCOMPRESSED[syntax])
        self._planar = int(own.get("PlanarConfiguration", 0)) == 1 and self._samples > 1
        self._frame_shape = (self._samples, y, x) if self._planar else (y, x, self._samples)
        self._frame_bytes = y * x * self._samples * self._dtype.itemsize
        self._hold_frames(frames)
        self._axis, assumed = self._frame_axis(frames)
        sizes = {"t": 1, "z": 1, "c": 1, self._axis: frames}
        names = ("R", "G", "B") if self._samples == 3 else tuple(f"channel {n}" for n in range(sizes["c"]))
        self.scenes = (
            Scene(
                name="",
                shape=(sizes["t"], sizes["c"] * self._samples, sizes["z"], y, x),
                dtype=self._dtype.newbyteorder("="),
                channel_names=names,
                colours=("FF0000", "00FF00", "0000FF") if self._samples == 3 else (None,) * len(names),
                physical_um=self._sizes_um(),
                time_increment_s=duration_s(float(own.get("FrameTime", 0) or 0), "ms") if self._axis == "t" else None,
                samples=self._samples,
                significant_bits=int(own.BitsStored),
                assumed_axis=self._axis if assumed else None,
            ),
        )
        self.container = Container(
            format="dicom",
            largest_segment_bytes=self._frame_bytes,
            compression=self._codec[0] if self._codec else "NONE",
            instrument=" ".join(
                filter(None, (str(own.get(key, "")) for key in ("Manufacturer", "ManufacturerModelName")))
            )
            or None,
            findings=tuple(self._people()),
        )

    def _pixel_type(self, order: str) -> np.dtype[Any]:
        """Return the dtype of stored pixels."""
        bits, stored, high = (int(self._set[key].value) for key in ("BitsAllocated", "BitsStored", "HighBit"))
        if bits not in (8, 16, 32) or high != stored - 1 or not 0 < stored <= bits:
            raise self._refuse(NO_PLACE, f"pixels of {stored} bits in {bits}, the highest is bit {high}")
        kind = "i" if int(self._set.get("PixelRepresentation", 0)) else "u"
        if kind == "i" and stored != bits:
            raise self._refuse(NO_READER, f"signed pixels of {stored} bits in {bits}")
        return np.dtype(f"{order}{kind}{bits // 8}")

    def _hold_frames(self, frames: int) -> None:
        """Find the pixels in the file, and hold their length against the declared sizes."""
        element = self._set.get_item("PixelData", keep_deferred=True)
        self._offset, length = int(element.value_tell), int(element.length)
        if self._codec:
            self._encoded: list[bytes] = []
            data = self._set.PixelData
            for number, frame in enumerate(generate_frames(data, number_of_frames=frames)):
                if number >= frames:
                    break
                self._encoded.append(frame)
            if len(self._encoded) != frames:
                raise self._refuse(CUT_SHORT, f"{len(self._encoded):,} of {frames:,} frames")
            return
        end, size = self._offset + frames * self._frame_bytes, Path(self.source.path).stat().st_size
        if end > size or frames * self._frame_bytes > length:
            raise self._refuse(CUT_SHORT, f"pixels up to byte {end:,}; {length:,} bytes of them in {size:,}")

    def _frame_axis(self, frames: int) -> tuple[str, bool]:
        """Return the axis of the frames, and whether it is only assumed."""
        pointer = self._set.get("FrameIncrementPointer")
        if pointer == FRAME_TIME:
            return "t", False
        if pointer in (SLICE_VECTOR, SLICE_LOCATION):
            return "z", False
        if self.source.page_axis and (self.source.page_axis != "c" or self._samples == 1):
            return self.source.page_axis, False
        return "t", frames > 1

    def _sizes_um(self) -> dict[str, float | None]:
        """Return pixel sizes from PixelSpacing (rows, columns; mm); sizes at the detector say nothing of the object."""
        spacing = self._set.get("PixelSpacing") or (None, None)
        y, x = (size_um(None if value is None else float(value), "mm") for value in spacing)
        between = self._set.get("SpacingBetweenSlices") if self._axis == "z" else None
        return {"z": size_um(None if between is None else float(between), "mm"), "y": y, "x": x}

    def _people(self) -> list[Finding]:
        """Return a finding where the headers say who was imaged."""
        told = [key for key in PERSONAL if str(self._set.get(key, "")).strip("^ ").lower() not in NO_NAMES]
        if str(self._set.get("BurnedInAnnotation", "")).upper() == "YES":
            told.append("BurnedInAnnotation")
        return [self._fault(PERSON_NAMED, ", ".join(told))] if told else []

    def close(self) -> None:
        """Let go of the data set; the file is open only while it is read."""
        self._kept = None

    def plane(self, place: Place) -> Pixels:
        """Return a frame from its bytes."""
        number = {"t": place[1], "z": place[3], "c": place[2]}[self._axis]
        if self._codec:
            return self._decoded(number)
        count = self._frame_bytes // self._dtype.itemsize
        offset = self._offset + number * self._frame_bytes
        stored = np.fromfile(self.source.path, self._dtype, count, offset=offset).reshape(self._frame_shape)
        upright = np.moveaxis(stored, 0, -1) if self._planar else stored
        return upright.astype(self._dtype.newbyteorder("="))

    def _decoded(self, number: int) -> Pixels:
        """Return a frame that imagecodecs decompresses."""
        name, decode = self._codec or ("", bytes)
        try:
            frame = np.asarray(decode(self._encoded[number]))
        except (RuntimeError, ValueError, TypeError, OSError) as error:
            raise DecodingFailed(f"{name}: {error}") from None
        if frame.shape != self._frame_shape[:2] or frame.dtype.itemsize != self._dtype.itemsize:
            raise DecodingFailed(f"{name}: pixels {frame.shape} {frame.dtype} where {self._frame_shape} is declared")
        return frame.view(self._dtype.newbyteorder("="))[..., np.newaxis]

    def second_plane(self, place: Place) -> Pixels:
        """Return a frame as pydicom decodes it; by imagecodecs again where pydicom has no decoder."""
        number = {"t": place[1], "z": place[3], "c": place[2]}[self._axis]
        if self._codec:
            return self._decoded(number)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if not getattr(self._set, "file_meta", None) or "TransferSyntaxUID" not in self._set.file_meta:
                    self._set.file_meta = pydicom.dataset.FileMetaDataset()
                    self._set.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
                whole = pixel_array(self._set, index=number, raw=True)
        except ERRORS as error:
            raise DecodingFailed(f"pydicom: {type(error).__name__}: {error}") from None
        return whole.reshape((*whole.shape[:2], -1)).astype(self._dtype.newbyteorder("="))
