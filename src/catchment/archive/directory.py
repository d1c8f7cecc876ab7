"""What a ZIP says it holds, held against its bytes: the directory, every member's own header, what lies between.

No member is unpacked here. Whoever finds nothing wrong may read the members (`members.py`); else none of them.
Layout and field widths: ZIP application note 6.3, sections 4.3 and 4.5.
"""

from __future__ import annotations

import os
import stat
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from catchment.archive import rules
from catchment.archive.faults import Faults
from catchment.schema.records import Finding

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END_64, LOCATOR_64 = b"PK\x06\x06", b"PK\x06\x07"
LOCAL_HEAD, CENTRAL_HEAD = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")
END_HEAD, END_64_HEAD, LOCATOR_HEAD = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
EXTRA_64 = 1
ENCRYPTED, STREAMED, UTF_8 = 1 << 0, 1 << 3, 1 << 11
STORED, DEFLATED = 0, 8
# a streamed member is followed by its checksum and sizes
DESCRIPTOR_BYTES = 24

MAX_MEMBERS, MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES = 200_000, 32, 255, 1024
MAX_DIRECTORY_BYTES = MAX_MEMBERS * 512
# the tail that is searched for the end of the directory: a comment is at most 64 KiB long
TAIL_BYTES = 1 << 20
# a blank picture packs a thousand times smaller, and harms nobody while it is small
MAX_RATIO, HARMLESS_BYTES = 200, 50_000_000
ARCHIVE_ENDINGS = (
    ".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".lz4", ".7z", ".rar", ".jar", ".iso",
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One file in an archive; `data_at` is where its packed bytes begin."""

    name: str
    bytes: int
    packed_bytes: int
    crc32: int
    is_deflated: bool
    data_at: int


@dataclass(frozen=True)
class Directory:
    """The files of an archive in order of their names; where there are findings, none of them may be read."""

    members: tuple[Member, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Entry:
    """One entry of the central directory, as it stands there."""

    raw_name: bytes
    made_by: int
    flags: int
    method: int
    crc32: int
    packed_bytes: int
    bytes: int
    mode: int
    header_at: int

    @property
    def name(self) -> str:
        """The name; what cannot be decoded keeps a place holder."""
        return self.raw_name.decode("utf-8" if self.flags & UTF_8 else "cp437", "replace")

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.raw_name.endswith(b"/")


@dataclass(frozen=True)
class End:
    """Where the central directory is said to be, and where its end record and the file end. Offsets in bytes."""

    entries: int
    directory_at: int
    directory_bytes: int
    record_at: int
    comment_end: int
    disks: int
    is_hiding: bool


class NotWhole(Exception):
    """The directory cannot be read; the message says why."""


def read_directory(path: str, name: str) -> Directory:
    """Return what an archive holds, or every reason why nothing in it may be read.

    `name` is the submitter's name of the archive; findings are at `name: member`.
    """
    faults = Faults(name)
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        try:
            end = find_end(file, size)
            check_end(end, size, faults)
            if faults.findings:
                return Directory((), faults.findings)
            entries = list(read_entries(file, end))
        except NotWhole as reason:
            faults.add(rules.DAMAGED, "", str(reason))
            return Directory((), faults.findings)
        check_entries(entries, size, faults)
        members = check_layout(file, entries, end.directory_at, faults)
    return Directory(tuple(sorted(members, key=lambda member: member.name)), faults.findings)


def names_in(path: Path, most_bytes: int = 1 << 20) -> tuple[str, ...]:
    """Return the names in the first part of an archive's directory: enough to tell what it holds, damaged or not."""
    with path.open("rb") as file:
        try:
            end = find_end(file, path.stat().st_size)
            return tuple(entry.name for entry in read_entries(file, end, most_bytes))
        except NotWhole:
            return ()


def first_name(start: bytes) -> str:
    """Return the name in the member header that an archive starts with, empty where there is none."""
    if not start.startswith(LOCAL) or len(start) < LOCAL_HEAD.size:
        return ""
    length = LOCAL_HEAD.unpack_from(start)[9]
    return start[LOCAL_HEAD.size : LOCAL_HEAD.size + length].decode("utf-8", "replace")


# --- the end of the directory ------------------------------------------------------------------------------------


def find_end(file: BinaryIO, size: int) -> End:
    """Return the record that ends the directory: the one that ends the file, else the last one."""
    tail_at = max(0, size - TAIL_BYTES)
    file.seek(tail_at)
    tail = file.read(TAIL_BYTES)
    found = [at for at in positions(tail, END) if at + END_HEAD.size <= len(tail)]
    if not found:
        raise NotWhole(f"no end of a directory in a file of {size:,} bytes")
    ending = [at for at in found if at + END_HEAD.size + END_HEAD.unpack_from(tail, at)[7] == len(tail)]
    at = ending[0] if ending else found[-1]
    _, disk, directory_disk, _, entries, length, start, comment = END_HEAD.unpack_from(tail, at)
    record_at, disks = tail_at + at, max(disk, directory_disk)
    if FULL_16 in (entries, disk, directory_disk) or FULL_32 in (length, start):
        record_at, disks, entries, length, start = read_end_64(file, record_at)
    comment_end = tail_at + at + END_HEAD.size + comment
    return End(entries, start, length, record_at, comment_end, disks, is_hiding=bool(ending) and found[-1] != at)


def positions(data: bytes, wanted: bytes) -> Iterator[int]:
    """Yield every position of some bytes in others."""
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)


