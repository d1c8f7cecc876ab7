"""Which format a run's file has, by its first bytes; and whether its name tells the truth about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath

from catchment.contract import Confidence, Head
from catchment.massspec.quantities.layouts import PARQUET, format_of_start

EXTENSIONS = (".mzml", ".mzml.gz", ".raw", ".mzxml", ".mgf", ".d", ".wiff", ".imzml")
# of tables of quantities; other tables end so too
TABLE_ENDINGS = (".tsv", ".csv", ".txt", ".parquet", ".tsv.gz", ".csv.gz", ".txt.gz")
# ending -> what it promises; an ending that is not here promises nothing
PROMISES = {
    ".mzml.gz": "mzml.gz",
    ".mzml": "mzml",
    ".raw": "thermo-raw",
    ".mzxml": "mzxml",
    ".mgf": "mgf",
    ".imzml": "imzml",
}
NAMES = {
    "mzml": "mzML",
    "mzml.gz": "gzip-compressed mzML",
    "thermo-raw": "a Thermo RAW file",
    "mzxml": "mzXML",
    "mgf": "a Mascot generic file (MGF)",
    "imzml": "imzML",
    "bruker-tdf": "a Bruker TDF run",
    "bruker-tsf": "a Bruker TSF run",
    "bruker-baf": "a Bruker BAF run",
    "agilent-d": "an Agilent MassHunter run",
    "waters-raw": "a Waters RAW run",
    "sciex-wiff": "a Sciex WIFF run",
}
# file of a folder (in lower case) -> format of the run that the folder is; where two are there, the first counts
FOLDERS = {
    "analysis.tdf": "bruker-tdf",
    "analysis.tsf": "bruker-tsf",
    "analysis.baf": "bruker-baf",
    "acqdata/contents.xml": "agilent-d",
    "_func001.dat": "waters-raw",
}
SQLITE_MAGIC = b"SQLite format 3\0"
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# the vocabulary of imaging mass spectrometry, which an imzML should name in its head; how its .ibd is told of
IMAGING_TERMS = re.compile(rb"<cv\b[^>]*\bid\s*=\s*[\"']IMS[\"']")
IMZML_TERMS = re.compile(rb"IMS:1000(?:030|031|080|101)\b")
THERMO_MAGIC = b"\x01\xa1" + "Finnigan".encode("utf-16-le")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# what may stand before the first element: how it starts, what ends it
PROLOG = ((b"<?", re.compile(rb"\?>")), (b"<!--", re.compile(rb"-->")), (b"<!", re.compile(rb"\]\s*>|^[^\[>]*>")))
ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(indexedmzML|mzML|mzXML|msRun)[\s/>]")
PEAK_LIST = re.compile(rb"^BEGIN IONS[ \t]*\r?$", re.MULTILINE)


def recognise(head: Head) -> Confidence | None:
    """Return the format of a run by its content, with how sure that is; None where it is no run."""
    if head.members:
        formats = folder_formats(head.members)
        return Confidence(formats[0], 0.95) if formats else None
    format_ = format_of(head.start)
    if format_ is None and head.start.startswith(OLE_MAGIC) and head.name.lower().endswith(".wiff"):
        return Confidence("sciex-wiff", 0.6)
    if format_ is None:
        table = format_of_start(head.start, head.name)
        # any table may be Parquet; which one it is stands at its end
        return Confidence(table, 0.3 if table == PARQUET else 0.8, of_runs=True) if table else None
    if head.gzipped:
        # only mzML is read through gzip; another run inside is still ours, as the format it is
        format_ = "mzml.gz" if format_ == "mzml" else format_
    return Confidence(format_, 0.9 if format_ == "mgf" else 1.0)


def folder_formats(members: Sequence[str]) -> list[str]:
    """Return the formats of the runs whose data are in a folder, by the names that their software gives them."""
    lowered = {name.lower() for name in members}
    return [format_ for name, format_ in FOLDERS.items() if name in lowered]


def companions(head: Head, beside: AbstractSet[str]) -> list[str]:
    """Return what lies beside a run's file and belongs to it: peaks of a TDF, arrays of an imzML, scans of a WIFF."""
    name = PurePosixPath(head.name)
    format_ = recognise(head)
    wanted = {
        "bruker-tdf": "analysis.tdf_bin",
        "imzml": f"{name.stem}.ibd",
        "sciex-wiff": f"{name.name}.scan",
    }.get(format_.format if format_ else "", "")
    return sorted(one for one in beside if wanted and one.lower() == wanted.lower())


def format_of(start: bytes) -> str | None:
    """Return the format that a file's (decompressed) first bytes show."""
    if start.startswith(THERMO_MAGIC):
        return "thermo-raw"
    if start.startswith(SQLITE_MAGIC):
        return "bruker-tdf" if b"TimsId" in start else None
    text = start.removeprefix(BYTE_ORDER_MARK)
    if text.lstrip()[:1] == b"<":
        root = root_element(text)
        if root in (b"mzML", b"indexedmzML"):
            # mzML that holds its numbers may speak of images as well: ours does, and it is indexed
            imaging = IMZML_TERMS.search(text) or (root == b"mzML" and IMAGING_TERMS.search(text))
            return "imzml" if imaging else "mzml"
        return None if root is None else "mzxml"
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
