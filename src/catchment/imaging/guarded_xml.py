"""XML of files that others wrote, parsed with care: no DOCTYPE, no entities."""

from __future__ import annotations

from xml.etree import ElementTree

from catchment.imaging.rules import DOCTYPE
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

Element = ElementTree.Element


def root_of(text: bytes | str, where: str, unfit: Rule) -> Element | Finding:
    """Return the root of a document; a finding (`unfit`, or that of a DOCTYPE) where it cannot be had."""
    data = text.encode() if isinstance(text, str) else text
    plain = data.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        return DOCTYPE.broken(where, "a DOCTYPE or ENTITY declaration")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - what declares entities was refused above
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return unfit.broken(where, f"XML that ends in: {error}")
