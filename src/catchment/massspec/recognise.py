"""Which format a run's file has, by its first bytes; and whether its name tells the truth about it."""

from __future__ import annotations

import re

from catchment.contract import Confidence, Head

EXTENSIONS = (".mzml", ".mzml.gz", ".raw", ".mzxml", ".mgf")
# ending -> what it promises; an ending that is not here promises nothing
PROMISES = {".mzml.gz": "mzml.gz", ".mzml": "mzml", ".raw": "thermo-raw", ".mzxml": "mzxml", ".mgf": "mgf"}
NAMES = {
    "mzml": "mzML",
    "mzml.gz": "gzip-compressed mzML",
    "thermo-raw": "a Thermo RAW file",
    "mzxml": "mzXML",
    "mgf": "a Mascot generic file (MGF)",
}
THERMO_MAGIC = b"\x01\xa1" + "Finnigan".encode("utf-16-le")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# what may stand before the first element: how it starts, what ends it
PROLOG = ((b"<?", re.compile(rb"\?>")), (b"<!--", re.compile(rb"-->")), (b"<!", re.compile(rb"\]\s*>|^[^\[>]*>")))
ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(indexedmzML|mzML|mzXML|msRun)[\s/>]")
PEAK_LIST = re.compile(rb"^BEGIN IONS[ \t]*\r?$", re.MULTILINE)


def recognise(head: Head) -> Confidence | None:
    """Return the format of a run by its content, with how sure that is; None where it is no run."""
    if head.members:
        return None
    format_ = format_of(head.start)
    if format_ is None:
        return None
    if head.gzipped:
        # only mzML is read through gzip; another run inside is still ours, as the format it is
        format_ = "mzml.gz" if format_ == "mzml" else format_
    return Confidence(format_, 0.9 if format_ == "mgf" else 1.0)


def format_of(start: bytes) -> str | None:
    """Return the format that a file's (decompressed) first bytes show."""
    if start.startswith(THERMO_MAGIC):
        return "thermo-raw"
    text = start.removeprefix(BYTE_ORDER_MARK)
    if text.lstrip()[:1] == b"<":
        root = root_element(text)
        return None if root is None else "mzml" if root in (b"mzML", b"indexedmzML") else "mzxml"
    return "mgf" if b"\0" not in text and PEAK_LIST.search(text) else None


def root_element(text: bytes) -> bytes | None:
    """Return the name of an XML text's first element where it is that of a run."""
    text = text.lstrip()
    while not (root := ROOT.match(text)):
        end = next((pattern.search(text) for start, pattern in PROLOG if text.startswith(start)), None)
        if end is None:
            return None
        text = text[end.end() :].lstrip()
    return root[1]


def promised_by(name: str) -> str | None:
    """Return the format that a file's name promises; None where its ending promises nothing."""
    endings = [ending for ending in PROMISES if name.lower().endswith(ending)]
    return PROMISES[max(endings, key=len)] if endings else None
