"""Spectra that are written in the plain way of most writers, taken apart without a call for each element. Pure.

Between `<spectrum ` and `</spectrum>` nearly all files hold ASCII, double quotes, tags with nothing but space between
them, and the same tags over and over. Such a spectrum is split at each `<`, and a tag that was met before is known by
its bytes. Whatever is not plain (comments, other quotes, other entities, text, an element in a wrong place) is left to
the XML parser, so that there is one judge of what is wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from html import unescape
from typing import NamedTuple

from catchment.massspec.document import PARENTS, Element, EncodedArray, Param

START, END = b"<spectrum ", b"</spectrum>"
# no comment and no CDATA section is without it, and hardly a plain spectrum has it
MARK = b"!"
BINARY = b"binary>"
MAX_PIECES = 1_000
MAX_IN_GROUP = 100
MAX_KNOWN = 10_000
# no control character, quote or tag; of entities the five that XML itself defines
TEXT = rb"[^\"&<\x00-\x1f\x7f-\xff]*"
VALUE = {b"v": TEXT + rb"(?:&(?:amp|lt|gt|quot|apos);" + TEXT + rb")*"}
PARAM = re.compile(
    rb'cvParam cvRef="%(v)s" accession="(%(v)s)" name="(%(v)s)"(?: value="(%(v)s)")?'
    rb'(?: unitCvRef="%(v)s" unitAccession="(%(v)s)" unitName="%(v)s")? ?/>[ \t\r\n]*' % VALUE
)
TAG = re.compile(rb'(/?)([A-Za-z]+)((?: +[A-Za-z]+="%(v)s")*) *(/?)>[ \t\r\n]*' % VALUE)
ATTRIBUTE = re.compile(rb'([A-Za-z]+)="(%(v)s)"' % VALUE)
SPACE = re.compile(rb"[ \t\r\n]*")
# elements that mean something to the parser wherever they stand
NOTED = frozenset({"referenceableParamGroup", "software", "sourceFile"})


class NotPlain(Exception):
    """A spectrum that is for the parser; it never leaves the scanner."""


class Tag(NamedTuple):
    """One tag: whether it closes an element, its name, its attributes, and whether it is a whole element."""

    closes: bool
    name: str
    attributes: dict[str, str]
    whole: bool


OPEN_BINARY = Tag(closes=False, name="binary", attributes={}, whole=False)


class PlainSpectra:
    """Takes plain spectra apart.

    Parameters
    ----------
    groups
        The parameters of each group of the header by its id; whoever reads the header fills it.
    arrays
        Keep parameters and the text of binary arrays (which is not looked at: the decoder refuses what is no base64);
        without them only the tag that a spectrum starts with is looked at.
    max_text
        Characters in the arrays of one spectrum at most; a spectrum with more is not plain.
    """

    def __init__(self, groups: dict[str, list[Param]], *, arrays: bool, max_text: int | None) -> None:
        self.groups = groups
        self.arrays = arrays
        self.max_text = max_text
        # the tags met so far, by the element that they stand in: their parameters name it
        self.met: defaultdict[str, dict[bytes, Param | Tag]] = defaultdict(dict)
        self.count = 0

    def element(self, data: bytes, start: int, end: int, byte: int) -> Element:
        """Return the spectrum from its `<spectrum ` to its `</spectrum>`; it stands at a byte of the file.

        Raises
        ------
        NotPlain
            Where it has to be left to the parser.
        """
        opening = tag_in(data[start + 1 : data.index(b"<", start + 1)])
        if opening.name != "spectrum" or opening.whole or data.find(MARK, start, end) >= 0:
            raise NotPlain
        get = opening.attributes.get
        element = Element("spectrum", byte, get("id", ""), get("defaultArrayLength"))
        if self.arrays:
            self.fill(element, data[start:end])
        return element

    def fill(self, element: Element, text: bytes) -> None:
        """Add the parameters and arrays that an element's tags stand for; all of them have to be closed."""
        pieces = text.split(b"<", MAX_PIECES)
        if len(pieces) > MAX_PIECES or not text.isascii():
            raise NotPlain
        name, here, params = "spectrum", self.met["spectrum"], element.params
        outside: list[tuple[str, dict[bytes, Param | Tag]]] = []
        characters = 0
        for piece in pieces[2:]:
            tag = here.get(piece)
            if tag is None:
                if piece.startswith(BINARY) and name == "binaryDataArray":
                    characters += len(piece)
                    element.arrays[-1].text = piece[len(BINARY) :].decode("ascii")
                    tag = OPEN_BINARY
                else:
                    tag = self.meet(piece, name)
            if isinstance(tag, Param):
                params.append(tag)
            elif tag.closes:
                if tag.name != name:
                    raise NotPlain
                if name == "binaryDataArray":
                    params = element.params
                name, here = outside.pop() if outside else ("", {})
            else:
                if tag.name == "binaryDataArray":
                    element.arrays.append(EncodedArray(tag.attributes.get("arrayLength")))
                    params = params if tag.whole else element.arrays[-1].params
                elif tag.name == "referenceableParamGroupRef":
                    params += self.in_group(tag, name)
                if not tag.whole:
                    outside.append((name, here))
                    name, here = tag.name, self.met[tag.name]
        if name or (self.max_text is not None and characters > self.max_text):
            raise NotPlain

    def in_group(self, tag: Tag, parent: str) -> list[Param]:
        """Return the parameters of the group that a tag refers to."""
        group = self.groups.get(tag.attributes.get("ref", ""), [])
        if len(group) > MAX_IN_GROUP:
            raise NotPlain
        return [param._replace(parent=parent) for param in group]

    def meet(self, piece: bytes, parent: str) -> Param | Tag:
        """Return a tag that was not met in this element before, and remember it."""
        tag = param_in(piece, parent) or tag_in(piece)
        if isinstance(tag, Tag) and not tag.closes:
            in_place = parent in PARENTS.get(tag.name, (parent,)) and parent != "binary"
            if not in_place or tag.name in NOTED or (tag.name == "cvParam" and not tag.whole):
                raise NotPlain
            if tag.name == "cvParam":
                get = tag.attributes.get
                tag = Param(parent, get("accession", ""), get("name", ""), get("value", ""), get("unitAccession", ""))
        self.count += 1
        if self.count > MAX_KNOWN:
            self.met.clear()
            self.count = 0
        self.met[parent][piece] = tag
        return tag


def param_in(piece: bytes, parent: str) -> Param | None:
    """Return the parameter in a tag whose attributes stand in the usual order."""
    match = PARAM.fullmatch(piece)
    if match is None:
        return None
    accession, name, value, unit = map(plain_text, match.groups(b""))
    return Param(parent, accession, name, value, unit)


def tag_in(piece: bytes) -> Tag:
    """Return the tag in what stands between one `<` and the next."""
    match = TAG.fullmatch(piece)
    if match is None:
        raise NotPlain
    slash, name, text, end = match.group(1, 2, 3, 4)
    pairs = ATTRIBUTE.findall(text)
    attributes = {key.decode("ascii"): plain_text(value) for key, value in pairs}
    if len(attributes) < len(pairs) or (slash and (end or pairs)):
        raise NotPlain
    return Tag(bool(slash), name.decode("ascii"), attributes, bool(end))


def plain_text(value: bytes) -> str:
    """Return an attribute's value as text."""
    text = value.decode("ascii")
    return unescape(text) if "&" in text else text
