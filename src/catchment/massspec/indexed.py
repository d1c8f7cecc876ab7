"""A copy of an mzML document with a fresh index around it: every byte of the document itself stays as it was sent."""

from __future__ import annotations

import hashlib
from typing import IO
from xml.sax.saxutils import quoteattr

from catchment.massspec.document import NAMESPACE, Document
from catchment.massspec.source import BLOCK_BYTES, Source

OFFSETS_AT_ONCE = 5_000
WRAPPER = (
    f'<indexedmzML xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    f'xsi:schemaLocation="{NAMESPACE} http://psidev.info/files/ms/mzML/xsd/mzML1.1.2_idx.xsd">\n'
).encode()


class ChecksummedFile:
    """A file that knows how far it is and the SHA-1 of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.position = 0

    def write(self, data: bytes) -> None:
        """Write some bytes."""
        self.file.write(data)
        self.sha1.update(data)
        self.position += len(data)


def write_indexed(source: Source, document: Document, file: IO[bytes]) -> None:
    """Write the run as indexedmzML: what stands before `<mzML>`, the document byte for byte, index and SHA-1.

    A file that had an index of its own keeps its `<indexedmzML>` tag; its index and checksum are left behind.
    """
    target = ChecksummedFile(file)
    shift = 0 if document.wrapped else len(WRAPPER)
    copied = 0
    while copied < document.mzml_end and (block := source.read(BLOCK_BYTES)):
        block = block[: document.mzml_end - copied]
        before = document.mzml_start - copied
        if shift and 0 <= before < len(block):
            block = block[:before] + WRAPPER + block[before:]
            copied -= len(WRAPPER)
        target.write(block)
        copied += len(block)
    target.write(b"\n")
    write_index(document, target, shift)


def write_index(document: Document, target: ChecksummedFile, shift: int) -> None:
    """Write where each spectrum and chromatogram starts, where the index starts, and the SHA-1 of all before it."""
    kinds = [kind for kind in ("spectrum", "chromatogram") if document.starts[kind]]
    index_start = target.position
    target.write(f'<indexList count="{len(kinds)}">\n'.encode())
    for kind in kinds:
        ids, starts = document.ids[kind], document.starts[kind]
        target.write(f'<index name="{kind}">\n'.encode())
        for first in range(0, len(ids), OFFSETS_AT_ONCE):
            some = slice(first, first + OFFSETS_AT_ONCE)
            entries = zip(ids[some], starts[some], strict=True)
            text = "".join(f"<offset idRef={quoteattr(id_)}>{start + shift}</offset>\n" for id_, start in entries)
            # ASCII in any encoding: readers take the index out of the file, away from its encoding declaration
            target.write(text.encode("ascii", "xmlcharrefreplace"))
        target.write(b"</index>\n")
    target.write(f"</indexList>\n<indexListOffset>{index_start}</indexListOffset>\n<fileChecksum>".encode())
    target.write(f"{target.sha1.hexdigest()}</fileChecksum>\n</indexedmzML>\n".encode())
