"""What the OME-XML of an OME-TIFF says, taken with care: no DOCTYPE, no other files, sizes that are numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from catchment.imaging.guarded_xml import Element, root_of
from catchment.imaging.physical import duration_s, size_um
from catchment.imaging.rules import COMPANION_MISSING, OME_XML_UNFIT, POINTS_OUT
from catchment.schema.records import Finding

SHOWN = 3


@dataclass(frozen=True)
class OmeChannel:
    """A channel: its name (empty where it has none), colour as `RRGGBB` or None, samples of each of its pixels."""

    name: str
    colour: str | None
    samples: int


@dataclass(frozen=True)
class OmeImage:
    """An image of the document. Sizes are pixels or counts; physical sizes in micrometres, None where not known."""

    name: str
    sizes: dict[str, int]
    physical_um: dict[str, float | None]
    time_increment_s: float | None
    significant_bits: int | None
    channels: tuple[OmeChannel, ...]


@dataclass(frozen=True)
class OmeDocument:
    """The images of an OME-XML, the microscope they were made with, and what is wrong with it."""

    images: tuple[OmeImage, ...] = ()
    instrument: str | None = None
    findings: tuple[Finding, ...] = ()


def looks_like_ome(description: bytes) -> bool:
    """Tell whether an image description is meant to be OME-XML."""
    start = description[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return start.startswith(b"<") and b"<OME" in description.replace(b"\0", b"")


def read_ome_xml(description: bytes, name: str) -> OmeDocument:
    """Return what an OME-XML says; `name` is the submitter's name of the file it stands in."""
    root = root_of(as_text(description), f"{name}: OME-XML", OME_XML_UNFIT)
    if isinstance(root, Finding):
        return OmeDocument(findings=(root,))
    findings = other_files(root, name)
    try:
        images = tuple(read_image(image) for image in children(root, "Image") if child(image, "Pixels") is not None)
    except (ValueError, KeyError) as error:
        findings.append(OME_XML_UNFIT.broken(f"{name}: OME-XML/Image", f"an attribute that is missing or odd: {error}"))
        return OmeDocument(findings=tuple(findings))
    if not images and not findings:
        findings.append(OME_XML_UNFIT.broken(f"{name}: OME-XML", "no Image with Pixels"))
    return OmeDocument(images, microscope(root), tuple(findings))


def as_text(description: bytes) -> str:
    """Return a description as text: UTF-8 as OME asks for, else Latin-1 (older writers' µ)."""
    try:
        return description.decode("utf-8-sig")
    except UnicodeDecodeError:
        return description.decode("latin-1")


def children(element: Element, tag: str) -> list[Element]:
    """Return the children of one tag, in whatever namespace (each OME release has its own)."""
    return [found for found in element if isinstance(found.tag, str) and found.tag.rpartition("}")[2] == tag]


def child(element: Element, tag: str) -> Element | None:
    """Return the first child of one tag, or None."""
    return next(iter(children(element, tag)), None)


def other_files(root: Element, name: str) -> list[Finding]:
    """Return findings for pixels that the document keeps in other files than the one it stands in."""
    own_uuid, own_name = root.get("UUID", "").strip(), PurePosixPath(name).name
    outside, missing = [], []
    for element in root.iter():
        tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if tag not in ("UUID", "BinaryOnly"):
            continue
        file_name = element.get("FileName") or element.get("MetadataFile") or ""
        if any(part in file_name for part in ("/", "\\", "..", ":")):
            outside.append(file_name)
        elif tag == "BinaryOnly" or not (
            file_name == own_name or (own_uuid and (element.text or "").strip() == own_uuid)
        ):
            missing.append(file_name or (element.text or "").strip())
    where = f"{name}: OME-XML/UUID"
    findings = []
    for rule, names in ((POINTS_OUT, outside), (COMPANION_MISSING, missing)):
        distinct = sorted(set(names))
        if distinct:
            rest = f" and {len(distinct) - SHOWN} more" if len(distinct) > SHOWN else ""
            found = ", ".join(repr(text[:100]) for text in distinct[:SHOWN]) + rest
            findings.append(rule.broken(where, found, count=len(distinct)))
    return findings


def read_image(image: Element) -> OmeImage:
    """Return one image of the document.

    Raises
    ------
    KeyError, ValueError
        Where a size is missing or is no positive number.
    """
    pixels = child(image, "Pixels")
    if pixels is None:
        raise KeyError("Pixels")
    sizes = {axis: positive(pixels.attrib[f"Size{axis.upper()}"]) for axis in "tczyx"}
    bits = pixels.get("SignificantBits")
    return OmeImage(
        name=image.get("Name") or "",
        sizes=sizes,
        physical_um={
            axis: size_um(
                number(pixels.get(f"PhysicalSize{axis.upper()}")), pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm")
            )
            for axis in "zyx"
        },
        time_increment_s=duration_s(number(pixels.get("TimeIncrement")), pixels.get("TimeIncrementUnit", "s")),
        significant_bits=positive(bits) if bits else None,
        channels=tuple(read_channel(channel) for channel in children(pixels, "Channel")),
    )


def read_channel(channel: Element) -> OmeChannel:
    """Return a channel; its colour is a signed 32-bit RGBA number in OME-XML."""
    colour = channel.get("Color")
    rgb = f"{(int(colour) & 0xFFFFFFFF) >> 8:06X}" if colour else None
    return OmeChannel(channel.get("Name") or "", rgb, positive(channel.get("SamplesPerPixel") or "1"))


def positive(text: str) -> int:
    """Return a whole number of 1 or more, as a size must be."""
    value = int(text)
    if not 0 < value < 2**31:
        raise ValueError(f"{text!r} is not a size")
    return value


def number(text: str | None) -> float | None:
    """Return a number, None where there is none."""
    return float(text) if text else None


def microscope(root: Element) -> str | None:
    """Return manufacturer and model of the first microscope that is named."""
    for instrument in children(root, "Instrument"):
        for scope in children(instrument, "Microscope"):
            words = " ".join(filter(None, (scope.get("Manufacturer"), scope.get("Model"))))
            if words:
                return words
    return None
