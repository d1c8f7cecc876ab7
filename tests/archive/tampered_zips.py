"""ZIPs written by the standard library, and what somebody careless or hostile makes of them."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

HONEST = {"a/one.txt": b"one " * 300, "a/two.txt": b"two", "readme.md": b"# words"}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP as the standard library writes it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), content, compress_type=method)
    return data.getvalue()


def named(name: str) -> bytes:
    """An archive with one more member of some name."""
    return zipped({**HONEST, name: b"x"})


def linked() -> bytes:
    """An archive with a symbolic link in it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return data.getvalue()


def twice() -> bytes:
    """An archive with one name twice."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("a.txt", "1")
        archive.writestr("a.txt", "2")
    return data.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory over the bytes of one member."""
    data = bytearray(zipped({"aa.txt": b"same" * 50}))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = bytes(data[start:end])
    data[end:end] = entry.replace(b"aa.txt", b"bb.txt")
    end += len(entry)
    struct.pack_into("<2HL", data, end + 8, 2, 2, 2 * len(entry))
    return bytes(data)


def patched(find: bytes, offset: int, put: bytes, members: Mapping[str, bytes] = HONEST) -> bytes:
    """An archive with bytes replaced at an offset from the first place of others."""
    data = bytearray(zipped(members))
    at = data.index(find) + offset
    data[at : at + len(put)] = put
    return bytes(data)


def declared(size: int) -> bytes:
    """An archive whose only member declares another size, in both headers."""
    data = bytearray(zipped({"a.bin": b"0123456789" * 1000}))
    struct.pack_into("<L", data, data.index(b"PK\x03\x04") + 22, size)
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, size)
    return bytes(data)


def many(count: int) -> bytes:
    """The end of an archive that declares many members."""
    return struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, 46 * count, 0) + struct.pack(
        "<4sLQL4s4H2LH", b"PK\x06\x07", 0, 0, 1, b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
    )


def tarred() -> bytes:
    """A tar."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    return data.getvalue()


def flipped() -> bytes:
    """An archive of stored members with one bit of a member turned."""
    data = bytearray(zipped({"a.bin": bytes(1000)}, zipfile.ZIP_STORED))
    data[500] ^= 1
    return bytes(data)


def commented(comment: bytes) -> bytes:
    """An archive with a comment."""
    data = io.BytesIO(zipped(HONEST))
    with zipfile.ZipFile(data, "a") as archive:
        archive.comment = comment
    return data.getvalue()


def gapped() -> bytes:
    """An archive with bytes between its last member and its directory."""
    data = bytearray(zipped(HONEST))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    struct.pack_into("<L", data, end + 16, start + 40)
    data[start:start] = b"#" * 40
    return bytes(data)


ENCRYPTED_FLAG = struct.pack("<H", 1)
LZMA = zipfile.ZIP_LZMA

# what it is -> (its bytes, the code, words of what was found)
HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "climbs out": (lambda: named("../../evil.txt"), "ARC-001", "an unsafe path"),
    "absolute": (lambda: named("/abs.txt"), "ARC-001", "an unsafe path"),
    "drive": (lambda: named("C:/x.txt"), "ARC-001", "an unsafe path"),
    "share": (lambda: named("\\\\host\\share"), "ARC-001", "an unsafe path"),
    "newline": (lambda: named("a\nb.txt"), "ARC-001", "an unsafe path"),
    "empty part": (lambda: named("a//b.txt"), "ARC-001", "an unsafe path"),
    "symbolic link": (linked, "ARC-002", "a symbolic link"),
    "bomb": (lambda: zipped({"zeros.bin": bytes(60_000_000)}), "ARC-003", "60 MB declared from 0.1 MB (ratio 1,0"),
    "ten million members": (lambda: many(10_000_000), "ARC-004", "10,000,000 members"),
    "deep": (lambda: named("a/" * 1000 + "b"), "ARC-004", "1,001 folders deep"),
    "long name": (lambda: named("n" * 300), "ARC-004", "its longest name 300"),
    "same name": (twice, "ARC-005", "the name of two members"),
    "case": (lambda: named("A/ONE.TXT"), "ARC-005", "a name like that of a/one.txt"),
    "accents": (lambda: zipped({"\u00e9.txt": b"", "e\u0301.txt": b""}), "ARC-005", "a name like that of é.txt"),
    "encrypted": (lambda: patched(b"PK\x01\x02", 8, ENCRYPTED_FLAG), "ARC-006", "an encrypted member"),
    "LZMA": (lambda: zipped(HONEST, LZMA), "ARC-007", "method 14"),
    "cut": (lambda: zipped(HONEST)[:-60], "ARC-008", "no end of a directory"),
    "empty": (lambda: b"", "ARC-008", "no end of a directory in a file of 0 bytes"),
    "tar": (tarred, "ARC-008", "no end of a directory"),
    "other name": (lambda: patched(b"one.txt", 0, b"two.txt"), "ARC-008", "says otherwise than the directory"),
    "directory cut": (lambda: patched(b"PK\x01\x02", 0, b"PK\x09\x09"), "ARC-008", "0 entries in 0 bytes"),
    "several parts": (lambda: patched(b"PK\x05\x06", 4, b"\1\0\1\0"), "ARC-008", "several parts"),
    "behind": (lambda: zipped(HONEST) + b"#!/bin/sh", "ARC-010", "9 bytes behind the archive"),
    "in front": (lambda: b"\x89PNG" + zipped(HONEST), "ARC-010", "4 bytes in front of the archive"),
    "between": (gapped, "ARC-010", "40 bytes between"),
    "two ends": (lambda: commented(b"PK\x05\x06" + bytes(30)), "ARC-010", "a second end"),
    "overlapping": (overlapping, "ARC-011", "that another member has"),
    "nested": (lambda: named("inner.zip"), "ARC-012", "by its name"),
}
# what only shows when members are read
UNSOUND: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "declares less": (lambda: declared(100), "ARC-003", "more bytes than the 100 that are declared"),
    "declares more": (lambda: declared(100_000), "ARC-008", "10,000 of 100,000 declared bytes"),
    "turned bit": (flipped, "ARC-009", "declared "),
    "not Deflate": (lambda: patched(b"a/one.txt", 9, b"\xff" * 8), "ARC-009", "cannot be unpacked"),
    "nested by content": (lambda: zipped({"photo.png": zipped(HONEST)}), "ARC-012", "by its first bytes"),
    "gzip by content": (lambda: zipped({"a.txt": zlib.compress(b"x", wbits=31)}), "ARC-012", "by its first bytes"),
}


def written(folder: Path, data: bytes, name: str = "upload.zip") -> Path:
    """Some bytes as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name