def read_end_64(file: BinaryIO, end_at: int) -> tuple[int, int, int, int, int]:
    """Return position, disks, entries, length and start of the directory from the record of large archives."""
    file.seek(max(0, end_at - LOCATOR_HEAD.size))
    locator = file.read(LOCATOR_HEAD.size)
    if len(locator) < LOCATOR_HEAD.size or not locator.startswith(LOCATOR_64):
        raise NotWhole("a directory of a large archive without its locator")
    _, _, record_at, _ = LOCATOR_HEAD.unpack(locator)
    file.seek(min(record_at, end_at))
    record = file.read(END_64_HEAD.size)
    if len(record) < END_64_HEAD.size or not record.startswith(END_64):
        raise NotWhole("a directory of a large archive without its record")
    _, _, _, _, disk, directory_disk, _, entries, length, start = END_64_HEAD.unpack(record)
    return record_at, max(disk, directory_disk), entries, length, start


def check_end(end: End, size: int, faults: Faults) -> None:
    """Hold the end of the directory against the file: one archive, from the first byte to the last."""
    if end.entries > MAX_MEMBERS or end.directory_bytes > MAX_DIRECTORY_BYTES:
        faults.add(rules.TOO_MANY, "", f"{end.entries:,} members in a directory of {end.directory_bytes:,} bytes")
    if end.disks:
        faults.add(rules.DAMAGED, "", "one part of an archive in several parts")
    if end.comment_end < size:
        faults.add(rules.FOREIGN_BYTES, "", f"{size - end.comment_end:,} bytes behind the archive")
    if end.comment_end > size:
        faults.add(rules.DAMAGED, "", f"an archive that ends at byte {end.comment_end:,} in a file of {size:,}")
    if end.is_hiding:
        faults.add(rules.FOREIGN_BYTES, "", "a second end of a directory inside the comment")
    between = end.record_at - end.directory_at - end.directory_bytes
    if between < 0:
        faults.add(rules.DAMAGED, "", f"a directory that reaches {-between:,} bytes too far")
    if between > 0:
        faults.add(rules.FOREIGN_BYTES, "", f"{between:,} bytes in front of the archive, or behind its directory")


# --- the directory -----------------------------------------------------------------------------------------------


def read_entries(file: BinaryIO, end: End, most_bytes: int = MAX_DIRECTORY_BYTES) -> Iterator[Entry]:
    """Yield the entries of the directory; of a part of it, those that are whole."""
    file.seek(end.directory_at)
    is_part = end.directory_bytes > most_bytes
    data = file.read(min(end.directory_bytes, most_bytes))
    at = number = 0
    while at + CENTRAL_HEAD.size <= len(data):
        head = CENTRAL_HEAD.unpack_from(data, at)
        if head[0] != CENTRAL:
            break
        _, made_by, _, flags, method, _, _, crc32, packed, size, n_name, n_extra, n_comment, *_, mode, header_at = head
        name_at = at + CENTRAL_HEAD.size
        extra = data[name_at + n_name : name_at + n_name + n_extra]
        packed_bytes, full, start = wide_values(extra, packed, size, header_at)[:3]
        at = name_at + n_name + n_extra + n_comment
        number += 1
        if at > len(data) or number > end.entries:
            break
        raw_name = data[name_at : name_at + n_name]
        yield Entry(raw_name, made_by >> 8, flags, method, crc32, packed_bytes, full, mode >> 16, start)
    if not is_part and (at != end.directory_bytes or number != end.entries):
        raise NotWhole(f"{number:,} entries in {at:,} bytes, declared {end.entries:,} in {end.directory_bytes:,}")


