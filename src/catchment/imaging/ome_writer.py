"""OME-XML over the images of a store, where their source brings none: sizes, channels, and what is known of each.

Source of the shapes: OME schema 2016-06; `MetadataOnly`, since the pixels are those of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from catchment.imaging.readers import Scene

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
FACTS_NAMESPACE = "catchment/image-facts"
# names of pixel types that differ from those of numpy
TYPES = {"float32": "float", "float64": "double", "float16": "float", "int64": "int32", "uint64": "uint32"}


def ome_xml_of(scenes: Sequence[Scene]) -> bytes:
    """Return the document over some images, in the order of the store."""
    root = Element("OME", {"xmlns": NAMESPACE})
    images = [image_of(root, number, scene) for number, scene in enumerate(scenes)]
    annotated = [(number, scene) for number, scene in enumerate(scenes) if scene.facts]
    if annotated:
        notes = SubElement(root, "StructuredAnnotations")
        for number, scene in annotated:
            note = SubElement(notes, "MapAnnotation", {"ID": f"Annotation:{number}", "Namespace": FACTS_NAMESPACE})
            value = SubElement(note, "Value")
            for fact, said in scene.facts.items():
                SubElement(value, "M", {"K": fact}).text = said
            SubElement(images[number], "AnnotationRef", {"ID": f"Annotation:{number}"})
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return data


def image_of(root: Element, number: int, scene: Scene) -> Element:
    """Return the element of one image, with its pixels and channels."""
    image = SubElement(root, "Image", {"ID": f"Image:{number}", "Name": scene.name})
    sizes = dict(zip("TCZYX", map(str, scene.shape), strict=True))
    told = {f"Size{axis}": sizes[axis] for axis in "XYZCT"}
    for axis in "xyz":
        size = scene.physical_um[axis]
        if size is not None:
            told |= {f"PhysicalSize{axis.upper()}": repr(size), f"PhysicalSize{axis.upper()}Unit": "µm"}
    kind = TYPES.get(scene.dtype.name, scene.dtype.name)
    pixels = SubElement(image, "Pixels", {"ID": f"Pixels:{number}", "DimensionOrder": "XYZCT", "Type": kind, **told})
    for index, name in enumerate(scene.channel_names):
        channel = {"ID": f"Channel:{number}:{index}", "Name": name, "SamplesPerPixel": "1"}
        if (colour := scene.colours[index]) is not None:
            # OME-XML has colours as signed RGBA
            channel["Color"] = str(np.uint32(int(f"{colour}FF", 16)).astype(np.int32))
        waves = {"Excitation": scene.excitation_nm, "Emission": scene.emission_nm}
        for kind, lengths in waves.items():
            if lengths and (length := lengths[index]):
                channel[f"{kind}Wavelength"] = f"{length:g}"
        SubElement(pixels, "Channel", channel)
    SubElement(pixels, "MetadataOnly")
    return image
