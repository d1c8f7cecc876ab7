"""mzML as a document: where its elements may stand, and its parts as the scanner hands them on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from catchment.massspec import rules
from catchment.massspec.faults import Broken, shown, whole

NAMESPACE = "http://psi.hupo.org/ms/mzml"

# where an element may stand; one that is not listed may stand anywhere
PARENTS = {
    "indexedmzML": (),
    "mzML": ("", "indexedmzML"),
    "run": ("mzML",),
    "spectrumList": ("run",),
    "chromatogramList": ("run",),
    "spectrum": ("spectrumList",),
    "chromatogram": ("chromatogramList",),
    "binaryDataArrayList": ("spectrum", "chromatogram"),
    "binaryDataArray": ("binaryDataArrayList",),
    "binary": ("binaryDataArray",),
    "indexList": ("indexedmzML",),
    "index": ("indexList",),
    "offset": ("index",),
    "indexListOffset": ("indexedmzML",),
    "fileChecksum": ("indexedmzML",),
}
SINGLE = frozenset({"indexedmzML", "mzML", "run", "spectrumList", "chromatogramList", "indexList", "fileChecksum"})
ELEMENTS = frozenset({"spectrum", "chromatogram"})
WITH_TEXT = frozenset({"binary", "offset", "indexListOffset", "fileChecksum"})


class Param(NamedTuple):
    """A controlled-vocabulary parameter and the name of the element it stands in."""

    parent: str
    accession: str
    name: str
    value: str
    unit: str


@dataclass
class EncodedArray:
    """One binaryDataArray as it stands there: `length` is its own arrayLength where it has one."""

    length: str | None
    params: list[Param] = field(default_factory=list)
    text: str = ""


@dataclass
class Element:
    """A spectrum or chromatogram: its attributes as written, and the byte of the (inflated) file it starts at."""

    kind: str
    start: int
    id: str
    length: str | None
    params: list[Param] = field(default_factory=list)
    arrays: list[EncodedArray] = field(default_factory=list)


@dataclass
class IndexCheck:
    """What became of a submitted index, entry by entry: how many, how many of them wrong, and the first wrong one."""

    entries: int = 0
    wrong: int = 0
    first_wrong: str = ""

    def take(self, id_: str, offset: str, ids: list[str], starts: list[int]) -> None:
        """Hold the next entry against where that element really starts."""
        number = self.entries
        self.entries += 1
        there = number < len(starts)
        if there and id_ == ids[number] and whole(offset) == starts[number]:
            return
        self.wrong += 1
        if not self.first_wrong:
            truth = f"{shown(ids[number])} starts at byte {starts[number]}" if there else "there is no such element"
            self.first_wrong = f"{shown(id_)} at byte {shown(offset)}, and {truth}"


@dataclass
class Document:
    """What a file says of itself and where its parts are (bytes of the inflated file); filled as the scan goes on."""

    encoding: str = "utf-8"
    wrapped: bool = False
    version: str = ""
    run_id: str = ""
    start_time: str = ""
    declared: dict[str, int | None] = field(default_factory=dict)
    instrument: str | None = None
    software: list[str] = field(default_factory=list)
    source_files: list[str] = field(default_factory=list)
    header: list[Param] = field(default_factory=list)
    header_complete: bool = False
    complete: bool = False
    starts: dict[str, list[int]] = field(default_factory=lambda: {"spectrum": [], "chromatogram": []})
    ids: dict[str, list[str]] = field(default_factory=lambda: {"spectrum": [], "chromatogram": []})
    mzml_start: int = 0
    mzml_end: int = 0
    index_start: int | None = None
    index_offset: str | None = None
    index: dict[str, IndexCheck] = field(default_factory=dict)
    checksum_declared: str | None = None
    checksum_computed: str = ""


def require_namespace(name: str, namespace: str) -> None:
    """Refuse a root element of another namespace: older versions of mzML had their own."""
    if namespace != NAMESPACE:
        found = f"<{name}> of namespace {shown(namespace) or 'none'}"
        raise Broken(rules.VERSION_UNSUPPORTED, found, where=name)


def require_version(version: str) -> None:
    """Refuse a version that is not 1.1; none at all is let through, many files of that namespace leave it empty."""
    if version and not re.fullmatch(r"1\.1(\.\d{1,3})?", version, re.ASCII):
        raise Broken(rules.VERSION_UNSUPPORTED, f"version {shown(version)}", where="mzML")
