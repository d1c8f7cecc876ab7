"""What an archive is held to before and while anything in it is read, whatever modality it holds."""

from __future__ import annotations

from catchment.schema.rules import declare

APPNOTE = "ZIP application note 6.3"
PACK_AGAIN = "pack the files again with an ordinary ZIP program"

UNSAFE_PATH = declare(
    "ARC-001",
    "error",
    "a member of an archive has a path that leads out of it",
    expected="relative paths with `/`, without `..`, drive letters, `\\` and control characters",
    fix="pack the files again from the folder that holds them",
    unsafe=True,
)
NO_FILE = declare(
    "ARC-002",
    "error",
    "a member of an archive is a link, a pipe or a device",
    expected="ordinary files and folders",
    fix="pack the file that the link leads to in its place",
    unsafe=True,
)
BOMB = declare(
    "ARC-003",
    "error",
    "an archive holds far more than its size can honestly hold",
    expected="at most 200 times the packed size, and no byte more than is declared",
    fix="pack images in a compressed image format, and without tricks of the packer; send very empty ones unpacked",
    unsafe=True,
)
TOO_MANY = declare(
    "ARC-004",
    "error",
    "an archive has too many members, too deep folders or too long names",
    expected="200,000 members, 32 folders deep and 255 bytes a name, at most",
    fix="split the archive, shorten the names",
    unsafe=True,
)
SAME_NAME = declare(
    "ARC-005",
    "error",
    "two members of an archive have the same name, at least on some computers",
    expected="names that still differ when case and the form of accents are ignored",
    fix="rename one of them, pack again",
    unsafe=True,
)
ENCRYPTED = declare(
    "ARC-006",
    "error",
    "a member of an archive is encrypted",
    expected="members that can be read without a password",
    fix="pack the files again without a password; send what is confidential another way",
    unsafe=True,
)
COMPRESSION = declare(
    "ARC-007",
    "error",
    "a member of an archive is packed by a method that is not read here",
    expected="members that are stored, or packed by Deflate",
    fix=PACK_AGAIN,
    source=APPNOTE,
    unsafe=True,
)
DAMAGED = declare(
    "ARC-008",
    "error",
    "an archive is cut short, or contradicts itself",
    expected="a whole archive, whose directory and members say the same",
    fix="the file may have been cut on its way: copy it again and compare sizes; else pack the files again",
    source=APPNOTE,
    unsafe=True,
)
CHECKSUM = declare(
    "ARC-009",
    "error",
    "a member of an archive is not what was packed",
    expected="the declared CRC-32 over the declared number of bytes",
    fix="copy the archive again from its source; where it stays, pack the files again",
    source=APPNOTE,
    unsafe=True,
)
FOREIGN_BYTES = declare(
    "ARC-010",
    "error",
    "a file is an archive and something else besides: it has bytes that belong to no member",
    expected="members, the directory and its end, one after the other, from the first byte to the last",
    fix=PACK_AGAIN,
    source=APPNOTE,
    unsafe=True,
)
OVERLAP = declare(
    "ARC-011",
    "error",
    "members of an archive share the same bytes",
    expected="each member in bytes of its own",
    fix=PACK_AGAIN,
    unsafe=True,
)
NESTED = declare(
    "ARC-012",
    "error",
    "an archive holds another archive or a compressed file",
    expected="the files themselves, in folders",
    fix="unpack the inner archive and pack its files in its place",
    unsafe=True,
)
