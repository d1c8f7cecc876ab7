"""mzML as a stream of elements: where each spectrum starts, its parameters and its arrays still encoded.

One pass of expat over the bytes gives exact byte offsets, so a copy can be re-indexed without touching its content.
Nothing but the element at hand is kept; a DOCTYPE is refused before anything in it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.parsers import expat

from catchment.massspec import rules
from catchment.massspec.document import (
    ELEMENTS,
    NAMESPACE,
    PARENTS,
    SINGLE,
    WITH_TEXT,
    Document,
    Element,
    EncodedArray,
    IndexCheck,
    Param,
    require_namespace,
    require_version,
)
from catchment.massspec.faults import Broken, shown, whole
from catchment.massspec.source import BLOCK_BYTES, Passed, Source

ENCODINGS = frozenset({"utf-8", "iso-8859-1", "us-ascii", "ascii", "windows-1252"})
# expat rescans an unfinished token with each block: bounded, else a long one costs quadratic time
MAX_TOKEN_BYTES = 16 << 20
MAX_HEADER_BYTES = 64 << 20
MAX_DEPTH = 32
MAX_GROUP_PARAMS = 1_000
MAX_PARAMS = 100_000
MAX_ARRAYS = 100
MAX_NAMED = 100
HEADER_BLOCK_BYTES = 1 << 16

MAX_SHORT_TEXT = 1_000
INSTRUMENT_MODEL = "MS:1000031"


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
        self.arrays = arrays
        self.max_text = max_text
        self.document = Document()
        self.ready: list[Element] = []
        self.stack: list[str] = []
        self.seen: set[str] = set()
        self.groups: dict[str, list[Param]] = {}
        self.group: list[Param] | None = None
        self.element: Element | None = None
        self.array: EncodedArray | None = None
        self.index_name = ""
        self.entry_id = ""
        self.text: list[str] = []
        self.text_length = 0
        self.text_limit: int | None = None
        self.fed = 0
        self.passed = Passed()
        self.parser = self.new_parser()

    def new_parser(self) -> expat.XMLParserType:
        """Return a parser that calls us, and refuses a DOCTYPE and encodings whose bytes cannot be kept."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self.start_element
        parser.EndElementHandler = self.end_element
        parser.XmlDeclHandler = self.declaration
        parser.StartDoctypeDeclHandler = self.refuse_doctype
        return parser

    def __iter__(self) -> Iterator[Element]:
        while block := self.source.read(BLOCK_BYTES):
            self.feed(block)
            yield from self.ready
            self.ready.clear()
        self.finish()

    def read_header(self) -> Document:
        """Return the document as its header describes it, without reading on into the spectra."""
        document = self.document
        try:
            while not document.header_complete and (block := self.source.read(HEADER_BLOCK_BYTES)):
                self.feed(block)
            if not document.header_complete:
                self.finish()
        except Broken:
            # what is wrong behind the header is found, with all else, by the pass over the whole file
            if not document.header_complete:
                raise
        return document

    # --- bytes ---------------------------------------------------------------------------------------------------

    def feed(self, block: bytes) -> None:
        """Parse one more block."""
        if self.fed == 0 and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise Broken(rules.MALFORMED, "text in UTF-16", expected="UTF-8 or ISO-8859-1")
        self.passed.add(block)
        self.fed += len(block)
        self.parse(block, final=False)
        if self.fed - max(self.parser.CurrentByteIndex, 0) > MAX_TOKEN_BYTES:
            raise Broken(rules.MALFORMED, f"a tag of more than {MAX_TOKEN_BYTES:,} bytes", where=self.place())
        if not self.document.header_complete and self.fed > MAX_HEADER_BYTES:
            raise Broken(rules.MALFORMED, f"no spectrumList within the first {MAX_HEADER_BYTES:,} bytes")
        self.passed.let_go()

    def finish(self) -> None:
        """End the parse; a file that is not at its end is cut off."""
        self.parse(b"", final=True)
        self.document.complete = True

    def parse(self, block: bytes, *, final: bool) -> None:
        try:
            self.parser.Parse(block, final)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            if final:
                read = len(self.document.ids["spectrum"])
                found = f"{self.fed:,} bytes with {read:,} spectra, then nothing" if self.fed else "no bytes at all"
                raise Broken(rules.TRUNCATED, found) from None
            raise Broken(rules.MALFORMED, f"{reason} at line {error.lineno}", where=self.place()) from None

    def place(self) -> str:
        """Say how far we are, for a finding."""
        ids = self.document.ids["spectrum"]
        if self.element is not None:
            return f"{self.element.kind} {shown(self.element.id)}"
        return f"after spectrum {shown(ids[-1])}" if ids else "header"

    # --- what the parser calls -----------------------------------------------------------------------------------

    def declaration(self, _: str, encoding: str | None, __: int) -> None:
        if encoding is not None and encoding.lower() not in ENCODINGS:
            known = ", ".join(sorted(ENCODINGS))
            raise Broken(rules.MALFORMED, f"encoding {shown(encoding)!r}", where="XML declaration", expected=known)
        self.document.encoding = (encoding or "utf-8").lower()

    def refuse_doctype(self, name: str, *_: object) -> None:
        raise Broken(rules.DOCTYPE, f"a DOCTYPE ({shown(name)})", where="XML declaration")

    def start_element(self, name: str, attributes: dict[str, str]) -> None:
        stack = self.stack
        if name == "cvParam":
            if self.arrays:
                self.take_param(attributes)
        elif name in OPENERS or not stack:
            self.open(name, attributes)
        elif name in NOTED:
            NOTED[name](self, attributes)
        stack.append(name)
        if len(stack) > MAX_DEPTH:
            raise Broken(rules.MALFORMED, f"elements nested {MAX_DEPTH} deep and deeper", where=self.place())

    def open(self, name: str, attributes: dict[str, str]) -> None:
        """Enter an element that has its one place."""
        parent = self.stack[-1] if self.stack else ""
        if name not in PARENTS or (parent not in PARENTS[name] if PARENTS[name] else parent):
            where = f"<{shown(name)}> inside <{shown(parent)}>" if parent else f"<{shown(name)}> as the first element"
            raise Broken(rules.MALFORMED, where, where=self.place())
        if name in SINGLE:
            if name in self.seen:
                raise Broken(rules.MALFORMED, f"<{name}> twice", where=self.place())
            self.seen.add(name)
        if name in WITH_TEXT:
            self.open_text(name, attributes)
        else:
            OPENERS[name](self, attributes)

    def end_element(self, name: str) -> None:
        self.stack.pop()
        if name in CLOSERS:
            CLOSERS[name](self)

    # --- parameters ----------------------------------------------------------------------------------------------

    def take_param(self, attributes: dict[str, str]) -> None:
        get = attributes.get
        parent = self.stack[-1] if self.stack else ""
        param = Param(parent, get("accession", ""), get("name", ""), get("value", ""), get("unitAccession", ""))
        own = self.own_params()
        if own is not None:
            own.append(param)
        elif self.group is not None:
            self.group.append(param)
            if len(self.group) > MAX_GROUP_PARAMS:
                raise Broken(rules.MALFORMED, f"a parameter group of more than {MAX_GROUP_PARAMS}", where="header")
        else:
            self.note_instrument(parent, param)

    def take_group(self, attributes: dict[str, str]) -> None:
        """Put a group's parameters where it is referred to."""
        parent = self.stack[-1] if self.stack else ""
        group = self.groups.get(attributes.get("ref", ""), [])
        own = self.own_params()
        if own is not None:
            own.extend(param._replace(parent=parent) for param in group)
        else:
            for param in group:
                self.note_instrument(parent, param)

    def own_params(self) -> list[Param] | None:
        """Return the parameters of the array or element at hand; None where there is none."""
        if self.element is None:
            return None
        own = self.element.params if self.array is None else self.array.params
        if len(own) > MAX_PARAMS:
            raise Broken(rules.MALFORMED, f"more than {MAX_PARAMS:,} parameters in one element", where=self.place())
        return own

    def note_instrument(self, parent: str, param: Param) -> None:
        """Keep the model of the first instrument; the bare term `instrument model` says nothing."""
        first = self.document.instrument is None and parent == "instrumentConfiguration"
        if first and (param.accession != INSTRUMENT_MODEL or param.value):
            self.document.instrument = param.value if param.accession == INSTRUMENT_MODEL else param.name

    def open_group(self, attributes: dict[str, str]) -> None:
        self.group = self.groups.setdefault(attributes.get("id", ""), [])

    def close_group(self) -> None:
        self.group = None

    # --- the document --------------------------------------------------------------------------------------------

    def open_wrapper(self, attributes: dict[str, str]) -> None:
        require_namespace("indexedmzML", attributes.get("xmlns", ""))
        self.document.wrapped = True

    def open_mzml(self, attributes: dict[str, str]) -> None:
        document = self.document
        require_namespace("mzML", attributes.get("xmlns", NAMESPACE if document.wrapped else ""))
        document.version = attributes.get("version", "")
        require_version(document.version)
        document.mzml_start = self.parser.CurrentByteIndex

    def close_mzml(self) -> None:
        self.document.header_complete = True
        self.document.mzml_end = self.passed.tag_end(self.parser.CurrentByteIndex)

    def open_run(self, attributes: dict[str, str]) -> None:
        self.document.run_id = attributes.get("id", "")
        self.document.start_time = attributes.get("startTimeStamp", "")

    def open_spectra(self, attributes: dict[str, str]) -> None:
        self.document.declared["spectrum"] = whole(attributes.get("count"))
        self.document.header_complete = True

    def open_chromatograms(self, attributes: dict[str, str]) -> None:
        self.document.declared["chromatogram"] = whole(attributes.get("count"))
        self.document.header_complete = True

    def note_software(self, attributes: dict[str, str]) -> None:
        if len(self.document.software) < MAX_NAMED:
            self.document.software.append(f"{attributes.get('id', '')} {attributes.get('version', '')}".strip())

    def note_source_file(self, attributes: dict[str, str]) -> None:
        if len(self.document.source_files) < MAX_NAMED:
            self.document.source_files.append(attributes.get("name", ""))

    # --- spectra and chromatograms -------------------------------------------------------------------------------

    def open_spectrum(self, attributes: dict[str, str]) -> None:
        self.open_item("spectrum", attributes)

    def open_chromatogram(self, attributes: dict[str, str]) -> None:
        self.open_item("chromatogram", attributes)

    def open_item(self, kind: str, attributes: dict[str, str]) -> None:
        start = self.parser.CurrentByteIndex
        self.element = Element(kind, start, attributes.get("id", ""), attributes.get("defaultArrayLength"))
        self.document.starts[kind].append(start)
        self.document.ids[kind].append(self.element.id)

    def close_item(self) -> None:
        if self.element is not None:
            self.ready.append(self.element)
        self.element = None

    def open_array(self, attributes: dict[str, str]) -> None:
        self.array = EncodedArray(attributes.get("arrayLength"))
        if self.element is not None:
            self.element.arrays.append(self.array)
            if len(self.element.arrays) > MAX_ARRAYS:
                raise Broken(rules.MALFORMED, f"more than {MAX_ARRAYS} arrays in one element", where=self.place())

    def close_array(self) -> None:
        self.array = None

    def ignore(self, attributes: dict[str, str]) -> None:
        """Enter an element that needs nothing but its place."""

    # --- text ----------------------------------------------------------------------------------------------------

    def open_text(self, name: str, attributes: dict[str, str]) -> None:
        """Collect the text of an element, where it is wanted."""
        if name == "binary" and not self.arrays:
            return
        if name != "binary" or (self.element is not None and len(self.element.arrays) == 1):
            self.text_length = 0  # the arrays of one element share its limit
        self.text = []
        self.text_limit = self.max_text if name == "binary" else MAX_SHORT_TEXT
        self.entry_id = attributes.get("idRef", "")
        if name == "fileChecksum":
            covered = self.passed.tag_end(self.parser.CurrentByteIndex)
            self.document.checksum_computed = self.passed.sha1_up_to(covered)
        self.parser.CharacterDataHandler = self.collect

    def collect(self, text: str) -> None:
        self.text.append(text)
        self.text_length += len(text)
        if self.text_limit is not None and self.text_length > self.text_limit:
            rule = rules.SPECTRUM_TOO_LARGE if self.array is not None else rules.MALFORMED
            raise Broken(rule, f"more than {self.text_limit:,} characters in one element", where=self.place())

    def close_text(self) -> str:
        self.parser.CharacterDataHandler = None
        text = "".join(self.text)
        self.text = []
        return text

    def close_binary(self) -> None:
        if self.array is not None:
            self.array.text = self.close_text()

    # --- the index, which is not trusted -------------------------------------------------------------------------

    def open_index_list(self, attributes: dict[str, str]) -> None:
        self.document.index_start = self.parser.CurrentByteIndex

    def open_index(self, attributes: dict[str, str]) -> None:
        self.index_name = attributes.get("name", "")
        if self.index_name not in ELEMENTS:
            raise Broken(rules.MALFORMED, f"an index of {shown(self.index_name)!r}", where="indexList")
        self.document.index.setdefault(self.index_name, IndexCheck())

    def close_offset(self) -> None:
        """Hold an entry against where the element really starts; no byte is read at a submitted offset."""
        document, kind = self.document, self.index_name
        offset = self.close_text().strip()
        document.index[kind].take(self.entry_id, offset, document.ids[kind], document.starts[kind])

    def close_index_offset(self) -> None:
        self.document.index_offset = self.close_text().strip()

    def close_checksum(self) -> None:
        self.document.checksum_declared = self.close_text().strip()