def wide_values(extra: bytes, packed: int, size: int, start: int) -> tuple[int, int, int]:
    """Return packed size, size and start of a member, from the extra field of large archives where they are there."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == EXTRA_64:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            size, packed, start = (next(wide, value) if value == FULL_32 else value for value in (size, packed, start))
            break
        at += 4 + length
    return packed, size, start


def check_entries(entries: Sequence[Entry], size: int, faults: Faults) -> None:
    """Hold every entry against the rules of names, kinds, methods and sizes."""
    seen: dict[str, str] = {}
    for entry in entries:
        name = entry.name
        check_name(entry, faults)
        same = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).rstrip("/")
        if same in seen:
            found = "the name of two members" if seen[same] == name else f"a name like that of {seen[same]}"
            faults.add(rules.SAME_NAME, name, found)
        seen.setdefault(same, name)
        kind = stat.S_IFMT(entry.mode)
        if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            faults.add(rules.NO_FILE, name, "a symbolic link" if stat.S_ISLNK(kind) else "a pipe, socket or device")
        if entry.flags & ENCRYPTED:
            faults.add(rules.ENCRYPTED, name, "an encrypted member")
        elif entry.method not in (STORED, DEFLATED):
            faults.add(rules.COMPRESSION, name, f"method {entry.method}")
        if entry.is_folder and entry.bytes:
            faults.add(rules.DAMAGED, name, f"a folder with {entry.bytes:,} bytes of its own")
        if entry.method == STORED and not entry.flags & ENCRYPTED and entry.bytes != entry.packed_bytes:
            faults.add(rules.DAMAGED, name, f"{entry.bytes:,} bytes, stored as {entry.packed_bytes:,}")
        if name.lower().endswith(ARCHIVE_ENDINGS):
            faults.add(rules.NESTED, name, "an archive or compressed file, by its name")
        check_ratio(entry.bytes, entry.packed_bytes, name, faults)
    check_ratio(sum(entry.bytes for entry in entries), size, "", faults)


def check_name(entry: Entry, faults: Faults) -> None:
    """Hold a member's name against the rules of paths."""
    name = entry.name
    parts = name.removesuffix("/").split("/")
    if (
        not name.strip("/")
        or name.startswith("/")
        or "\\" in name
        or ":" in parts[0]
        or any(part in ("", ".", "..") for part in parts)
        or any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    ):
        faults.add(rules.UNSAFE_PATH, name, "an unsafe path")
    if len(parts) > MAX_DEPTH:
        faults.add(rules.TOO_MANY, name, f"{len(parts):,} folders deep")
    longest = max(len(part) for part in entry.raw_name.split(b"/"))
    if longest > MAX_NAME_BYTES or len(entry.raw_name) > MAX_PATH_BYTES:
        faults.add(rules.TOO_MANY, name, f"a path of {len(entry.raw_name):,} bytes, its longest name {longest:,}")


def check_ratio(size: int, packed: int, name: str, faults: Faults) -> None:
    """Refuse what is declared far larger than it is packed."""
    if size > HARMLESS_BYTES and size > MAX_RATIO * packed:
        found = f"{size / 1e6:,.0f} MB declared from {packed / 1e6:,.1f} MB"
        faults.add(rules.BOMB, name, f"{found} (ratio {size // max(1, packed):,} > {MAX_RATIO})")


# --- members against the directory -------------------------------------------------------------------------------


def check_layout(file: BinaryIO, entries: Sequence[Entry], directory_at: int, faults: Faults) -> list[Member]:
    """Return the files, each with the place of its bytes: headers as the directory has them, no overlap, no gap."""
    members = []
    reached = slack_before = 0
    for entry in sorted(entries, key=lambda entry: entry.header_at):
        head = read_at(file, entry.header_at, LOCAL_HEAD.size)
        if len(head) < LOCAL_HEAD.size or not head.startswith(LOCAL):
            faults.add(rules.DAMAGED, entry.name, f"no header at byte {entry.header_at:,}")
            continue
        _, _, flags, method, _, _, crc32, packed, size, n_name, n_extra = LOCAL_HEAD.unpack(head)
        data_at = entry.header_at + LOCAL_HEAD.size + n_name + n_extra
        raw_name = read_at(file, entry.header_at + LOCAL_HEAD.size, n_name)
        told = (raw_name, method, flags & ENCRYPTED)
        if told != (entry.raw_name, entry.method, entry.flags & ENCRYPTED):
            faults.add(rules.DAMAGED, entry.name, "a member whose own header says otherwise than the directory")
        is_told = not flags & STREAMED and FULL_32 not in (packed, size)
        if is_told and (crc32, packed, size) != (entry.crc32, entry.packed_bytes, entry.bytes):
            faults.add(rules.DAMAGED, entry.name, "a member whose own header has other sizes than the directory")
        slack = DESCRIPTOR_BYTES if flags & STREAMED else 0
        if entry.header_at < reached:
            faults.add(rules.OVERLAP, entry.name, f"bytes from {entry.header_at:,} on that another member has")
        elif entry.header_at > reached + slack_before:
            faults.add(rules.FOREIGN_BYTES, entry.name, f"{entry.header_at - reached:,} bytes in front of this member")
        reached, slack_before = data_at + entry.packed_bytes, slack
        if not entry.is_folder:
            packed_bytes, deflated = entry.packed_bytes, entry.method == DEFLATED
            members.append(Member(entry.name, entry.bytes, packed_bytes, entry.crc32, deflated, data_at))
    if reached > directory_at:
        faults.add(rules.DAMAGED, "", f"a member that reaches {reached - directory_at:,} bytes into the directory")
    elif entries and directory_at - reached > slack_before:
        faults.add(rules.FOREIGN_BYTES, "", f"{directory_at - reached:,} bytes between the members and the directory")
    return members


def read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Return bytes at an offset, fewer where the file ends."""
    return os.pread(file.fileno(), length, offset) if offset < 1 << 62 else b""
