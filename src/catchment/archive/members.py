"""The bytes of one member of an archive, block by block, held against what its directory declares."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from catchment.archive import rules
from catchment.archive.directory import Member
from catchment.archive.faults import place
from catchment.schema.records import Finding
from catchment.schema.rules import Rule

BLOCK_BYTES = 1 << 18
RAW_DEFLATE = -15
# gzip, bzip2, xz, 7z, RAR, Zstandard, ZIP; and tar, which says so at byte 257
PACKED_MAGICS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257


class MemberUnsound(Exception):
    """A member is not what its directory declares; `finding` says how."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.where}: {finding.found}")
        self.finding = finding


def blocks_of(file: BinaryIO, member: Member, archive: str) -> Iterator[bytes]:
    """Yield the bytes of a member, a block at a time; only at the end is it known that they are sound.

    Safe to use by several threads on one open file. Never yields more bytes than are declared.

    Raises
    ------
    MemberUnsound
        Where more or fewer bytes come out than declared, another checksum, or another archive.
    """
    crc32 = produced = 0
    for block in unpacked(file, member, archive):
        produced += len(block)
        if produced > member.bytes:
            raise unsound(rules.BOMB, member, archive, f"more bytes than the {member.bytes:,} that are declared")
        if produced == len(block) and is_packed(block):
            raise unsound(rules.NESTED, member, archive, "another archive or a compressed file, by its first bytes")
        crc32 = zlib.crc32(block, crc32)
        yield block
    if produced != member.bytes:
        raise unsound(rules.DAMAGED, member, archive, f"{produced:,} of {member.bytes:,} declared bytes")
    if crc32 != member.crc32:
        raise unsound(rules.CHECKSUM, member, archive, f"CRC-32 {crc32:08x}, declared {member.crc32:08x}")


def unpacked(file: BinaryIO, member: Member, archive: str) -> Iterator[bytes]:
    """Yield what comes out of a member's packed bytes; no block is larger than 256 KiB, whatever is packed in it."""
    if not member.is_deflated:
        yield from packed(file, member)
        return
    inflater = zlib.decompressobj(RAW_DEFLATE)
    try:
        for block in packed(file, member):
            waiting = block
            while waiting and not inflater.eof:
                if out := inflater.decompress(waiting, BLOCK_BYTES):
                    yield out
                waiting = inflater.unconsumed_tail
        while out := inflater.decompress(b"", BLOCK_BYTES) if not inflater.eof else b"":
            yield out
    except zlib.error as error:
        raise unsound(rules.CHECKSUM, member, archive, f"packed bytes that cannot be unpacked ({error})") from None
    if not inflater.eof or inflater.unused_data:
        raise unsound(rules.DAMAGED, member, archive, "packed bytes that end before or after the member does")


def packed(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the packed bytes of a member."""
    at, left = member.data_at, member.packed_bytes
    while left and (block := os.pread(file.fileno(), min(left, BLOCK_BYTES), at)):
        at, left = at + len(block), left - len(block)
        yield block


def is_packed(start: bytes) -> bool:
    """Tell whether bytes start an archive or a compressed file."""
    return start.startswith(PACKED_MAGICS) or start[TAR_MAGIC_AT:].startswith(TAR_MAGIC)


def unsound(rule: Rule, member: Member, archive: str, found: str) -> MemberUnsound:
    """Return what to raise for a member that breaks a rule."""
    return MemberUnsound(rule.broken(place(archive, member.name), found))