Opener = Callable[[Scanner, dict[str, str]], None]
OPENERS: dict[str, Opener] = {
    "indexedmzML": Scanner.open_wrapper,
    "mzML": Scanner.open_mzml,
    "run": Scanner.open_run,
    "spectrumList": Scanner.open_spectra,
    "chromatogramList": Scanner.open_chromatograms,
    "spectrum": Scanner.open_spectrum,
    "chromatogram": Scanner.open_chromatogram,
    "binaryDataArrayList": Scanner.ignore,
    "binaryDataArray": Scanner.open_array,
    "indexList": Scanner.open_index_list,
    "index": Scanner.open_index,
    **dict.fromkeys(WITH_TEXT, Scanner.ignore),
}
NOTED: dict[str, Opener] = {
    "referenceableParamGroup": Scanner.open_group,
    "referenceableParamGroupRef": Scanner.take_group,
    "software": Scanner.note_software,
    "sourceFile": Scanner.note_source_file,
}
CLOSERS: dict[str, Callable[[Scanner], object]] = {
    "mzML": Scanner.close_mzml,
    "referenceableParamGroup": Scanner.close_group,
    "spectrum": Scanner.close_item,
    "chromatogram": Scanner.close_item,
    "binaryDataArray": Scanner.close_array,
    "binary": Scanner.close_binary,
    "offset": Scanner.close_offset,
    "indexListOffset": Scanner.close_index_offset,
    "fileChecksum": Scanner.close_checksum,
}
