"""mzML through expat: each element in its place, and what the document says of itself; who feeds it is `mzml.py`."""

from __future__ import annotations

from collections.abc import Callable
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
from catchment.massspec.source import Passed

ENCODINGS = frozenset({"utf-8", "iso-8859-1", "us-ascii", "ascii", "windows-1252"})
# expat rescans an unfinished token with each block: bounded, else a long one costs quadratic time
MAX_TOKEN_BYTES = 16 << 20
MAX_HEADER_BYTES = 64 << 20
MAX_DEPTH = 32
MAX_GROUP_PARAMS = 1_000
MAX_PARAMS = 100_000
MAX_ARRAYS = 100
MAX_NAMED = 100

MAX_SHORT_TEXT = 1_000
INSTRUMENT_MODEL = "MS:1000031"


class Parser:
    """What expat calls: `document` and `ready` (elements that are whole) grow while bytes are fed.

    Bytes may pass it by, between two elements; its places are those of the whole file.

    Parameters
    ----------
    arrays
        Keep parameters and the text of binary arrays; without them only the structure is looked at.
    max_text
        Characters in the arrays of one element at most.
    """

    def __init__(self, *, arrays: bool, max_text: int | None) -> None:
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
        self.bypassed = 0
        self.passed = Passed()
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.buffer_size = 1 << 16
        self.expat.StartElementHandler = self.start_element
        self.expat.EndElementHandler = self.end_element
        self.expat.XmlDeclHandler = self.declaration
        self.expat.StartDoctypeDeclHandler = self.refuse_doctype

    # --- bytes ---------------------------------------------------------------------------------------------------

    def feed(self, block: bytes) -> None:
        """Parse some more bytes.

        Raises
        ------
        Broken
            Where the file is not well-formed, not mzML 1.1, or holds what is refused.
        """
        if self.fed == 0 and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise Broken(rules.MALFORMED, "text in UTF-16", expected="UTF-8 or ISO-8859-1")
        self.passed.add(block)
        self.fed += len(block)
        self.parse(block, final=False)
        if self.fed - max(self.expat.CurrentByteIndex, 0) > MAX_TOKEN_BYTES:
            raise Broken(rules.MALFORMED, f"a tag of more than {MAX_TOKEN_BYTES:,} bytes", where=self.place())
        if not self.document.header_complete and self.fed > MAX_HEADER_BYTES:
            raise Broken(rules.MALFORMED, f"no spectrumList within the first {MAX_HEADER_BYTES:,} bytes")
        self.passed.let_go()

    def bypass(self, block: bytes, elements: list[Element]) -> None:
        """Take whole elements that were read another way, and the bytes that they stand in."""
        self.passed.add(block)
        self.bypassed += len(block)
        for element in elements:
            self.document.starts[element.kind].append(element.start)
            self.document.ids[element.kind].append(element.id)
        self.ready += elements
        self.passed.let_go()

    def finish(self) -> None:
        """End the parse; a file that is not at its end is cut off."""
        self.parse(b"", final=True)
        self.document.complete = True

    def parse(self, block: bytes, *, final: bool) -> None:
        try:
            self.expat.Parse(block, final)
        except expat.ExpatError as error:
            if final:
                read, size = len(self.document.ids["spectrum"]), self.fed + self.bypassed
                found = f"{size:,} bytes with {read:,} spectra, then nothing" if size else "no bytes at all"
                raise Broken(rules.TRUNCATED, found) from None
            reason = expat.ErrorString(error.code)
            byte = self.expat.ErrorByteIndex + self.bypassed
            raise Broken(rules.MALFORMED, f"{reason} at byte {byte:,}", where=self.place()) from None

    def at_spectra(self) -> bool:
        """Tell whether all that was fed is parsed, and what comes next stands right in the spectrumList."""
        return self.stack[-1:] == ["spectrumList"] and self.expat.CurrentByteIndex == self.fed

    def byte(self) -> int:
        """Return the byte of the file at which the tag at hand starts."""
        return self.expat.CurrentByteIndex + self.bypassed

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
            self.note_in_header(parent, param)

    def take_group(self, attributes: dict[str, str]) -> None:
        """Put a group's parameters where it is referred to."""
        parent = self.stack[-1] if self.stack else ""
        group = self.groups.get(attributes.get("ref", ""), [])
        own = self.own_params()
        if own is not None:
            own.extend(param._replace(parent=parent) for param in group)
        else:
            for param in group:
                self.note_in_header(parent, param)

    def own_params(self) -> list[Param] | None:
        """Return the parameters of the array or element at hand; None where there is none."""
        if self.element is None:
            return None
        own = self.element.params if self.array is None else self.array.params
        if len(own) > MAX_PARAMS:
            raise Broken(rules.MALFORMED, f"more than {MAX_PARAMS:,} parameters in one element", where=self.place())
        return own

    def note_in_header(self, parent: str, param: Param) -> None:
        """Keep what the file is, how an image was taken, the first instrument; bare `instrument model` says nothing."""
        if parent in ("fileContent", "scanSettings") and len(self.document.header) < MAX_NAMED:
            self.document.header.append(param._replace(parent=parent))
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
        document.mzml_start = self.byte()

    def close_mzml(self) -> None:
        self.document.header_complete = True
        self.document.mzml_end = self.passed.tag_end(self.byte())

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
        start = self.byte()
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
            covered = self.passed.tag_end(self.byte())
            self.document.checksum_computed = self.passed.sha1_up_to(covered)
        self.expat.CharacterDataHandler = self.collect

    def collect(self, text: str) -> None:
        self.text.append(text)
        self.text_length += len(text)
        if self.text_limit is not None and self.text_length > self.text_limit:
            rule = rules.SPECTRUM_TOO_LARGE if self.array is not None else rules.MALFORMED
            raise Broken(rule, f"more than {self.text_limit:,} characters in one element", where=self.place())

    def close_text(self) -> str:
        self.expat.CharacterDataHandler = None
        text = "".join(self.text)
        self.text = []
        return text

    def close_binary(self) -> None:
        if self.array is not None:
            self.array.text = self.close_text()

    # --- the index, which is not trusted -------------------------------------------------------------------------

    def open_index_list(self, attributes: dict[str, str]) -> None:
        self.document.index_start = self.byte()

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


Opener = Callable[[Parser, dict[str, str]], None]
OPENERS: dict[str, Opener] = {
    "indexedmzML": Parser.open_wrapper,
    "mzML": Parser.open_mzml,
    "run": Parser.open_run,
    "spectrumList": Parser.open_spectra,
    "chromatogramList": Parser.open_chromatograms,
    "spectrum": Parser.open_spectrum,
    "chromatogram": Parser.open_chromatogram,
    "binaryDataArrayList": Parser.ignore,
    "binaryDataArray": Parser.open_array,
    "indexList": Parser.open_index_list,
    "index": Parser.open_index,
    **dict.fromkeys(WITH_TEXT, Parser.ignore),
}
NOTED: dict[str, Opener] = {
    "referenceableParamGroup": Parser.open_group,
    "referenceableParamGroupRef": Parser.take_group,
    "software": Parser.note_software,
    "sourceFile": Parser.note_source_file,
}
CLOSERS: dict[str, Callable[[Parser], object]] = {
    "mzML": Parser.close_mzml,
    "referenceableParamGroup": Parser.close_group,
    "spectrum": Parser.close_item,
    "chromatogram": Parser.close_item,
    "binaryDataArray": Parser.close_array,
    "binary": Parser.close_binary,
    "offset": Parser.close_offset,
    "indexListOffset": Parser.close_index_offset,
    "fileChecksum": Parser.close_checksum,
}
