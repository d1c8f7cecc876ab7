"""mzML as a stream of elements: where each spectrum starts, its parameters and its arrays still encoded.

One pass over the bytes gives exact byte offsets, so a copy can be re-indexed without touching its content. Spectra that
are written plainly pass the parser by; all else, and all that is wrong, is for the parser. Nothing but the elements of
the block at hand is kept; a DOCTYPE is refused before anything in it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catchment.massspec.document import Document, Element
from catchment.massspec.faults import Broken
from catchment.massspec.parse import Parser
from catchment.massspec.plain import END, SPACE, START, NotPlain, PlainSpectra
from catchment.massspec.source import BLOCK_BYTES, Source

HEADER_BLOCK_BYTES = 1 << 16
# a spectrum whose end is not among so many bytes is left to the parser, which keeps less of it
MAX_WAITING_BYTES = 16 << 20
STOP = re.compile(rb"<spectrumList[^>]*>|</spectrum>")


class Scanner:
    """One pass over a run. Iterating yields its elements in order; `document` grows along.

    Parameters
    ----------
    arrays
        Keep parameters and the text of binary arrays; without them a scan only looks at the structure.
    max_text
        Characters in the arrays of one element at most.

    Raises
    ------
    Broken
        Where the file is cut off, not well-formed, not mzML 1.1, or holds what is refused.
    """

    def __init__(self, source: Source, *, arrays: bool = True, max_text: int | None = None) -> None:
        self.source = source
        self.parser = Parser(arrays=arrays, max_text=max_text)
        self.plain = PlainSpectra(self.parser.groups, arrays=arrays, max_text=max_text)
        self.waiting = b""

    @property
    def document(self) -> Document:
        """What the file says of itself, as far as it was read."""
        return self.parser.document

    def place(self) -> str:
        """Say how far we are, for a finding."""
        return self.parser.place()

    def __iter__(self) -> Iterator[Element]:
        while block := self.source.read(BLOCK_BYTES):
            self.feed(block)
            yield from self.take_ready()
        self.parser.feed(self.waiting)
        yield from self.take_ready()
        self.parser.finish()

    def read_header(self) -> Document:
        """Return the document as its header describes it, without reading on into the spectra."""
        document = self.document
        try:
            while not document.header_complete and (block := self.source.read(HEADER_BLOCK_BYTES)):
                self.feed(block)
            if not document.header_complete:
                self.parser.finish()
        except Broken:
            # what is wrong behind the header is found, with all else, by the pass over the whole file
            if not document.header_complete:
                raise
        return document

    def feed(self, block: bytes) -> None:
        """Take one more block: plain spectra as they are, what stands between them through the parser."""
        data, place = self.waiting + block, 0
        self.waiting = b""
        while place < len(data):
            if self.parser.at_spectra():
                place = self.take_plain(data, place)
                if is_unfinished(data, place):
                    self.waiting = data[place:]
                    return
            stop = STOP.search(data, place)
            end = stop.end() if stop else len(data)
            self.parser.feed(data[place:end])
            place = end

    def take_plain(self, data: bytes, first: int) -> int:
        """Take the plain spectra that follow each other from a place on; return the place after the last of them."""
        elements: list[Element] = []
        offset = self.parser.fed + self.parser.bypassed - first
        place = first
        while data.startswith(START, start := after_space(data, place)):
            last = data.find(END, start)
            if last < 0:
                break
            try:
                elements.append(self.plain.element(data, start, last + len(END), offset + start))
            except NotPlain:
                break
            place = last + len(END)
        self.parser.bypass(data[first:place], elements)
        return place

    def take_ready(self) -> list[Element]:
        """Return the elements that are whole, once."""
        ready, self.parser.ready = self.parser.ready, []
        return ready


def after_space(data: bytes, place: int) -> int:
    """Return the first place that is no white space."""
    match = SPACE.match(data, place)
    return match.end() if match else place


def is_unfinished(data: bytes, place: int) -> bool:
    """Tell whether what follows may be a spectrum whose end is still to come."""
    start = after_space(data, place)
    begun = START.startswith(data[start : start + len(START)])
    return begun and len(data) - place < MAX_WAITING_BYTES and data.find(END, start) < 0
